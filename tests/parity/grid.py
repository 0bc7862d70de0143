#!/usr/bin/env python3
"""Compares `flowsensor --profile nfstream` with NFStream 6.6.0 under combinations of its parameters, cell by cell.

    grid.py [--long | --full] [--binary PROGRAM] [CAPTURE...]

The combinations are pairwise.py's: 24 that cover every pair of values. By default each capture meets one block of
four of them, chosen by its content, in which every value of every parameter occurs; --long (or LONG=yes in the
environment): each capture meets all 24; --full: all 1,536, which asks NFStream for hours the first time.
The rule of equality is compare.py's; NFStream's answers are remembered (nfstream_oracle.py). Where NFStream refuses
a capture (its own error: a filter that can't be compiled for the link type, no capture at all) flowsensor must too.
Exit code 1 on any difference, 69 when NFStream cannot be asked.
"""
import os
import sys
import time

import compare
import harness
import nfstream_oracle
import pairwise


class Totals:
    """What the whole run found."""

    def __init__(self):
        self.comparisons = self.rows = self.cells = self.differing = self.refused = self.asked = 0
        self.failed = set()
        self.combinations = 0
        self.asking = 0.0


def add_mode(parser):
    """--long and --full."""
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--long", action="store_true", default=os.environ.get("LONG") == "yes",
                      help="every capture under all 24 combinations")
    mode.add_argument("--full", action="store_true", help="every capture under all 1,536 combinations")


def block_of(capture, count):
    """Which block a capture meets by default: by its content, so that names and other captures don't matter."""
    return int(nfstream_oracle.capture_digest(capture)[:8], 16) % count


def schedule(captures, arguments):
    """(combination, the captures that meet it), in order."""
    if arguments.full:
        return [(combination, captures) for combination in pairwise.full()]
    blocks = pairwise.blocks()
    if arguments.long:
        return [(combination, captures) for block in blocks for combination in block]
    return [(combination, [capture for capture in captures if block_of(capture, len(blocks)) == number])
            for number, block in enumerate(blocks) for combination in block]


def describe(combination):
    """Names and values as a person reads them."""
    return " ".join(f"{name}={value}" for name, value in combination.items())


def judge(capture, combination, run, header, totals):
    """The differences of one capture under one combination, as lines."""
    answer = nfstream_oracle.lookup(capture, combination)
    totals.comparisons += 1
    if answer is None:
        return ["NFStream gave no answer in time"]
    if answer.error is not None:
        totals.refused += 1
        return [] if run.refused else [f"NFStream fails, flowsensor does not: {answer.error.splitlines()[-1]}"]
    if run.failure or run.refused:
        return [run.failure or "flowsensor refuses it, NFStream does not"]
    result = compare.compare_exports(run.output, answer.csv, header)
    totals.rows += result.rows
    totals.cells += result.cells
    totals.differing += result.differing
    more = result.differing - len(result.differences)
    return result.differences + ([f"and {more} more"] if more > 0 else [])


def header_of(captures, combination):
    """NFStream's header under a combination, from the first capture in which it found a flow."""
    answers = (nfstream_oracle.lookup(capture, combination) for capture in captures)
    return next((compare.parse_csv(answer.csv)[0] for answer in answers if answer and answer.csv), None)


def compare_combination(binary, combination, captures, totals):
    """Asks NFStream what is missing, then runs and compares all captures under one combination."""
    began = time.monotonic()
    totals.asked += nfstream_oracle.ensure_pairs((capture, combination) for capture in captures)
    totals.asking += time.monotonic() - began
    totals.combinations += 1
    header = header_of(captures, combination)

    def work(capture):
        return harness.run_flowsensor(binary, capture, combination)

    for capture, run in harness.run_all(work, captures):
        for line in judge(capture, combination, run, header, totals):
            totals.failed.add(capture)
            print(f"DIFFERS {capture.name} [{describe(combination)}]: {line}", flush=True)


def main():
    """The whole comparison; returns the exit code."""
    arguments = harness.parse_arguments("Compares flowsensor with NFStream under combinations of parameters.", add_mode)
    captures, skipped = harness.find_captures(arguments.captures)
    for line in skipped:
        print(f"skipped: {line}")
    started, totals = time.monotonic(), Totals()
    try:
        for combination, of_it in schedule(captures, arguments):
            compare_combination(arguments.binary, combination, of_it, totals)
    except nfstream_oracle.OracleUnavailable as error:
        print(f"grid: {error}", file=sys.stderr)
        return 69
    print(f"asked NFStream {totals.asked} times in {totals.asking:.1f} s, "
          f"compared in {time.monotonic() - started - totals.asking:.1f} s")
    print(f"combinations {totals.combinations}, files {len(captures)}, comparisons {totals.comparisons}, "
          f"rows {totals.rows}, cells {totals.cells}, differing {totals.differing}, refused by both {totals.refused}")
    if totals.rows == 0:
        print("nothing was compared")
    print(f"grid: {len(captures) - len(totals.failed)} passed, {len(totals.failed)} failed, {len(skipped)} skipped")
    return 1 if totals.failed or totals.rows == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
