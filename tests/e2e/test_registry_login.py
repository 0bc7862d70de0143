"""How the sensor logs in at a registry, and whom it takes for one: certificates and names, a client's certificate, tokens from a
file and from a token server. No broker is needed. Run: python3 tests/e2e/run.py test_registry_login
"""
import json
import os
import ssl
import unittest

from authority import Authority
from harness import Case, run
from servers import FaultyRegistry, answers

FOUND = answers(200, '{"id": 7}')


class LoginCase(Case):
    def find(self, registry, *settings):
        """`flowsensor schema find`, which asks once."""
        pairs = [word for setting in (f"registry.url={registry.url}", "outputs.0.topic=flows", "outputs.0.columns_to_anonymize=all=keep",
                                      "outputs.0.kafka=bootstrap.servers=127.0.0.1:9", *settings) for word in ("--set", setting)]
        return run("schema", "find", "-i", "lo", *pairs)

    def finds(self, registry, *settings):
        result = self.find(registry, *settings)
        self.assertEqual(result.code, 0, result)
        self.assertIn("7", result.text())

    def secret(self, name, text):
        path = self.write(name, text + "\n")
        path.chmod(0o600)
        return path


class Certificates(LoginCase):
    def setUp(self):
        super().setUp()
        self.issuer = Authority.new()
        self.authority = self.write("authority.pem", self.issuer.certificate)

    def issued(self, name, **how):
        """NAME.pem, with NAME.key beside it."""
        certificate, key = self.issuer.issue(name, **how)
        self.write(f"{name}.key", key).chmod(0o600)
        return self.write(f"{name}.pem", certificate)

    def server(self, certificate, clients=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        return FaultyRegistry(FOUND, tls=context)

    def test_certificate_and_name(self):
        good, other, expired = self.issued("good"), self.issued("other", address="127.0.0.2"), self.issued("expired", days=-1)
        with self.server(good) as registry:
            self.finds(registry, f"registry.ca_file={self.authority}")
            self.failed(self.find(registry), os.EX_UNAVAILABLE, [registry.url, "certificate"])
            self.assertEqual(len(registry.requests), 1, "asked without a checked certificate")
        with self.server(other) as registry:
            self.failed(self.find(registry, f"registry.ca_file={self.authority}"), os.EX_UNAVAILABLE, [registry.url, "127.0.0.1"])
            self.assertEqual(registry.requests, [])
        with self.server(expired) as registry:
            self.failed(self.find(registry, f"registry.ca_file={self.authority}"), os.EX_UNAVAILABLE, [registry.url, "expired"])

    def test_client_certificate(self):
        good, client = self.issued("good"), self.issued("client")
        with self.server(good, clients=self.authority) as registry:
            ca = f"registry.ca_file={self.authority}"
            self.finds(registry, ca, f"registry.certificate_file={client}", f"registry.key_file={client.with_suffix('.key')}")
            self.failed(self.find(registry, ca), os.EX_UNAVAILABLE, [registry.url])
            self.assertEqual(len(registry.requests), 1)


class Tokens(LoginCase):
    def setUp(self):
        super().setUp()
        self.asked, self.headers = [], []
        self.token = answers(200, json.dumps({"access_token": "abc.def", "token_type": "Bearer", "expires_in": 600}))
        self.registry = self.enterContext(FaultyRegistry(self.answer))
        self.oauth = [f"registry.oauth_token_url={self.registry.url}/token", "registry.oauth_client_id=sensor",
                      f"registry.oauth_client_secret_file={self.secret('secret', 'hunter2')}", "registry.oauth_scope=registry"]

    def answer(self, request):
        self.headers.append(request.headers)
        self.asked.append((request.path, request.headers.get("Authorization"), request.body))
        (self.token if request.path == "/token" else FOUND)(request)

    def test_file(self):
        self.finds(self.registry, f"registry.bearer_token_file={self.secret('token', 'some.token')}")
        self.assertEqual([header for _, header, _ in self.asked], ["Bearer some.token"])

    def test_headers(self):
        """What Confluent Cloud wants with a token."""
        self.finds(self.registry, *self.oauth, "registry.headers=target-sr-cluster: lsrc-1,Confluent-Identity-Pool-Id: pool-2")
        self.assertEqual([(headers["target-sr-cluster"], headers["Confluent-Identity-Pool-Id"]) for headers in self.headers], [(None, None), ("lsrc-1", "pool-2")])
        for header in ("Authorization: Basic abc", "host: another", "nothing", "a b: c", ": c", "name: "):
            with self.subTest(header):
                self.failed(self.find(self.registry, f"registry.headers={header}"), os.EX_CONFIG, ["registry.headers"])

    def test_client_credentials(self):
        self.finds(self.registry, *self.oauth)
        self.assertEqual(self.asked[0], ("/token", "Basic c2Vuc29yOmh1bnRlcjI=", b"grant_type=client_credentials&scope=registry"))
        self.assertEqual(self.asked[1][:2], ("/subjects/flows-value", "Bearer abc.def"))

    def test_token_server_that_refuses(self):
        self.token = answers(401, '{"error": "invalid_client"}')
        result = self.failed(self.find(self.registry, *self.oauth), os.EX_NOPERM, ["/token", "sensor", "invalid_client", "registry.oauth_client_id"])
        self.assertNotIn("hunter2", str(result))

    def test_token_server_that_is_none(self):
        self.token = answers(200, "<html>hello</html>", "text/html")
        self.failed(self.find(self.registry, *self.oauth), os.EX_UNAVAILABLE, ["/token", "not how a token server answers"])

    def test_file_that_others_may_write(self):
        path = self.secret("token", "some.token")
        path.chmod(0o666)
        self.failed(self.find(self.registry, f"registry.bearer_token_file={path}"), os.EX_CONFIG, ["registry.bearer_token_file", "chmod"])
        self.assertEqual(self.asked, [])

    def test_what_is_given_in_vain_or_twice(self):
        token = f"registry.bearer_token_file={self.secret('token', 'some.token')}"
        for settings, words in (((token, "registry.username=u"), ["three ways"]), ((token, *self.oauth), ["three ways"]),
                                (self.oauth[:1], ["registry.oauth_client_id"]), (self.oauth[:2], ["registry.oauth_client_secret_file"]),
                                (self.oauth[2:3], ["registry.oauth_client_id"]), (self.oauth[3:], ["registry.oauth_token_url"])):
            with self.subTest(words):
                self.failed(self.find(self.registry, *settings), os.EX_CONFIG, words)


if __name__ == "__main__":
    unittest.main()
