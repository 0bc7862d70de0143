"""What deploy/messages.md says of messages, with a real broker. Run: python3 tests/e2e/run.py test_messages
"""
import io
import itertools
import os
import time
import unittest
from collections import defaultdict

import fastavro

from commands import Commands
from harness import CAPTURES, REPOSITORY

PARTITIONS = 3
CREATE_TIME = 1  # confluent_kafka.TIMESTAMP_CREATE_TIME


class Messages(Commands):
    """Flows of a capture, cut into slices of a twentieth of a second, in a topic of several partitions."""

    def setUp(self):
        super().setUp()
        self.servers.topic(self.topic, PARTITIONS)
        path = self.config({"schema": "flow/v1", "framing": "none"})
        self.began = time.time()
        self.succeeds("-c", path, "-r", CAPTURES / "mix.pcap", "--set", "meter.active_timeout=50ms")
        schema = fastavro.schema.load_schema(REPOSITORY / "schemas" / "flow" / "v1.avsc")
        self.sent = [(message, fastavro.schemaless_reader(io.BytesIO(message.value()), schema))
                     for message in self.servers.messages(self.topic, PARTITIONS)]

    def by(self, name):
        """The messages in the order of their offsets, by what name(message, record) gives."""
        groups = defaultdict(list)
        for message, record in sorted(self.sent, key=lambda pair: (pair[0].partition(), pair[0].offset())):
            groups[name(message, record)].append((message, record))
        return groups

    def test_key_is_the_flow(self):
        for message, record in self.sent:
            self.assertEqual(message.key(), record["flow_uid"].encode())

    def test_slices_are_in_one_partition_and_in_order(self):
        flows = self.by(lambda _message, record: record["flow_uid"])
        self.assertGreater(max(map(len, flows.values())), 2)
        for flow in flows.values():
            self.assertEqual(len({message.partition() for message, _ in flow}), 1)
            self.assertEqual([record["slice"] for _, record in flow], list(range(len(flow))))

    def test_seq_grows_within_a_partition_and_has_no_gap_in_the_topic(self):
        partitions = self.by(lambda message, _record: message.partition())
        self.assertEqual(len(partitions), PARTITIONS)
        for partition in partitions.values():
            numbers = [record["seq"] for _, record in partition]
            self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(sorted(record["seq"] for _, record in self.sent), list(range(len(self.sent))))

    def test_timestamp_is_the_time_of_export(self):
        for message, record in self.sent:
            kind, milliseconds = message.timestamp()
            self.assertEqual(kind, CREATE_TIME)
            self.assertGreaterEqual(milliseconds / 1000, self.began - 1)
            self.assertLess(record["bidirectional_last_seen"].timestamp(), self.began - 3600)


class Keys(Commands):
    """What outputs.key puts together: the flows of a capture, in a topic of several partitions."""

    def setUp(self):
        super().setUp()
        self.numbers = itertools.count()

    def sent(self, key, schema="flow/v1", columns=("all=keep",), more=()):
        """(message, record) of a run with this key."""
        topic = self.servers.topic(f"{self.topic}-{next(self.numbers)}", PARTITIONS)
        path = self.config({"topic": topic, "schema": schema, "framing": "none", "key": key, "columns_to_anonymize": list(columns)})
        self.succeeds("-c", path, "-r", CAPTURES / "mix.pcap", *more)
        parsed = fastavro.schema.load_schema(REPOSITORY / "schemas" / f"{schema}.avsc")
        sent = [(message, fastavro.schemaless_reader(io.BytesIO(message.value()), parsed))
                for message in self.servers.messages(topic, PARTITIONS)]
        self.assertGreater(len({message.partition() for message, _ in sent}), 1)
        return sent

    def check(self, sent, key_of):
        """Each message has the key of its record, and those of one key are in one partition."""
        partitions = defaultdict(set)
        for message, record in sent:
            self.assertEqual(message.key().decode(), key_of(record))
            partitions[message.key()].add(message.partition())
        self.assertLess(len(partitions), len(sent))
        self.assertEqual({len(numbers) for numbers in partitions.values()}, {1})

    @staticmethod
    def pair(record):
        return "-".join(sorted((record["src_ip"], record["dst_ip"])))

    def test_addresses(self):
        self.check(self.sent("src_ip"), lambda record: record["src_ip"])
        self.check(self.sent("ip_pair"), self.pair)

    def test_pseudonyms(self):
        """The key is what the record shows; no address of the capture is in it."""
        plain = {address for _message, record in self.sent("src_ip") for address in (record["src_ip"], record["dst_ip"])}
        for method in ("prefix_preserving", "short_hash"):
            sent = self.sent("ip_pair", columns=(f"address={method}", "all=drop"))
            self.check(sent, self.pair)
            self.assertFalse(plain & {half for message, _ in sent for half in message.key().decode().split("-")})

    def test_nfstream_keys(self):
        self.check(self.sent("ip_pair", "nfstream/v1", more=("--profile", "nfstream")), self.pair)

    def test_with_several_meters(self):
        self.check(self.sent("src_ip", more=("--set", "meter.n_meters=2")), lambda record: record["src_ip"])

    def test_verify_compares_the_key(self):
        self.servers.topic(self.topic)
        path = self.config({"key": "ip_pair"})
        self.register(path)
        self.succeeds("verify", "-c", path)
        (message,) = self.servers.messages(self.topic, 1)
        self.assertEqual(message.key(), b"192.0.2.1-198.51.100.1")

    def test_a_key_that_is_dropped(self):
        path = self.config({"key": "src_ip", "columns_to_anonymize": ["all=drop"]})
        for words in (("--check-config", "-r", CAPTURES / "dns.pcap"), ("-r", CAPTURES / "dns.pcap"), ("verify",)):
            self.refused(os.EX_CONFIG, [self.topic, "src_ip", "drops"], *words, "-c", path)


class Order(Commands):
    """Batches of many sizes, of which the topic takes the small ones alone."""

    LIMIT = 20000

    def sent(self, *properties):
        """The seqs, as they are in the partition, and the run."""
        self.servers.topic(self.topic, max_message_bytes=self.LIMIT)
        path = self.config({"schema": "flow/v1", "framing": "none",
                            "kafka": [f"bootstrap.servers={self.servers.bootstrap}", "linger.ms=0", "compression.codec=none", *properties]})
        result = self.succeeds("-c", path, "-r", CAPTURES / "mix.pcap", "--set", "meter.active_timeout=50ms")
        schema = fastavro.schema.load_schema(REPOSITORY / "schemas" / "flow" / "v1.avsc")
        return [fastavro.schemaless_reader(io.BytesIO(message.value()), schema)["seq"] for message in self.servers.messages(self.topic, 1)], result

    def test_batches_that_the_topic_takes(self):
        numbers, result = self.sent(f"message.max.bytes={self.LIMIT}")
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertNotIn("too large", str(result))

    def test_without_gaps(self):
        numbers, result = self.sent("enable.gapless.guarantee=true")
        self.assertIn("Message size too large", str(result))
        self.assertEqual(list(dict.fromkeys(numbers)), list(range(max(numbers) + 1)))


if __name__ == "__main__":
    unittest.main()
