"""What is certain is metered, and only that: fragments in any order, pseudowires, what began before the capture, no IP.

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


class Midstream(Wire):
    """A connection that was under way when the capture began: the client is its source, and every slice tells it."""

    def conversation(self, since):
        """Frames of a connection over IPv6, from its packet number `since` on, a second apart."""
        def segment(of_client, flags, payload=b""):
            ends = [socket.inet_pton(socket.AF_INET6, "fd00::9"), socket.inet_pton(socket.AF_INET6, "fd00::1")]
            ports = (33333, 993)
            if not of_client:
                ends, ports = ends[::-1], ports[::-1]
            tcp = struct.pack("!HHIIBBHHH", *ports, 1, 1, 0x50, flags, 8192, 0, 0) + payload
            return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + b"".join(ends) + tcp
        frames = [segment(True, 0x02), segment(False, 0x12), segment(True, 0x10), segment(True, 0x18, b"a" * 10), segment(False, 0x18, b"b" * 20),
                  segment(True, 0x10), segment(False, 0x18, b"c" * 30), segment(True, 0x11)]
        return [(number, frame) for number, frame in enumerate(frames)][since:]

    def test_from_the_server_s_answer_on(self):
        for since, midstream, answered in ((0, False, 3), (1, True, 3), (2, True, 2)):
            for meters in (1, 2):
                with self.subTest(since=since, meters=meters):
                    rows, _ = self.meter(self.conversation(since), "--set", f"meter.n_meters={meters}")
                    self.assertEqual(len(rows), 1)
                    row = rows[0]
                    self.assertEqual((row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"]), ("fd00::9", 33333, "fd00::1", 993))
                    self.assertEqual((row["src2dst_packets"], row["dst2src_packets"]), (8 - since - answered, answered))
                    self.assertEqual("midstream" in row["quality_flags"], midstream)
                    self.assertEqual(row["splt_direction"][:2], [[0, 1], [1, 0], [0, 0]][since])

    def test_every_slice_tells_it(self):
        rows, _ = self.meter(self.conversation(1), "--set", "meter.active_timeout=2s")
        self.assertEqual([row["slice"] for row in rows], [0, 1, 2, 3])
        self.assertTrue(all("midstream" in row["quality_flags"] and row["src_port"] == 33333 for row in rows), rows)
        rows, _ = self.meter(self.conversation(0), "--set", "meter.active_timeout=2s")
        self.assertGreater(len(rows), 2)
        self.assertFalse(any("midstream" in row["quality_flags"] for row in rows), rows)

    def test_sctp(self):
        """INIT ACK is the server's (RFC 9260)."""
        def chunk(ports, kind):
            data = struct.pack("!HHII", *ports, 7, 0) + struct.pack("!BBH", kind, 0, 4)
            ends = [socket.inet_aton("10.9.9.9"), socket.inet_aton("10.1.1.1")]
            ends = ends if ports[0] == 40001 else ends[::-1]
            return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, 132, 0) + b"".join(ends) + data
        rows, _ = self.meter([(0, chunk((3868, 40001), 2)), (1, chunk((40001, 3868), 10)), (2, chunk((3868, 40001), 11))])
        self.assertEqual([(row["src_ip"], row["src_port"], row["src2dst_packets"], row["dst2src_packets"]) for row in rows],
                         [("10.9.9.9", 40001, 1, 2)])


class WithoutIp(Wire):
    """Where there is little IP the ledger says what there is instead."""

    def capture(self, *frames):
        path = self.folder / "wire.pcap"
        path.write_bytes(pcap([(number, MACS + frame) for number, frame in enumerate(frames)]))
        return path

    def test_three_commonest(self):
        frames = [b"\x88\xa4" + bytes(50)] * 40 + [b"\x08\x06" + bytes(46)] * 30 + [b"\x00\x26\x42\x42\x03" + bytes(40)] * 20
        frames += [b"\x88\xcc" + bytes(50)] * 10 + [udp(1, 2, b"x")[12:]] * 5
        for arguments in ((), ("--profile", "nfstream"), ("--set", "meter.n_meters=2")):
            with self.subTest(arguments=arguments):
                result = run("-r", self.capture(*frames), "-w", "null:", *arguments)
                said = [line for line in result.lines if "are not IP" in line]
                self.assertEqual(said, ["flowsensor: warning: 100 of 105 packets are not IP and belong to no flow: 40 of EtherType 0x88a4 "
                                        "(EtherCAT), 30 of EtherType 0x0806 (ARP), 20 of LLC 0x42 (spanning tree)"])

    def test_where_most_is_ip_nothing_is_said(self):
        result = run("-r", self.capture(*[b"\x08\x06" + bytes(46)] * 3, *[udp(1, 2, b"x")[12:]] * 3), "-w", "null:")
        self.assertNotIn("not IP", str(result))


if __name__ == "__main__":
    unittest.main()
