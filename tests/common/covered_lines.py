#!/usr/bin/env python3
"""Prints the lines of our code that a build with gcc's --coverage has run, for each folder and file; fails if a folder has too few.

Usage: python3 tests/common/covered_lines.py BUILD [--least PERCENT] [--missing] FOLDER ...

A folder has all files below it, headers with code too. A line of several programs counts as run if any of them ran it. Programs
that are killed write no counts. --missing also names the lines that nothing ran.
"""
import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read_counts(build):
    """{file: {line: how often it was run}} of all that was compiled into that build, by gcov."""
    counts = defaultdict(dict)
    notes = sorted(str(path) for path in (build / "sensor").rglob("*.gcno"))
    if not notes:
        raise SystemExit(f"covered_lines: {build} was not built with --coverage; cmake --preset coverage")
    done = subprocess.run(["gcov", "--json-format", "--stdout", *notes], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        stale = "\n".join(line for line in done.stderr.splitlines() if "mismatch" in line)
        raise SystemExit(f"covered_lines: gcov failed; counts of an older build are removed by: find {build} -name '*.gcda' -delete\n{stale}")
    for document in done.stdout.splitlines():
        add_counts(json.loads(document), counts)
    return counts


def add_counts(document, counts):
    """Adds what gcov says of one object file. Its names are relative to the folder that the compiler ran in."""
    for row in document["files"]:
        lines = counts[(Path(document["current_working_directory"]) / row["file"]).resolve()]
        for line in row["lines"]:
            lines[line["line_number"]] = max(lines.get(line["line_number"], 0), line["count"])


def ranges(numbers):
    """[1, 2, 3, 7] as "1-3 7"."""
    spans = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return " ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans)


def percent(run, lines):
    return 100 * run / lines


def look_at(folder, counts, least, missing):
    """The lines to print of a folder, and whether enough of it was run."""
    files = {path: lines for path, lines in sorted(counts.items()) if folder in path.parents and lines}
    if not files:
        return [f"{folder}: no code of it is in that build"], False
    total = sum(len(lines) for lines in files.values())
    run = sum(1 for lines in files.values() for count in lines.values() if count)
    good = percent(run, total) >= least
    report = [f"{folder.relative_to(ROOT)!s:<24} {run:>5} of {total:>5} lines  {percent(run, total):6.2f} %  {'ok' if good else f'below {least:g} %'}"]
    for path, lines in files.items() if missing else ():
        if left := [number for number, count in lines.items() if not count]:
            report.append(f"  {path.relative_to(ROOT)}: {percent(len(lines) - len(left), len(lines)):.1f} %, not {ranges(left)}")
    return report, good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--least", type=float, default=95, metavar="PERCENT", help="of each folder's lines (default: 95)")
    parser.add_argument("--missing", action="store_true", help="also name the lines that were not run")
    arguments = parser.parse_args()
    counts, all_good = read_counts(arguments.build), True
    for name in arguments.folders:
        report, good = look_at((ROOT / name).resolve(), counts, arguments.least, arguments.missing)
        print("\n".join(report))
        all_good &= good
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
