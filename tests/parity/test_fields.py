"""The oracle against cases that a person can count, and that fields.py finds what differs."""
import struct
import unittest

from oracle import captured, judged, random_flows, segments, splt, tcp
from oracle.assigned import Slice, slices
from oracle.packets import ACK, FIN, RST, SYN, TCP, Packet, packets


def packet(time, forward, flags, seq, payload=0, ack=0, window=100):
    made = Packet(time, 54 + payload)
    made.forward, made.flags, made.seq, made.ack, made.window, made.protocol = forward, flags, seq, ack, window, TCP
    made.p, made.s, made.i, made.ttl, made.tos = payload, 20 + payload, 40 + payload, 64, 0
    return made


def again(*ranges):
    """What rule T says of segments, given by (first number, end), of one direction."""
    made = segments.sent_again([], [packet(0, True, ACK, first % 2**32, end - first) for first, end in ranges])
    return made["retransmitted_packets"], made["retransmitted_bytes"], made["out_of_order_packets"]


class Segments(unittest.TestCase):
    def test_new_again_and_late(self):
        self.assertEqual(again((0, 10), (10, 20), (20, 30)), (0, 0, 0))
        self.assertEqual(again((0, 10), (0, 10)), (1, 10, 0))
        self.assertEqual(again((0, 10), (20, 30), (10, 20)), (0, 0, 1))
        self.assertEqual(again((0, 10), (20, 30), (12, 15), (10, 20)), (1, 3, 1))
        self.assertEqual(again((0, 10), (20, 30), (5, 25)), (1, 10, 0))
        self.assertEqual(again((0, 10), (5, 30)), (1, 5, 0))

    def test_wraps_around(self):
        top = 2**32
        self.assertEqual(again((top - 10, top), (top, top + 10), (top - 5, top + 5)), (1, 10, 0))

    def test_keep_alive_and_jump(self):
        self.assertEqual(again((0, 10), (9, 10)), (0, 0, 0))
        self.assertEqual(again((0, 10), (2**30 + 10, 2**30 + 20), (0, 10)), (0, 0, 0))
        self.assertEqual(again((0, 10), (2**30 + 9, 2**30 + 20), (100, 110)), (0, 0, 1))

    def test_a_fifth_hole_drops_the_lowest(self):
        holes = [(number * 20, number * 20 + 10) for number in range(6)]
        self.assertEqual(again(*holes, (10, 20)), (1, 10, 0))
        self.assertEqual(again(*holes, (30, 40)), (0, 0, 1))

    def test_syn_and_fin_are_no_bytes(self):
        first, last = packet(0, True, SYN, 5), packet(0, True, FIN | ACK, 6, 3)
        self.assertEqual(segments.sent_again([], [first, first, last, last]),
                         {"retransmitted_packets": 2, "retransmitted_bytes": 3, "out_of_order_packets": 0})


class Rules(unittest.TestCase):
    def handshake(self, *made):
        for one in made[:1]:
            one.later = False
        return tcp.handshake(Slice({"slice": 0}, list(made), []))

    def test_handshake(self):
        syn, answer, ack = packet(0, True, SYN, 9), packet(5, False, SYN | ACK, 70, ack=10), packet(7, True, ACK, 10, ack=71)
        self.assertEqual(self.handshake(syn, answer, ack), {"tcp_syn_rtt_us": 5, "tcp_ack_rtt_us": 2, "tcp_handshake_completed": True})
        self.assertEqual(self.handshake(syn, syn, answer, ack), {"tcp_syn_rtt_us": None, "tcp_ack_rtt_us": 2, "tcp_handshake_completed": True})
        self.assertEqual(self.handshake(answer, ack), {"tcp_syn_rtt_us": None, "tcp_ack_rtt_us": None, "tcp_handshake_completed": None})

    def test_close(self):
        fins = [packet(0, True, FIN, 0), packet(0, False, FIN, 0)]
        reset = packet(0, True, RST, 0)
        for style, made in (("none", []), ("half_fin", fins[:1]), ("fin", [*fins, reset]), ("rst", [fins[0], reset, fins[1]])):
            self.assertEqual(tcp.close_style(made), style)

    def test_duplicates(self):
        data, other = packet(0, True, ACK, 100, 10), packet(1, True, ACK, 110, 10)
        self.assertEqual(splt.duplicates([data, data, other, data]), [0, 1, 0, 1])
        empty = packet(0, True, ACK, 100)
        self.assertEqual(splt.duplicates([empty, empty, data, empty]), [0, 0, 0, 0])


class Found(unittest.TestCase):
    """A record that says something else in any field is found."""

    def test_each_field(self):
        made = list(packets(captured.frames(random_flows.capture("tcp", 1, 1))))
        for one in made:
            one.forward = one.source == made[0].source
        record = {"src_ip": "10.0.0.1", "dst_ip": "8.8.8.8", "slice": 0, "record_kind": "final"}
        part = Slice(record, made, [])
        record.update(judged.expected(part, 20))
        self.assertEqual(judged.differences(part, 20)[2], [])
        for name, value in judged.expected(part, 20).items():
            wrong = Slice({**record, name: 0 if value is None else None}, made, [])
            self.assertEqual([found[0] for found in judged.differences(wrong, 20)[2]], [name])
            if isinstance(value, float) and value:
                wrong.record[name] = value * (1 + 3e-9)
                self.assertEqual(len(judged.differences(wrong, 20)[2]), 1, name)

    def test_other_packets(self):
        """A record that counts one packet more or less, or that is of another time, has none."""
        data = random_flows.capture("sizes", 1, 1)
        first = next(packets(captured.frames(data)))
        address = ".".join(map(str, first.source)), ".".join(map(str, first.destination))
        self.assertEqual(len(first.source), 4)
        count = sum(1 for _ in packets(captured.frames(data)))
        record = {"src_ip": address[0], "src_port": first.source_port, "dst_ip": address[1], "dst_port": first.destination_port, "protocol": first.protocol,
                  "vlan_id": first.vlan, "tunnel_id": 0, "slice": 0, "seq": 0, "flow_uid": "", "end_reason": "idle", "bidirectional_first_seen": first.time}
        made = list(packets(captured.frames(data)))
        forward = sum(one.source == first.source for one in made)
        record |= {"bidirectional_packets": count, "src2dst_packets": forward, "bidirectional_last_seen": made[-1].time}
        self.assertEqual(len(slices([record], made)[0]), 1)
        for name in ("bidirectional_packets", "src2dst_packets", "bidirectional_first_seen", "bidirectional_last_seen"):
            self.assertEqual(slices([{**record, name: record[name] + 1}], made), ([], {"other packets": 1}))


class Captures(unittest.TestCase):
    def test_pcapng(self):
        """Two interfaces, of which one counts nanoseconds."""
        def block(kind, body):
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        frame = b"\x45" + bytes(19)
        data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 101, 0, 0))
        data += block(1, struct.pack("<HHIHHB3xHH", 1, 0, 0, 9, 1, 9, 0, 0))
        for interface, low in ((0, 7), (1, 7000)):
            data += block(6, struct.pack("<IIIII", interface, 0, low, 20, 99) + frame)
        self.assertEqual(list(captured.frames(data)), [(7, 101, frame, 99), (7, 1, frame, 99)])


if __name__ == "__main__":
    unittest.main()
