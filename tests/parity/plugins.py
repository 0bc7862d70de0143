#!/usr/bin/env python3
"""Compares the example plugins (deploy/examples/plugins) with their Python counterparts under NFStream 6.6.0.

    plugins.py [--binary PROGRAM] [CAPTURE...]

The plugins are built outside the tree against nothing but flowsensor/plugin.h. Each case runs NFStream with plugins of
its own (the tutorial's packet_with_40_ip_size where it ships none) and flowsensor with ours, in NFStream's profile; all
columns but those of nDPI must be equal, row by row, the udps by value: in NFStream's CSV they are Python's texts, in
ours JSON's. No plugin decides by a label, so no flow is left out. A capture on which NFStream's own plugin fails (its
parser raises what the plugin does not catch, and the meter dies) is counted as skipped.

By default every capture that a plugin finds something in is compared, and every sixth of the others; with LONG=yes all.
Exit code 1 on any difference, 69 when NFStream cannot be asked.
"""
import ast
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import compare
import harness
import nfstream_oracle

EXAMPLES = harness.REPOSITORY / "deploy" / "examples" / "plugins"
HEADER = harness.REPOSITORY / "sensor" / "meter" / "plugin.h"
ONE_IN = 6
# Ports of the protocols that plugins read, as a BPF expression for the counter that looks for them.
INTERESTING = "udp port 67 or udp port 5353"
COUNTER = "packet_with_40_ip_size=ip[2:2] = 40"


class Case:
    """NFStream's plugins and ours, which give the same."""

    def __init__(self, name, theirs, plugins, options=None, counters=()):
        self.name, self.theirs, self.plugins, self.counters = name, theirs, plugins, counters
        self.options = options or {}

    @property
    def oracle_options(self):
        return {**self.options, "udps": self.theirs}

    def settings(self, folder):
        """Arguments of flowsensor."""
        lines = [" ".join([str(folder / plugin.split()[0]), *plugin.split()[1:]]) for plugin in self.plugins]
        settings = harness.flowsensor_settings(self.options)
        if lines:
            settings += ["--set", "udps.plugins=" + ",".join(lines)]
        if self.counters:
            settings += ["--set", "udps.packets=" + ",".join(self.counters)]
        return settings


CASES = (
    Case("packet_with_40_ip_size (plugin), SPLT, MDNS",
         ["packet_with_40_ip_size", "SPLT sequence_length=20 accounting_mode=0", "MDNS"],
         ["packet_with_40_ip_size.so", "splt.so sequence_length=20", "mdns.so quirks=1"]),
    Case("packet_with_40_ip_size (counter), SPLT of payloads, flow slicer",
         ["FlowSlicer limit=3", "packet_with_40_ip_size", "SPLT sequence_length=255 accounting_mode=3"],
         ["flow_slicer.so limit=3", "splt.so sequence_length=255 accounting_mode=3"], {"statistical_analysis": True},
         [COUNTER]),
    Case("DHCP", ["DHCP"], ["dhcp.so"]),
    Case("flow slicer of single packets", ["packet_with_40_ip_size", "FlowSlicer limit=1"],
         ["packet_with_40_ip_size.so", "flow_slicer.so limit=1"], {"active_timeout": 2, "accounting_mode": 1}),
)


def build_plugins(folder):
    """Builds the examples in `folder`, where nothing of the tree but their sources and the one header is."""
    include = folder / "include" / "flowsensor"
    include.mkdir(parents=True)
    (include / "plugin.h").write_bytes(HEADER.read_bytes())
    for command in (["cmake", "-S", EXAMPLES, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={folder}"],
                    ["cmake", "--build", folder / "build"]):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"the examples don't build: {done.stdout}{done.stderr}")
    return folder / "build"


def run(binary, capture, settings):
    """flowsensor's CSV of a capture."""
    command = [str(binary), "--profile", "nfstream", "--format", "csv", "-r", str(capture), "-w", "-", *settings]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.TIME_LIMIT, check=False)
    if done.returncode in (0, harness.EXIT_DATAERR):
        return harness.Run(done.stdout, None)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return harness.Run(b"", f"flowsensor ended with status {done.returncode}: {lines[-1] if lines else 'no message'}")


def table(data):
    """Rows of a CSV export as dictionaries."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8", errors="surrogateescape"), newline="")))


def our_value(text):
    return json.loads(text) if text.startswith("[") else text


def their_value(text):
    if text.startswith("["):
        return ast.literal_eval(text)
    kinds = {"DISCOVER": 1, "OFFER": 2, "REQUEST": 3, "DECLINE": 4, "ACK": 5, "NACK": 6, "RELEASE": 7, "INFORM": 8}
    return str(kinds[text.removeprefix("MsgType.")]) if text.startswith("MsgType.") else text


def extra(column):
    """Columns of ours that NFStream's plugin has no counterpart of: a counter's directions."""
    return column.startswith(("udps.src2dst_", "udps.dst2src_"))


class Totals:
    def __init__(self):
        self.rows = self.cells = self.values = self.filled = self.ended = self.differing = self.skipped = 0


def compare_row(number, ours, theirs, totals):
    """The first difference of a row as a line, or None. Counts udps that say something, and flows that a plugin ended."""
    for column, text in theirs.items():
        if column in compare.L7_COLUMNS:
            continue
        totals.cells += 1
        if column.startswith("udps."):
            totals.values += 1
            totals.filled += text not in ("", "0", "[]")
            equal = our_value(ours[column]) == their_value(text)
        else:
            equal = compare.cells_equal(column, ours[column], text)
        if not equal:
            return f"row {number} {column}: flowsensor {ours[column]!r}, NFStream {text!r}"
    totals.ended += theirs["expiration_id"] == "-1"
    return None


def compare_tables(ours, theirs, totals):
    """Differences as lines."""
    if len(ours) != len(theirs):
        return [f"flowsensor has {len(ours)} rows, NFStream {len(theirs)}"]
    if not theirs:
        return []
    missing = sorted(set(theirs[0]) - set(ours[0]))
    surplus = sorted(column for column in set(ours[0]) - set(theirs[0]) if not extra(column))
    if missing or surplus:
        return [f"columns missing {missing}, surplus {surplus}"]
    totals.rows += len(theirs)
    found = (compare_row(number, *pair, totals) for number, pair in enumerate(zip(ours, theirs)))
    return [line for line in found if line]


def compare_case(binary, folder, case, captures, totals):
    """Compares one case; returns how many captures differ."""
    def work(capture):
        return run(binary, capture, case.settings(folder))

    bad = 0
    for capture, answer in harness.run_all(work, captures):
        oracle = nfstream_oracle.lookup(capture, case.oracle_options)
        if oracle is None or oracle.error is not None:
            totals.skipped += 1
            said = "no answer in time" if oracle is None else f"NFStream's plugin: {oracle.error.strip().splitlines()[-1]}"
            print(f"skipped {capture.name} [{case.name}]: {said}")
            continue
        lines = [answer.failure] if answer.failure else compare_tables(table(answer.output), table(oracle.csv), totals)
        for line in lines[:3]:
            print(f"DIFFERS {capture.name} [{case.name}]: {line}")
        totals.differing += len(lines)
        bad += bool(lines)
    return bad


def choose(binary, captures):
    """Every capture that has what the plugins read, and every sixth of the others; all of them with LONG=yes."""
    if os.environ.get("LONG") == "yes":
        return captures
    chosen = []
    for place, capture in enumerate(captures):
        if place % ONE_IN == 0:
            chosen.append(capture)
            continue
        answer = run(binary, capture, ["-f", INTERESTING, "--set", "meter.n_dissections=0"])
        if answer.output.count(b"\n") > 1:
            chosen.append(capture)
    return chosen


def main():
    """The whole comparison; returns the exit code."""
    arguments = harness.parse_arguments("Compares the example plugins with NFStream's.")
    captures, absent = harness.find_captures(arguments.captures)
    for line in absent:
        print(f"skipped: {line}")
    if not arguments.captures:
        captures = choose(arguments.binary, captures)
    started = time.monotonic()
    try:
        asked = nfstream_oracle.ensure(captures, [case.oracle_options for case in CASES])
    except nfstream_oracle.OracleUnavailable as error:
        print(f"plugins: {error}", file=sys.stderr)
        return 69
    print(f"{len(captures)} captures; asked NFStream {asked} times in {time.monotonic() - started:.1f} s")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="flowsensor-plugins-") as name:
        folder = build_plugins(Path(name))
        for case in CASES:
            totals = Totals()
            bad = compare_case(arguments.binary, folder, case, captures, totals)
            print(f"{case.name}: rows {totals.rows}, ended by a plugin {totals.ended}, cells {totals.cells}, udps {totals.values} "
                  f"({totals.filled} say something), differing {totals.differing}, captures skipped {totals.skipped}")
            failed += bad > 0 or (not arguments.captures and totals.filled == 0)
    print(f"plugins: {len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
