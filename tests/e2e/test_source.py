"""Each source and metering parameter of NFStreamer() by its name: test_PARAMETER. What NFStream 6.6.0 itself says is asked
(and remembered: tests/parity/nfstream_oracle.py), in files and at once on a wire between two network namespaces. A value that
NFStream refuses is refused here, with one line. Run: python3 tests/e2e/run.py test_source
"""
import csv
import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import frames
from harness import BINARY, CAPTURES, REPOSITORY, Case, Ledger, run, wait_until
from namespaces import SilentWire, ip
from test_live import wait_for_capture

PARITY = REPOSITORY / "tests" / "parity"
sys.path.append(str(PARITY))
import compare  # noqa: E402
import nfstream_oracle  # noqa: E402

# The folder has a harness.py too.
SPECIFICATION = importlib.util.spec_from_file_location("parity_harness", PARITY / "harness.py")
parity_harness = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(parity_harness)

HAS_NFSTREAM = importlib.util.find_spec("nfstream") is not None
ABLE = HAS_NFSTREAM and os.geteuid() == 0 and shutil.which("ip") is not None
MIX = CAPTURES / "mix.pcap"
LONG_LIVED = CAPTURES / "tcp.pcap"
# Of what is metered at once on a wire, what doesn't depend on the instant at which the kernel stamped a packet.
KEY = ("src_ip", "src_port", "dst_ip", "dst_port", "protocol", "vlan_id", "tunnel_id")
TIMELESS = re.compile(r"(src|dst)_(ip|mac|oui|port)|protocol|ip_version|vlan_id|tunnel_id|\w+_(packets|bytes)|"
                      r"\w+_(min|mean|stddev|max)_ps|splt_(direction|ps)")
MARKER = 9  # the port "discard"


class Against(Case):
    """Files: the same rows as NFStream's."""

    def same(self, source, **options):
        """Rows of both, which are equal; returns NFStream's."""
        nfstream_oracle.ensure_pairs([(source, options)])
        answer = nfstream_oracle.lookup(source, options)
        self.assertIsNotNone(answer, "NFStream gave no answer in time")
        self.assertIsNone(answer.error)
        ours = parity_harness.run_flowsensor(BINARY, source, options)
        self.assertIsNone(ours.failure)
        result = compare.compare_exports(ours.output, answer.csv)
        self.assertEqual((result.differences, result.rows), ([], answer.flows), options)
        self.assertGreater(result.rows, 0)
        header, rows = compare.parse_csv(answer.csv)
        return [dict(zip(header, row)) for row in rows]

    def both_refuse(self, parameter, value, *says, text=None, code=os.EX_CONFIG):
        """NFStream's setter and our option refuse a value."""
        from nfstream import NFStreamer
        with self.assertRaises(ValueError):
            NFStreamer(source=str(MIX), **{parameter: value})
        group = "capture" if parameter in parity_harness.OF_CAPTURE else "meter"
        text = str(value) if text is None else text
        self.refused(code, says or [f"{group}.{parameter}"], "-r", MIX, "-w", "null:", "--set", f"{group}.{parameter}={text}")


@unittest.skipUnless(HAS_NFSTREAM, "no nfstream here: run with the Python of tests/requirements.txt")
class Source(Against):
    def test_source_file(self):
        self.assertGreater(len(self.same(str(MIX))), 400)

    def test_source_list(self):
        """One stream: flows and ids go on from file to file, whatever their link types."""
        for names in (["http.pcap", "dns.pcap"], ["dns.pcap", "http.pcap"], ["rawip.pcap", "sll.pcap", "mix.pcap"]):
            self.same([str(CAPTURES / name) for name in names], statistical_analysis=True)
        halves = self.halves()
        self.assertEqual(len(self.same(halves)), len(self.same(str(LONG_LIVED))))
        self.assertLess(len(self.same(halves)), sum(len(self.same(half)) for half in halves))

    def halves(self):
        """A capture of long flows in two files."""
        data, at, ends = LONG_LIVED.read_bytes(), 24, []
        while at < len(data):
            at += 16 + struct.unpack_from("<I", data, at + 8)[0]
            ends.append(at)
        middle = ends[len(ends) // 2]
        return [str(self.write("1.pcap", data[:middle])), str(self.write("2.pcap", data[:24] + data[middle:]))]

    def test_source_list_with_a_file_that_breaks_off(self):
        """NFStream goes on with the next file, silently; so does flowsensor, and says so: exit 65."""
        for name in ("tcp.pcap", "two-interfaces.pcapng"):
            cut = self.write("cut-" + name, (CAPTURES / name).read_bytes()[:-7])
            files = [str(CAPTURES / "http.pcap"), str(cut), str(CAPTURES / "dns.pcap")]
            self.same(files)
            result = run("-r", files[0], "-r", files[1], "-r", files[2], "-w", "null:")
            self.failed(result, os.EX_DATAERR, [cut.name, "cut or damaged"])
            self.ledger(result)

    def test_source_list_with_a_file_that_is_none(self):
        """NFStream raises and loses the flows that are open; here the others are read, and the exit code is 65."""
        text = self.write("text.pcap", "no capture")
        files = [str(CAPTURES / "http.pcap"), str(text), str(CAPTURES / "dns.pcap")]
        nfstream_oracle.ensure_pairs([(files, {})])
        self.assertIn("unknown file format", nfstream_oracle.lookup(files, {}).error)
        result = run("-r", files[0], "-r", files[1], "-r", files[2], "-w", "null:")
        self.failed(result, os.EX_DATAERR, ["text.pcap", "is not a pcap"])
        others = self.succeeds("-r", files[0], "-r", files[2], "-w", "null:")
        self.assertEqual(self.ledger(result).outputs["null"]["acknowledged"], self.ledger(others).outputs["null"]["acknowledged"])

    def test_source_that_is_none(self):
        from nfstream import NFStreamer
        for source in ([], [str(MIX), "/nonexistent.pcap"], "/nonexistent.pcap", None):
            with self.assertRaises(ValueError):
                NFStreamer(source=source)
        self.refused(os.EX_USAGE, ["nothing to read"], "-w", "null:")
        self.refused(os.EX_NOINPUT, ["no such capture file: /nonexistent.pcap"], "-r", MIX, "-r", "/nonexistent.pcap", "-w", "null:")

    def test_decode_tunnels(self):
        for name, number in (("gtpu.pcap", "1"), ("tzsp.pcap", "3")):
            inside, outside = (self.same(str(CAPTURES / name), decode_tunnels=on) for on in (True, False))
            self.assertIn(number, {row["tunnel_id"] for row in inside})
            self.assertNotIn("tunnel_id", outside[0])
        self.both_refuse("decode_tunnels", 2)

    def test_bpf_filter(self):
        everything = self.same(str(MIX), bpf_filter="")
        some = self.same(str(MIX), bpf_filter="udp port 53")
        self.assertTrue(0 < len(some) < len(everything))
        for name, other in (("mix", "tcp and greater 200"), ("mix", "tcp[tcpflags] & tcp-syn != 0"), ("ipv6", "ip6 and not icmp6"),
                            ("vlan", "vlan and tcp"), ("sll", "tcp"), ("rawip", "ip host 10.0.0.1 or tcp")):
            self.same(str(CAPTURES / f"{name}.pcap"), bpf_filter=other)
        refused = {"bpf_filter": "udp prt 53"}
        nfstream_oracle.ensure_pairs([(str(MIX), refused)])
        self.assertIn("Unable to compile BPF filter", nfstream_oracle.lookup(str(MIX), refused).error)
        self.refused(os.EX_CONFIG, ["udp prt 53"], "-r", MIX, "-w", "null:", "-f", "udp prt 53")

    def test_idle_timeout(self):
        counts = [len(self.same(str(LONG_LIVED), idle_timeout=seconds)) for seconds in (0, 1, 120, 9223372036854)]
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.assertEqual(len(set(counts[:3])), 3)
        self.same(str(MIX), idle_timeout=0, statistical_analysis=True, splt_analysis=3)
        self.both_refuse("idle_timeout", -1, text="-1s")
        self.both_refuse("idle_timeout", 2 ** 64, text=f"{2 ** 64}s")
        # Legal for NFStream, but 292,471 years are the most here.
        self.refused(os.EX_CONFIG, ["too large"], "-r", MIX, "-w", "null:", "--set", "meter.idle_timeout=9223372036855s")

    def test_active_timeout(self):
        counts = [len(self.same(str(LONG_LIVED), active_timeout=seconds)) for seconds in (0, 1, 1800, 9223372036854)]
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.assertEqual(len(set(counts[:3])), 3)
        self.same(str(MIX), active_timeout=0, statistical_analysis=True)
        self.same(str(MIX), active_timeout=0, idle_timeout=0)
        self.both_refuse("active_timeout", -1, text="-1s")
        self.both_refuse("active_timeout", 2 ** 64, text=f"{2 ** 64}s")

    def test_accounting_mode(self):
        rows = [self.same(str(MIX), accounting_mode=mode, statistical_analysis=True, splt_analysis=5) for mode in range(4)]
        totals = [sum(int(row["bidirectional_bytes"]) for row in of_mode) for of_mode in rows]
        self.assertEqual(totals, sorted(totals, reverse=True))
        self.assertEqual(len(set(totals)), 4)
        for value in (-1, 4):
            self.both_refuse("accounting_mode", value)

    def test_n_dissections(self):
        for count in (0, 1, 2, 20, 254, 255):
            row = self.same(str(MIX), n_dissections=count)[0]
            self.assertEqual("application_name" in row, count > 0)
        for value in (-1, 256):
            self.both_refuse("n_dissections", value)

    def test_statistical_analysis(self):
        self.assertIn("bidirectional_stddev_ps", self.same(str(MIX), statistical_analysis=True)[0])
        self.assertNotIn("bidirectional_stddev_ps", self.same(str(MIX), statistical_analysis=False)[0])
        self.both_refuse("statistical_analysis", 2)

    def test_splt_analysis(self):
        for length in (0, 1, 10, 255, 256, 65535):
            row = self.same(str(LONG_LIVED), splt_analysis=length)[0]
            self.assertEqual(len(json.loads(row["splt_ps"])) if length else "splt_ps" in row, length)
        for value in (-1, 65536):
            self.both_refuse("splt_analysis", value)

    def swept(self):
        """30 flows, and then a packet whose sweep ends them all."""
        begin = [(0.02 * index, frames.udp(6000 + index, 53, b"question")) for index in range(30)]
        return str(self.write("swept.pcap", frames.pcap(begin + [(10, frames.udp(7000, 53, b"late")), (10.1, frames.udp(7001, 53, b"later"))])))

    def test_max_nflows(self):
        """Exactly so many rows, also in the middle of a sweep and of the end of the source; the rest is counted."""
        for source in (self.swept(), str(LONG_LIVED)):
            whole = self.same(source, idle_timeout=1)
            for count in (0, 1, 10, len(whole) - 1, len(whole), len(whole) + 1):
                self.assertEqual(self.same(source, idle_timeout=1, max_nflows=count), whole[:count or None])
        self.same([str(CAPTURES / "http.pcap"), str(MIX)], max_nflows=100)
        for value in (-1, "x"):
            self.both_refuse("max_nflows", value)

    def test_max_nflows_in_the_ledger(self):
        for source, total in ((self.swept(), 32), (MIX, 459)):
            for count in (3, total - 1, total, total + 1):
                result = self.succeeds("-r", source, "--profile", "nfstream", "-w", "null:", "--set", "meter.idle_timeout=1s",
                                       "--set", f"meter.max_nflows={count}")
                flows = self.ledger(result).flows
                self.assertEqual((flows["exported"], flows["open"]), (min(count, total), 0))
                # What isn't read isn't opened: with 3 of 32 the sweep after the 31st flow is the last.
                self.assertEqual(flows["discarded"], flows["opened"] - min(count, total))
                self.assertEqual(flows["discarded"] == 0, count >= total)
                if (count, total) == (3, 32):
                    self.assertEqual(flows["opened"], 31)

    def test_max_nflows_of_the_native_profile(self):
        every = self.succeeds("-r", MIX, "-w", "-").jsonl()
        some = self.succeeds("-r", MIX, "-w", "-", "--set", "meter.max_nflows=7").jsonl()
        self.assertEqual([record["src_port"] for record in some], [record["src_port"] for record in every[:7]])

    def test_max_nflows_comes_before_what_is_wrong_later(self):
        """As in NFStream, what is not read isn't judged."""
        cut = self.write("cut.pcap", frames.conversations(50)[:-5])
        result = self.succeeds("-r", cut, "-w", "-", "--set", "meter.max_nflows=1", "--set", "meter.idle_timeout=0")
        self.assertEqual(len(result.jsonl()), 1)

    def test_values_that_concern_live_capture_alone(self):
        self.both_refuse("snapshot_length", 0)
        self.both_refuse("snapshot_length", -1)
        self.both_refuse("socket_buffer_size", -1)
        self.both_refuse("socket_buffer_size", 2 ** 31)
        self.both_refuse("promiscuous_mode", 2)
        self.same(str(MIX), snapshot_length=1, socket_buffer_size=2 ** 31 - 1, promiscuous_mode=False)


def packet_sockets(namespace):
    """The packet sockets of a namespace, as ss describes them."""
    shown = subprocess.run(["ip", "netns", "exec", namespace, "ss", "-0", "-e", "-n", "-O"], stdout=subprocess.PIPE, text=True, check=False)
    return [line for line in shown.stdout.splitlines() if "ring_rx" in line]


def ring_bytes(line):
    return int(re.search(r"blk_size:(\d+)", line)[1]) * int(re.search(r"blk_nr:(\d+)", line)[1])


@unittest.skipUnless(ABLE, "NFStream (tests/requirements.txt), root and iproute2 are needed")
class Live(Case):
    """Both programs on one interface at the same time: the same flows."""

    def setUp(self):
        super().setUp()
        self.wire = SilentWire()
        self.addCleanup(self.wire.remove)

    def start_both(self, interface="near0", **options):
        """Starts NFStream and flowsensor, and waits until both capture."""
        self.theirs, self.ours = self.folder / "nfstream.csv", self.folder / "flowsensor.csv"
        command = [*self.wire.prefix, sys.executable, str(Path(__file__).parent / "nfstream_live.py"), interface,
                   json.dumps(options), str(self.theirs)]
        self.said = tempfile.TemporaryFile()
        self.addCleanup(self.said.close)
        self.nfstream = subprocess.Popen(command, stdout=self.said, stderr=self.said, start_new_session=True)
        self.addCleanup(self.end_nfstream)
        self.sensor = self.start("--profile", "nfstream", "-i", interface, "-w", self.ours,
                                 *parity_harness.flowsensor_settings(options), prefix=self.wire.prefix)
        wait_until(lambda: len(packet_sockets(self.wire.near)) == 2, limit=20, what="the start of both captures")
        # Between the ring and the filter there is a moment, of which NFStream says nothing.
        time.sleep(0.5)

    def end_nfstream(self):
        """NFStream's processes are a session of their own."""
        if self.nfstream.poll() is None:
            os.killpg(self.nfstream.pid, 9)
            self.nfstream.wait()

    def both(self, packets, expected, interface="near0", marked=(), **options):
        """What both find when the wire carries `packets` (a capture or frames): rows by key. Both are told by max_nflows to
        stop after `expected` flows, which end by markers that come after the idle timeout."""
        options = {"idle_timeout": 3 if isinstance(packets, Path) else 2, "max_nflows": expected, **options}
        self.start_both(interface, **options)
        if not isinstance(packets, Path):
            packets = self.write("sent.pcap", frames.pcap([(0, frame) for frame in packets]))
        began = time.monotonic()
        self.wire.replay(packets)
        self.assertLess(time.monotonic() - began, options["idle_timeout"], "the replay took too long for one flow per key")
        time.sleep(options["idle_timeout"] + 0.2)  # NFStream ends flows by the next packet's time
        marker = self.write("marker.pcap", frames.pcap([(0, marked or frames.udp(MARKER, MARKER, b"marker"))]))

        def both_end():
            self.wire.replay(marker)
            return self.nfstream.poll() is not None and self.sensor.process.poll() is not None

        def why_not():
            self.sensor.signal(2)
            self.said.seek(0)
            return f"{expected} flows of both; NFStream ended: {self.nfstream.poll()}, {self.said.read()[-500:]}; flowsensor: {self.sensor.finish()}"
        wait_until(both_end, what=why_not, pause=0.05)
        self.assertEqual(self.nfstream.returncode, 0)
        ledger = self.ledger(self.ended_well(self.sensor.finish()))
        self.assertEqual(ledger.flows["exported"], expected)
        return self.rows(self.ours), self.rows(self.theirs)

    @staticmethod
    def rows(path):
        """In the order of the file: the columns that don't depend on the clock."""
        with path.open(newline="", encoding="utf-8") as file:
            return [{name: value for name, value in row.items() if TIMELESS.fullmatch(name)} for row in csv.DictReader(file)]

    def same(self, *arguments, **options):
        ours, theirs = self.both(*arguments, **options)
        self.assertEqual(len(ours), len(theirs))
        for ours_row, their_row in zip(ours, theirs):
            self.assertEqual(list(ours_row), list(their_row))
            for name in ours_row:
                self.assertTrue(compare.is_double(name) and compare.cells_equal(name, ours_row[name], their_row[name])
                                or ours_row[name] == their_row[name], (name, ours_row, their_row))
        return ours

    def test_source_interface(self):
        """A capture of 458 flows with VLANs, tunnels, IPv6 and fragments, replayed; the rows are also those of the file."""
        options = {"statistical_analysis": True, "splt_analysis": 10}
        whole = ["--set", "meter.idle_timeout=1000000s", "--set", "meter.active_timeout=1000000s"]
        result = self.succeeds("--profile", "nfstream", "-r", MIX, "-w", self.folder / "file.csv", *whole,
                               *parity_harness.flowsensor_settings(options))
        of_file = self.rows(self.folder / "file.csv")
        self.assertEqual(len(of_file), Ledger(result.lines).flows["opened"])
        ours = self.same(MIX, len(of_file), socket_buffer_size=1 << 25, **options)
        self.assertEqual(ours, of_file)

    def frames_to(self, *ports, size=10):
        return [frames.udp(5000 + port, port, bytes(size)) for port in ports]

    def test_bpf_filter_live(self):
        rows = self.same(self.frames_to(7001, 7002, 7003, 7001), 2, bpf_filter=f"udp port 7001 or port 7003 or port {MARKER}")
        self.assertEqual([(row["dst_port"], row["bidirectional_packets"]) for row in rows], [("7001", "2"), ("7003", "1")])

    def test_max_nflows_live(self):
        """In the middle of a sweep: five flows are idle, three are emitted; both end by themselves."""
        rows = self.same(self.frames_to(7001, 7002, 7003, 7004, 7005), 3)
        self.assertEqual([row["dst_port"] for row in rows], ["7001", "7002", "7003"])

    def test_max_nflows_on_a_quiet_link(self):
        """Natively flows end by the clock, and so does the run: no packet comes after the limit."""
        running = self.start("-i", "near0", "-w", "null:", "--set", "meter.idle_timeout=1s", "--set", "meter.max_nflows=2",
                             prefix=self.wire.prefix)
        wait_for_capture(running)
        self.wire.replay(self.write("sent.pcap", frames.pcap([(0, frame) for frame in self.frames_to(7001, 7002, 7003)])))
        flows = self.ledger(self.ended_well(running.finish(10))).flows
        self.assertEqual((flows["exported"], flows["why"], flows["discarded"]), (2, {"idle": 2}, 1))

    def test_promiscuous_mode(self):
        """On a bridge, which has no frame for others unless it is promiscuous."""
        self.wire.bridge()
        own = bytes.fromhex("0200000000aa")
        for_us = [own + frame[6:] for frame in self.frames_to(7001, 7003)]
        for_others = self.frames_to(7002)
        marker = own + frames.udp(MARKER, MARKER, b"marker")[6:]
        for on, ports in ((True, ["7001", "7002", "7003"]), (False, ["7001", "7003"])):
            with self.subTest(on):
                rows = self.same([for_us[0], *for_others, for_us[1]], len(ports), interface="br0", marked=marker, promiscuous_mode=on)
                self.assertEqual([row["dst_port"] for row in rows], ports)

    def test_snapshot_length(self):
        """Sizes are those on the wire whatever is kept; NFStream ignores an IPv6 packet of which something is missing."""
        datagram = struct.pack("!HHHH", 5000, 7002, 8 + 100, 0) + bytes(100)
        ipv6 = struct.pack("!IHBB", 6 << 28, len(datagram), 17, 64) + b"\xfd" + bytes(14) + b"\1" + b"\xfd" + bytes(14) + b"\2"
        sent = self.frames_to(7001, size=1000) + [b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x86\xdd" + ipv6 + datagram]
        for length, ports in ((60, ["7001"]), (1536, ["7001", "7002"]), (1 << 30, ["7001", "7002"])):
            with self.subTest(length):
                rows = self.same(sent, len(ports), snapshot_length=length)
                self.assertEqual([row["dst_port"] for row in rows], ports)
                self.assertEqual(rows[0]["bidirectional_bytes"], str(14 + 20 + 8 + 1000))

    def test_socket_buffer_size(self):
        """The ring as the kernel reports it: NFStream's and ours."""
        sizes = []
        for size in (0, 1 << 20, 10_000_000):
            with self.subTest(size):
                self.start_both(socket_buffer_size=size)
                ours, theirs = map(ring_bytes, packet_sockets(self.wire.near))
                self.assertEqual(ours, theirs)
                sizes.append(ours)
                self.sensor.signal(15)
                self.sensor.finish()
                self.end_nfstream()
        self.assertEqual(sizes[1], 1 << 20)
        self.assertEqual(len(set(sizes)), 3)

    def test_least_snapshot_length_and_ring(self):
        """The least values that NFStream takes start here too."""
        for setting in ("capture.snapshot_length=1", "capture.socket_buffer_size=1"):
            running = self.start("-i", "near0", "-w", "null:", "--set", setting, prefix=self.wire.prefix)
            wait_until(lambda: packet_sockets(self.wire.near) or running.process.poll() is not None, what="the start")
            running.signal(15)
            self.ended_well(running.finish())


if __name__ == "__main__":
    unittest.main()
