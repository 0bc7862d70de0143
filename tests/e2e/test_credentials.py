"""Passwords and certificates that change while the sensor runs: the new ones are used, wrong ones are named and the old kept, and no
record is lost. Live, on lo; needs root. Run: python3 tests/e2e/run.py test_credentials
"""
import itertools
import os
import re
import shutil
import signal
import socket
import threading
import time
import unittest
import urllib.request
from pathlib import Path

from authority import Authority
from harness import Case, wait_until
from servers import LocalServers

ABLE = os.geteuid() == 0
REPLACEMENTS = 20


class Secret:
    """A folder as Kubernetes mounts a secret: each file is a link into ..data, a link that is moved in one step."""

    def __init__(self, folder):
        self.folder, self.count = folder, itertools.count()

    def put(self, **files):
        version = self.folder / f"..{next(self.count)}"
        version.mkdir(parents=True)
        for name, content in files.items():
            (version / name).write_bytes(content)
            (version / name).chmod(0o600)
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        fresh, data = self.folder / "..data_tmp", self.folder / "..data"
        before = data.resolve() if data.exists() else None
        fresh.symlink_to(version.name)
        fresh.rename(data)
        if before:
            shutil.rmtree(before)


class Load:
    """Flows of one datagram each to a port of lo, until it ends. Use as a context."""

    def __init__(self, port):
        self.port, self.sent, self.ending = port, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.ending.is_set():
            for _ in range(10):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.sendto(b"datagram", ("127.0.0.1", self.port))
                self.sent += 1
            time.sleep(0.02)  # the pace of the traffic

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.ending.set()
        self.thread.join()


@unittest.skipUnless(ABLE, "capturing needs root")
class Credentials(Case):
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
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(receiver.close)
        receiver.bind(("127.0.0.1", 0))
        self.port = receiver.getsockname()[1]

    def begin(self, topic, *properties):
        path = self.write("sensor.conf", f"""
outputs = ( {{ name = "out"; topic = "{topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ {", ".join(f'"{item}"' for item in properties)} ]; }} );
meter = {{ idle_timeout = "500ms"; }};
monitoring = {{ listen = "127.0.0.1:0"; }};
""")
        running = self.start("-c", path, "-i", "lo", "-f", f"udp port {self.port}")
        self.url = wait_until(lambda: re.search(r"monitoring: (http://\S+/metrics)", self.log(running)), what="the endpoint")[1]
        wait_until(lambda: self.metrics(), limit=30, what="metrics")
        return running

    def log(self, running):
        return os.pread(running.errors.fileno(), 1 << 20, 0).decode()

    def metrics(self):
        """The samples of the output, by name and the label `file`."""
        try:
            with urllib.request.urlopen(self.url, timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        return {(name, file): float(value) for name, file, value in
                re.findall(r'^(flowsensor_\w+)\{output="out"(?:,file="([^"]+)")?\} (\S+)$', text, re.MULTILINE)}

    def count(self, name):
        return self.metrics()[name, ""]

    def renewed(self, number):
        wait_until(lambda: self.count("flowsensor_credentials_renewed_total") == number, limit=60, what=f"renewal {number}")

    def is_named(self, running, *words):
        """One line that says what is wrong; it is counted, once."""
        before = self.refusals
        wait_until(lambda: self.count("flowsensor_credentials_refused_total") == before + 1, limit=60, what=f"a refusal: {words}")
        self.refusals += 1
        lines = [line for line in self.log(running).splitlines() if "stays in use" in line]
        self.assertEqual(len(lines), self.refusals, lines)
        for word in words:
            self.assertIn(word, lines[-1])

    refusals = 0

    def nothing_lost(self, running, topic, load, duplicates=0):
        """Each datagram was seen, and each flow is one record, once, of one run. A port may come again while its flow is open."""
        running.signal(signal.SIGTERM)
        result = running.finish()
        self.assertEqual(result.code, 0, result)
        ledger = self.ledger(result)
        output, made = ledger.outputs["out"], ledger.flows["opened"]
        self.assertEqual(ledger.packets["read"], load.sent, result)
        self.assertGreater(made, load.sent * 0.9)
        self.assertEqual((output["made"], output["acknowledged"], output["dropped"]), (made, made, 0), result)
        headers = [dict(message.headers()) for message in self.servers.messages(topic)]
        self.assertEqual(len({header["boot_id"] for header in headers}), 1)
        seqs = [int(header["seq"]) for header in headers]
        self.assertEqual(sorted(set(seqs)), list(range(made)))
        self.assertLessEqual(len(seqs) - made, duplicates)

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
        with Load(self.port) as load:
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
            self.secret.put(password=b"")
            self.is_named(running, "sasl.password", "empty")
            self.secret.put(password=b"quite-an0ther")
            self.is_named(running, "out", "refuses the login", "sasl.password")
            acknowledged = self.count("flowsensor_output_records_acknowledged_total")
            wait_until(lambda: self.count("flowsensor_output_records_acknowledged_total") > acknowledged, what="records by the old one")
            self.servers.down()
            password.write_bytes(b"quite-an0ther")
            self.servers.up()
            self.renewed(1)
            acknowledged = self.count("flowsensor_output_records_acknowledged_total")
            wait_until(lambda: self.count("flowsensor_output_records_acknowledged_total") > acknowledged + 100, limit=60, what="records by the new one")
        self.assertNotIn("an0ther", self.log(running))
        self.nothing_lost(running, topic, load, duplicates=self.count("flowsensor_output_records_possibly_duplicated_total"))


if __name__ == "__main__":
    unittest.main()
