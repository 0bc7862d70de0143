"""An independent consumer that holds the sensor to its promise: each `seq` of one output of a run (boot_id) once, in order in
its partition, in a record that can be read to its last byte."""
import io
import json
import threading
from collections import defaultdict

import fastavro

from harness import SCHEMAS, wait_until

SCHEMA = fastavro.parse_schema(json.loads((SCHEMAS / "flow" / "v2.avsc").read_text()))
SINGLE_OBJECT = b"\xc3\x01"
HEADER_BYTES = 10
AT_ONCE = 2000
POLL_S = 0.1
GIVE_WAY_S = 0.002  # a thread that takes a lock again at once leaves it to nobody


class Seen:
    """What was read of one run's records."""

    def __init__(self):
        self.counts = bytearray()  # by seq, in the log that there is now
        self.gone = bytearray()    # seen in a log that is there no more
        self.last = {}             # by partition
        self.disorder = 0

    def add(self, seq, partition):
        if seq >= len(self.counts):
            self.counts.extend(bytes(seq + 1024 - len(self.counts)))
        first = self.counts[seq] == 0
        self.counts[seq] = min(self.counts[seq] + 1, 255)
        if first:
            self.disorder += seq < self.last.get(partition, -1)
            self.last[partition] = max(seq, self.last.get(partition, -1))

    def forget(self):
        self.gone.extend(bytes(max(0, len(self.counts) - len(self.gone))))
        for seq, count in enumerate(self.counts):
            self.gone[seq] |= count > 0
        self.counts, self.last = bytearray(), {}

    def has(self, seq):
        return (seq < len(self.counts) and self.counts[seq] > 0) or (seq < len(self.gone) and self.gone[seq] > 0)

    def missing(self, up_to):
        """Those of the first `up_to` that nobody has seen."""
        return [seq for seq in range(up_to) if not self.has(seq)]

    @property
    def distinct(self):
        return sum(self.has(seq) for seq in range(max(len(self.counts), len(self.gone))))

    @property
    def duplicates(self):
        return sum(count - 1 for count in self.counts if count > 1)

    @property
    def highest(self):
        return max((seq for seq in range(max(len(self.counts), len(self.gone))) if self.has(seq)), default=-1)


class SeqReader:
    """Reads a topic from its beginning, all the time. `decode_every`: which share of the records is decoded whole."""

    def __init__(self, servers, topic, partitions, decode_every=10):
        self.servers, self.topic, self.partitions, self.decode_every = servers, topic, partitions, decode_every
        self.runs, self.corrupt, self.read = defaultdict(Seen), [], 0
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.consumer = self.make()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def make(self):
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.servers.bootstrap, "group.id": "matrix", "enable.auto.commit": False,
                             "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50, "reconnect.backoff.max.ms": 500,
                             "topic.metadata.refresh.interval.ms": 2000, "log_level": 0, "check.crcs": True})
        consumer.assign([TopicPartition(self.topic, number, 0) for number in range(self.partitions)])
        return consumer

    def again(self, forget):
        """The topic has another log from now on, which is read from its beginning. `forget`: it has records of the old one, so that
        these are no duplicates."""
        with self.lock:
            self.consumer.close()
            for seen in self.runs.values():
                if forget:
                    seen.forget()
                seen.last = {}
            self.consumer = self.make()

    def work(self):
        while not self.ended.is_set():
            with self.lock:
                for message in self.consumer.consume(AT_ONCE, POLL_S):
                    if message.error() is None:
                        self.take(message)
            self.ended.wait(GIVE_WAY_S)

    def take(self, message):
        headers = {name: value.decode() for name, value in message.headers()}
        run = headers["boot_id"]
        self.runs[run].add(int(headers["seq"]), message.partition())
        self.read += 1
        value = message.value()
        if not value.startswith(SINGLE_OBJECT):
            self.corrupt.append((run, headers["seq"], "no marker"))
        elif self.read % self.decode_every == 0:
            self.decode(run, headers, value)

    def decode(self, run, headers, value):
        stream = io.BytesIO(value[HEADER_BYTES:])
        try:
            record = fastavro.schemaless_reader(stream, SCHEMA)
            wrong = stream.read() or (record["boot_id"], record["seq"]) != (run, int(headers["seq"]))
        except Exception as error:  # noqa: BLE001 (whatever a reader raises of bad bytes)
            wrong = error
        if wrong:
            self.corrupt.append((run, headers["seq"], str(wrong)))

    def ends(self):
        """Where it reads next in each partition, and where that ends."""
        from confluent_kafka import TopicPartition
        with self.lock:
            asked = [TopicPartition(self.topic, number) for number in range(self.partitions)]
            positions = [max(partition.offset, 0) for partition in self.consumer.position(asked)]
            return positions, [self.consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in asked]

    def catch_up(self, limit=60):
        """Until all that is there now is read, however long that takes while more is read within the limit."""
        _, ends = self.ends()
        at = self.ends()[0]
        while any(position < end for position, end in zip(at, ends)):
            wait_until(lambda before=at: self.ends()[0] != before, limit=limit, what=f"more records read than {at} of {ends}", pause=0.2)
            at = self.ends()[0]

    def close(self):
        self.ended.set()
        self.thread.join()
        self.consumer.close()
