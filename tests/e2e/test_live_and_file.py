"""Live equals file: the benchmark's mix, sent over a wire as fast as nothing is lost, gives the records of the file.

All of flow/v2 is compared but what is of the run, of the place, or a time. Of a time, whether there is one and of a list how many
there are is compared all the same. LONG=yes takes a mix ten times as large. Run: python3 tests/e2e/run.py test_live_and_file
"""
import collections
import json
import os
import re
import subprocess
import unittest
from typing import NamedTuple

from harness import REPOSITORY, Case
from namespaces import SilentWire
from test_live import ABLE, wait_for_capture

MEASURES = "what is lost at a rate"

TOOLS = REPOSITORY / "build" / "release" / "tests" / "bench"
# 12,500 flows of 200,000 packets, twice what the kernel's ring holds.
SCALE = 0.5 if os.environ.get("LONG") == "yes" else 0.05
# A rate at which something was lost is followed by this share of it; the last one is a twenty-fifth of the first.
SLOWER, ATTEMPTS = 0.7, 10
FEATURES = ("--set", "meter.statistical_analysis=true", "--set", "meter.splt_analysis=20")
# No flow is idle or active for as long, recorded or live: so the two runs cut no flow at different packets.
NO_TIMEOUTS = ("--set", "meter.idle_timeout=1h", "--set", "meter.active_timeout=2h")
# A ring that a busy machine let fill up without a loss would have the sensor do without some features.
NO_OVERLOAD = ("--set", "overload.steps=")
FLOW = ("src_ip", "src_port", "dst_ip", "dst_port", "protocol", "vlan_id", "tunnel_id", "tunnel_key", "slice", "revision")

# Why a field is left aside.
ASIDE = {
    "boot_id": "is of the run",
    "seq": "is of the run: the order in which flows end depends on time, and on several meters",
    "feature_hash": "is of the run: live it covers capture.snapshot_length",
    "flow_uid": "is made of the first packet's time",
    "capture_file": "is where the packets came from",
    "interface": "is where the packets came from",
    "interface_role": "is where the packets came from",
    "flow_direction": "is where the packets came from",
    "observation_point": "is where the packets came from",
}
# What the wire and the sender's pace make: when packets came, and how long after one another.
TIMES = re.compile(r"(bidirectional|src2dst|dst2src)_((first|last)_seen|duration_us|(min|mean|stddev|max)_piat_us)|splt_piat_us|record_time")
# How flows end that are open when the source does. Any other reason must be the same.
SOURCE_ENDED = {"end_of_input", "shutdown"}
LOST = re.compile(r"packets: .*not read: dropped by kernel (\d+)")


def comparable(name, value):
    if TIMES.fullmatch(name):
        return len(value) if isinstance(value, list) else value is not None
    return "the source ended" if name == "end_reason" and value in SOURCE_ENDED else value


class Records:
    """Records as a multiset for each flow: {values of FLOW: how often each record of it occurs}."""

    def __init__(self, path):
        self.flows, self.count, self.reasons = collections.defaultdict(collections.Counter), 0, set()
        with path.open(encoding="utf-8") as file:
            for line in file:
                self.add(json.loads(line))

    def add(self, record):
        self.count += 1
        self.reasons.add(record["end_reason"])
        compared = {name: comparable(name, value) for name, value in record.items() if name not in ASIDE}
        self.flows[tuple(record[name] for name in FLOW)][json.dumps(compared, sort_keys=True)] += 1

    def differences(self, other):
        """{flow: names of the fields that differ, or how many records only one of both has}."""
        found = {}
        for flow in self.flows.keys() | other.flows.keys():
            ours, theirs = self.flows[flow], other.flows[flow]
            if ours != theirs:
                found[flow] = differing(list((ours - theirs).elements()), list((theirs - ours).elements()))
        return found


def differing(ours, theirs):
    if len(ours) != 1 or len(theirs) != 1:
        return [f"{len(ours)} records, {len(theirs)} records"]
    one, two = json.loads(ours[0]), json.loads(theirs[0])
    return [f"{name}: {one.get(name)} / {two.get(name)}" for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)]


class Sent(NamedTuple):
    packets: int
    rate: float


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class Replays(Case):
    """Captures that are made, read, and sent over a wire."""

    def setUp(self):
        super().setUp()
        self.key = self.write("conn_key", "000102030405060708090a0b0c0d0e0f")
        self.key.chmod(0o600)
        self.wire = SilentWire()
        self.addCleanup(self.wire.remove)

    def mix(self, scale):
        """The path of a capture, made in the test's folder."""
        made = subprocess.run([TOOLS / "bench-generate", "--scale", f"{scale:g}", "--directory", self.folder, "mix"], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return made.stdout.strip()

    def arguments(self, path, meters):
        return ["-w", path, "--schema", "flow/v2", "--set", f"meter.n_meters={meters}", "--set", f"identity.conn_key_file={self.key}",
                *FEATURES, *NO_TIMEOUTS, *NO_OVERLOAD]

    def of_file(self, capture, meters, *settings):
        """The records, and the number of packets."""
        path = self.folder / f"file{meters}.jsonl"
        result = self.succeeds("-r", capture, *self.arguments(path, meters), *settings)
        return Records(path), self.ledger(result).packets["read"]

    def send(self, capture, rate, count):
        done = subprocess.run(["ip", "netns", "exec", self.wire.far, TOOLS / "bench-send", "far0", capture, f"{rate:.0f}", str(count)],
                              check=True, stdout=subprocess.PIPE, text=True)
        packets, microseconds = (int(re.search(rf"{name} (\d+)", done.stdout)[1]) for name in ("packets", "microseconds"))
        return Sent(packets, packets / microseconds * 1e6)

    def replay(self, capture, meters, rate, count, *settings):
        """(what was sent, how many of them the sensor didn't get, the file of its records)."""
        path = self.folder / "live.jsonl"
        path.unlink(missing_ok=True)
        running = self.start("-i", "near0", *self.arguments(path, meters), *settings, prefix=self.wire.prefix)
        wait_for_capture(running, meters)
        sent = self.send(capture, rate, count)
        running.signal(15)
        result = self.ended_well(running.finish())
        found = LOST.search("\n".join(result.lines))
        lost = int(found[1]) if found else 0
        self.assertEqual(self.ledger(result).packets["read"] + lost, sent.packets, result)
        return sent, lost, path

    def without_loss(self, capture, meters, count, *settings, rate=0):
        """The records at the highest rate of those tried at which nothing is lost, and what was sent."""
        for _attempt in range(ATTEMPTS):
            sent, lost, path = self.replay(capture, meters, rate, count, *settings)
            if lost == 0:
                return Records(path), sent
            print(f"\nlive: {meters} meters, {sent.rate:.0f} packets/s: {lost} of {sent.packets} lost", flush=True)
            rate = SLOWER * sent.rate
        raise AssertionError(f"the kernel dropped packets at {sent.rate:.0f} packets/s too; see to it that nothing else is busy")


class LiveAndFile(Replays):
    def same(self, meters):
        capture = self.mix(SCALE)
        recorded, packets = self.of_file(capture, meters)
        live, sent = self.without_loss(capture, meters, packets)
        print(f"\nlive: {meters} meters, {live.count} records of {sent.packets} packets at {sent.rate:.0f} packets/s", flush=True)
        self.assertEqual(recorded.count, 250_000 * SCALE)
        self.assertIn("tcp_fin", live.reasons)
        self.assertEqual((live.reasons - {"shutdown"}, "shutdown" in live.reasons), (recorded.reasons - {"end_of_input"}, True))
        self.assertEqual(live.differences(recorded), {})

    def test_one_meter(self):
        self.same(1)

    def test_two_meters(self):
        self.same(2)

    def test_a_difference_would_be_seen(self):
        """The last packet is not sent: one flow differs, by what that packet adds."""
        capture = self.mix(0.01)
        recorded, packets = self.of_file(capture, 1)
        live, _ = self.without_loss(capture, 1, packets - 1)
        (_flow, fields), = live.differences(recorded).items()
        self.assertIn("bidirectional_packets", [field.split(":")[0] for field in fields])
        self.assertLess(len(fields), 30, fields)

    def test_what_is_lost_would_be_seen(self):
        """A ring with room for little of what is sent at once."""
        _, lost, _ = self.replay(self.mix(0.01), 2, 0, 40_000, "--set", "capture.socket_buffer_size=128KiB")
        self.assertGreater(lost, 0)


if __name__ == "__main__":
    unittest.main()
