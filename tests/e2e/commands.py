"""Configurations for the commands that the chart's jobs run: what the tests of topics and verify share."""
import json
import re

from harness import Case
from servers import LocalServers

LINE = re.compile(r"(\S+): record (\d+) of boot_id (\S+) read back at partition (\d+) offset (\d+)(?:, schema id (\d+))?, (\d+) fields")


class Commands(Case):
    """Configurations of outputs of one broker; each test has a topic name of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def setUp(self):
        super().setUp()
        self.topic = "commands-" + self._testMethodName.removeprefix("test_").replace("_", "-")

    def plain(self):
        return [f"bootstrap.servers={self.servers.bootstrap}"]

    def sasl(self, password=None):
        password = password or f"${{file:{self.servers.password_file}}}"
        return [f"bootstrap.servers={self.servers.sasl_bootstrap}", "security.protocol=SASL_PLAINTEXT", "sasl.mechanisms=PLAIN",
                f"sasl.username={self.servers.username}", f"sasl.password={password}"]

    def config(self, *outputs, registry=None, more=""):
        """`outputs` are dictionaries that add to the topic's output, or replace parts of it."""
        texts = []
        for output in outputs or ({},):
            items = {"topic": self.topic, "columns_to_anonymize": ["all=keep"], "kafka": self.plain(), **output}
            texts.append("{ " + " ".join(f"{name} = {self.value(value)};" for name, value in items.items()) + " }")
        url = registry or self.servers.registry
        return self.write("sensor.conf", f"""
registry = {{ url = "{url}"; }}; delivery = {{ timeout = "5s"; }}; identity = {{ sensor_id = "here"; }};
outputs = ( {", ".join(texts)} );
{more}
""")

    @staticmethod
    def value(value):
        return json.dumps(value) if isinstance(value, str) else "[ " + ", ".join(json.dumps(item) for item in value) + " ]"

    def topics(self, word, *more, config=None):
        return self.succeeds("topics", word, "-c", config or self.config(), *more).text()

    def metadata(self, topic=None):
        """A topic as the broker tells it: partitions, properties."""
        from confluent_kafka.admin import ConfigResource, ResourceType
        admin = self.servers.administrator()
        found = admin.list_topics(timeout=10).topics[topic or self.topic]
        resource = ConfigResource(ResourceType.TOPIC, topic or self.topic)
        entries = admin.describe_configs([resource])[resource].result(10)
        return len(found.partitions), {name: entry.value for name, entry in entries.items()}

    def read_line(self, line):
        found = LINE.fullmatch(line)
        self.assertTrue(found, line)
        return found

    def register(self, path):
        self.succeeds("schema", "register", "-c", path)
