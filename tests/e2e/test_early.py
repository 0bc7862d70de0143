"""Early and update records: the state of an open flow is that of its first packets, and what later records say stays the same.

The law is tried on all captures of tests/captures and of FLOWSENSOR_SHARED/pcaps, that of short slices on those of tests/captures;
LONG=yes tries both laws on all, and two meters too. It is also tried on a capture that is sent over a wire.
Run: python3 tests/e2e/run.py test_early
"""
import collections
import concurrent.futures
import csv
import json
import os
import unittest

import fastavro

from early_model import Law, expected
from harness import CAPTURES, Case
# As modules: unittest runs every class of tests that a module has by name.
import test_live_and_file
import test_n_meters

MEASURES = "what is lost at a rate"

LONG = os.environ.get("LONG") == "yes"
KEY = "000102030405060708090a0b0c0d0e0f"
USUAL = Law(packets=(3, 8, 20), after=500_000, interval=1_000_000)
# Slices are short, some of their states are due when they are idle already, and each interval may bring one.
SHORT = Law(packets=(1, 2), after=2_500_000, interval=70_000, idle=2_000_000, splt=300)
ACTIVE = ("--set", "meter.active_timeout=5s")
WAYS = ("bidirectional", "src2dst", "dst2src")
COUNTERS = [f"{way}_{what}" for way in WAYS
            for what in ("packets", "bytes", *(f"{flag}_packets" for flag in ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")))]
SPLT = ("splt_direction", "splt_ps", "splt_piat_us")
# Of the run, and of the place among its records.
ASIDE = ("seq", "boot_id", "record_time")


def slices(records):
    """{(flow_uid, slice): its records by revision}"""
    found = collections.defaultdict(list)
    for record in sorted(records, key=lambda record: record["revision"]):
        found[record["flow_uid"], record["slice"]].append(record)
    return found


def finals(records):
    return collections.Counter(json.dumps({name: value for name, value in record.items() if name not in (*ASIDE, "revision")}, sort_keys=True)
                               for record in records if record["record_kind"] == "final")


def multiset(records):
    """L7 columns aside: nDPI's caches belong to one meter."""
    return collections.Counter(test_n_meters.split(record)[0] for record in records)


class Obeys(Case):
    def obeys(self, law, records, what, end=None):
        """Each record is the state of so many packets, and there are those that must be. `end`: up to when packets came; None: not known."""
        found = slices(records)
        for (uid, number), states in found.items():
            *open_states, final = states
            self.assertEqual([record["revision"] for record in states], list(range(len(states))), what)
            self.assertEqual(final["record_kind"], "final", what)
            for before, state in zip([None, *open_states], open_states):
                self.assertIn(state["record_kind"], ("early", "update"), what)
                self.assertEqual(state["end_reason"], "open", what)
                self.is_prefix(law, state, final, what)
                self.grows(before or state, state, what)
            self.grows(states[-2] if open_states else final, final, what)
            if final["bidirectional_packets"] <= law.splt and "fragment" not in final["quality_flags"]:
                following = found.get((uid, number + 1)) if final["end_reason"] == "active" else None
                until = following[0]["bidirectional_first_seen"] if following else end
                self.are_all(law, open_states, final, until and until - final["bidirectional_first_seen"], what)
    def is_prefix(self, law, state, final, what):
        """SPLT, bytes, duration and extremes are those of the final's first packets."""
        count = state["bidirectional_packets"]
        kept = min(count, law.splt)
        for name in SPLT:
            self.assertEqual(state[name], final[name][:kept], what)
        if count > law.splt:
            return
        sizes = final["splt_ps"][:count]
        self.assertEqual(state["bidirectional_bytes"], sum(sizes), what)
        self.assertEqual(state["dst2src_packets"], sum(final["splt_direction"][:count]), what)
        self.assertEqual((state["bidirectional_min_ps"], state["bidirectional_max_ps"]), (min(sizes), max(sizes)), what)
        self.assertAlmostEqual(state["bidirectional_mean_ps"], sum(sizes) / count, 6, what)
        self.assertEqual(state["bidirectional_duration_us"], sum(final["splt_piat_us"][:count]), what)

    def grows(self, before, after, what):
        for name in COUNTERS:
            self.assertLessEqual(before[name], after[name], f"{what}: {name}")
        self.assertEqual(before["bidirectional_first_seen"], after["bidirectional_first_seen"], what)

    def are_all(self, law, open_states, final, end, what):
        must, may = expected(law, final, end)
        have = [(record["record_kind"], record["bidirectional_packets"]) for record in open_states]
        self.assertEqual(have[:len(must)], must, f"{what}: {final['flow_uid']} slice {final['slice']}")
        self.assertEqual(have[len(must):], may[:len(have) - len(must)], f"{what}: {final['flow_uid']} slice {final['slice']}")


class Read(Obeys):
    def setUp(self):
        super().setUp()
        self.key = self.write("key", KEY)

    def arguments(self, *options):
        return ["-w", "-", "--format", "jsonl", "--schema", "flow/v2", "--set", f"identity.key_file={self.key}", *options]

    def records(self, capture, *options):
        result = test_n_meters.run("-r", capture, *self.arguments(*options))
        self.assertIn(result.code, (0, 65), f"{capture}: {result}")
        self.assertFalse(test_n_meters.Ledger(result.lines).residual, f"{capture}: {result}")
        return result.jsonl()


class Files(Read):
    def judge(self, capture, law, *options):
        """How many records of each kind one capture has."""
        records = self.records(capture, *law.options(), *options)
        made = [record["record_time"] for record in records]
        self.assertEqual(made, sorted(made), capture.name)
        end = max((record["bidirectional_last_seen"] for record in records), default=0)
        self.obeys(law, records, capture.name, end)
        self.assertEqual(finals(records), finals(self.records(capture, *law.others(), *options)), capture.name)
        for meters in (2, 3) if LONG else (3,):
            others = self.records(capture, *law.options(), *options, "--set", f"meter.n_meters={meters}")
            self.assertEqual(multiset(others), multiset([dict(record) for record in records]), f"{capture.name}: {meters} meters")
        return collections.Counter(record["record_kind"] for record in records)

    def judge_all(self, law, captures, *options):
        kinds = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for counted in pool.map(lambda capture: self.judge(capture, law, *options), captures):
                kinds += counted
        print(f"\n{len(captures)} captures: {dict(kinds)}", flush=True)
        for kind in ("early", "update", "final"):
            self.assertGreater(kinds[kind], len(captures), "too few to prove anything")

    def test_all_captures(self):
        self.judge_all(USUAL, test_n_meters.captures())

    def test_short_slices(self):
        self.judge_all(SHORT, test_n_meters.captures() if LONG else sorted(CAPTURES.glob("*.pcap*")), *ACTIVE)


class Outputs(Read):
    """Who gets which records, and what is refused."""

    EARLY = ("--set", "meter.early_packets=2")

    def config(self, outputs, meter=""):
        return self.write("flowsensor.conf", f"meter = {{ {meter} }};\noutputs = ( {outputs} );\n")

    def kinds(self, name, read=lambda path: [json.loads(line) for line in path.read_text().splitlines()]):
        return collections.Counter(record["record_kind"] for record in read(self.folder / name))

    def test_each_output_takes_its_kinds(self):
        outputs = [("all.jsonl", ""), ("early.jsonl", '"early"'), ("rest.csv", '"final", "update"'), ("all.avro", '"auto"')]
        config = self.config(", ".join(f'{{ name = "{name}"; path = "{self.folder / name}"; {f"record_kinds = [ {kinds} ];" if kinds else ""} }}' for name, kinds in outputs),
                             'early_packets = [ "2" ]; update_interval = "100ms";')
        result = self.succeeds("-c", config, "-r", CAPTURES / "mix.pcap")
        flows, made = self.ledger(result).flows, {"final": self.ledger(result).flows["exported"]}
        made.update({kind: flows[kind] for kind in ("early", "update")})
        self.assertGreater(min(made.values()), 5)
        self.assertEqual(self.kinds("all.jsonl"), made)
        self.assertEqual(self.kinds("all.avro", lambda path: fastavro.reader(path.open("rb"))), made)
        self.assertEqual(self.kinds("early.jsonl"), {"early": made["early"]})
        self.assertEqual(self.kinds("rest.csv", lambda path: csv.DictReader(path.open())), {"final": made["final"], "update": made["update"]})
        for name in ("all.jsonl", "early.jsonl"):
            numbers = [json.loads(line)["seq"] for line in (self.folder / name).read_text().splitlines()]
            self.assertEqual(numbers, list(range(len(numbers))), "seq is gapless in each output")

    def test_rotation_counts_records(self):
        config = self.config(f'{{ path = "{self.folder / "flows.jsonl"}"; rotate_flows = 7; }}', 'early_packets = [ "1", "2", "3" ];')
        self.ledger(self.succeeds("-c", config, "-r", CAPTURES / "mix.pcap"))
        lengths = sorted(len(path.read_text().splitlines()) for path in self.folder.glob("flows*.jsonl"))
        self.assertEqual(set(lengths[1:]), {7})

    def test_max_nflows_counts_final_records(self):
        """And nothing follows the last one."""
        records = self.records(CAPTURES / "mix.pcap", "--set", "meter.early_packets=1", "--set", "meter.max_nflows=5", "--set", "meter.idle_timeout=0")
        kinds = [record["record_kind"] for record in records]
        self.assertEqual((kinds.count("final"), kinds[-1]), (5, "final"))
        self.assertGreaterEqual(kinds.count("early"), 5)

    def test_what_cannot_be_is_refused(self):
        key = ("-r", CAPTURES / "mix.pcap", "-w", "-")
        for says, *words in (("native profile", *self.EARLY, "--profile", "nfstream"),
                             ("native profile", "--set", "meter.update_interval=1s", "--profile", "nfstream"),
                             ("rising order", "--set", "meter.early_packets=3,2"),
                             ("is no number of a packet", "--set", "meter.early_packets=two"),
                             ("no output takes them", *self.EARLY, "--set", "outputs.0.record_kinds=final"),
                             ("no such record is made", "--set", "outputs.0.record_kinds=final,early"),
                             ("meter.active_timeout", "--set", "meter.update_interval=1ms"),
                             ("capture.block_timeout", "--set", "capture.block_timeout=2s")):
            self.refused(78, [says], *key, "--format", "jsonl", *words)


class Live(test_live_and_file.Replays, Obeys):
    """A capture that is sent over a wire."""

    MIX = 0.01
    RATE = 20_000  # packets per second, so that it takes two seconds
    LAW = Law(packets=(3, 8, 20), after=50_000, interval=200_000, idle=3_600_000_000, splt=20)

    def same_as_of_the_file(self, meters):
        """Records at numbers of packets don't depend on when the packets came."""
        capture, settings = self.mix(self.MIX), self.LAW._replace(after=0, interval=0).options()
        recorded, packets = self.of_file(capture, meters, *settings)
        live, _sent = self.without_loss(capture, meters, packets, *settings)
        self.assertGreater(recorded.count, 2 * 250_000 * self.MIX)
        self.assertEqual(live.differences(recorded), {})

    def test_one_meter(self):
        self.same_as_of_the_file(1)

    def test_two_meters(self):
        self.same_as_of_the_file(2)

    def test_times(self):
        """By the times that the records have, live each state holds the packets before its time, and only those."""
        capture = self.mix(self.MIX)
        _recorded, packets = self.of_file(capture, 1)
        for meters in (1, 2):
            live, _sent = self.without_loss(capture, meters, packets, *self.LAW.options(), rate=self.RATE)
            records = [json.loads(line) for line in (self.folder / "live.jsonl").read_text().splitlines()]
            kinds = collections.Counter(record["record_kind"] for record in records)
            print(f"\nlive: {meters} meters: {dict(kinds)}", flush=True)
            self.assertEqual(live.count, kinds.total())
            self.obeys(self.LAW, records, f"{meters} meters")
            self.assertGreater(min(kinds["early"], kinds["update"]), 100, "too few to prove anything")


if __name__ == "__main__":
    unittest.main()
