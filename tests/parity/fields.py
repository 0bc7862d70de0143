#!/usr/bin/env python3
"""Compares the fields of `flow_full/v1` with an independent computation from the packets of the same capture (oracle/).

    fields.py [--seed N] [--flows N] [--binary PROGRAM] [CAPTURE...]

Each capture is metered once, with early and update records: final records are compared with all their packets, the others with
those that they had seen. Then come captures of random flows, a group of fields each, also cut into slices, with each
meter.splt_packets, and with several meters (with LONG=yes the others too). Integers must be equal, doubles to 1e-9.
Exit code 1 on any difference, when a field is in no record, or when too few records could be compared.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import Pool
from pathlib import Path

import fastavro
import harness
from oracle import assigned, captured, judged, packets, random_flows, random_l7, unread

SCHEMA = "flow_full/v1"
LENGTH = 20
LEAST_COMPARED = 0.995  # of the records that are not in a tunnel
KINDS = ("meter.early_packets=3", "meter.update_interval=10s")
UNDISSECTED = "meter.n_dissections=0"
SLICES = ("meter.active_timeout=300ms", "meter.idle_timeout=2s")
METERS = (1, 2, 3, 8)
# What differs between two runs over one capture, and what nDPI's caches of one meter may change.
OF_RUN = ("sensor_id", "boot_id", "seq", "record_time", "capture_file")
LABELS = ("application", "requested_server_name", "user_agent", "content_type", "ja3", "ja4", "hassh", "dhcp_", "ndpi_", "quality_flags", "tls_")
KEY = "000102030405060708090a0b0c0d0e0f"
SHOWN = 3
LOSSY_SEEDS = 10  # of the countless ways to lose packets these were tried: what nDPI makes of the rarest isn't our fault
MADE, LOSSY = "random ", "lossy random "  # begin the names of what isn't a capture


class Outcome:
    """What one comparison found."""

    def __init__(self, name):
        self.name, self.records, self.fields, self.tunnelled = name, Counter(), 0, 0
        self.missed, self.lacking, self.wrong, self.examples = Counter(), set(), Counter(), []
        self.unread, self.unread_where = Counter(), []

    def judge(self, part, choice):
        count, lacking, found = judged.differences(part, LENGTH, choice)
        self.records[part.record["record_kind"]] += 1
        self.fields += count
        self.lacking |= lacking
        self.note(part.record, found)

    def judge_dissected(self, part):
        count, lacking, found = judged.dissected(part)
        self.fields += count
        self.note(part.record, found)
        for name in lacking if part.record["record_kind"] == "final" else ():
            reason = unread.reason(part, name)
            self.unread[name, reason] += 1
            self.unread_where.append(f"{name}: {reason}: {of(part.record)}")

    def judge_known(self, record, known):
        """By what the generator of a random flow says."""
        wanted = known[assigned.key_of(record)]
        self.fields += len(wanted)
        self.note(record, [(name, value, record[name]) for name, value in wanted.items()
                           if not judged.equal(value, judged.value_of(record, name), judged.TOLERANCE_OF_FLOAT)])

    def judge_law(self, records):
        """What an early or update record knows, a later one of the slice knows too."""
        by_slice = {}
        for record in sorted(records, key=lambda one: one["revision"]):
            earlier = by_slice.setdefault((record["flow_uid"], record["slice"]), record)
            self.note(record, [(name, earlier[name], None) for name in judged.forgotten(earlier, record)])
            by_slice[record["flow_uid"], record["slice"]] = record

    def note(self, record, found):
        for name, ours, theirs in found:
            self.wrong[name] += 1
            self.examples.append(f"{name}: oracle {ours}, record {theirs} ({of(record)})")

    def fail(self, line):
        self.wrong[line] += 1
        self.examples.append(line)


def of(record):
    return (f"{record['record_kind']} {record['flow_uid']}/{record['slice']}, {record['src_ip']} {record['src_port']} {record['dst_ip']} "
            f"{record['dst_port']} {record['protocol']} {record['application_name']}")


def metered(binary, capture, folder, settings):
    """The records of a capture, None where the sensor refuses it."""
    key, made = folder / "key", folder / "flows.avro"
    key.write_text(KEY)
    key.chmod(0o600)
    made.unlink(missing_ok=True)
    command = [str(binary), "-r", str(capture), "-w", str(made), "--schema", SCHEMA]
    for setting in (f"meter.splt_analysis={LENGTH}", f"identity.key_file={key}", *settings):
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, timeout=harness.TIME_LIMIT, check=False)
    if done.returncode not in (0, harness.EXIT_DATAERR):
        raise RuntimeError(f"{capture}: flowsensor ended with status {done.returncode}: {done.stderr[-300:]}")
    if not made.exists():
        return None
    with made.open("rb") as file:
        return list(fastavro.reader(file))


def file_of(capture, folder):
    """A capture's path; random ones are bytes."""
    if not isinstance(capture, bytes):
        return capture
    path = Path(folder) / "random.pcap"
    path.write_bytes(capture)
    return path


def compare(job):
    """The outcome of metering one capture under some settings."""
    binary, name, capture, settings, choice, known = job
    outcome = Outcome(name)
    with tempfile.TemporaryDirectory() as folder:
        capture = file_of(capture, folder)
        records = metered(binary, capture, Path(folder), settings)
        if records is None:
            return outcome
        finals = [record for record in records if record["record_kind"] == "final"]
        parts, outcome.missed = assigned.slices(finals, packets.packets(captured.frames(capture.read_bytes())))
        outcome.missed = Counter(outcome.missed)
        outcome.tunnelled = outcome.missed.pop(assigned.IN_TUNNEL, 0)
        slices = {(part.record["flow_uid"], part.record["slice"]): part for part in parts}
        for record in records:
            if part := slices.get((record["flow_uid"], record["slice"])):
                part = judged.prefix(part, record)
                outcome.judge(part, choice)
                if UNDISSECTED not in settings:
                    outcome.judge_dissected(part)
        outcome.judge_law(records)
        for record in finals if known else ():
            outcome.judge_known(record, known)
    return outcome


def compare_meters(job):
    """That the number of meters makes no difference to a capture's records."""
    binary, name, capture, settings, left_out = job
    outcome = Outcome(name)
    with tempfile.TemporaryDirectory() as folder:
        capture = file_of(capture, folder)
        made = []
        for meters in METERS:
            records = metered(binary, capture, Path(folder), (f"meter.n_meters={meters}", *settings, *KINDS)) or []
            made.append(Counter(essence(record, left_out) for record in records))
    for meters, records in zip(METERS[1:], made[1:]):
        if different := (records - made[0]) + (made[0] - records):
            outcome.fail(f"{meters} meters make {different.total()} other records than 1")
    return outcome


def essence(record, left_out):
    """A record as text, but for what is of its run, and fields that begin with what is left out."""
    return json.dumps({name: value for name, value in record.items() if name not in OF_RUN and not name.startswith(left_out)}, default=str)


def jobs(arguments, captures):
    """All comparisons: (function, its argument)."""
    binary = arguments.binary
    for capture in captures:
        yield compare, (binary, capture.name, capture, KINDS, "all", None)
        if os.environ.get("LONG") == "yes":
            yield compare_meters, (binary, f"{capture.name} with several meters", capture, (UNDISSECTED,), LABELS)
    if arguments.captures:
        return
    for group in random_flows.GROUPS:
        data = random_flows.capture(group, arguments.seed, arguments.flows)
        yield compare, (binary, f"random {group}", data, (UNDISSECTED, *KINDS), "all", None)
        yield compare, (binary, f"random {group} in slices", data, (UNDISSECTED, *SLICES, *KINDS), "all", None)
        yield compare_meters, (binary, f"random {group} with several meters", data, (UNDISSECTED,), LABELS)
        if group == "splt":
            for choice in ("payload", "payload_new"):
                yield compare, (binary, f"random {group}, {choice}", data, (UNDISSECTED, f"meter.splt_packets={choice}", *SLICES), choice, None)
    for group in random_l7.PLAYS:
        data, known = random_l7.capture(group, arguments.seed, arguments.flows)
        yield compare, (binary, f"random {group}", data, KINDS, "all", known)
        yield compare, (binary, f"random {group} in slices", data, (*SLICES, *KINDS), "all", None)
        yield compare_meters, (binary, f"random {group} with several meters", data, (), ())
        data = random_l7.capture(group, arguments.seed % LOSSY_SEEDS, arguments.flows, is_lossy=True)[0]
        yield compare, (binary, f"{LOSSY}{group}", data, KINDS, "all", None)


def perform(job):
    function, argument = job
    return function(argument)


def options(parser):
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the random flows (default: another one each time)")
    parser.add_argument("--flows", type=int, default=1000, help="random flows for each group of fields")


def surprises(outcomes, has_all):
    """What nDPI doesn't read of the captures must be what unread.txt says, of made flows nothing; as lines."""
    judged_ones = [outcome for outcome in outcomes if not outcome.name.startswith(LOSSY)]
    unread_of = {made: sum((outcome.unread for outcome in judged_ones if outcome.name.startswith(MADE) == made), Counter()) for made in (False, True)}
    for (name, why), count in sorted(unread_of[False].items()):
        print(f"not read by nDPI: {count} {name}: {why}")
    lines = [f"made flows: {count} {name} not read by nDPI: {why}" for (name, why), count in unread_of[True].items() if why not in unread.OF_MADE]
    listed = unread.allowed() if has_all else unread_of[False]
    return lines + [f"{name}: {why}: {unread_of[False][name, why]} records, {listed[name, why]} in unread.txt"
                    for name, why in sorted(set(listed) | set(unread_of[False])) if unread_of[False][name, why] != listed[name, why]]


def report(outcomes, skipped, has_all):
    """Prints what was found in all; the exit code."""
    records, missed, wrong, lacking = Counter(), Counter(), Counter(), set()
    for outcome in outcomes:
        records += outcome.records
        missed += outcome.missed
        wrong += outcome.wrong
        lacking |= outcome.lacking
    for name, count in wrong.most_common():
        print(f"differs: {name} {count} times")
    if lacking:
        print(f"in no record: {' '.join(sorted(lacking))}")
    share = records["final"] / max(1, records["final"] + missed.total())
    print(f"records compared: {dict(records)}; not compared: {sum(outcome.tunnelled for outcome in outcomes)} in tunnels, "
          f"{dict(missed)}; share {share:.2%}; values {sum(outcome.fields for outcome in outcomes)}, differing {wrong.total()}")
    unexpected = surprises(outcomes, has_all)
    for line in unexpected:
        print(f"DIFFERS {line}")
    failed = sum(bool(outcome.wrong) for outcome in outcomes)
    bad = failed or lacking or unexpected or share < LEAST_COMPARED
    print(f"fields: {len(outcomes) - failed} passed, {failed} failed, {skipped} skipped")
    return 1 if bad else 0


def main():
    """The whole comparison; returns the exit code."""
    arguments = harness.parse_arguments("Compares fields with an independent computation.", options)
    captures, skipped = harness.find_captures(arguments.captures)
    for line in skipped:
        print(f"skipped: {line}")
    print(f"seed {arguments.seed}", flush=True)
    outcomes = []
    with Pool(harness.AT_ONCE) as pool:
        for outcome in pool.imap(perform, jobs(arguments, captures)):
            outcomes.append(outcome)
            for example in outcome.examples[:SHOWN]:
                print(f"DIFFERS {outcome.name}: {example}", flush=True)
    return report(outcomes, len(skipped), not arguments.captures and not skipped)


if __name__ == "__main__":
    sys.exit(main())
