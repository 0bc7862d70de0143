#!/usr/bin/env python3
"""Runs the end-to-end tests of the flowsensor binary; the closing line counts them.

Usage: python3 tests/e2e/run.py [-v] [-k PATTERN] [--only alone|shared] [MODULE ...]
       python3 tests/e2e/run.py --soak MINUTES [--seed N]

A module that measures something says so in MEASURES: what, in a few words. It needs the machine for itself (--only alone); all others
pass beside other work too (--only shared).

Needs: the binary (environment FLOWSENSOR, default build/release/sensor/flowsensor), the Python packages fastavro and
confluent-kafka, Java and the servers that deploy/local/servers.sh installs; root and iproute2 for the tests that make
network namespaces and change users. FLOWSENSOR_SHARED names a folder of extra captures, FLOWSENSOR_SANITIZED a binary
built with sanitizers that reads the corpus too. What is absent is named and counted as skipped.
"""
import argparse
import importlib
import signal
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "common"))
import unittests  # noqa: E402


def of_kind(names, kind):
    """The modules that need the machine for themselves (`alone`), or the others (`shared`)."""
    return [name for name in names if hasattr(importlib.import_module(name), "MEASURES") == (kind == "alone")]


def load(names, pattern, kind):
    sys.path.insert(0, str(HERE))
    loader = unittest.TestLoader()
    if pattern:
        loader.testNamePatterns = [pattern if "*" in pattern else f"*{pattern}*"]
    names = [name.removesuffix(".py") for name in names] or sorted(path.stem for path in HERE.glob("test_*.py"))
    return loader.loadTestsFromNames(of_kind(names, kind) if kind else names)


def load_soak(minutes, seed):
    sys.path.insert(0, str(HERE))
    import soak
    return unittest.TestSuite([soak.load(minutes, seed)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="only these, as in test_cli (default: all)")
    parser.add_argument("-k", metavar="PATTERN", help="only tests whose name matches")
    parser.add_argument("--only", choices=("alone", "shared"), help="only modules that need the machine for themselves, or only the others")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each test")
    parser.add_argument("--soak", type=int, metavar="MINUTES", help="instead: a fault a minute, drawn at random (soak.py)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, metavar="N", help="of --soak: draw the faults of an earlier run again")
    arguments = parser.parse_args()
    # An end by SIGTERM must still stop the servers, which atexit does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.soak:
        sys.exit(unittests.run(load_soak(arguments.soak, arguments.seed), "soak", arguments.verbose))
    sys.exit(unittests.run(load(arguments.modules, arguments.k, arguments.only), "e2e", arguments.verbose))


if __name__ == "__main__":
    main()
