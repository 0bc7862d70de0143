"""SASL OAUTHBEARER against a real broker that checks signatures: tokens of a token server and of a file, new ones while the sensor runs,
none for a while, and each mistake by its line. Live parts on lo need root. Run: python3 tests/e2e/run.py test_tokens
"""
import os
import ssl
import threading
import unittest
from pathlib import Path

import frames
from authority import Authority
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import Case, run, wait_until
from live_output import LiveOutput, Load, Secret
from servers import LocalServers, closed_port
from token_server import CLIENT, TokenServer

FLOWS = 20
SHORT = 6  # seconds of a token's life


class SideCar:
    """Writes a token of SHORT life again and again, in good time. Use as a context."""

    def __init__(self, secret, tokens):
        self.secret, self.tokens, self.written, self.ending = secret, tokens, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.ending.is_set():
            self.secret.put(token=self.tokens.token(SHORT).encode())
            self.written += 1
            self.ending.wait(SHORT / 3)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.ending.set()
        self.thread.join()


class TokenCase(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tokens = TokenServer()
        cls.tokens.up()
        cls.addClassCleanup(cls.tokens.down)
        cls.servers = LocalServers("--tls", env={"KAFKA_JWKS_URL": cls.tokens.url + "/jwks"})
        cls.addClassCleanup(cls.servers.stop)
        cls.ca = Path(cls.servers.folder.name) / "tls" / "ca.crt"

    def setUp(self):
        super().setUp()
        self.tokens.lifetime, self.tokens.answer, self.tokens.secret = 300, None, "correct-h0rse"
        self.secret = Secret(self.folder / "secret")
        self.secret.put(client=self.tokens.secret.encode())

    def properties(self, *more):
        return [f"bootstrap.servers={self.servers.tls_bootstrap}", "security.protocol=SASL_SSL", f"ssl.ca.location={self.ca}",
                "sasl.mechanism=OAUTHBEARER", *more]

    def by_server(self, *more, secret=None):
        return self.properties(f"sasl.oauthbearer.token.endpoint.url={self.tokens.url}/token", f"sasl.oauthbearer.client.id={CLIENT}",
                               f"sasl.oauthbearer.client.secret={secret or '${file:' + str(self.secret.folder) + '/client}'}", *more)

    def context(self, issuer):
        """Of a server on loopback with a certificate of that authority."""
        certificate, key = issuer.issue("tokens")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.write("server.pem", certificate), self.write("server.key", key))
        return context

    def by_file(self, *more):
        return self.properties(f"sasl.oauthbearer.token.file={self.secret.folder}/token", *more)


class Tokens(TokenCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topic = cls.servers.topic("tokens")

    def deliver(self, *properties, limit="10s"):
        listed = ", ".join(f'"{text}"' for text in properties)
        path = self.write("sensor.conf", f"""
delivery = {{ timeout = "{limit}"; shutdown_timeout = "10s"; }};
outputs = ( {{ name = "out"; topic = "{self.topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ {listed} ]; }} );
""")
        return run("-c", path, "-r", self.write("some.pcap", frames.conversations(FLOWS)))

    def arrives(self, *properties):
        before = len(self.servers.messages(self.topic))
        self.ended_well(self.deliver(*properties))
        self.assertEqual(len(self.servers.messages(self.topic)), before + FLOWS)

    def is_refused(self, code, words, *properties):
        before = len(self.servers.messages(self.topic))
        result = self.failed(self.deliver(*properties, limit="10s" if code == os.EX_NOPERM else "1s"), code, ["out", *words])
        self.assertEqual(len(self.servers.messages(self.topic)), before)
        self.assertNotIn(self.tokens.secret, str(result))
        return result

    def test_token_server(self):
        asked = len(self.tokens.asked)
        self.arrives(*self.by_server("sasl.oauthbearer.method=oidc", "sasl.oauthbearer.scope=one two", "sasl.oauthbearer.extensions=logicalCluster=lkc-1,identityPoolId=pool-2"))
        self.assertEqual([body for _, body in self.tokens.asked[asked:]], ["grant_type=client_credentials&scope=one%20two"])

    def test_token_server_by_https(self):
        issuer = Authority.new()
        with TokenServer(tls=self.context(issuer)) as server:
            server.key = self.tokens.key
            url = f"sasl.oauthbearer.token.endpoint.url={server.url}/token"
            self.arrives(*self.by_server(url, f"https.ca.location={self.write('ca.pem', issuer.certificate)}"))
            given = server.given
            self.is_refused(os.EX_UNAVAILABLE, [server.url, "certificate"], *self.by_server(url))
            self.assertEqual(server.given, given)

    def test_file(self):
        self.secret.put(token=self.tokens.token().encode())
        self.arrives(*self.by_file())

    def test_commands(self):
        """Those that talk to a broker without a run."""
        path = self.write("sensor.conf", f"""
outputs = ( {{ name = "out"; topic = "{self.topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ {", ".join(f'"{text}"' for text in self.by_server())} ]; }} );
registry = {{ url = "{self.servers.registry}"; auto_register = true; }};
""")
        for command in (["topics", "check"], ["verify"]):
            with self.subTest(command):
                result = run(*command, "-c", path)
                self.assertEqual(result.code, 0, result)

    def test_token_that_the_broker_refuses(self):
        for claims in ({"aud": "another"}, {"key": rsa.generate_private_key(65537, 2048)}):
            with self.subTest(claims):
                self.secret.put(token=self.tokens.token(**claims).encode())
                self.is_refused(os.EX_NOPERM, ["refuses the login", "audience"], *self.by_file())

    def test_token_server_that_gives_none(self):
        url = "sasl.oauthbearer.token.endpoint.url"
        self.is_refused(os.EX_UNAVAILABLE, [url, CLIENT, "invalid_client"], *self.by_server(secret="an0ther"))
        self.is_refused(os.EX_UNAVAILABLE, [url, "onnect"], *self.by_server(f"{url}=http://127.0.0.1:{closed_port()}/token"))
        for answer, word in ((lambda request: self.tokens.send(request, 200, "hello"), "not how a token server answers (200)"),
                             (lambda request: self.tokens.send(request, 503, {}), "not how a token server answers (503)"),
                             (lambda request: self.tokens.send(request, 200, {"access_token": "x" * 100000}), "larger than a token server's"),
                             (lambda request: self.tokens.send(request, 200, {"access_token": "a\x01b", "expires_in": 60}), "letters that no token has"),
                             (lambda request: self.tokens.send(request, 200, {"access_token": self.tokens.token(exp=1), "expires_in": 60}), "expired at 1970")):
            with self.subTest(word):
                self.tokens.answer = answer
                self.is_refused(os.EX_UNAVAILABLE, [url, word], *self.by_server())

    def test_file_that_has_none(self):
        name = "sasl.oauthbearer.token.file"
        for content, word in ((self.tokens.token(exp=1), "expired at 1970"), ("opaque", "sasl.oauthbearer.token.lifetime.ms"), ("", "is empty")):
            with self.subTest(word):
                self.secret.put(token=content.encode())
                self.is_refused(os.EX_UNAVAILABLE, [name, word], *self.by_file())
        (self.secret.folder / "token").resolve().chmod(0o606)
        self.is_refused(os.EX_UNAVAILABLE, [name, "chmod go-w"], *self.by_file())

    def test_what_is_given_in_vain_or_wrong(self):
        url, client = f"sasl.oauthbearer.token.endpoint.url={self.tokens.url}", [f"sasl.oauthbearer.client.id={CLIENT}", "sasl.oauthbearer.client.secret=x"]
        plain = "sasl.mechanism=PLAIN"
        for properties, words in (((), ["needs tokens"]), ((url,), ["client.id is missing"]), ((url, client[0]), ["client.secret is missing"]),
                                  ((url, *client, "sasl.oauthbearer.token.file=/x"), ["two sources"]), (("sasl.oauthbearer.token.file=/none",), ["/none", "No such file"]),
                                  (("sasl.oauthbearer.token.file=/none", client[0]), ["client.id is for a token server"]),
                                  (("sasl.oauthbearer.token.file=/none", "sasl.oauthbearer.token.lifetime.ms=1h"), ["lifetime.ms", "milliseconds"]),
                                  ((url, *client, "sasl.oauthbearer.token.lifetime.ms=5000"), ["lifetime.ms is for tokens of a file"]),
                                  ((url, *client, "sasl.oauthbearer.method=azure"), ["only oidc"]), ((url, *client, "sasl.oauthbearer.extensions=auth=x"), ["extensions"]),
                                  ((url, *client, "sasl.oauthbearer.grant.type=x"), ["grant.type is not known"]), ((url, *client, plain), ["means nothing without"]),
                                  ((url.replace("127.0.0.1", "tokens.example"), *client), ["in clear"])):
            with self.subTest(words):
                self.refused(os.EX_CONFIG, ["out", *words], "--check-config", "--set", "outputs.0.name=out", "--set", f"outputs.0.topic={self.topic}", "--set",
                             "outputs.0.columns_to_anonymize=all=keep", "--set", "outputs.0.kafka=" + ",".join(self.properties(*properties)), "-r", "-")
        printed = run("--print-config", "--set", f"outputs.0.kafka={url},{client[0]},sasl.oauthbearer.client.secret={self.tokens.secret}").text()
        self.assertIn('"sasl.oauthbearer.client.secret=********"', printed)


@unittest.skipUnless(os.geteuid() == 0, "capturing needs root")
class LiveTokens(TokenCase, LiveOutput):
    def test_tokens_of_a_server_turn_over(self):
        """A connection lasts as long as its token: each later one needs a new token."""
        topic = self.servers.topic("tokens-server")
        self.tokens.lifetime = SHORT
        given = self.tokens.given
        running = self.begin(topic, *self.by_server())
        with Load(self.port) as load:
            wait_until(lambda: self.tokens.given >= given + 4, limit=90, what="four tokens")
            self.more_arrive(50)
        self.assertEqual(self.count("flowsensor_credentials_refused_total"), 0)
        self.assertNotIn(self.tokens.secret, self.log(running))
        self.nothing_lost(running, topic, load)

    def test_token_server_that_is_away(self):
        topic = self.servers.topic("tokens-away")
        self.tokens.lifetime = SHORT
        running = self.begin(topic, *self.by_server())
        with Load(self.port) as load:
            self.more_arrive(20)
            self.tokens.down()
            try:
                self.is_counted(1)
                wait_until(lambda: self.count("flowsensor_spool_records") > 50, limit=60, what="records that wait")
            finally:
                self.tokens.up()
            self.more_arrive(300)
        said = [line for line in self.log(running).splitlines() if "kafka: sasl.oauthbearer.token.endpoint.url" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("onnect", said[0])
        self.nothing_lost(running, topic, load, duplicates=self.count("flowsensor_output_records_possibly_duplicated_total"))

    def test_token_server_that_is_away_at_the_start(self):
        topic = self.servers.topic("tokens-start")
        self.tokens.answer = lambda request: self.tokens.send(request, 503, {})
        running = self.begin(topic, *self.by_server())
        with Load(self.port) as load:
            self.is_counted(1)
            wait_until(lambda: self.count("flowsensor_spool_records") > 20, limit=60, what="records that wait")
            self.tokens.answer = None
            self.more_arrive(100)
        self.nothing_lost(running, topic, load)

    def test_new_secret(self):
        topic = self.servers.topic("tokens-secret")
        self.tokens.lifetime = SHORT
        running = self.begin(topic, *self.by_server())
        with Load(self.port) as load:
            self.more_arrive(20)
            self.secret.put(client=b"an0ther")
            self.is_named(running, "out", CLIENT, "invalid_client")
            self.tokens.secret = "an0ther"
            self.secret.put(client=b"correct-h0rse")
            self.secret.put(client=b"an0ther")
            self.renewed(1)
            refused, given = self.count("flowsensor_credentials_refused_total"), self.tokens.given
            wait_until(lambda: self.tokens.given >= given + 2, limit=60, what="two tokens by the new one")
            self.more_arrive(50)
            self.assertEqual(self.count("flowsensor_credentials_refused_total"), refused)
        self.assertNotIn("an0ther", self.log(running))
        self.nothing_lost(running, topic, load, duplicates=self.count("flowsensor_output_records_possibly_duplicated_total"))

    def test_new_authority_of_the_token_server(self):
        topic, issuer = self.servers.topic("tokens-authority"), Authority.new()
        self.secret.put(ca=issuer.certificate, client=self.tokens.secret.encode())
        with TokenServer(SHORT, tls=self.context(issuer)) as server:
            server.key = self.tokens.key
            running = self.begin(topic, *self.by_server(f"sasl.oauthbearer.token.endpoint.url={server.url}/token", f"https.ca.location={self.secret.folder}/ca"))
            with Load(self.port) as load:
                self.more_arrive(20)
                server.down()
                issuer = Authority.new()
                server.tls = self.context(issuer)
                self.secret.put(ca=issuer.certificate, client=self.tokens.secret.encode())
                server.up()
                given = server.given
                wait_until(lambda: server.given >= given + 2, limit=60, what="two tokens of the new server")
                self.more_arrive(50)
        self.nothing_lost(running, topic, load, duplicates=self.count("flowsensor_output_records_possibly_duplicated_total"))

    def test_tokens_of_a_file_turn_over(self):
        topic = self.servers.topic("tokens-file")
        self.secret.put(token=b"")
        running = self.begin(topic, *self.by_file())
        self.is_counted(1)
        with Load(self.port) as load:
            with SideCar(self.secret, self.tokens) as writer:
                wait_until(lambda: writer.written >= 6, limit=90, what="six tokens")
                self.more_arrive(50)
            self.secret.put(token=self.tokens.token(exp=1).encode())
            self.is_counted(2)
            wait_until(lambda: self.count("flowsensor_spool_records") > 20, limit=60, what="records that wait")
            self.secret.put(token=self.tokens.token().encode())
            self.more_arrive(100)
        self.assertIn("expired at 1970", self.log(running))
        self.nothing_lost(running, topic, load, duplicates=self.count("flowsensor_output_records_possibly_duplicated_total"))


if __name__ == "__main__":
    unittest.main()
