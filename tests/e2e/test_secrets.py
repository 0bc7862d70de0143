"""Keys and passwords stay where they belong: none in the log at its most talkative, in what the sensor prints, in /proc or in metrics,
and in memory only those that are in use. Run: python3 tests/e2e/run.py test_secrets
"""
import base64
import os
import re
import subprocess
import unittest
import urllib.request
from pathlib import Path

from harness import CAPTURES, Case, is_idle, run, wait_until
from servers import LocalServers, closed_port

KEYS = {"identity.key_file": "5ec2e7" + "a1" * 13, "identity.conn_key_file": "5ec2e8" + "b2" * 13, "anonymization.key_file": "5ec2e9" + "c3" * 29}
REGISTRY_PASSWORD = "regis7ry-s3cret-4711"


def forms(user, password):
    """What a password looks like on the wire, and in a log of it."""
    plain = password.encode()
    return [plain, plain.hex().encode(), base64.b64encode(f"{user}:{password}".encode()), base64.b64encode(b"\0" + user.encode() + b"\0" + plain)]


def memory(process):
    """Everything in its memory that it may write; libraries' code has no secret."""
    found = []
    with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as file:
        for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if rights.startswith("rw"):
                file.seek(int(begin, 16))
                found.append(file.read(int(end, 16) - int(begin, 16)))
    return found


class Secrets(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()
        cls.password = Path(cls.servers.password_file).read_text().strip()
        cls.topic = cls.servers.topic("secrets")

    def setUp(self):
        super().setUp()
        self.secrets = [*forms(self.servers.username, self.password), *forms("sensor", REGISTRY_PASSWORD), *(key.encode() for key in KEYS.values())]

    def file(self, name, content):
        path = self.write(name, content)
        path.chmod(0o600)
        return path

    def arguments(self, password):
        """A run with every kind of secret; the log as talkative as it gets."""
        kafka = [f"bootstrap.servers={self.servers.sasl_bootstrap}", "security.protocol=SASL_PLAINTEXT", "sasl.mechanisms=PLAIN", "debug=all",
                 f"sasl.username={self.servers.username}", *([f"sasl.password={password}"] if password else [])]
        keys = [(option, self.file(option, key + "\n")) for option, key in KEYS.items()]
        path = self.file("sensor.conf", f"""
registry = {{ url = "{self.servers.registry}"; username = "sensor"; password_file = "{self.file("registry", REGISTRY_PASSWORD)}"; auto_register = true; }};
outputs = ( {{ topic = "{self.topic}"; columns_to_anonymize = [ "all=hash" ]; kafka = [ {", ".join(f'"{item}"' for item in kafka)} ]; }} );
log = {{ level = "debug"; }};
monitoring = {{ listen = "127.0.0.1:0"; }};
""")
        return ["-c", path, *(word for option, key in keys for word in ("--set", f"{option}={key}"))]

    def nothing_in(self, where, text):
        self.assertEqual([secret for secret in self.secrets if secret in text], [], where)

    def running(self, *arguments, **options):
        """A run that has delivered, and waits for more packets."""
        running = self.start("-r", "-", *arguments, stdin=subprocess.PIPE, **options)
        running.process.stdin.write((CAPTURES / "dns.pcap").read_bytes())
        running.process.stdin.flush()
        wait_until(lambda: running.said("monitoring: "), what="the endpoint", limit=30)
        wait_until(lambda: self.is_ready(running) and running.said("SASL") and is_idle(running.process), what="the run", limit=30)
        return running

    def url(self, running):
        return re.search(rb"monitoring: (http://\S+)/metrics", self.log(running))[1].decode()

    def is_ready(self, running):
        try:
            with urllib.request.urlopen(self.url(running) + "/readyz", timeout=10):
                return True
        except OSError:
            return False

    def log(self, running):
        return os.pread(running.errors.fileno(), 64 << 20, 0)

    def shown(self, running):
        """What others see of a run, its log last."""
        process = running.process
        yield "cmdline", Path(f"/proc/{process.pid}/cmdline").read_bytes()
        yield "environ", Path(f"/proc/{process.pid}/environ").read_bytes()
        url = self.url(running)
        for path in ("/metrics", "/livez", "/readyz", "/startupz"):
            with urllib.request.urlopen(url + path, timeout=10) as answer:
                yield path, answer.read()
        process.stdin.close()
        process.wait(60)
        self.assertEqual(process.returncode, 0)
        yield "log", self.log(running)

    def check(self, arguments, held, **options):
        running = self.running(*arguments, **options)
        if held is not None:
            image = memory(running.process)
            for key in KEYS.values():
                self.assertEqual(sum(part.count(key.encode()) for part in image), 0, f"{key} in memory")
            # Ours, for a new client; librdkafka's; and what it sends at each login.
            self.assertLessEqual(sum(part.count(self.password.encode()) for part in image), held)
            self.assertEqual(sum(part.count(b"sasl.password=" + self.password.encode()) for part in image), 1)
        for where, text in self.shown(running):
            self.nothing_in(where, text)
        self.assertIn(b"librdkafka", self.log(running))

    def test_password_in_a_file(self):
        self.check(self.arguments(f"${{file:{self.servers.password_file}}}"), 5)

    def test_password_in_the_environment(self):
        self.check(self.arguments("${FS_TEST_PASSWORD}"), 5, env={"FS_TEST_PASSWORD": self.password})

    def test_password_in_the_configuration(self):
        self.check(self.arguments(self.password), None)

    def test_password_on_the_command_line(self):
        """Everybody can read arguments until the sensor has: so it is overwritten there."""
        arguments = self.arguments(None)
        kafka = f"bootstrap.servers={self.servers.sasl_bootstrap},security.protocol=SASL_PLAINTEXT,sasl.mechanisms=PLAIN,debug=all," \
                f"sasl.username={self.servers.username},sasl.password={self.password}"
        self.check([*arguments, "--set", f"outputs.0.kafka={kafka}"], None)

    def test_what_is_printed(self):
        arguments = self.arguments(f"${{file:{self.servers.password_file}}}")
        for command in (["--print-config"], ["--check-config", "-r", CAPTURES / "dns.pcap"], ["schema", "features"], ["verify"]):
            result = run(*command, *arguments)
            self.assertEqual(result.code, 0, result)
            self.nothing_in(command, result.out + result.raw_error)
        printed = run("--print-config", *arguments).text()
        self.assertIn('"sasl.password=********"', printed)

    def test_mistakes(self):
        """Messages name what is wrong, not the secret that stands beside it."""
        server = f"bootstrap.servers=127.0.0.1:{closed_port()}"
        for words in (["--set", f"sasl.password={self.password}"], ["--set", f"outputs.0.kafka.sasl.password={self.password}"],
                      ["--set", f'outputs.0.kafka={server},"sasl.password={self.password}'],
                      ["--set", f"outputs.0.kafka={server},ssl.key.pem={self.password}", "--set", "outputs.0.topic=x"],
                      ["--set", f"outputs.0.kafka={server},sasl.passwort={self.password}", "--set", "outputs.0.topic=x"],
                      ["--set", f"registry.url=http://me:{self.password}@127.0.0.1:9", "--set", "outputs.0.topic=x"],
                      ["--set", f"registry.url=me:{self.password}@127.0.0.1:9", "--set", "outputs.0.topic=x"]):
            with self.subTest(words):
                result = run(*words, "-r", CAPTURES / "dns.pcap", "--set", "outputs.0.columns_to_anonymize=all=keep", "--set", "log.level=debug",
                             "--set", "delivery.timeout=1s")
                self.assertNotEqual(result.code, 0, result)
                self.nothing_in(words, result.out + result.raw_error)
        printed = run("--print-config", "--set", f"registry.url=http://me:{self.password}@127.0.0.1:9")
        self.nothing_in("--print-config", printed.out)
        self.assertIn("http://********@127.0.0.1:9", printed.text())

    def test_files_that_others_may_write(self):
        for option in (*KEYS, "registry", "password"):
            with self.subTest(option):
                password = self.file("password", self.password)
                arguments = self.arguments(f"${{file:{password}}}")
                (self.folder / option).chmod(0o602)
                self.refused(os.EX_CONFIG, ["mode 0602", "run: chmod "], "-r", CAPTURES / "dns.pcap", *arguments)


if __name__ == "__main__":
    unittest.main()
