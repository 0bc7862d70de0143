#!/usr/bin/env python3
"""Runs every structure check; the closing line counts them.

Usage: python3 tests/house/run.py [ROOT] [-I FOLDER]... [--range FROM..TO] [-v]
"""
import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKS = ("rooms", "foreign", "headers", "limits", "commits", "text", "tables", "threads", "pages", "counters")


def arguments_of(check, arguments):
    """What one check is given of the command line."""
    given = [str(arguments.root)]
    if check == "headers":
        given += [word for folder in arguments.include for word in ("-I", folder)]
    if check == "commits" and arguments.range:
        given += ["--range", arguments.range]
    return given


def run(check, arguments):
    """Runs one check and prints its last line, or all of its lines if it fails. True if it passed."""
    start = time.monotonic()
    answer = subprocess.run([sys.executable, str(HERE / f"{check}.py"), *arguments_of(check, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    passed = answer.returncode == 0
    lines = answer.stdout.splitlines() or [f"{check}: no output"]
    print("\n".join(lines[-1:] if passed and not arguments.verbose else lines))
    print(f"  {'ok' if passed else 'FAILED'} in {time.monotonic() - start:.1f} s", flush=True)
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, default=HERE.parents[1])
    parser.add_argument("-I", "--include", action="append", default=[], help="folder of generated headers")
    parser.add_argument("--range", help="the commits whose titles are checked")
    parser.add_argument("-v", "--verbose", action="store_true", help="print all that the checks say")
    arguments = parser.parse_args()
    results = [run(check, arguments) for check in CHECKS]
    print(f"house: {sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
