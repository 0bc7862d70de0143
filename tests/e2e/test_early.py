"""Early and update records: the state of an open flow is that of its first packets, and what later records say stays the same.

The law is tried on all captures of tests/captures and of FLOWSENSOR_SHARED/pcaps, that of short slices on those of tests/captures;
LONG=yes tries both laws on all, and two meters too. Run: python3 tests/e2e/run.py test_early
"""
import collections
import concurrent.futures
import json
import os
import unittest

from early_model import Law, expected
from harness import CAPTURES, Case
from namespaces import SilentWire
# As modules: unittest runs every class of tests that a module has by name.
import test_live_and_file
import test_n_meters
from test_live import ABLE

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


class Files(Case):
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

    def obeys(self, law, records, what):
        """Each record is the state of so many packets, and there are those that must be."""
        end = max((record["bidirectional_last_seen"] for record in records), default=0)
        found = slices(records)
        for (uid, number), states in found.items():
            *open_states, final = states
            self.assertEqual([record["revision"] for record in states], list(range(len(states))), what)
            self.assertEqual({record["record_kind"] for record in states} & {"final"}, {"final"}, what)
            for before, state in zip([None, *open_states], open_states):
                self.assertIn(state["record_kind"], ("early", "update"), what)
                self.assertEqual(state["end_reason"], "open", what)
                self.is_prefix(law, state, final, what)
                self.grows(before or state, state, what)
            self.assertEqual(final["record_kind"], "final", what)
            self.grows(states[-2] if open_states else final, final, what)
            if final["bidirectional_packets"] <= law.splt and "fragment" not in final["quality_flags"]:
                following = found.get((uid, number + 1))
                until = following[0]["bidirectional_first_seen"] if following and final["end_reason"] == "active" else end
                self.are_all(law, open_states, final, until - final["bidirectional_first_seen"], what)

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

    def judge(self, capture, law, *options):
        """How many records of each kind one capture has."""
        records = self.records(capture, *law.options(), *options)
        made = [record["record_time"] for record in records]
        self.assertEqual(made, sorted(made), capture.name)
        self.obeys(law, records, capture.name)
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


if __name__ == "__main__":
    unittest.main()
