"""What the tests of projections share: which captures they take, their records, and how numbers are compared."""
import functools
import hashlib
import json
import math
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
for folder in ("tests/parity", "tests/e2e", "deploy/python"):
    sys.path.insert(0, str(REPOSITORY / folder))

import polars  # noqa: E402

import flowsensor  # noqa: E402
from flowsensor import projections  # noqa: E402
from harness import CAPTURES, SHARED, Case, run  # noqa: E402
from oracle import captured, packets  # noqa: E402

SPLT = 255
WANTED = 30
MOST_BYTES, LEAST_PACKETS = 300_000, 20
# No tool cuts a flow that is shorter, nor one that is silent for less: the Python program has 90 s, ipfixprobe 30 s of silence.
LONGEST_US, SILENCE_US = 90_000_000, 30_000_000
ENDS = ("src_ip", "dst_ip", "src_port", "dst_port", "protocol")
ABSENT = f"the extra captures ({SHARED / 'pcaps'} is absent; FLOWSENSOR_SHARED names another folder)"
TOOL = Path(__file__).with_name("cicflowmeter_rows.py")


def fits(path):
    """The rule. Ethernet frames, whole and in order; TCP or UDP over IPv4 in some of them; no flow that a tool cuts."""
    if path.stat().st_size > MOST_BYTES:
        return False
    frames = list(captured.frames(path.read_bytes()))
    times = [time for time, *_ in frames]
    if any(link != packets.ETHERNET or len(data) != wire for _, link, data, wire in frames) or times != sorted(times):
        return False
    flows = defaultdict(list)
    for packet in packets.packets(frames):
        flows[packet.key].append(packet)
    known = sum(len(made) for made in flows.values() if made[0].version == 4 and made[0].protocol in (packets.TCP, packets.UDP))
    return known >= LEAST_PACKETS and not any(map(is_cut, flows.values()))


def is_cut(made):
    times = [packet.time for packet in made]
    return times[-1] - times[0] >= LONGEST_US or any(later - earlier >= SILENCE_US for earlier, later in zip(times, times[1:]))


@functools.lru_cache(None)
def chosen():
    """Of the captures that fit the first 30 by their digest, which is as good as by lot; the same ones each time."""
    folder = SHARED / "pcaps"
    found = [path for path in (*CAPTURES.glob("*.pcap*"), *(folder.iterdir() if folder.is_dir() else ())) if path.is_file()]
    found.sort(key=lambda path: hashlib.sha256(path.read_bytes()).digest())
    made, seen = [], set()
    for path in found:
        digest = hashlib.sha256(path.read_bytes()).digest()
        if digest not in seen and len(made) < WANTED and fits(path):
            made.append(path)
        seen.add(digest)
    return made


class Metered(Case):
    """Records of the chosen captures, made once."""

    frames = {}

    def meter(self, captures, *settings):
        """Whole flows outside of tunnels, each with its capture's name."""
        made = []
        for place, capture in enumerate(captures):
            path = self.folder / f"{place}.avro"
            result = run("-r", capture, "-w", path, "--schema", "flow_full/v1", *(word for setting in settings for word in ("--set", setting)))
            self.assertIn(result.code, (0, 65), result)
            frame = flowsensor.read(path).to_polars(all_columns=True)
            made.append(frame.filter(tunnel_id=0, slice=0).with_columns(capture=polars.lit(str(capture))))
        return polars.concat(made)

    def chosen_flows(self):
        if not self.frames:
            self.frames["chosen"] = self.meter(chosen(), f"meter.splt_analysis={SPLT}", "meter.tcp_end=false")  # no tool there ends a flow by FIN
        return self.frames["chosen"]


def close(ours, theirs, tolerance=1e-9):
    if isinstance(ours, str) or isinstance(ours, int) and isinstance(theirs, int):
        return ours == theirs
    return math.isclose(float(ours), float(theirs), rel_tol=tolerance, abs_tol=tolerance) or math.isnan(ours) and math.isnan(theirs)


def bounds(frame, name):
    """How far the approximate columns may be from another tool's, a row for each record."""
    chosen_one = projections.projection(name)
    return projections.evaluated(frame, chosen_one, {column.name: column.bound for column in chosen_one.columns if column.bound}).to_dicts()


class Comparison:
    """Counts the values of each column, and keeps what differs."""

    def __init__(self):
        self.compared, self.unknown, self.wrong = Counter(), Counter(), defaultdict(list)

    def take(self, column, ours, theirs, what, bound=None):
        """An absent number of ours can't be had from the record, and is counted."""
        if ours is None:
            self.unknown[column] += 1
            return
        self.compared[column] += 1
        same = close(ours, theirs) if bound is None else abs(ours - theirs) <= bound + 1e-9
        if not same:
            self.wrong[column].append(f"{column}: {ours} instead of {theirs}, {what}")

    def said(self):
        return {column: [len(found), *found[:3]] for column, found in self.wrong.items()}


def tool_rows(captures):
    """The Python program's rows of each capture; None where nothing has installed it."""
    python = os.environ.get("CICFLOWMETER_PYTHON")
    if not python:
        return None
    done = subprocess.run([python, str(TOOL), *map(str, captures)], capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"})
    return dict(zip(captures, map(json.loads, done.stdout.splitlines())))


def only(rows, key):
    """Those whose key no other one has."""
    by_key = defaultdict(list)
    for row in rows:
        by_key[key(row)].append(row)
    return {name: found[0] for name, found in by_key.items() if len(found) == 1}
