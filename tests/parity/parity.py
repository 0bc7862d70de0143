#!/usr/bin/env python3
"""Compares `flowsensor --profile nfstream` with NFStream 6.6.0, cell by cell.

    parity.py [--binary PROGRAM] [CAPTURE...]

Every capture of tests/captures and of ${FLOWSENSOR_SHARED}/pcaps is metered by both programs with NFStream's
defaults, and again with statistics on and SPLT 20. What counts as equal is in compare.py; NFStream's answers come
from nfstream_oracle.py and are remembered. Captures that NFStream itself refuses may be excepted, three at most:
they are listed in exceptions.txt, and their comparison shows NFStream's error.
Exit code 1 on any difference, 69 when NFStream cannot be asked.
"""
import sys
import time
from pathlib import Path

import compare
import harness
import nfstream_oracle

EXCEPTIONS = Path(__file__).resolve().parent / "exceptions.txt"
MAX_EXCEPTED = 3


class Totals:
    """What the whole run found."""

    def __init__(self):
        self.files = self.rows = self.cells = self.differing = self.excepted = self.failed = 0


def read_exceptions():
    """The excepted captures by the SHA-256 of their content (names may be reused, content not)."""
    lines = EXCEPTIONS.read_text(encoding="utf-8").splitlines()
    return {line.split()[0]: line.split()[1] for line in lines if line.strip() and not line.startswith("#")}


def standard_header(option_set, captures):
    """NFStream's header under these options, from the first capture in which it found a flow."""
    for capture in captures:
        answer = nfstream_oracle.lookup(capture, nfstream_oracle.OPTION_SETS[option_set])
        if answer and answer.csv:
            return compare.parse_csv(answer.csv)[0]
    return None


def compare_capture(capture, option_set, run, header, totals):
    """Differences of one capture under one option set, as lines; NFStream's error as the second value."""
    answer = nfstream_oracle.lookup(capture, nfstream_oracle.OPTION_SETS[option_set])
    if answer is None:
        return ["NFStream gave no answer in time"], None
    if answer.error is not None:
        return [], answer.error
    if run.failure:
        return [run.failure], None
    result = compare.compare_exports(run.output, answer.csv, header)
    totals.rows += result.rows
    totals.cells += result.cells
    totals.differing += result.differing
    more = result.differing - len(result.differences)
    return result.differences + ([f"and {more} more"] if more > 0 else []), None


def report(capture, findings, excepted, totals):
    """Prints what was found for one capture under all option sets, and counts it."""
    totals.files += 1
    errors = sorted({error for _, _, error in findings if error})
    bad = [(name, line) for name, lines, _ in findings for line in lines]
    if errors and excepted:
        totals.excepted += 1
        print(f"excepted {capture.name}: NFStream's own error: {errors[0].splitlines()[-1]}")
    elif errors:
        bad.append(("all", f"NFStream fails and {EXCEPTIONS.name} does not list it: {errors[0].splitlines()[-1]}"))
    elif excepted:
        bad.append(("all", f"{EXCEPTIONS.name} lists it, but NFStream does not fail"))
    for name, line in bad:
        print(f"DIFFERS {capture.name} [{name}]: {line}")
    totals.failed += bool(bad)


def compare_all(binary, captures, totals):
    """Runs and compares everything, capture by capture."""
    names = list(nfstream_oracle.OPTION_SETS)
    headers = {name: standard_header(name, captures) for name in names}
    exceptions = read_exceptions()
    pairs = [(capture, name) for capture in captures for name in names]

    def work(pair):
        return harness.run_flowsensor(binary, pair[0], nfstream_oracle.OPTION_SETS[pair[1]])

    findings = []
    for (capture, name), run in harness.run_all(work, pairs):
        findings.append((name, *compare_capture(capture, name, run, headers[name], totals)))
        if len(findings) == len(names):
            report(capture, findings, nfstream_oracle.capture_digest(capture) in exceptions, totals)
            findings = []


def main():
    """The whole comparison; returns the exit code."""
    arguments = harness.parse_arguments("Compares flowsensor with NFStream, cell by cell.")
    captures, skipped = harness.find_captures(arguments.captures)
    for line in skipped:
        print(f"skipped: {line}")
    started = time.monotonic()
    try:
        asked = nfstream_oracle.ensure(captures, list(nfstream_oracle.OPTION_SETS.values()))
    except nfstream_oracle.OracleUnavailable as error:
        print(f"parity: {error}", file=sys.stderr)
        return 69
    middle = time.monotonic()
    totals = Totals()
    compare_all(arguments.binary, captures, totals)
    print(f"asked NFStream {asked} times in {middle - started:.1f} s, compared in {time.monotonic() - middle:.1f} s")
    print(f"files {totals.files}, rows {totals.rows}, cells {totals.cells}, "
          f"differing {totals.differing}, excepted {totals.excepted}")
    if totals.excepted > MAX_EXCEPTED:
        print(f"more than {MAX_EXCEPTED} captures are excepted")
        totals.failed += 1
    if totals.rows == 0:
        print("nothing was compared")
        totals.failed += 1
    passed = max(0, totals.files - totals.failed - totals.excepted)
    print(f"parity: {passed} passed, {totals.failed} failed, {len(skipped) + totals.excepted} skipped")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
