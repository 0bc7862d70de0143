"""Damaged and hostile captures: every file of FLOWSENSOR_SHARED/corpus is metered without a crash, and the number of
packets read is the one of the corpus's EXPECTED.tsv (columns file, exit, packets; its exit 1 is our 65).

FLOWSENSOR_SANITIZED may name a binary built with the address and undefined-behaviour sanitizers: it reads the corpus
as well and must report nothing, every second file in one profile and the others in the other, with LONG=yes all in both.
The files' names are checksums, so that each half has some of every kind. Run: python3 tests/e2e/run.py test_corpus
"""
import csv
import os
import resource
import statistics
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import frames
from harness import BINARY, SHARED, Case, Ledger, run

AT_ONCE = 2
FILES = 1040
EVEN, ODD = (slice(None, None, 2), slice(1, None, 2)) if os.environ.get("LONG") != "yes" else (slice(None), slice(None))
# The corpus costs little more than as many starts: what a start costs here is measured beside it.
STARTS = 60
CORPUS_LIMIT = 2  # times that
START_LIMIT_MS = 15
# What a sanitizer ends with must not look like an answer of ours.
SANITIZERS = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1",
              "LSAN_OPTIONS": "exitcode=99"}
SANITIZED = os.environ.get("FLOWSENSOR_SANITIZED") and Path(os.environ["FLOWSENSOR_SANITIZED"]).resolve()
NFSTREAM = ("--profile", "nfstream", "--set", "meter.statistical_analysis=true", "--set", "meter.splt_analysis=20")
REPORTS = ("Sanitizer", "runtime error:")


def expectations(corpus):
    """(path, exit code, packets or None where no packet could be read)."""
    with open(corpus / "EXPECTED.tsv", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            yield corpus / row["file"], 65 if row["exit"] == "1" else int(row["exit"]), int(row["packets"] or 0)


def complaint(expected, binary, options):
    """What is wrong with one file's run, or None."""
    path, code, packets = expected
    result = run("-r", path, "-w", "null:", *options, binary=binary, env=SANITIZERS, limit=120)
    ledger = Ledger(result.lines)
    read = ledger.packets["read"] if ledger.packets else 0
    if any(report in line for line in result.lines for report in REPORTS):
        return f"{path.name}: sanitizer report: {result}"
    # The nfstream profile reads on behind damage, as NFStream does.
    more = code != 0 and "nfstream" in options and read > packets
    if (result.code, read) != (code, packets) and not (result.code == code and more):
        return f"{path.name}: exit {code} and {packets} packets expected, {read} read: {result}"
    if ledger.residual:
        return f"{path.name}: the ledger does not close: {result}"
    if len(result.errors) != (code != 0):
        return f"{path.name}: one error line expected if it fails, none otherwise: {result}"
    return None


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@unittest.skipUnless((SHARED / "corpus" / "EXPECTED.tsv").is_file(), f"{SHARED / 'corpus'} is absent")
class Corpus(Case):
    def check(self, binary, *options, part=slice(None)):
        files = list(expectations(SHARED / "corpus"))
        self.assertEqual(len(files), FILES)
        files = files[part]
        start, used = time.monotonic(), processor_seconds()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            complaints = [found for found in pool.map(lambda one: complaint(one, binary, options), files) if found]
        seconds, used = time.monotonic() - start, processor_seconds() - used
        print(f"corpus: {len(files)} files, {' '.join([binary.name, *options])}: {seconds:.1f} s, {used:.1f} s of processor time", flush=True)
        self.assertEqual(complaints, [], f"{len(complaints)} files\n" + "\n".join(complaints[:10]))
        return used

    def cost_of_starts(self):
        """Processor seconds of as many runs as there are files, of which each reads one conversation."""
        capture = self.write("one.pcap", frames.conversations(1))
        used = processor_seconds()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            codes = {result.code for result in pool.map(lambda _: run("-r", capture, "-w", "null:"), range(STARTS))}
        self.assertEqual(codes, {0})
        return (processor_seconds() - used) * FILES / STARTS

    def test_native(self):
        """No file of it makes the sensor work for long."""
        starts = self.cost_of_starts()
        used = self.check(BINARY)
        print(f"corpus: {used / starts:.2f} times what {FILES} starts cost, {starts:.1f} s of processor time", flush=True)
        self.assertLess(used, CORPUS_LIMIT * starts)

    def test_nfstream_profile(self):
        self.check(BINARY, *NFSTREAM, part=EVEN)
        self.check(SANITIZED or BINARY, *NFSTREAM, part=ODD)

    @unittest.skipUnless(SANITIZED, "FLOWSENSOR_SANITIZED names no binary")
    def test_sanitized(self):
        self.check(SANITIZED, part=EVEN)


class StartUp(Case):
    """A corpus of thousands of small files is read in bearable time only if a start costs little."""

    def test_start_up_time(self):
        capture = self.write("one.pcap", frames.conversations(1))
        times = {}
        for name, arguments in (("version", ["--version"]), ("no labels", ["--set", "meter.n_dissections=0"]), ("labels", [])):
            reading = [] if name == "version" else ["-r", capture, "-w", "null:"]
            runs = [run(*arguments, *reading) for _ in range(11)]
            self.assertEqual({result.code for result in runs}, {0}, runs[0])
            times[name] = statistics.median(result.seconds for result in runs) * 1000
        over = " (more than 15 ms)" if times["labels"] - times["version"] > START_LIMIT_MS else ""
        print("start-up: " + ", ".join(f"{name} {value:.1f} ms" for name, value in times.items()) + over, flush=True)
        # The figure is for people, since a busy machine changes it; what no machine explains is a failure.
        self.assertLess(times["labels"], 1000)


if __name__ == "__main__":
    unittest.main()
