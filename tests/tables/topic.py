"""Topics to which the sensor writes records of captures, and which an independent consumer reads back."""
import io
import json
import urllib.request

import fastavro

from place import BINARY, output

PARTITIONS = 2
CONFIGURATION = """
identity = {{ sensor_id = "probe"; }};
outputs = (
    {{ name = "flows"; topic = "{flows}"; schema = "{schema}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={bootstrap}" ]; }},
    {{ name = "heartbeats"; topic = "{heartbeats}"; schema = "heartbeat/v1"; kafka = [ "bootstrap.servers={bootstrap}" ]; }}
);
registry = {{ url = "{registry}"; auto_register = true; }};
"""


class Topics:
    """`flows`, and the heartbeats beside them."""

    def __init__(self, servers, name, folder):
        self.servers, self.folder, self.schemas = servers, folder, {}
        self.flows, self.heartbeats = servers.topic(name, PARTITIONS), servers.topic(f"{name}-heartbeats")

    def configuration(self, schema):
        """The path of the sensor's configuration with that schema."""
        path = self.folder / "sensor.conf"
        path.write_text(CONFIGURATION.format(flows=self.flows, heartbeats=self.heartbeats, schema=schema, bootstrap=self.servers.bootstrap,
                                             registry=self.servers.registry))
        return path

    def send(self, schema, *captures):
        """Has the sensor send the records of captures; words that are options may be among them."""
        output(BINARY, "-c", self.configuration(schema), *captures)

    def put(self, topic, messages):
        """Messages as they are: (key, value, headers)."""
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": self.servers.bootstrap, "partitioner": "murmur2_random"})
        for key, value, headers in messages:
            producer.produce(topic, value, key, headers=headers)
        assert producer.flush(30) == 0

    def messages(self):
        """Those of flows, as put() takes them."""
        return [(message.key(), message.value(), message.headers()) for message in self.servers.messages(self.flows, PARTITIONS)]

    def record(self, value):
        """A message's value, by the schema that it names."""
        number = int.from_bytes(value[1:5], "big")
        if number not in self.schemas:
            with urllib.request.urlopen(f"{self.servers.registry}/schemas/ids/{number}", timeout=10) as answer:
                self.schemas[number] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), self.schemas[number])
