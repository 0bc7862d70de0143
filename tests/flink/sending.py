"""Sensors that are made up: records and heartbeats in a topic, as tests want them."""
import functools
import io
import uuid

import confluent_kafka
import fastavro
from cluster import REPOSITORY

SCHEMAS = REPOSITORY / "schemas"
FLOW_PATH, BEAT_PATH = SCHEMAS / "flow" / "v2.avsc", SCHEMAS / "heartbeat" / "v1.avsc"
EMPTY = {"string": "", "long": 0, "int": 0, "boolean": False, "array": []}


@functools.cache
def blank(path):
    """The schema, and a record of it in which fields have their default, or nothing in them."""
    schema, record = fastavro.schema.load_schema(path), {}
    for field in schema["fields"]:
        kind = field["type"]["type"] if isinstance(field["type"], dict) else field["type"]
        record[field["name"]] = field.get("default") if isinstance(kind, list) else field.get("default", EMPTY[kind])
    return schema, record


def encoded(path, values):
    """A record with these fields, of the schema in that file."""
    schema, record = blank(path)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record | values)
    return out.getvalue()


def prefix(servers, topic, path):
    """What messages of the schema in that file begin with, which is registered."""
    return b"\0" + servers.register(f"{topic}-value", path.read_text()).to_bytes(4, "big")


class Topics:
    """The two topics, and a producer that fills them."""

    def __init__(self, servers, flows, beats):
        self.flows, self.beats = flows, beats
        self.flow_prefix, self.beat_prefix = prefix(servers, flows, FLOW_PATH), prefix(servers, beats, BEAT_PATH)
        self.producer = confluent_kafka.Producer({"bootstrap.servers": servers.bootstrap, "linger.ms": 20, "compression.type": "lz4",
                                                  "queue.buffering.max.messages": 200000, "partitioner": "murmur2_random", "log_level": 0})

    def send(self, topic, value, key):
        while True:
            try:
                self.producer.produce(topic, value, key)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

    def record(self, values):
        """Sends a record; the size of its message."""
        value = self.flow_prefix + encoded(FLOW_PATH, values)
        self.send(self.flows, value, values["flow_uid"])
        return len(value)


class Sensor:
    """One whose run and output are `boot` and the topic of flows."""

    def __init__(self, topics, name):
        self.topics, self.name, self.boot, self.beats = topics, name, uuid.uuid4().hex, 0

    def record(self, seq, last_seen, **values):
        """Sends a final record; the size of its message."""
        return self.topics.record({"flow_uid": uuid.uuid4().hex, "record_kind": "final", "src_ip": "10.0.0.1", "dst_ip": "192.0.2.1",
                                   "bidirectional_packets": 2, "bidirectional_bytes": 100, "application_name": "DNS",
                                   "bidirectional_first_seen": last_seen, **values, "sensor_id": self.name, "boot_id": self.boot,
                                   "output": self.topics.flows, "seq": seq, "bidirectional_last_seen": last_seen})

    def beat(self, last_seq, bound, dropped=0, is_last=False):
        """Sends a heartbeat."""
        values = {"sensor_id": self.name, "boot_id": self.boot, "output": "heartbeats", "seq": self.beats, "heartbeat_interval_us": 1_000_000,
                  "heartbeat_time": bound, "is_last": is_last, "least_last_seen": bound, "outputs": ["file", self.topics.flows], "last_seqs": [99, last_seq],
                  "records_made": [100, last_seq + 1], "records_acknowledged": [100, last_seq + 1 - dropped], "records_dropped": [0, dropped]}
        self.topics.send(self.topics.beats, self.topics.beat_prefix + encoded(BEAT_PATH, values), self.name)
        self.beats += 1
