"""Each way to log in to a real broker works, and each that can't is refused by a line that says why.

Run: python3 tests/e2e/run.py test_logins
"""
import os
import re
import ssl
import unittest
from pathlib import Path

import frames
from authority import Authority
from harness import Case, run
from servers import ConnectionServer, LocalServers

FLOWS = 20
OLD_KAFKA = "3.9.2"  # takes SCRAM from each librdkafka
SCRAM_SINCE = (2, 6, 1)  # of librdkafka, against Kafka 4


class LoginCase(Case):
    kafka = ""  # the version; that of deploy/local/pom.xml

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers("--tls", env={"KAFKA_VERSION": cls.kafka})
        cls.addClassCleanup(cls.servers.stop)
        cls.tls = Path(cls.servers.folder.name) / "tls"
        cls.authority = Authority.read(cls.tls / "ca.crt", cls.tls / "ca.key")
        cls.topic = cls.servers.topic("logins")
        cls.librdkafka = tuple(map(int, re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", run("--version").text()).groups()))

    def setUp(self):
        super().setUp()
        self.capture = self.write("some.pcap", frames.conversations(FLOWS))

    def deliver(self, *properties):
        listed = ", ".join(f'"{text}"' for text in properties)
        path = self.write("sensor.conf", f"""
delivery = {{ timeout = "2s"; shutdown_timeout = "10s"; }};
outputs = ( {{ name = "out"; topic = "{self.topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ {listed} ]; }} );
""")
        return run("-c", path, "-r", self.capture)

    def arrives(self, *properties):
        before = len(self.servers.messages(self.topic))
        self.ended_well(self.deliver(*properties))
        self.assertEqual(len(self.servers.messages(self.topic)), before + FLOWS)

    def is_refused(self, code, words, *properties):
        before = len(self.servers.messages(self.topic))
        self.failed(self.deliver(*properties), code, ["out", *words])
        self.assertEqual(len(self.servers.messages(self.topic)), before)

    def sasl(self, mechanism, password=None, bootstrap=None):
        password = password or f"${{file:{self.servers.password_file}}}"
        protocol = ["security.protocol=SASL_SSL", f"ssl.ca.location={self.tls}/ca.crt"] if not bootstrap else ["security.protocol=SASL_PLAINTEXT"]
        return [f"bootstrap.servers={bootstrap or self.servers.tls_bootstrap}", *protocol, f"sasl.mechanisms={mechanism}",
                f"sasl.username={self.servers.username}", f"sasl.password={password}"]

    def mtls(self, authority=None, bootstrap=None, trusted=None, **options):
        certificate, key = (authority or self.authority).issue("sensor", **options)
        names = {"crt": certificate, "key": key, "ca": trusted or self.authority.certificate}
        for name, content in names.items():
            self.write(name, content).chmod(0o600)
        return [f"bootstrap.servers={bootstrap or self.servers.mtls_bootstrap}", "security.protocol=SSL", f"ssl.ca.location={self.folder}/ca",
                f"ssl.certificate.location={self.folder}/crt", f"ssl.key.location={self.folder}/key"]

    def scram_works(self):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(mechanism):
                self.arrives(*self.sasl(mechanism))
                self.is_refused(os.EX_NOPERM, ["login", "sasl.password"], *self.sasl(mechanism, "an0ther"))


class Logins(LoginCase):
    def test_plain(self):
        self.arrives(*self.sasl("PLAIN"))
        self.arrives(*self.sasl("PLAIN", bootstrap=self.servers.sasl_bootstrap))
        self.is_refused(os.EX_NOPERM, ["login", "sasl.password"], *self.sasl("PLAIN", "an0ther"))

    def test_scram(self):
        """Before 2.6.1 librdkafka can't log in to Kafka 4, which a warning says."""
        if self.librdkafka >= SCRAM_SINCE:
            self.scram_works()
            return
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(mechanism):
                result = self.deliver(*self.sasl(mechanism))
                self.assertEqual(result.code, os.EX_NOPERM, result)
                self.assertTrue(any("by SCRAM even with the right password" in line for line in result.lines), result)

    def test_mechanism_that_the_broker_lacks(self):
        self.is_refused(os.EX_NOPERM, ["login"], *self.sasl("SCRAM-SHA-512", bootstrap=self.servers.sasl_bootstrap))

    def test_certificates(self):
        self.arrives(*self.mtls())
        alert = ["alert"]
        self.is_refused(os.EX_UNAVAILABLE, alert, *self.mtls(Authority.new()))
        self.is_refused(os.EX_UNAVAILABLE, alert, *self.mtls(days=-1))
        self.is_refused(os.EX_UNAVAILABLE, alert, *self.mtls()[:3])

    def test_server_that_is_not_trusted(self):
        self.is_refused(os.EX_UNAVAILABLE, ["unable to get local issuer"], *self.mtls(trusted=Authority.new().certificate))

    def test_server_by_another_name(self):
        port = self.servers.mtls_bootstrap.rpartition(":")[2]
        self.is_refused(os.EX_UNAVAILABLE, ["ismatch"], *self.mtls(bootstrap=f"localhost:{port}"))

    def test_server_that_has_expired(self):
        certificate, key = self.authority.issue("server", days=-1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.write("server.crt", certificate), self.write("server.key", key))
        with Handshakes(context) as server:
            self.is_refused(os.EX_UNAVAILABLE, ["certificate has expired"], *self.mtls(bootstrap=f"127.0.0.1:{server.port}"))


class LoginsAtOldKafka(LoginCase):
    kafka = OLD_KAFKA

    def test_scram(self):
        self.scram_works()

    def test_plain_and_certificates(self):
        self.arrives(*self.sasl("PLAIN"))
        self.arrives(*self.mtls())
        self.is_refused(os.EX_UNAVAILABLE, ["alert"], *self.mtls(days=-1))


class Handshakes(ConnectionServer):
    """A server that shakes hands by TLS, and says nothing."""

    def __init__(self, context):
        self.context = context

    def serve_one(self, connection):
        self.context.wrap_socket(connection, server_side=True).close()


if __name__ == "__main__":
    unittest.main()
