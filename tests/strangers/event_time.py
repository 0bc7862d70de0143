"""Event time by heartbeats: the Kafka Streams program tells each second once, whole, and has no late record."""
import collections
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import streams
from harness import BINARY, REPOSITORY, environment

sys.path += [str(REPOSITORY / "tests" / "common"), str(REPOSITORY / "tests" / "e2e")]
import heartbeats as traffic  # noqa: E402
from disorder import behind_later_ones  # noqa: E402
from waiting import wait_until  # noqa: E402

TRAFFIC_S, IDLE_S = 8, 1.5
LIMIT_S = 60
SECOND_US = 1_000_000
CONF = """
identity = {{ sensor_id = "probe"; }};
capture = {{ socket_buffer_size = "8MiB"; }};
meter = {{ n_meters = {meters}; idle_timeout = "{idle_ms}ms"; active_timeout = "1s"; n_dissections = 0; flow_table_size = 16384; }};
outputs = ( {{ path = "{folder}/flows.csv"; schema = "flow/v2"; }},
            {{ topic = "{flows}"; schema = "flow/v2"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={bootstrap}" ]; }},
            {{ topic = "{beats}"; schema = "heartbeat/v1"; kafka = [ "bootstrap.servers={bootstrap}" ]; }} );
registry = {{ url = "{registry}"; auto_register = true; }};
"""


def captures(process):
    """Whether the sensor has said that it captures."""
    return b"capturing on" in os.pread(process.errors.fileno(), 1 << 16, 0)


def meter(wire, conf, folder):
    """Runs the sensor on traffic of some seconds; its records, in the order in which they were made."""
    schedule = folder / "schedule.txt"
    schedule.write_text(traffic.schedule(traffic.traffic(TRAFFIC_S, IDLE_S)))
    with open(folder / "sensor.out", "w+b") as errors:
        sensor = subprocess.Popen([str(BINARY), "-i", wire.near, "-c", str(conf)], stderr=errors, env=environment())
        sensor.errors = errors
        try:
            wait_until(lambda: captures(sensor) or sensor.poll() is not None, limit=LIMIT_S, what="the start of the capture")
            assert wire.sender(schedule).wait(LIMIT_S) == 0
        finally:
            sensor.send_signal(signal.SIGTERM)
            code = sensor.wait(LIMIT_S)
        assert code == 0, os.pread(errors.fileno(), 1 << 16, 0).decode()
    with open(folder / "flows.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wanted(records):
    """{second: (flows, bytes)}"""
    sums = collections.defaultdict(lambda: (0, 0))
    for record in records:
        second = int(record["bidirectional_last_seen"]) // SECOND_US
        flows, octets = sums[second]
        sums[second] = flows + 1, octets + int(record["bidirectional_bytes"])
    return dict(sums)


def told(path):
    """What the program wrote so far."""
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")] if path.exists() else []


def problems_of_seconds(what, path, output, records):
    """What is wrong with the seconds, or with what the program said at its end."""
    expected, lines = wanted(records), told(path)
    found, times = {line["second"]: (line["flows"], line["bytes"]) for line in lines}, collections.Counter(line["second"] for line in lines)
    problems = [f"{what}: second {second}: {found.get(second)} instead of {expected.get(second)}"
                for second in sorted(expected.keys() | found.keys()) if found.get(second) != expected.get(second)]
    problems += [f"{what}: second {second} came {count} times" for second, count in times.items() if count > 1]
    said = output.read_text(errors="replace").strip().splitlines()
    if f"{len(records)} flows, 0 late records" not in said:
        problems.append(f"{what}: {said[-1:]}")
    return problems


def live(jar, servers, wire, conf, folder, topics):
    """The program runs while the sensor does: (the sensor's records, problems)."""
    seconds, output = folder / "live.jsonl", folder / "live.out"
    with open(output, "wb") as file:
        program = subprocess.Popen(streams.command(jar, servers, topics[0], "--heartbeats", topics[1], "--event-time", seconds,
                                                   "--application-id", f"live-{topics[0]}"),
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment())
    try:
        records = meter(wire, conf, folder)
        wait_until(lambda: sum(line["flows"] for line in told(seconds)) >= len(records) or program.poll() is not None,
                   limit=LIMIT_S, what="the last second")
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(LIMIT_S)
    return records, problems_of_seconds("live", seconds, output, records)


def again(jar, servers, folder, topics, records):
    """Once more from the beginning of both topics: records and heartbeats then come in another order."""
    seconds, output = folder / "again.jsonl", folder / "again.out"
    streams.start(jar, servers, topics[0], output, len(records), "--heartbeats", topics[1], "--event-time", seconds,
                  "--application-id", f"again-{topics[0]}")
    return problems_of_seconds("again", seconds, output, records)


def disorder(records):
    """How many records a watermark of the latest last packet would make late."""
    return behind_later_ones(int(record["bidirectional_last_seen"]) for record in records)


def check_meters(servers, report, jar, folder, meters):
    """The check with so many meters."""
    folder.mkdir(parents=True)
    topics = (f"strangers-event-time-{meters}", f"strangers-heartbeats-{meters}")
    servers.topics(*topics)
    conf = folder / "sensor.conf"
    conf.write_text(CONF.format(meters=meters, idle_ms=int(IDLE_S * 1000), folder=folder, flows=topics[0], beats=topics[1],
                                bootstrap=servers.bootstrap, registry=servers.registry))
    wire = traffic.WireToHost()
    try:
        records, problems = live(jar, servers, wire, conf, folder, topics)
    finally:
        wire.remove()
    problems += again(jar, servers, folder, topics, records)
    reasons = {record["end_reason"] for record in records}
    if not reasons >= {"active", "idle"} or disorder(records) < len(records) / 10:
        problems.append(f"the traffic shows nothing: {sorted(reasons)}, {disorder(records)} of {len(records)} out of order")
    report.check(f"Kafka Streams: seconds of event time by heartbeats, {meters} meters", problems,
                 f"{len(records)} records, {disorder(records)} behind later ones, 0 late")


def check(servers, report, jar, folder):
    """The checks."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        report.skip("Kafka Streams: seconds of event time by heartbeats", "capturing needs root and iproute2")
        return
    for meters in (1, 2):
        check_meters(servers, report, jar, Path(folder) / str(meters), meters)
