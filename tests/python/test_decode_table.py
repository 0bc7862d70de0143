"""deploy/examples/python/decode_table.py: its options, and the way to brokers and a registry that want TLS and a login."""
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

from support import REPOSITORY
from harness import Case
from servers import LocalServers

PROGRAM = REPOSITORY / "deploy" / "examples" / "python" / "decode_table.py"
MIX = REPOSITORY / "tests" / "captures" / "mix.pcap"


class Guarded(Case):
    """Brokers with TLS and SASL; without ACLs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers("--tls")
        cls.addClassCleanup(cls.servers.stop)
        text = (Path(cls.servers.folder.name) / "env").read_text()
        cls.values = dict(line.split("=", 1) for line in shlex.split(text))

    def run_program(self, *options, topic="guarded", timeout=10):
        words = ("--bootstrap", self.values["KAFKA_TLS_BOOTSTRAP"], "--registry", self.values["REGISTRY_TLS_URL"], "--topic", topic,
                 "--timeout", str(timeout), *options)
        return subprocess.run([sys.executable, PROGRAM, *words], capture_output=True, text=True, check=False)

    def login(self, password="${file:%s}"):
        properties = {"security.protocol": "SASL_SSL", "ssl.ca.location": self.values["KAFKA_TLS_CA_FILE"], "sasl.mechanism": "PLAIN",
                      "sasl.username": "flowsensor", "sasl.password": password.replace("%s", self.values["KAFKA_SASL_PASSWORD_FILE"])}
        return [word for name, value in properties.items() for word in ("--property", f"{name}={value}")]

    def registry(self):
        return ["--registry-property", f"ssl.ca.location={self.values['KAFKA_TLS_CA_FILE']}"]

    def test_reads_over_tls_with_a_login(self):
        self.servers.topic("guarded")
        config = self.write("guarded.conf", f"""
registry = {{ url = "{self.servers.registry}"; auto_register = true; }};
outputs = ( {{ topic = "guarded"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={self.servers.bootstrap}" ]; }} );
""")
        self.succeeds("-c", config, "-r", MIX)
        done = self.run_program(*self.login(), *self.registry(), "--count", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 2 + 3, done.stdout)
        self.assertTrue(lines[0].startswith("src"), done.stdout)
        done = self.run_program(*self.login(), "--count", "3")
        self.assertEqual(done.returncode, 1, "the registry's authority wasn't given")
        self.assertIn("cannot read topic guarded", done.stderr)
        done = self.run_program(*self.login("wrong"), *self.registry(), timeout=2)  # all of which the client spends on asking again
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("cannot read topic guarded", done.stderr)

    def test_wrong_properties_are_refused(self):
        for option in ("--property", "--registry-property"):
            for value, reason in (("novalue", "is not NAME=VALUE"), ("=x", "is not NAME=VALUE"),
                                  ("a.b=${file:/nonexistent}", "/nonexistent: No such file")):
                with self.subTest(option, value=value):
                    done = self.run_program(option, value)
                    self.assertEqual(done.returncode, 2)
                    self.assertIn(reason, done.stderr)


if __name__ == "__main__":
    unittest.main()
