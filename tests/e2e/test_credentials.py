"""Passwords and certificates that change while the sensor runs: the new ones are used, wrong ones are named and the old kept, and no
record is lost. Live, on lo; needs root. Run: python3 tests/e2e/run.py test_credentials
With LONG=yes there are 4,800 flows a second, and as many passwords as certificates.
"""
import os
import time
import unittest
from pathlib import Path

from authority import Authority
from harness import Case, wait_until
from live_output import LiveOutput, Load, Secret
from servers import LocalServers

ABLE = os.geteuid() == 0
LONG = os.environ.get("LONG") == "yes"
RATE = 4800 if LONG else 400
REPLACEMENTS = 20
PASSWORDS = REPLACEMENTS if LONG else 4
OLD_KAFKA = "3.9.2"  # takes SCRAM from each librdkafka


@unittest.skipUnless(ABLE, "capturing needs root")
class Credentials(Case, LiveOutput):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers("--tls")
        cls.addClassCleanup(cls.servers.stop)
        tls = Path(cls.servers.folder.name) / "tls"
        cls.authority = Authority.read(tls / "ca.crt", tls / "ca.key")

    def setUp(self):
        super().setUp()
        self.secret = Secret(self.folder / "secret")

    def put_client(self, subject, **options):
        certificate, key = self.authority.issue(subject, **options)
        self.secret.put(crt=certificate, key=key)

    def test_certificates_replaced_under_load(self):
        topic, folder = self.servers.topic("credentials-mtls"), self.secret.folder
        self.put_client("first", days=40)
        running = self.begin(topic, f"bootstrap.servers={self.servers.mtls_bootstrap}", "security.protocol=SSL",
                             f"ssl.ca.location={self.servers.folder.name}/tls/ca.crt", f"ssl.certificate.location={folder}/crt",
                             f"ssl.key.location={folder}/key")
        end = self.metrics()["flowsensor_certificate_not_after_seconds", "ssl.certificate.location"]
        self.assertAlmostEqual(end, time.time() + 40 * 86400, delta=600)
        foreign, (_, another_key) = Authority.new().issue("foreign"), self.authority.issue("another")
        with Load(self.port, RATE) as load:
            self.is_logged_in()
            for number in range(1, REPLACEMENTS + 1):
                if number == 5:
                    self.put_client("expired", days=-1)
                    self.is_named(running, "ssl.certificate.location", "expired on")
                if number == 10:
                    self.secret.put(crt=foreign[0], key=foreign[1])
                    self.is_named(running, "out", "TLS", "alert")
                if number == 12:
                    self.secret.put(crt=self.authority.issue("x")[0], key=another_key)
                    self.is_named(running, "key values mismatch")
                if number == 15:
                    self.secret.put(crt=b"", key=another_key)
                    self.is_named(running, "ssl.certificate.location", "is empty")
                self.put_client(f"client {number}", days=40 + number)
                self.renewed(number)
                end = self.metrics()["flowsensor_certificate_not_after_seconds", "ssl.certificate.location"]
                self.assertAlmostEqual(end, time.time() + (40 + number) * 86400, delta=600)
        self.assertEqual(self.count("flowsensor_output_records_possibly_duplicated_total"), 0)
        self.nothing_lost(running, topic, load)

    def test_password_that_the_broker_hears_of_later(self):
        """The old one stays in use until the new one is taken, and records wait while neither is."""
        topic, password = self.servers.topic("credentials-password"), Path(self.servers.password_file)
        self.secret.put(password=password.read_bytes())
        running = self.begin(topic, f"bootstrap.servers={self.servers.sasl_bootstrap}", "security.protocol=SASL_PLAINTEXT", "sasl.mechanisms=PLAIN",
                             f"sasl.username={self.servers.username}", f"sasl.password=${{file:{self.secret.folder}/password}}")
        with Load(self.port) as load:
            self.is_logged_in()
            self.secret.put(password=b"")
            self.is_named(running, "sasl.password", "empty")
            self.secret.put(password=b"quite-an0ther")
            self.is_named(running, "out", "refuses the login", "sasl.password")
            self.more_arrive(1)
            self.servers.down()
            password.write_bytes(b"quite-an0ther")
            self.servers.up()
            self.renewed(1)
            self.more_arrive(100)
        self.assertNotIn("an0ther", self.log(running))
        self.nothing_lost(running, topic, load, duplicates=self.count("flowsensor_output_records_possibly_duplicated_total"))


@unittest.skipUnless(ABLE, "capturing needs root")
class Passwords(Case, LiveOutput):
    """The broker learns new passwords while it runs, as only SCRAM's can be."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers("--tls", env={"KAFKA_VERSION": OLD_KAFKA})
        cls.addClassCleanup(cls.servers.stop)

    def tell_broker(self, password):
        from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
        change = UserScramCredentialUpsertion(self.servers.username, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password)
        for future in self.servers.administrator().alter_user_scram_credentials([change]).values():
            future.result(30)

    def test_passwords_replaced_under_load(self):
        topic, secret = self.servers.topic("credentials-passwords"), Secret(self.folder / "secret")
        secret.put(password=Path(self.servers.password_file).read_bytes())
        running = self.begin(topic, f"bootstrap.servers={self.servers.tls_bootstrap}", "security.protocol=SASL_SSL", "sasl.mechanisms=SCRAM-SHA-512",
                             f"ssl.ca.location={self.servers.folder.name}/tls/ca.crt", f"sasl.username={self.servers.username}",
                             f"sasl.password=${{file:{secret.folder}/password}}")
        with Load(self.port, RATE) as load:
            self.is_logged_in()
            for number in range(1, PASSWORDS + 1):
                if number % 4 == 0:
                    secret.put(password=b"wr0ng-" + str(number).encode())
                    self.is_named(running, "out", "refuses the login", "sasl.password")
                password = f"n3w-{number}".encode()
                self.tell_broker(password)
                secret.put(password=password)
                self.renewed(number)
            self.more_arrive(RATE)
        for word in ("n3w", "wr0ng"):
            self.assertNotIn(word, self.log(running))
        self.assertEqual(self.count("flowsensor_output_records_possibly_duplicated_total"), 0)
        self.nothing_lost(running, topic, load)


if __name__ == "__main__":
    unittest.main()
