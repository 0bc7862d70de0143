"""What deploy/messages.md says of messages, with a real broker. Run: python3 tests/e2e/run.py test_messages
"""
import io
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


if __name__ == "__main__":
    unittest.main()
