"""What is certain is metered, and only that: fragments in any order, pseudowires.

Run: python3 tests/e2e/run.py test_certainty
"""
import socket
import struct
import unittest

from frames import CLIENT, RAW_IP, SERVER, checksum, pcap, udp
from harness import Case, Ledger, run


def fragments(packet, size):
    """An IPv4 packet without options cut into fragments of `size` bytes of payload."""
    payload, cut = packet[20:], []
    for start in range(0, len(payload), size):
        part = payload[start:start + size]
        more = start + size < len(payload)
        head = packet[:2] + struct.pack("!H", 20 + len(part)) + packet[4:6] + struct.pack("!H", more << 13 | start // 8) + packet[8:10]
        cut.append(head + struct.pack("!H", checksum(head + b"\0\0" + packet[12:20])) + packet[12:20] + part)
    return cut


def fragments6(source, destination, identification, protocol, payload, size):
    """The same of IPv6; the later ones' Next Header is 0x3b, which only the first one's may be believed."""
    cut = []
    for start in range(0, len(payload), size):
        part = payload[start:start + size]
        more = start + size < len(payload)
        head = struct.pack("!BBHI", protocol if start == 0 else 59, 0, start | more, identification)
        cut.append(struct.pack("!IHBB", 6 << 28, 8 + len(part), 44, 64) + socket.inet_pton(socket.AF_INET6, source)
                   + socket.inet_pton(socket.AF_INET6, destination) + head + part)
    return cut


MACS = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"


class Wire(Case):
    def meter(self, packets, *arguments, link_type=RAW_IP):
        """The records of a capture, and the ledger."""
        path = self.folder / "wire.pcap"
        path.write_bytes(pcap(packets, link_type))
        result = run("-r", path, "-w", "-", "--format", "jsonl", *arguments)
        self.assertEqual(result.code, 0, result)
        ledger = Ledger(result.lines)
        self.assertFalse(ledger.residual, result)
        return result.jsonl(), ledger


class Fragments(Wire):
    def datagrams(self):
        """Fragments of an IPv4 and an IPv6 datagram, in turns."""
        four = udp(5353, 2049, b"v" * 4000)[14:]
        six = struct.pack("!HHHH", 1023, 2049, 4008, 0) + b"w" * 4000
        return [part for pair in zip(fragments(four, 1480), fragments6("fd00::1", "fd00::2", 9, 17, six, 1448)) for part in pair]

    def check(self, rows):
        self.assertEqual(sorted((row["src_port"], row["dst_port"], row["protocol"], row["bidirectional_packets"]) for row in rows),
                         [(1023, 2049, 17, 3), (5353, 2049, 17, 3)])
        for row in rows:
            self.assertEqual([flag for flag in row["quality_flags"] if flag != "guessed_label"], ["fragment"])

    def test_any_order_gives_whole_flows(self):
        parts = self.datagrams()
        for order in (range(6), reversed(range(6)), (2, 4, 0, 5, 3, 1), (4, 0, 2, 3, 5, 1)):
            order = list(order)
            for meters in (1, 3):
                with self.subTest(order=order, meters=meters):
                    packets = [(number * 0.25, parts[part]) for number, part in enumerate(order)]
                    rows, ledger = self.meter(packets, "--set", f"meter.n_meters={meters}")
                    self.check(rows)
                    self.assertEqual(ledger.packets, {"read": 6, "metered": 6, "ignored": 0, "why": {}})
                    # Each fragment's own time counts.
                    for row in rows:
                        places = [place for place, part in enumerate(order) if part % 2 == (row["src_port"] == 1023)]
                        self.assertEqual(row["bidirectional_duration_us"], (places[-1] - places[0]) * 250_000)

    def test_what_waits_in_vain_is_ignored(self):
        parts = self.datagrams()
        rows, ledger = self.meter([(0, parts[2]), (0, parts[3]), (31, parts[0]), (31, parts[1]), (40, parts[5])])
        self.assertEqual(ledger.packets, {"read": 5, "metered": 3, "ignored": 2, "why": {"fragment_unknown": 2}})
        self.assertEqual(sorted(row["bidirectional_packets"] for row in rows), [1, 2])

    def test_of_other_ends_and_identifications_are_others(self):
        first, later = fragments(udp(1, 2, b"x" * 100)[14:], 64)
        changed = [later[:4] + b"\x12\x34" + later[6:], later[:12] + later[16:20] + later[12:16] + later[20:],
                   later[:9] + b"\x06" + later[10:]]
        rows, ledger = self.meter([(0, part) for part in (*changed, first)])
        self.assertEqual(ledger.packets["why"], {"fragment_unknown": 3})
        self.assertEqual([(row["src_ip"], row["dst_ip"], row["bidirectional_packets"]) for row in rows], [(CLIENT, SERVER, 1)])


def mpls(payload, label=700):
    return MACS + b"\x88\x47" + struct.pack("!I", label << 12 | 0x1FF) + payload


class Pseudowires(Wire):
    """RFC 4448: whatever the customers' addresses begin with, theirs are the flows that are metered."""

    def frames(self, word):
        """A conversation, an ARP request and a spanning tree's frame of hosts whose addresses begin in all ways."""
        for first in range(0, 256, 7):
            host = bytes((first, first * 5 & 255, 0, first * 3 & 255, first, 1)) + b"\x02\x11\x22\x33\x44\x55"
            yield mpls(word + host + b"\x08\x00" + udp(5000 + first, 123, b"t" * 48)[14:])
            yield mpls(word + host + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + bytes(20))
            yield mpls(word + host + b"\x00\x27" + bytes.fromhex("424203000000000080") + bytes(29))

    def test_with_and_without_control_word(self):
        for word in (b"", bytes(4), struct.pack("!I", 0x0000BEEF)):
            with self.subTest(word=word):
                rows, ledger = self.meter([(n * 0.001, frame) for n, frame in enumerate(self.frames(word))], link_type=1)
                ports = [5000 + first for first in range(0, 256, 7)]
                self.assertEqual(sorted(row["src_port"] for row in rows), ports)
                self.assertTrue(all(row["dst_port"] == 123 and row["src_mac"] == "02:11:22:33:44:55" for row in rows))
                self.assertEqual(ledger.packets["why"], {"not_ip": 2 * len(ports)})

    def test_ip_is_metered_as_before(self):
        six = struct.pack("!IHBB", 6 << 28, 12, 17, 64) + socket.inet_pton(socket.AF_INET6, "2001:db8:800:86dd::1") * 2
        packets = [mpls(udp(1, 2, b"x")[14:]), mpls(six + struct.pack("!HHHH", 3, 4, 12, 0) + bytes(4)), mpls(six[:40] + bytes(12), 2)]
        rows, ledger = self.meter([(n, packet) for n, packet in enumerate(packets)], link_type=1)
        self.assertEqual(sorted((row["ip_version"], row["src_port"], row["dst_port"]) for row in rows), [(4, 1, 2), (6, 0, 0), (6, 3, 4)])
        self.assertEqual(ledger.packets["ignored"], 0)


if __name__ == "__main__":
    unittest.main()
