#!/usr/bin/env python3
"""Runs tests written with unittest; the closing lines name each that skipped itself and why, and count all.

Usage: python3 tests/common/unittests.py [-v] FOLDER|FILE ...
"""
import argparse
import time
import unittest
from pathlib import Path

SLOW_S = 5
LINE_MOST = 400


class Report(unittest.TextTestResult):
    """Counts what passed, and prints a line for each slow test: where the time went."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, err)

    def tell(self, test, err):
        """At once, since the tracebacks come at the end, which may be an hour away."""
        self.stream.writeln(f"  {test.id()}: {err[0].__name__}: {str(err[1])[:LINE_MOST]}")

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        seconds = time.monotonic() - self.began
        super().stopTest(test)
        if seconds > SLOW_S:
            self.stream.writeln(f"  {test.id()}: {seconds:.1f} s")


def run(tests, name, verbose=False):
    """Runs them and prints the closing lines; the exit code. That nothing was run at all is a failure."""
    result = unittest.TextTestRunner(verbosity=2 if verbose else 1, resultclass=Report).run(tests)
    for test, reason in result.skipped:
        print(f"skipped {test.id()}: {reason}")
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    print(f"{name}: {result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not result.passed else 0


def load(places):
    """The tests of folders (their test_*.py) and of single files."""
    tests = unittest.TestSuite()
    for place in places:
        if not place.exists():
            raise SystemExit(f"{place}: neither a folder nor a file")
        folder, pattern = (place, "test_*.py") if place.is_dir() else (place.parent, place.name)
        tests.addTests(unittest.TestLoader().discover(str(folder), pattern))
    return tests


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+", type=Path, metavar="FOLDER|FILE")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each test")
    arguments = parser.parse_args()
    return run(load(arguments.places), arguments.places[-1].resolve().stem, arguments.verbose)


if __name__ == "__main__":
    raise SystemExit(main())
