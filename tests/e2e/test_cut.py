"""A capture cut behind its nth packet, both parts metered by themselves: natively, under timeouts that end nothing, they have the
whole's packets and bytes and nothing that the whole doesn't have. In particular:

- each 5-tuple (with VLAN and tunnel) of a part is one of the whole's;
- of each, in each direction, the parts' packets and bytes add up to the whole's;
- the parts read as many packets as the whole, and ignore as many for each reason.

What makes an exception is a packet that can't be understood without an earlier one: a later fragment whose first one is in the other
part. It is ignored there (fragment_unknown), so sums may only be less, and by no more packets than that.

Run: python3 tests/e2e/run.py test_cut
"""
import collections
import concurrent.futures
import os
import struct
import unittest

from harness import CAPTURES, SHARED, Case, Ledger, run

ONE_IN = 6  # of the shared captures
LARGEST = 2_000_000
ENDLESS = ("--set", "meter.idle_timeout=1000000s", "--set", "meter.active_timeout=1000000s", "--set", "meter.n_dissections=0")
SECTION, INTERFACE, PACKETS = 0x0A0D0D0A, 1, (2, 3, 6)  # of pcapng


class Cutter:
    """The parts of a capture: .head comes before every part, .packets are bytes each. Of pcapng blocks that are no packets go with
    the head, so that both parts know the interfaces. None that can be cut: .packets is empty."""

    def __init__(self, data):
        self.head, self.packets = b"", []
        if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
            self.pcap(data, "<")
        elif data[:4] in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d"):
            self.pcap(data, ">")
        elif data[:4] == b"\x0a\x0d\x0d\x0a" and data[8:12] == b"\x4d\x3c\x2b\x1a":
            self.pcapng(data)

    def pcap(self, data, order):
        at, self.head = 24, data[:24]
        while at + 16 <= len(data):
            end = at + 16 + struct.unpack_from(order + "I", data, at + 8)[0]
            self.packets.append(data[at:end])
            at = end

    def pcapng(self, data):
        """Little-endian, one section; other ones aren't cut."""
        at = 0
        while at + 12 <= len(data):
            kind, size = struct.unpack_from("<II", data, at)
            block = data[at:at + size]
            if size < 12 or (kind == SECTION and at > 0):
                self.packets = []
                return
            if kind in PACKETS:
                self.packets.append(block)
            elif kind in (SECTION, INTERFACE):
                self.head += block
            at += size

    def parts(self, count):
        return self.head + b"".join(self.packets[:count]), self.head + b"".join(self.packets[count:])

    def cuts(self):
        """Behind the first packet, at three places between, and before the last one."""
        count = len(self.packets)
        return sorted({n for n in (1, count // 4, count // 2, count * 3 // 4, count - 1) if 0 < n < count})


class Sums:
    """Of a run: packets and bytes by 5-tuple and direction, and what was ignored."""

    def __init__(self, result):
        self.ledger = Ledger(result.lines)
        self.flows = collections.defaultdict(collections.Counter)
        for record in result.jsonl():
            place = (record["protocol"], record["vlan_id"], record["tunnel_id"], record["tunnel_key"])
            ends = ((record["src_ip"], record["src_port"]), (record["dst_ip"], record["dst_port"]))
            for name, key in (("src2dst", ends), ("dst2src", ends[::-1])):
                if record[f"{name}_packets"]:
                    self.flows[place + key].update(packets=record[f"{name}_packets"], bytes=record[f"{name}_bytes"])

    def __add__(self, other):
        both = object.__new__(Sums)
        both.flows = collections.defaultdict(collections.Counter)
        for flows in (self.flows, other.flows):
            for key, counts in flows.items():
                both.flows[key].update(counts)
        both.read = self.ledger.packets["read"] + other.ledger.packets["read"]
        both.why = collections.Counter(self.ledger.packets["why"]) + collections.Counter(other.ledger.packets["why"])
        return both


class Cut(Case):
    def meter(self, name, data):
        path = self.write(name, data)
        result = run("-r", path, "-w", "-", "--format", "jsonl", *ENDLESS)
        path.unlink()
        self.assertIn(result.code, (0, os.EX_DATAERR), f"{name}: {result}")
        self.assertFalse(Ledger(result.lines).residual, f"{name}: {result}")
        return Sums(result)

    def compare(self, whole, parts, what):
        """How many packets the parts lack."""
        self.assertEqual(parts.read, whole.ledger.packets["read"], what)
        lacks = 0
        self.assertEqual(parts.flows.keys() - whole.flows.keys(), set(), f"{what}: flows that the whole doesn't have")
        for key, counts in whole.flows.items():
            for name, count in counts.items():
                self.assertLessEqual(parts.flows[key][name], count, f"{what}: {name} of {key}")
            lacks += counts["packets"] - parts.flows[key]["packets"]
            if counts["packets"] == parts.flows[key]["packets"]:
                self.assertEqual(parts.flows[key], counts, f"{what}: {key}")
        whys = collections.Counter(whole.ledger.packets["why"])
        more = parts.why - whys
        self.assertEqual(whys - parts.why, collections.Counter(), f"{what}: the whole ignores what the parts don't")
        self.assertLessEqual(set(more), {"fragment_unknown"}, what)
        self.assertEqual(lacks, more["fragment_unknown"], what)
        return lacks

    def judge(self, path):
        """(cuts, cuts whose parts lack a packet)"""
        cutter = Cutter(path.read_bytes())
        if len(cutter.packets) < 2:
            return 0, 0
        whole = self.meter(path.name, cutter.parts(len(cutter.packets))[0])
        lacking = 0
        for count in cutter.cuts():
            one, other = (self.meter(f"{count}-{number}-{path.name}", part) for number, part in enumerate(cutter.parts(count)))
            lacking += self.compare(whole, one + other, f"{path.name} cut behind packet {count}") > 0
        return len(cutter.cuts()), lacking

    def check(self, paths):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = list(pool.map(self.judge, paths))
        cuts, lacking = (sum(column) for column in zip(*found))
        print(f"\n{sum(count > 0 for count, _ in found)} captures cut {cuts} times, {lacking} times within a fragmented packet")
        self.assertLess(lacking, cuts / 5)
        return cuts, lacking

    def test_captures_of_the_repository(self):
        cuts, lacking = self.check(sorted(CAPTURES.glob("*.pcap*")))
        self.assertGreater(cuts, 100)
        self.assertGreater(lacking, 0, "no capture has fragments: the exception isn't tested")

    @unittest.skipUnless((SHARED / "pcaps").is_dir(), f"{SHARED / 'pcaps'} is absent")
    def test_shared_captures(self):
        paths = sorted(path for path in (SHARED / "pcaps").glob("*.pcap*") if path.stat().st_size < LARGEST)
        self.check(paths[::1 if os.environ.get("LONG") == "yes" else ONE_IN])

    def test_a_difference_would_be_seen(self):
        """The comparison itself: a packet that is there twice, and one that is missing."""
        cutter = Cutter((CAPTURES / "tcp.pcap").read_bytes())
        whole = self.meter("whole.pcap", cutter.parts(len(cutter.packets))[0])
        one, other = (self.meter(f"{number}.pcap", part) for number, part in enumerate(cutter.parts(20)))
        twice = self.meter("twice.pcap", cutter.parts(21)[0])
        less = self.meter("less.pcap", cutter.parts(19)[0])
        self.assertEqual(self.compare(whole, one + other, "equal"), 0)
        for changed in (twice, less):
            with self.assertRaises(AssertionError):
                self.compare(whole, changed + other, "changed")


if __name__ == "__main__":
    unittest.main()
