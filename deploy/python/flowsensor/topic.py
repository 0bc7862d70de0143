"""Flow records of a Kafka topic."""
from __future__ import annotations

import datetime
import time
from typing import Any, Dict, Iterator, List, Optional

from . import frames
from .decoder import Decoder, Gathered, Registry, SchemaSource
from .flows import Flows
from .parts import Part

FRAMINGS = ("single_object", "confluent", "none")
# A batch that is not full is handed out after this time.
BATCH, POLL_SECONDS = 1000, 0.1


def read_topic(topic: str, bootstrap: str, *, registry: Optional[Registry] = None, schema: Optional[SchemaSource] = None,
               framing: str = "single_object", count: Optional[int] = None, follow: bool = False,
               since: Optional[datetime.datetime] = None, timeout: float = 30.0,
               config: Optional[Dict[str, Any]] = None) -> Flows:
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

    def parts(columns: bool) -> Iterator[Part]:
        consumer = kafka.Consumer(properties)
        try:
            if decoder.given:
                yield decoder.given.layout, []
            messages = Messages(kafka, consumer, topic, since, follow, timeout)
            yield from decode_all(decoder, messages, count, columns)
        finally:
            consumer.close()
    return Flows(parts)


def decode_all(decoder: Decoder, messages: Messages, count: Optional[int], columns: bool) -> Iterator[Part]:
    """Pairs of Layout and records, of at most `count` records."""
    gathered = Gathered(decoder, columns)
    left = count
    for batch in messages:
        if left is not None:
            batch = batch[:left]
            left -= len(batch)
        yield from gathered.add(batch)
        if left == 0:
            break
    yield from gathered.take()


class Messages:
    """Iterates over batches of messages with a value, from `since` to the end of each partition."""

    def __init__(self, kafka: Any, consumer: Any, topic: str, since: Optional[datetime.datetime], follow: bool, timeout: float) -> None:
        self.kafka, self.consumer, self.topic, self.follow, self.timeout = kafka, consumer, topic, follow, timeout
        self.ends: Dict[int, int] = {}
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

    def __iter__(self) -> Iterator[List[Any]]:
        open_partitions = set(self.ends)
        heard = time.monotonic()
        while open_partitions or self.follow:
            messages = self.consumer.consume(BATCH, POLL_SECONDS)
            if messages:
                heard = time.monotonic()
            elif not self.follow and time.monotonic() - heard > self.timeout:
                raise TimeoutError(f"topic {self.topic}: no answer of the broker for {self.timeout:g} s")
            batch: List[Any] = []
            for message in messages:
                if self.at_end(message):
                    open_partitions.discard(message.partition())
                elif self.follow or message.offset() < self.ends[message.partition()]:
                    batch.append(message)
                else:
                    open_partitions.discard(message.partition())
            if batch := [message for message in batch if message.value() is not None]:
                yield batch

    def at_end(self, message: Any) -> bool:
        """Whether this says that the partition holds no more; any other error is raised."""
        error = message.error()
        if error is not None and error.code() != self.kafka.KafkaError._PARTITION_EOF:
            raise self.kafka.KafkaException(error)
        return error is not None
