"""The strangers: fastavro, Confluent's deserializer, Avro C and Kafka Streams. None of them knows our encoder."""
import io
import json
import marshal
import time

import fastavro

from harness import AVRO_DUMP, run

PREFIX_BYTES = 5
POLL_S = 10.0


class ReadError(Exception):
    """A reader refused something, or left bytes over."""


def container(path, schema):
    """Schema text and records of a container file, by fastavro, block by block: each must be used to its last byte."""
    records = []
    with open(path, "rb") as file:
        blocks = fastavro.block_reader(file)
        for block in blocks:
            found = [schema.without_dates(schema.listed(record)) for record in block]
            if len(found) != block.num_records or block.bytes_.read(1):
                raise ReadError(f"{path.name}: a block of {block.num_records} records has bytes left over")
            records += found
    return blocks.metadata["avro.schema"], blocks.codec, records


def bodies_by_fastavro(messages, schema, parsed):
    """Records of Kafka messages by fastavro's schemaless reader; each body must be used to its last byte."""
    records = []
    for message in messages:
        body = io.BytesIO(message["value"])
        body.seek(PREFIX_BYTES)
        records.append(schema.without_dates(schema.listed(fastavro.schemaless_reader(body, parsed))))
        if body.read(1):
            raise ReadError("a message has bytes left over behind its record")
    return records


def by_deserializer(messages, schema, deserializer, topic):
    """Records of Kafka messages by confluent-kafka's AvroDeserializer, which asks the registry by the id in the prefix."""
    from confluent_kafka.serialization import MessageField, SerializationContext
    context = SerializationContext(topic, MessageField.VALUE)
    return [schema.without_dates(schema.listed(deserializer(message["value"], context))) for message in messages]


def make_deserializer(registry):
    """One for a process."""
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer
    return AvroDeserializer(SchemaRegistryClient({"url": registry}))


def json_lines(path, schema):
    """Records of a file of JSON lines, one at a time."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield schema.listed(json.loads(line))


def avro_c(arguments):
    """Runs the program made with Avro C; it writes FILE.jsonl beside each FILE."""
    done = run(AVRO_DUMP, *arguments, limit=600)
    if done.returncode != 0:
        raise ReadError(done.stderr.strip())


def write_bodies(path, messages):
    """The bare records for Avro C, each behind its length."""
    with open(path, "wb") as file:
        for message in messages:
            body = message["value"][PREFIX_BYTES:]
            file.write(len(body).to_bytes(4, "big") + body)


def fetch(bootstrap, topic):
    """All messages of a topic, by the sensor_id of their headers; in each group in the order of seq."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "strangers", "enable.auto.commit": False,
                         "fetch.wait.max.ms": 10})
    groups = {}
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1] for number in partitions}
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        left = sum(ends.values())
        last = time.monotonic()
        while left > 0 and time.monotonic() - last < POLL_S:
            for message in consumer.consume(5000, 0.5):
                if message.error():
                    raise ReadError(f"topic {topic}: {message.error()}")
                plain = plain_message(message)
                groups.setdefault(plain["headers"].get("sensor_id", b"").decode(), []).append(plain)
                left -= 1
                last = time.monotonic()
    finally:
        consumer.close()
    if left:
        raise ReadError(f"topic {topic}: {left} messages did not come")
    for messages in groups.values():
        messages.sort(key=lambda message: int(message["headers"].get("seq", b"-1")))
    return groups


def plain_message(message):
    """A Kafka message as plain data, so that it can be stored."""
    return {"partition": message.partition(), "timestamp": list(message.timestamp()), "key": message.key(),
            "value": message.value(), "headers": dict(message.headers() or []),
            "header_count": len(message.headers() or [])}


def store(path, messages):
    """Keeps a run's messages for the process that verifies it."""
    path.write_bytes(marshal.dumps(messages))


def load(path):
    """What store() kept; empty if the run has no message."""
    return marshal.loads(path.read_bytes()) if path.exists() else []
