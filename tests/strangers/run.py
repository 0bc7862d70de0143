#!/usr/bin/env python3
"""Shows that strangers can read the sensor's records.

    python tests/strangers/run.py [--keep]

More than 100,000 records of more than 300 captures, in which each field takes two values and each nullable one both
branches, with extremes that were planted, are read from Kafka and from container files by fastavro, by confluent-kafka's
deserializer through the registry, by Avro C and by Kafka Streams: every field as our CSV has it, and as NFStream or
refmeter.py computed it. README.md tells what is compared with what. Needs the packages of tests/requirements.txt, the
built sensor (FLOWSENSOR, default build/release/sensor/flowsensor), Java 17, Maven. FLOWSENSOR_SHARED names a folder with
more captures.
"""
import argparse
import signal
import sys
import tempfile
import time
import unittest
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import compare
import conversations
import coverage
import event_time
import harness
import oracle
import readers
import registry_checks
import runs
import streams
import verify

RECORDS, CAPTURES = 100_000, 300
PROCESSES = 2
RUNS_AT_ONCE = 24
# Checks that must have compared something; with none the suite would pass by doing nothing.
REQUIRED = ("planted extremes: CSV as planted", "planted extremes: JSON lines as planted",
            "made capture: every core, stats and SPLT field as drawn", "nfstream/v1: as NFStream with its defaults computed",
            "nfstream/v1: as NFStream with statistics and SPLT computed", "Kafka: fastavro", "Kafka: Avro C",
            "Kafka: confluent-kafka's AvroDeserializer through the registry",
            "Kafka: headers, gapless seq, key, murmur2 partition, time of export",
            *(f"container files, codec {codec}: {by}" for codec in verify.CODECS for by in ("header", "fastavro", "Avro C")))


class Clock:
    """Says where the time went."""

    def __init__(self):
        self.began = self.last = time.monotonic()

    def lap(self, what):
        """Ends a step."""
        now = time.monotonic()
        print(f"      {what}: {now - self.last:.1f} s", flush=True)
        self.last = now


def check_comparison(report):
    """The comparison itself, before anything is believed."""
    tests = unittest.defaultTestLoader.discover(str(harness.HERE), "test_*.py", str(harness.HERE))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=0).run(tests)
    report.check("the comparison finds what is changed", [str(test) for test, _ in result.failures + result.errors],
                 f"{result.testsRun} tests")


def make_records(servers, report, clock, folder, ids):
    """Runs the sensor and the planting program; all runs."""
    planned = runs.plan(folder)
    report.check(f"{len(planned)} runs of the sensor, each to CSV, two container files and Kafka",
                 runs.run_all(planned, servers))
    clock.lap("runs")
    planted, problems = runs.plant_all(folder, servers, ids)
    report.check("the planting program writes to all kinds of outputs", problems)
    return planned + planted


def fetch(servers, report, all_runs):
    """Every message of both topics, to the folder of its run; {profile: (settings, feature hashes)} of the made capture."""
    by_name = {item.name: item for item in all_runs}
    strangers, hashes = [], {}
    for topic in runs.TOPICS.values():
        for name, messages in readers.fetch(servers.bootstrap, topic).items():
            item = by_name.get(name)
            if item is None:
                strangers.append(f"{len(messages)} messages of an unknown sensor_id {name!r}")
                continue
            readers.store(item.folder / "messages", messages)
            if item.oracle == "made":
                hashes[item.profile] = (item.settings, {message["headers"]["feature_hash"].decode() for message in messages})
    report.check("Kafka has messages of our runs only", strangers)
    return hashes


def verify_all(report, all_runs, context):
    """Verifies all runs in some processes and reports their checks; the findings."""
    found = verify.Findings()
    # The large ones first, so that no process is left with one at the end.
    ordered = sorted(all_runs, key=lambda item: -(item.folder / "flows.csv").stat().st_size)
    count = max(1, len(ordered) // RUNS_AT_ONCE)
    parts = [ordered[number::count] for number in range(count)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        for part in pool.map(verify.verify_some, parts, [context] * count):
            found.merge(part)
    for check in sorted(set(found.problems) | set(REQUIRED)):
        problems = found.problems[check]
        if check in REQUIRED and not found.compared[check]:
            problems = problems + ["nothing was compared"]
        report.check(check, problems, f"{found.compared[check]} compared" if found.compared[check] else "")
    return found


def check_amount(report, found, with_shared):
    """Numbers of records and captures, and what the fields showed."""
    records, captures = found.compared["records"], len(found.captures)
    note = f"{records} records of {captures} captures in {found.compared['runs']} runs"
    if with_shared:
        report.check(f"at least {RECORDS} records of at least {CAPTURES} captures",
                     [] if records >= RECORDS and captures >= CAPTURES else [note], note)
    else:
        report.skip(f"{RECORDS} records of {CAPTURES} captures", f"no {harness.SHARED / 'pcaps'}; here {note}")
    for name, schema in harness.SCHEMAS.items():
        seen = found.coverage[name]
        print("\n".join(coverage.table(seen, schema.fields)))
        report.check(f"{name}: each field takes two values, each nullable one both branches",
                     [f"{field} lacks {what}" for field, what in coverage.lacks(seen, schema.fields)])
    report.check("planted extremes came through", [f"no {name}" for name in ("2^63-1 bytes", "64 KiB server name",
                 "invalid UTF-8, replaced") if not found.extremes[name]],
                 ", ".join(f"{name}: {count}" for name, count in found.extremes.items()))
    for line in found.skipped:
        report.skip("comparison with NFStream", line)


def start_streams(pool, jar, servers, folder, all_runs):
    """Kafka Streams on both topics, one process after another beside the verification; what each will answer."""
    answers = {}
    for profile, name in harness.PROFILES.items():
        messages = [message for item in all_runs if item.profile == profile for message in readers.load(item.folder / "messages")]
        expect = len(messages)
        # Where records tell of their kind, sums are over final ones.
        counted = sum("record_kind" not in harness.SCHEMAS[name].names or message["headers"]["record_kind"] == b"final" for message in messages)
        topic = runs.TOPICS[profile]
        answers[name] = (pool.submit(streams.dump, jar, servers, harness.SCHEMAS[name], topic, folder, expect),
                         pool.submit(streams.totals, jar, servers, topic, folder, counted), counted)
    return answers


def check_streams(report, answers, found):
    """Every record of Kafka Streams is one of ours, and its sums are the CSV's."""
    for name, (dump, totals, expect) in answers.items():
        dumped, problems = dump.result()
        problem = None if problems else compare.multiset_problem(found.digests[name], dumped)
        report.check(f"Kafka Streams: every field of {name}", problems + ([problem] if problem else []),
                     f"{dumped.total()} records")
        sums, flows, problems = totals.result()
        wanted = {application: streams.wrapped(octets) for application, octets in found.totals[name].items()}
        if not problems:
            problems = [f"{flows} flows were counted instead of {expect}"] if flows != expect else []
            problems += total_differences(wanted, sums)
        report.check(f"Kafka Streams: bytes per application of {name}", problems, f"{len(sums)} applications")


def total_differences(wanted, found):
    """Applications whose totals differ."""
    return [f"{name}: {found.get(name)} bytes instead of {wanted.get(name)}" for name in sorted(wanted.keys() | found.keys())
            if found.get(name) != wanted.get(name)][:5]


def check_registry(servers, report, folder, ids, hashes):
    """Everything that is about the registry."""
    registry_checks.check_text(servers, report, ids)
    registry_checks.check_refusals(servers, report)
    registry_checks.check_sensor_refused(servers, report, folder)
    registry_checks.check_required_field_added(servers, report, folder)
    registry_checks.check_auto_register(servers, report, folder)
    registry_checks.check_feature_hash(report, hashes)


def suite(report, folder, clock):
    """All of it, with one Kafka and one registry."""
    check_comparison(report)
    jar, why = streams.build()
    report.check("the Kafka Streams program builds", [why] if why else [])
    clock.lap("Kafka Streams program")
    (folder / "servers").mkdir()
    (folder / "servers" / "uid-key").write_text("{:016x}{:016x}\n".format(1, 2))
    with harness.Servers(folder / "servers") as servers, ThreadPoolExecutor(1) as pool:
        started_ms = time.time_ns() // 1_000_000
        servers.topics(*runs.TOPICS.values())
        ids = registry_checks.register(servers, report, folder)
        clock.lap("servers")
        all_runs = make_records(servers, report, clock, folder, ids)
        why = oracle.ask_nfstream(all_runs)
        report.check("NFStream can be asked", [why] if why else [])
        clock.lap("NFStream, where it was not asked before")
        hashes = fetch(servers, report, all_runs)
        clock.lap("fetching the messages")
        answers = start_streams(pool, jar, servers, folder, all_runs) if jar else {}
        refmeter = oracle.refmeter_path()
        if refmeter is None:
            report.skip("comparison with refmeter.py", f"it is not in {harness.SHARED}")
        context = {"registry": servers.registry, "started_ms": started_ms, "fetched_ms": time.time_ns() // 1_000_000,
                   "refmeter": refmeter}
        found = verify_all(report, all_runs, context)
        check_amount(report, found, bool(runs.captures()[1]))
        clock.lap("verification")
        check_registry(servers, report, folder, ids, hashes)
        clock.lap("registry")
        check_streams(report, answers, found)
        clock.lap("waiting for Kafka Streams")
        if jar:
            conversations.check(servers, report, jar, folder / "conversations")
            clock.lap("conversations")
            event_time.check(servers, report, jar, folder / "event-time")
            clock.lap("event time")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep the folder with everything that was written")
    arguments = parser.parse_args()
    # An end by SIGTERM must still stop the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    harness.require_programs()
    report, clock = harness.Report(), Clock()
    with tempfile.TemporaryDirectory(prefix="flowsensor-strangers-") if not arguments.keep else Kept() as folder:
        suite(report, Path(folder), clock)
    print(f"strangers took {time.monotonic() - clock.began:.0f} s")
    print(report.closing())
    return 1 if report.failed or not report.passed else 0


class Kept:
    """A folder that stays."""

    def __enter__(self):
        folder = tempfile.mkdtemp(prefix="flowsensor-strangers-")
        print(f"everything stays in {folder}")
        return folder

    def __exit__(self, *_exception):
        pass


if __name__ == "__main__":
    sys.exit(main())
