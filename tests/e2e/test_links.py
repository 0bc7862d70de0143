"""Link types and what stands between link and IP, in the native profile: captures of every link type that is decoded, around the same
conversation, and what the records and the ledger say of them.

Run: python3 tests/e2e/run.py test_links
"""
import struct
import unittest

import frames
from harness import CAPTURES, Case, run

HOSTS = ("10.0.0.1", "10.0.0.2")
MACHINES = (bytes.fromhex("020000000201"), bytes.fromhex("020000000202"))
SENDER = "02:00:00:00:02:01"
QUICK = ("--set", "meter.n_dissections=0")


def datagram(port, payload=b"question", back=False):
    ends, ports = (HOSTS[::-1], (53, port)) if back else (HOSTS, (port, 53))
    return frames.ipv4(*ends, 17, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload)


def ethernet(packet, kind=0x0800):
    return MACHINES[1] + MACHINES[0] + struct.pack("!H", kind) + packet


def snap(packet):
    return bytes.fromhex("aaaa03000000") + struct.pack("!H", 0x0800) + packet


def wifi(body, qos=None):
    """A data frame to the distribution system."""
    control = b"" if qos is None else struct.pack("<H", qos)
    return bytes((0x08 if qos is None else 0x88, 1, 0, 0)) + MACHINES[1] + MACHINES[0] + MACHINES[1] + b"\x10\0" + control + body


def subframe(packet, last=False):
    body = snap(packet)
    frame = MACHINES[1] + MACHINES[0] + struct.pack("!H", len(body)) + body
    return frame if last else frame + bytes(-len(frame) % 4)


def attribute(kind, value):
    return struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def cooked(packet):
    return struct.pack("!HHH", 0, 1, 6) + MACHINES[0] + b"\0\0\x08\0" + packet


def cooked_2(packet):
    return struct.pack("!HHIHBB", 0x0800, 0, 2, 1, 0, 6) + MACHINES[0] + b"\0\0" + packet


def nflog(packet):
    sender = struct.pack("!HH", 6, 0) + MACHINES[0] + b"\0\0"
    return struct.pack("!BBH", 2, 0, 5) + attribute(10, b"to log\0") + attribute(8, sender) + attribute(9, packet)


# By the number in files: the frame around an IPv4 packet, and whether both addresses, the sender's alone or none is known.
BOTH, ALONE, NONE = "both", "sender", "none"
LINKS = {
    1: (ethernet, BOTH),
    101: (lambda packet: packet, NONE),
    105: (lambda packet: wifi(snap(packet)), BOTH),
    107: (lambda packet: bytes.fromhex("184103cc") + packet, NONE),
    113: (cooked, ALONE),
    117: (lambda packet: bytes((61, 2)) + bytes(62) + packet, NONE),
    119: (lambda packet: struct.pack("<II", 0x44, 144) + bytes(136) + wifi(snap(packet)), BOTH),
    127: (lambda packet: bytes.fromhex("0000080000000000") + wifi(snap(packet)), BOTH),
    163: (lambda packet: struct.pack("!II", 0x80211001, 64) + bytes(56) + wifi(snap(packet)), BOTH),
    192: (lambda packet: struct.pack("<BBHI", 0, 0, 8, 105) + wifi(snap(packet)), BOTH),
    239: (nflog, ALONE),
    258: (lambda packet: struct.pack("<III", 108, 1, 1) + bytes(96) + ethernet(packet), BOTH),
    276: (cooked_2, ALONE),
}

# What an EtherType announces, with the type of what follows.
TAGS = {
    "vn_tag": (0x8926, bytes.fromhex("8001000a0800")),
    "e_tag": (0x893F, bytes.fromhex("e00a800100000800")),
    "cmd": (0x8909, bytes.fromhex("0101000100070800")),
    "ttag": (0x88B5, bytes.fromhex("00000001e2400800")),
    "arista": (0xD28B, bytes.fromhex("000100105f5e10000000000a0800")),
    "nsh": (0x894F, bytes.fromhex("0fc6010100002aff") + bytes(16)),
    "hsr": (0x892F, bytes.fromhex("003400010800")),
    "r_tag": (0xF1C1, bytes.fromhex("000000010800")),
}


def bridged(packet, service, vlan=None):
    """In a provider's backbone (802.1ah)."""
    tag = b"" if vlan is None else struct.pack("!HH", 0x88A8, vlan)
    return bytes(6) + b"\2" + bytes(5) + tag + struct.pack("!HI", 0x88E7, service) + ethernet(packet)


class LinkCase(Case):
    def meter(self, packets, link_type=1):
        """(records, ledger)."""
        capture = self.write("links.pcap", frames.pcap(frames.every(0.001, packets), link_type))
        result = self.ended_well(run("-r", capture, "-w", "-", *QUICK))
        return result.jsonl(), self.ledger(result)


class Links(LinkCase):
    def test_every_link_type(self):
        for link_type, (wrap, known) in LINKS.items():
            with self.subTest(link_type):
                packets = [wrap(datagram(1234, back=back)) for back in (False, True, False)]
                (record,), ledger = self.meter(packets, link_type)
                self.assertEqual(ledger.packets["metered"], 3)
                self.assertEqual([record[name] for name in ("src_ip", "src_port", "dst_port", "src2dst_packets", "dst2src_packets")],
                                 [HOSTS[0], 1234, 53, 2, 1])
                self.assertEqual(record["bidirectional_bytes"], sum(map(len, packets)))
                self.assertEqual(record["src_mac"], None if known == NONE else SENDER)
                self.assertEqual(record["src_oui"], None if known == NONE else SENDER[:8])
                self.assertEqual(record["dst_mac"] is not None, known == BOTH)
                self.assertEqual(record["dst_oui"] is not None, known == BOTH)

    def test_captured_senders(self):
        """Of real cooked captures, whose frames of Ethernet have a sender's address."""
        for name, address_length, address in (("sll.pcap", slice(4, 6), slice(6, 12)), ("sll2.pcap", slice(11, 12), slice(12, 18))):
            data = (CAPTURES / name).read_bytes()[40:]
            self.assertEqual(int.from_bytes(data[address_length], "big"), 6)
            records = self.ended_well(run("-r", CAPTURES / name, "-w", "-", *QUICK)).jsonl()
            first = min(records, key=lambda record: record["bidirectional_first_seen"])
            self.assertEqual(first["src_mac"], data[address].hex(":"), name)
            self.assertEqual({record["dst_mac"] for record in records}, {None}, name)


class Senders(LinkCase):
    def test_a_pseudonym_of_the_sender_alone(self):
        """What isn't known stays null, whatever the method of its class."""
        capture = self.write("links.pcap", frames.pcap(frames.every(0.001, [cooked(datagram(1))]), 113))
        result = self.ended_well(run("-r", capture, "-w", "-", *QUICK, "--set", "outputs.0.columns_to_anonymize=mac=keep_oui"))
        (record,) = result.jsonl()
        self.assertNotIn(record["src_mac"], (None, SENDER))
        self.assertIsNone(record["dst_mac"])


class Tags(LinkCase):
    def test_every_tag(self):
        """Alone, behind a VLAN tag, and all but IP's own in each other."""
        packets = []
        for port, (kind, tag) in enumerate(TAGS.values(), 1000):
            packets.append(ethernet(tag + datagram(port), kind))
            packets.append(ethernet(struct.pack("!HH", 7, kind) + tag + datagram(port), 0x8100))
        records, ledger = self.meter(packets)
        self.assertEqual(ledger.packets["metered"], len(packets))
        self.assertEqual(sorted((record["src_port"], record["vlan_id"]) for record in records),
                         [(port, vlan) for port in range(1000, 1000 + len(TAGS)) for vlan in (0, 7)])

    def test_no_vlan_is_null(self):
        """Without a tag, with one of a priority alone, in a VLAN, and in one of a provider's."""
        tags = (b"", struct.pack("!HH", 0x8100, 0xE000), struct.pack("!HH", 0x8100, 7), struct.pack("!HHHH", 0x88A8, 100, 0x8100, 7))
        packets = [MACHINES[1] + MACHINES[0] + tag + struct.pack("!H", 0x0800) + datagram(port) for port, tag in enumerate(tags, 1)]
        capture = self.write("tags.pcap", frames.pcap(frames.every(0.001, packets)))
        records = self.ended_well(run("-r", capture, "-w", "-", "--schema", "flow/v2", *QUICK)).jsonl()
        self.assertEqual(sorted((record["src_port"], record["vlan_id"], record["dot1q_vlan_id"]) for record in records),
                         [(1, 0, None), (2, 0, None), (3, 7, 7), (4, 7, 7)])

    def test_customers_of_a_backbone(self):
        packets = [bridged(datagram(1, b"x" * size), service, vlan) for service, size in ((5, 1), (6, 2)) for vlan in (None, 9)]
        records, _ = self.meter(packets)
        self.assertEqual(sorted((record["tunnel_id"], record["tunnel_key"], record["vlan_id"]) for record in records),
                         [(14, 5, 0), (14, 5, 9), (14, 6, 0), (14, 6, 9)])
        self.assertEqual({record["src_mac"] for record in records}, {SENDER})


class Aggregates(LinkCase):
    def test_every_packet_of_a_frame(self):
        """Each counts as a packet, and together they have the frame's bytes."""
        arp = bytes.fromhex("aaaa03000000080600010800")
        other = MACHINES[1] + MACHINES[0] + struct.pack("!H", len(arp)) + arp + b"\0\0"
        parts = [subframe(datagram(1)), other, subframe(datagram(2, b"longer question")), subframe(datagram(1, back=True), last=True)]
        packets = [wifi(b"".join(parts), qos=0x80), wifi(snap(datagram(1)), qos=0)]
        records, ledger = self.meter(packets, 105)
        self.assertEqual(ledger.packets["read"], 5)
        self.assertEqual(ledger.packets["why"], {"not_ip": 1})
        head = 26
        self.assertEqual(sorted((record["src_port"], record["src2dst_packets"], record["dst2src_packets"], record["bidirectional_bytes"])
                                for record in records),
                         [(1, 2, 1, head + len(parts[0]) + len(parts[3]) + len(packets[1])), (2, 1, 0, len(parts[2]))])

    def test_several_meters(self):
        packets = [wifi(b"".join(subframe(datagram(port)) for port in range(first, first + 9)) + subframe(datagram(first + 9), last=True), 0x80)
                   for first in range(1000, 2000, 10)]
        capture = self.write("links.pcap", frames.pcap(frames.every(0.001, packets), 105))
        for meters in (1, 3):
            result = self.ended_well(run("-r", capture, "-w", "-", *QUICK, "--set", f"meter.n_meters={meters}"))
            self.assertEqual(sorted(record["src_port"] for record in result.jsonl()), list(range(1000, 2000)))
            self.assertEqual(self.ledger(result).packets["read"], 1000)


if __name__ == "__main__":
    unittest.main()
