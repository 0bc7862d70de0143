#!/usr/bin/env python3
"""Compares the nine columns of nDPI with NFStream 6.6.0's, with the same nDPI in both.

    labels_ndpi5.py [--binary PROGRAM] [--list] [CAPTURE...]

The sensor is built with the nDPI 5.0 of NFStream's own wheel (ndpi_of_nfstream.py), in build/labels_ndpi5; the build is kept while
the sensor's sources and the wheel are the same. With --binary another program is compared, for which no more is asked than that
there are flows: that tells how far the labels of its nDPI are NFStream's.

Rows are compared in their order, as parity.py does, under NFStream's defaults, whose answers are remembered. A text is compared as
valid UTF-8: the sensor puts U+FFFD for a byte that is none (a record's strings must be UTF-8), NFStream leaves it out.
Exit code 1 on any difference, 69 when NFStream cannot be asked.
"""
import collections
import os
import subprocess
import sys
import time
from pathlib import Path

import compare
import harness
import nfstream_oracle
import parity

FOLDER = harness.REPOSITORY / "build" / "labels_ndpi5"
COLUMNS = ("application_name", "application_category_name", "application_is_guessed", "application_confidence",
           "requested_server_name", "client_fingerprint", "server_fingerprint", "user_agent", "content_type")
OPTIONS = nfstream_oracle.OPTION_SETS["defaults"]
EXAMPLES = 20


class Tally:
    """Counts of the whole run."""

    def __init__(self):
        self.files = self.rows = self.failed = self.excepted = 0
        self.differing = collections.Counter()
        self.replaced = 0
        self.examples = []


def build():
    """The sensor with NFStream's nDPI; what the build says when it fails."""
    import ndpi_of_nfstream
    FOLDER.mkdir(parents=True, exist_ok=True)
    revision = ndpi_of_nfstream.make(FOLDER / "ndpi")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(FOLDER / "ndpi")}
    tree = FOLDER / "tree"
    for command in (["cmake", "-S", harness.REPOSITORY, "-B", tree, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1",
                     "-DBUILD_TESTING=OFF"], ["cmake", "--build", tree, "--target", "flowsensor"]):
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stdout.decode(errors="replace")[-4000:] + "labels_ndpi5: the sensor does not build with NFStream's nDPI")
    return tree / "sensor" / "flowsensor", revision


def cells(data):
    """The nine columns of an export's rows."""
    header, rows = compare.parse_csv(data)
    places = [header.index(name) for name in COLUMNS] if header else []
    return [[row[place] for place in places] for row in rows]


def compare_cells(capture, ours, theirs, tally):
    """Counts what differs of one capture."""
    if len(ours) != len(theirs):
        tally.failed += 1
        print(f"DIFFERS {capture.name}: flowsensor has {len(ours)} rows, NFStream {len(theirs)}")
        return
    tally.rows += len(ours)
    for number, (our_row, their_row) in enumerate(zip(ours, theirs)):
        for name, our_cell, their_cell in zip(COLUMNS, our_row, their_row):
            if our_cell == their_cell:
                continue
            if our_cell.replace("\ufffd", "") == their_cell:
                tally.replaced += 1
                continue
            tally.differing[name] += 1
            tally.examples.append(f"DIFFERS {capture.name} row {number} {name}: flowsensor {our_cell!r}, NFStream {their_cell!r}")


def compare_all(binary, captures, tally):
    exceptions = parity.read_exceptions()
    for capture, run in harness.run_all(lambda capture: harness.run_flowsensor(binary, capture, OPTIONS), captures):
        answer = nfstream_oracle.lookup(capture, OPTIONS)
        if answer is not None and answer.error is not None and nfstream_oracle.capture_digest(capture) in exceptions:
            tally.excepted += 1
            continue
        tally.files += 1
        failure = "NFStream gave no answer in time" if answer is None else answer.error or run.failure
        if failure:
            tally.failed += 1
            print(f"DIFFERS {capture.name}: {failure}")
        else:
            compare_cells(capture, cells(run.output), cells(answer.csv), tally)


def report(tally, arguments):
    for line in tally.examples if arguments.list else tally.examples[:EXAMPLES]:
        print(line)
    for name in COLUMNS:
        equal = tally.rows - tally.differing[name]
        print(f"{name:27} {equal} of {tally.rows} equal ({100 * equal / max(1, tally.rows):.1f} %)")
    print(f"files {tally.files}, rows {tally.rows}, cells with bytes that are no UTF-8: {tally.replaced}, excepted {tally.excepted}")


def main():
    """The whole comparison; returns the exit code."""
    def more(parser):
        parser.set_defaults(binary=None)
        parser.add_argument("--list", action="store_true", help="show every differing cell")

    arguments = harness.parse_arguments("Compares nDPI's columns with NFStream's.", more, needs_binary=False)
    captures, skipped = harness.find_captures(arguments.captures)
    for line in skipped:
        print(f"skipped: {line}")
    started = time.monotonic()
    try:
        asked = nfstream_oracle.ensure(captures, [OPTIONS])
        nfstream_oracle.load_nfstream()
    except nfstream_oracle.OracleUnavailable as error:
        print(f"labels_ndpi5: {error}", file=sys.stderr)
        return 69
    binary, revision = (arguments.binary, "of its own") if arguments.binary else build()
    middle = time.monotonic()
    tally = Tally()
    compare_all(binary, captures, tally)
    report(tally, arguments)
    print(f"nDPI {revision}; asked NFStream {asked} times and built in {middle - started:.1f} s, compared in {time.monotonic() - middle:.1f} s")
    differs = tally.failed or (tally.differing.total() and not arguments.binary) or not tally.rows
    print(f"labels_ndpi5: {tally.files - tally.failed} passed, {tally.failed + bool(tally.differing)} failed, {len(skipped) + tally.excepted} skipped")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
