"""Flow records of a Kafka topic."""
import base64
import io
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

import fastavro

from . import frames
from .flows import DecodeError, Flows
from .layout import Layout

CONFLUENT, SINGLE_OBJECT = b"\x00", b"\xc3\x01"
FRAMINGS = ("single_object", "confluent", "none")
# A batch that is not full is handed out after this time.
BATCH, POLL_SECONDS = 1000, 0.1


def read_topic(topic, bootstrap, *, registry=None, schema=None, framing="single_object", count=None, follow=False,
               since=None, timeout=30.0, config=None):
    """The records of a topic, all partitions, as a Flows.

    Reading ends at what is the topic's end when it begins, or after `count` records; with follow=True it goes on with
    what comes later, for ever unless `count` is given. It begins at the beginning, or with the records exported at
    `since` (a datetime) or later. No offsets are committed, no consumer group is joined. Headers are not looked at: it is
    all the same which ones the output's option `headers` chose.

    registry  URL of the schema registry, user:password@ included if it needs them; or a function from schema id to text
    schema    instead of a registry: the records' schema, its path or its content as a dictionary
    framing   with a schema: the output's `framing`, single_object, confluent (the id is not looked up) or none
    timeout   seconds without any answer of the broker before TimeoutError (not with follow)
    config    further librdkafka properties, as {"security.protocol": "SASL_SSL", ...}
    """
    if (registry is None) == (schema is None):
        raise ValueError("read_topic() needs either registry= or schema=")
    if framing not in FRAMINGS:
        raise ValueError(f"framing is {framing!r}, not one of {', '.join(FRAMINGS)}")
    kafka = frames.need("confluent_kafka", "read_topic()", "confluent-kafka")
    decoder = Decoder(registry, schema, framing, timeout)
    properties = {"bootstrap.servers": bootstrap, "group.id": "flowsensor", "enable.auto.commit": False,
                  "enable.partition.eof": True, **(config or {})}

    def batches():
        consumer = kafka.Consumer(properties)
        try:
            if decoder.given:
                yield decoder.given.layout, []
            messages = Messages(kafka, consumer, topic, since, follow, timeout)
            yield from decode_all(decoder, messages, count)
        finally:
            consumer.close()
    return Flows(batches)


def decode_all(decoder, messages, count):
    """Pairs of Layout and records, of at most `count` records."""
    left = count
    for batch in messages:
        batch = batch if left is None else batch[:left]
        yield from decode_batch(decoder, batch)
        if left is not None:
            left -= len(batch)
            if left == 0:
                return


def decode_batch(decoder, batch):
    """The same for one batch. A message that is no record ends it, behind the records before."""
    layout, records = None, []
    for message in batch:
        try:
            schema, record = decoder.decode(message)
        except DecodeError:
            if records:
                yield layout, records
            raise
        if layout and schema.layout is not layout:
            yield layout, records
            records = []
        layout = schema.layout
        records.append(record)
    if records:
        yield layout, records


class Messages:
    """Iterates over batches of messages with a value, from `since` to the end of each partition."""

    def __init__(self, kafka, consumer, topic, since, follow, timeout):
        self.kafka, self.consumer, self.topic, self.follow, self.timeout = kafka, consumer, topic, follow, timeout
        self.ends = {}
        description = consumer.list_topics(topic, timeout=timeout).topics[topic]
        if description.error is not None:
            raise kafka.KafkaException(description.error)
        starts = [kafka.TopicPartition(topic, number, kafka.OFFSET_BEGINNING) for number in description.partitions]
        if since is not None:
            moments = [kafka.TopicPartition(topic, start.partition, int(since.timestamp() * 1000)) for start in starts]
            starts = consumer.offsets_for_times(moments, timeout=timeout)
        for start in starts:
            self.ends[start.partition] = consumer.get_watermark_offsets(start, timeout=timeout)[1]
        consumer.assign(starts)

    def __iter__(self):
        open_partitions = set(self.ends)
        heard = time.monotonic()
        while open_partitions or self.follow:
            messages = self.consumer.consume(BATCH, POLL_SECONDS)
            if messages:
                heard = time.monotonic()
            elif not self.follow and time.monotonic() - heard > self.timeout:
                raise TimeoutError(f"topic {self.topic}: no answer of the broker for {self.timeout:g} s")
            batch = []
            for message in messages:
                if self.at_end(message):
                    open_partitions.discard(message.partition())
                elif self.follow or message.offset() < self.ends[message.partition()]:
                    batch.append(message)
                else:
                    open_partitions.discard(message.partition())
            if batch := [message for message in batch if message.value() is not None]:
                yield batch

    def at_end(self, message):
        """Whether this says that the partition holds no more; any other error is raised."""
        error = message.error()
        if error is not None and error.code() != self.kafka.KafkaError._PARTITION_EOF:
            raise self.kafka.KafkaException(error)
        return error is not None


class Schema:
    """A parsed schema, its columns and its fingerprint in single-object encoding."""

    def __init__(self, description):
        self.parsed = fastavro.parse_schema(description)
        self.layout = Layout(description)
        canonical = fastavro.schema.to_parsing_canonical_form(description)
        self.fingerprint = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


class Decoder:
    """From messages to records, with the schema that is given or those of the registry."""

    def __init__(self, registry, schema, framing, timeout):
        if isinstance(schema, (str, os.PathLike)):
            with open(schema, encoding="utf-8") as file:
                schema = json.load(file)
        self.given = Schema(schema) if schema is not None else None
        self.framing = framing if self.given else "confluent"
        self.registry, self.timeout, self.known = registry, timeout, {}

    def decode(self, message):
        """The message's Schema and its record."""
        place = f"topic {message.topic()}, partition {message.partition()}, offset {message.offset()}"
        value = message.value()
        schema, body = self.take_prefix(value, place)
        data = io.BytesIO(body)
        try:
            record = fastavro.schemaless_reader(data, schema.parsed)
        except Exception as error:
            raise DecodeError(f"{place}: no record of {schema.layout.name} ({error})") from error
        if data.tell() != len(body):
            raise DecodeError(f"{place}: {len(body) - data.tell()} bytes behind the record of {schema.layout.name}")
        return schema, record

    def take_prefix(self, value, place):
        """The Schema and the bytes behind the prefix."""
        if self.framing == "none":
            return self.given, value
        if self.framing == "confluent":
            if value[:1] != CONFLUENT or len(value) < 5:
                raise DecodeError(f"{place}: no registry's prefix before the record; give schema= and framing= instead")
            return self.given or self.registered(int.from_bytes(value[1:5], "big")), value[5:]
        if value[:2] != SINGLE_OBJECT:
            raise DecodeError(f"{place}: no single-object prefix before the record; give registry= or another framing=")
        if value[2:10] != self.given.fingerprint:
            raise DecodeError(f"{place}: written with another schema than the {self.given.layout.name} given")
        return self.given, value[10:]

    def registered(self, number):
        """The registry's schema of this id, asked for once."""
        if number not in self.known:
            text = self.registry(number) if callable(self.registry) else fetch_schema(self.registry, number, self.timeout)
            self.known[number] = Schema(json.loads(text))
        return self.known[number]


def fetch_schema(registry, number, timeout):
    """The text of a schema by Confluent's API."""
    parts = urllib.parse.urlsplit(registry)
    place = parts.netloc.rpartition("@")[2]
    url = f"{urllib.parse.urlunsplit(parts._replace(netloc=place)).rstrip('/')}/schemas/ids/{number}"
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.schemaregistry.v1+json, application/json"})
    if parts.username is not None:
        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)["schema"]
    except urllib.error.HTTPError as error:
        raise DecodeError(f"registry {place}: schema {number}: HTTP {error.code} {error.reason}") from error
