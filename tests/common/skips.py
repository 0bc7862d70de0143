#!/usr/bin/env python3
"""Counts the tests that skipped themselves: a suite's log has a line "skipped TEST: REASON" for each.

Usage: python3 tests/common/skips.py ctest BUILD               prints such lines for ctest's last run in that build
       python3 tests/common/skips.py check SUITE LOG [--strict]

`check` counts and lists them. With --strict it fails unless each stands in skips.txt: then a test that began to skip itself,
say for want of a tool, is noticed.
"""
import argparse
import re
from pathlib import Path

LIST = Path(__file__).with_name("skips.txt")
LINE = re.compile(r"skipped:? (.+)", re.IGNORECASE)
BEGINS = re.compile(r"\d+/\d+ Testing: (\S+)|\[ RUN      \] (\S+)|skipped: (.+)|\[  SKIPPED \] (\S+)$")


def skipped_in(log):
    """What a log of a suite names, in its order: "TEST: REASON"."""
    return [found[1].strip() for line in log.splitlines() if (found := LINE.fullmatch(line.rstrip()))]


def skipped_by_ctest(log):
    """The same of what cmocka wrote, as ctest keeps it. cmocka lists the names once more at the end, behind no RUN line."""
    program, test, why, lines = "", "", "no reason given", []
    for line in log.splitlines():
        if not (found := BEGINS.match(line)):
            continue
        if found[1]:
            program, test = found[1], ""
        elif found[2]:
            test, why = found[2], "no reason given"
        elif found[3]:
            why = found[3]
        elif found[4] == test:
            lines.append(f"{program}.{test}: {why}")
            test = ""
    return lines


def read_list(text):
    """The rows of skips.txt: (suite, pattern). A row without a reason is refused."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split(" | ")]
        if len(fields) != 3 or not all(fields):
            raise SystemExit(f"{LIST.name}:{number}: a row is SUITE | TEST: REASON | why that is no gap")
        rows.append((fields[0], re.compile(re.escape(fields[1]).replace(r"\*", ".*"))))
    return rows


def is_listed(suite, what, rows):
    return any(whose in (suite, "*") and pattern.fullmatch(what) for whose, pattern in rows)


def check(suite, log, rows):
    """The lines to print, and whether each skip is listed."""
    skipped = skipped_in(log)
    unlisted = [what for what in skipped if not is_listed(suite, what, rows)]
    lines = [f"skipped {what}" + ("" if what not in unlisted else f" [not in tests/common/{LIST.name}]") for what in skipped]
    if skipped:
        lines.insert(0, f"{len(skipped)} skipped, {len(unlisted)} of them not in tests/common/{LIST.name}")
    return lines, not unlisted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    ctest = commands.add_parser("ctest")
    ctest.add_argument("build", type=Path)
    checking = commands.add_parser("check")
    checking.add_argument("suite")
    checking.add_argument("log", type=Path)
    checking.add_argument("--strict", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "ctest":
        log = (arguments.build / "Testing" / "Temporary" / "LastTest.log").read_text(errors="replace")
        for what in skipped_by_ctest(log):
            print(f"skipped {what}")
        return 0
    lines, listed = check(arguments.suite, arguments.log.read_text(errors="replace"), read_list(LIST.read_text()))
    for line in lines:
        print(f"  {line}")
    return 0 if listed or not arguments.strict else 1


if __name__ == "__main__":
    raise SystemExit(main())
