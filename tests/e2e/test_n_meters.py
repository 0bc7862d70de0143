"""Parallel meters: for any number of them the multiset of records is the same, nothing is evicted, nothing is lost.

Compared are all captures of tests/captures and of FLOWSENSOR_SHARED/pcaps under a fixed identity.key_file. `seq`, `boot_id`
and `id` are left aside; columns of L7 may differ, since nDPI's caches belong to one meter: at least 99.5 % must be equal,
and what differs must belong to a kind that label_kinds.py explains. Run: python3 tests/e2e/run.py test_n_meters
"""
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import unittest

import frames
import label_captures
from harness import CAPTURES, SHARED, Case, Ledger, run, wait_until
from label_kinds import KINDS, L7, Differences, kind_of, pair_up
from namespaces import NEAR, ip
# As modules: unittest runs every class of tests that a module has by name.
import test_live
import test_signals

METERS = (1, 2, 3, 8) if os.environ.get("LONG") == "yes" else (1, 3)
# record_time is of the meter that makes the record: each has a clock of its own. The numbers of the label go with its name.
ASIDE = ("seq", "boot_id", "id", "record_time", "application_id", "application_protocol_id")
KEY = "000102030405060708090a0b0c0d0e0f"


def captures():
    own = sorted(CAPTURES.glob("*.pcap*"))
    shared = SHARED / "pcaps"
    return own + (sorted(path for path in shared.iterdir() if ".pcap" in path.name) if shared.is_dir() else [])


def split(record):
    """A record's L7 columns, and all the rest but what is left aside. The flag guessed_label says what a column says."""
    labels = tuple(record.pop(name, None) for name in L7)
    flags = record.get("quality_flags")
    if flags is not None:
        record["quality_flags"] = [flag for flag in flags if flag != "guessed_label"]
    for name in ASIDE:
        record.pop(name, None)
    return json.dumps(record, sort_keys=True), labels


class Records:
    """The records of a run: how often each occurs, L7 aside, and the L7 columns that came with it."""

    def __init__(self, result):
        self.labels = collections.defaultdict(collections.Counter)
        for record in result.jsonl():
            rest, labels = split(record)
            self.labels[rest][labels] += 1
        self.multiset = collections.Counter({rest: sum(found.values()) for rest, found in self.labels.items()})

    def label_differences(self, other):
        """(columns compared, pairs of L7 columns that differ)."""
        pairs = [pair for rest, ours in self.labels.items() if ours != other.labels[rest] for pair in pair_up(ours, other.labels[rest])]
        return len(L7) * sum(self.multiset.values()), pairs


class Compared(Case):
    def records(self, capture, meters, *arguments):
        key = self.folder / "key"
        if not key.exists():
            key.write_text(KEY)
        result = run("-r", capture, "-w", "-", "--format", "jsonl", "--set", f"meter.n_meters={meters}",
                     "--set", f"identity.key_file={key}", *arguments)
        ledger = Ledger(result.lines)
        self.assertIn(result.code, (0, os.EX_DATAERR), f"{capture}: {result}")
        self.assertFalse(ledger.residual, f"{capture}: {result}")
        self.assertNotIn("evicted", ledger.flows["why"], f"{capture}: {result}")
        return Records(result)

    def all_explained(self, differences):
        """Fails if a difference of labels belongs to no kind."""
        self.assertEqual(differences.unexplained, [], "labels differ between numbers of meters; label_kinds.py has no kind for it")


class Files(Compared):
    def compare(self, meters, *arguments):
        """All captures with each number of meters against one meter."""
        paths, compared, flows = captures(), collections.Counter(), 0
        differences = {n: Differences() for n in meters[1:]}
        self.write("key", KEY)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = {(path, n): pool.submit(self.records, path, n, *arguments) for path in paths for n in meters}
            for path in paths:
                one = runs.pop((path, 1)).result()
                flows += sum(one.multiset.values())
                for n in meters[1:]:
                    other = runs.pop((path, n)).result()
                    self.assertEqual(other.multiset - one.multiset, collections.Counter(), f"{path.name}, {n} meters")
                    self.assertEqual(one.multiset - other.multiset, collections.Counter(), f"{path.name}, {n} meters")
                    columns, pairs = one.label_differences(other)
                    compared[n] += columns
                    differences[n].add(pairs, f"{path.name}, {n} meters")
        self.assertGreater(flows, len(paths))
        for n, found in differences.items():
            share = 1 - found.columns / compared[n]
            print(f"\n{len(paths)} captures, {flows} flows, {n} meters: {share:.4%} of {compared[n]} L7 columns equal{found}")
            with self.subTest(meters=n):
                self.all_explained(found)
                self.assertGreaterEqual(share, 0.995)

    def test_native_records_are_the_same(self):
        self.compare(METERS)

    def test_nfstream_records_are_the_same(self):
        self.compare((1, 3), "--profile", "nfstream", "--set", "meter.statistical_analysis=true", "--set", "meter.splt_analysis=20")

    def test_timeouts_cut_the_same(self):
        self.compare((1, 3), "--set", "meter.idle_timeout=1s", "--set", "meter.active_timeout=2s", "--set", "meter.n_dissections=0")

    def test_no_two_records_are_taken_for_one(self):
        """(flow_uid, slice, revision) names one record, also where each packet is a flow or a slice, several of one time."""
        self.write("key", KEY)
        for name in ("mix.pcap", "lossy.pcap", "http.pcap"):
            for timeout in ("idle", "active"):
                arguments = ("--set", f"meter.{timeout}_timeout=0s", "--set", "meter.n_dissections=0")
                one, other = (self.records(CAPTURES / name, meters, *arguments) for meters in (1, 3))
                self.assertEqual(one.multiset, other.multiset, name)
                keys = [(record["flow_uid"], record["slice"], record["revision"]) for record in map(json.loads, one.multiset.elements())]
                self.assertEqual(len(keys), len(set(keys)), f"{name}, {timeout}")
                self.assertGreater(len(keys), 50)

    def test_a_difference_would_be_seen(self):
        """The comparison itself: another timeout makes other records."""
        capture = CAPTURES / "mix.pcap"
        one, other = self.records(capture, 1), self.records(capture, 1, "--set", "meter.idle_timeout=1s")
        self.assertNotEqual(one.multiset, other.multiset)
        rest, labels = next((rest, next(iter(found))) for rest, found in other.labels.items() if len(found) == 1)
        other.labels[rest] = collections.Counter({("Changed", *labels[1:]): other.multiset[rest]})
        compared, pairs = self.records(capture, 1, "--set", "meter.idle_timeout=1s").label_differences(other)
        self.assertEqual(compared, len(L7) * sum(other.multiset.values()))
        differences = Differences()
        differences.add(pairs, "mix.pcap")
        self.assertEqual(differences.columns, other.multiset[rest])
        with self.assertRaisesRegex(AssertionError, f"mix.pcap: .*application_name: {labels[0]} / Changed"):
            self.all_explained(differences)


class Kinds(Compared):
    """The kinds by which labels may differ: each is one that nDPI shows, and none takes in more than it says."""

    def differing(self, packets):
        capture = self.write("made.pcap", packets)
        one, other = self.records(capture, 1), self.records(capture, 8)
        self.assertEqual(one.multiset, other.multiset)
        return one.label_differences(other)[1]

    def test_each_cache(self):
        """24 flows all at the meter of the first, one of eight: less likely than once in 10^21 runs."""
        if "nDPI 4.2" not in run("--version").text():
            self.skipTest("the caches are those of nDPI 4.2")
        made = label_captures.captures()
        self.assertEqual({cache for cache, _ in made}, {kind.cache for kind in KINDS})
        for cache, packets in made:
            with self.subTest(cache=cache):
                pairs = self.differing(packets)
                self.assertEqual({getattr(kind_of(*pair), "cache", pair) for pair in pairs}, {cache})
                for one, two in pairs:
                    self.assertEqual(kind_of(two, one).cache, cache)
                    self.assertIsNone(kind_of((*one[:-1], "changed"), two), "a column that no cache touches")
                    self.assertIsNone(kind_of(("Changed", *one[1:]), two))

    def test_records_pair_up_by_kind(self):
        """Several records that are equal but for labels: as they are sorted, one pair would be of no kind."""
        torrent, none = ("BitTorrent", "Download", True, 5, *[None] * 11), ("Unknown", "Unspecified", False, 0, *[None] * 11)
        whatsapp, stun = ("STUN.WhatsAppCall", "VoIP", False, 6, *[None] * 11), ("STUN", "Network", True, 6, *[None] * 11)
        self.assertIsNone(kind_of(whatsapp, none))
        pairs = pair_up(collections.Counter([torrent, whatsapp]), collections.Counter([none, stun]))
        self.assertEqual({kind_of(*pair).cache for pair in pairs}, {"bittorrent_cache", "stun_cache"})


class Ends(Case):
    """The ends of a run, with three threads that meter."""

    THREE = ("--set", "meter.n_meters=3")

    def test_every_meter_works(self):
        result = self.succeeds("-r", CAPTURES / "mix.pcap", "-w", "null:", *self.THREE)
        line = next(line for line in result.lines if "meters: 3" in line)
        shares = [int(number) for number in re.findall(r"\d+", line.split("packets")[1])]
        self.assertEqual(len(shares), 3)
        self.assertEqual(sum(shares), Ledger(result.lines).packets["metered"])
        self.assertGreater(min(shares), 0)

    def test_several_outputs(self):
        paths = [self.folder / name for name in ("a.avro", "b.csv", "c.jsonl")]
        result = self.succeeds("-r", CAPTURES / "mix.pcap", *(word for path in paths for word in ("-w", path)), *self.THREE)
        made = {output["acknowledged"] for output in Ledger(result.lines).outputs.values()}
        self.assertEqual(len(made), 1)
        seqs = sorted(json.loads(line)["seq"] for line in paths[2].read_text().splitlines())
        self.assertEqual(seqs, list(range(made.pop())))

    def test_a_cut_capture(self):
        cut = self.write("cut.pcap", (CAPTURES / "mix.pcap").read_bytes()[:-10])
        result = run("-r", cut, "-w", self.folder / "flows.jsonl", *self.THREE)
        self.failed(result, os.EX_DATAERR, ["cut.pcap"])
        self.assertGreater(Ledger(result.lines).flows["exported"], 400)
        self.assertFalse(Ledger(result.lines).residual, result)

    def test_a_full_disk(self):
        result = run("-r", CAPTURES / "mix.pcap", "-w", "/dev/full", "--format", "jsonl", "--set", "delivery.timeout=1s", *self.THREE)
        self.failed(result, os.EX_IOERR, ["/dev/full"])
        self.assertFalse(Ledger(result.lines).residual, result)

    def test_the_number_is_bounded(self):
        self.refused(os.EX_CONFIG, ["meter.n_meters", "65"], "-r", CAPTURES / "dns.pcap", "-w", "null:", "--set", "meter.n_meters=65")

    def test_zero_leaves_a_processor(self):
        """With affinity to one processor there is one meter, and its line of the balance is left out."""
        one = self.succeeds("-r", CAPTURES / "dns.pcap", "-w", "null:", "--set", "meter.n_meters=0", prefix=("taskset", "-c", "0"))
        self.assertFalse([line for line in one.lines if "meters:" in line])
        cores = len(os.sched_getaffinity(0))
        if cores > 2:
            many = self.succeeds("-r", CAPTURES / "dns.pcap", "-w", "null:", "--set", "meter.n_meters=0")
            self.assertTrue([line for line in many.lines if f"meters: {cores - 1}" in line])

    def test_the_budget_is_divided(self):
        """A table of 3,072 flows for all: each of three meters has 1,024, so 30,000 one-packet flows evict."""
        packets = [(0.0001 * i, frames.udp(1024 + i % 60000, 9, b"", source=f"10.1.{i // 250 % 250}.{i % 250 + 1}")) for i in range(30000)]
        capture = self.write("many.pcap", frames.pcap(packets))
        for meters in (1, 3):
            result = self.succeeds("-r", capture, "-w", "null:", "--set", f"meter.n_meters={meters}", "--set", "meter.flow_table_size=3072",
                                   "--set", "meter.n_dissections=0", "--set", "outputs.0.schema=flow/v1")
            evicted = Ledger(result.lines).flows["why"]["evicted"]
            self.assertGreaterEqual(evicted, 30000 - 3072)
            self.assertLess(evicted, 30000 - 2600)


class Stopped(test_signals.Signals):
    """The tests of signals, with three meters."""

    def start(self, *arguments, **options):
        return super().start(*arguments, "--set", "meter.n_meters=3", **options)

    def check_drained(self, running, path):
        result = self.ended_well(running.finish())
        records = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual([record["end_reason"] for record in records], ["shutdown"] * test_signals.FLOWS)
        return result


@unittest.skipUnless(test_live.ABLE, "network namespaces need root and iproute2")
class Shares(test_live.Live):
    """A live interface, shared out among three meters."""

    meters = 3
    # The kernel counts each of them.
    test_promiscuous_mode = None

    def capture(self, *arguments, **options):
        return super().capture(*arguments, "--set", "meter.n_meters=3", **options)

    def test_flows_are_whole(self):
        """Many hosts talk both ways, some in fragments: each flow is one record with all of its packets."""
        hosts = 40
        for host in range(hosts):
            ip("-n", self.wire.far, "addr", "add", f"10.77.0.{100 + host}/24", "dev", "far0")
        running = self.capture("-f", "udp")
        for host in range(hosts):
            self.echo(f"10.77.0.{100 + host}", 7100 + host)
        result = self.stop(running)
        records = [record for record in self.records() if 7100 <= record["dst_port"] < 7100 + hosts]
        self.assertEqual(len(records), hosts, result)
        for record in records:
            # A datagram of 4,000 bytes is three fragments each way.
            self.assertEqual((record["src2dst_packets"], record["dst2src_packets"]), (4, 4), record)
        line = next(line for line in result.lines if "meters: 3" in line)
        self.assertGreaterEqual(sum(int(number) > 0 for number in re.findall(r"\d+", line.split("packets")[1])), 2, line)

    def echo(self, host, port):
        """A small and a large datagram from `host`, and back."""
        serve = (f"import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('{NEAR}',{port})); s.settimeout(5)\n"
                 "for _ in range(2):\n  d,a=s.recvfrom(9000); s.sendto(d,a)")
        ask = (f"import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('{host}',5000)); s.settimeout(1)\n"
               f"for size in (10,4000):\n  for _ in range(20):\n    s.sendto(b'x'*size,('{NEAR}',{port}))\n"
               "    try:\n      s.recv(9000); break\n    except (ConnectionError, socket.timeout): time.sleep(0.05)  # a pause before it asks again")
        server = subprocess.Popen([*self.wire.prefix, sys.executable, "-c", serve])
        wait_until(lambda: f":{port:04X} " in self.udp_sockets(), what="the echo server")
        done = self.wire.in_far(sys.executable, "-c", ask)
        self.assertEqual(done.returncode, 0, done.stdout)
        server.wait(10)

    def udp_sockets(self):
        return subprocess.run([*self.wire.prefix, "cat", "/proc/net/udp"], capture_output=True, text=True, check=True).stdout
