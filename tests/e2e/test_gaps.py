"""Segments that never came to the sensor show as missing bytes (loss_gap_bytes). Run: python3 tests/e2e/run.py test_gaps"""
import random
import unittest

import frames
from harness import Case

CONNECTIONS = 60
SEGMENTS = 40  # of each direction
LONGEST = 1400
SNAPSHOT = 60  # headers alone
FIN, SYN, ACK = 1, 2, 16
NAMES = tuple(f"{direction}_loss_gap_bytes" for direction in ("bidirectional", "src2dst", "dst2src"))


class Connection:
    """A connection as its ends sent it: .sent has (back, bytes of payload, frame)."""

    def __init__(self, port, words):
        self.port = port
        self.next = [2**32 - words.randrange(20_000), words.randrange(2**32)]
        self.sent = []
        self.send(0, SYN)
        self.send(1, SYN | ACK)
        for _ in range(SEGMENTS):
            for back in (0, 1):
                self.send(back, ACK, words.randrange(1, LONGEST))
        self.send(0, FIN | ACK)
        self.send(1, FIN | ACK)
        self.send(0, ACK)

    def send(self, back, flags, length=0):
        ends = ((self.port, 80, frames.CLIENT, frames.SERVER), (80, self.port, frames.SERVER, frames.CLIENT))[back]
        frame = frames.tcp(ends[0], ends[1], self.next[back] % 2**32, self.next[1 - back] % 2**32, flags, bytes(length), ends[2], ends[3])
        self.sent.append((back, length, frame))
        self.next[back] += length + bool(flags & SYN) + bool(flags & FIN)

    def lose(self, count, words):
        """Leaves out `count` of the segments with data; how many bytes that are in all, and in each direction."""
        lost = set(words.sample([index for index, (_, length, _) in enumerate(self.sent) if length], count))
        missing = [sum(self.sent[index][1] for index in lost if self.sent[index][0] == back) for back in (0, 1)]
        self.sent = [segment for index, segment in enumerate(self.sent) if index not in lost]
        return (sum(missing), *missing)


class Gaps(Case):
    def setUp(self):
        super().setUp()
        self.words = random.Random(5)
        self.connections = [Connection(20_000 + number, self.words) for number in range(CONNECTIONS)]

    def missing(self, name, *arguments, snapshot=262144):
        """By port, of all connections at once and of a UDP flow beside them."""
        sent = [frame for row in zip(*(self.padded(connection) for connection in self.connections)) for frame in row if frame]
        capture = self.write(name, frames.pcap(frames.every(0.0001, [frames.udp(9, 9, b"beside"), *sent]), snapshot=snapshot))
        result = self.succeeds("-r", capture, "-w", "-", "--format", "jsonl", "--schema", "flow/v2", *arguments)
        return {record["src_port"]: tuple(record[name] for name in NAMES) for record in result.jsonl()}

    @staticmethod
    def padded(connection):
        return [frame for _, _, frame in connection.sent] + [None] * (2 * SEGMENTS + 5 - len(connection.sent))

    def test_what_was_left_out_is_missing(self):
        """From no segment to nearly half of them, whatever the number of meters and of bytes that were kept."""
        expected = {connection.port: connection.lose(number // 2, self.words) for number, connection in enumerate(self.connections)}
        expected[9] = (None, None, None)
        self.assertEqual(expected[20_000], (0, 0, 0))
        for meters in (1, 3):
            self.assertEqual(self.missing("lost.pcap", "--set", f"meter.n_meters={meters}"), expected)
        self.assertEqual(self.missing("short.pcap", snapshot=SNAPSHOT), expected)

    def test_retransmissions_fill_what_was_left_out(self):
        """Two of each are sent again before the connection's end."""
        for connection in self.connections:
            data = [segment for segment in connection.sent if segment[1]]
            again = self.words.sample(data, 2)
            connection.sent = [segment for segment in connection.sent if segment not in again]
            connection.sent[-3:-3] = again
        self.assertEqual(set(self.missing("again.pcap").values()), {(0, 0, 0), (None, None, None)})

    def test_frozen_schema_has_no_such_field(self):
        capture = self.write("v1.pcap", frames.pcap(frames.every(0.001, [frame for _, _, frame in self.connections[0].sent])))
        result = self.succeeds("-r", capture, "-w", "-", "--format", "jsonl", "--schema", "flow/v1")
        self.assertFalse(set(NAMES) & set(result.jsonl()[0]))


if __name__ == "__main__":
    unittest.main()
