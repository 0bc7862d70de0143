#!/usr/bin/env python3
"""Measures how many records a second the Flink job (deploy/examples/flink) takes: a topic of real records, each under many uids, and
the heartbeats of their sensor, read to their end by the job in one process.

Usage: flink_rate.py [options], with flowsensor built, Maven, Java 17 and the packages of tests/tables/requirements.txt. Kafka runs on the
same machine; nothing else should. Prints the rate by the clock, and what the job's CPU time alone would allow.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "flink"), str(HERE.parent / "common"), str(HERE.parent / "e2e")]

import expected  # noqa: E402
import fastavro  # noqa: E402
from cluster import Job  # noqa: E402
from harness import BINARY, CAPTURES, SHARED  # noqa: E402
from sending import Sensor, Topics  # noqa: E402
from servers import LocalServers  # noqa: E402

PARTITIONS, SENSORS = 4, 4
TICK_S = os.sysconf("SC_CLK_TCK")
PAUSE_S = 2
BEGIN = datetime(2026, 3, 1, tzinfo=timezone.utc)
JVM = ("-Xmx4g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd: another uid for each number
OWN = ("sensor_id", "boot_id", "output", "seq", "flow_uid", "bidirectional_last_seen")  # of a record that is sent


def templates(folder):
    """Final records of captures, as the sensor makes them."""
    path, more = folder / "flows.avro", SHARED / "pcaps"
    captures = [CAPTURES / "mix.pcap", *(found for name in ("instagram.pcap", "1kxun.pcap") if (found := more / name).exists())]
    subprocess.run([BINARY, *captures, "-w", path, "--schema", "flow/v2"], check=True, capture_output=True)
    with open(path, "rb") as file:
        return [{name: plain(value) for name, value in record.items() if name not in OWN} for record in fastavro.reader(file)]


def plain(value):
    """Times as numbers, which are encoded sooner."""
    return expected.micros(value) if isinstance(value, datetime) else value


def fill(servers, records, options):
    """Sends so many records, by turns of SENSORS sensors, and their heartbeats; event time goes on as if they came at `--pace`. The mean size."""
    topics = Topics(servers, servers.topic("flows", PARTITIONS), servers.topic("heartbeats"))
    begin, sensors, octets = expected.micros(BEGIN), [Sensor(topics, f"sensor-{number}") for number in range(SENSORS)], 0
    for number in range(options.records):
        sensor, seq = sensors[number % SENSORS], number // SENSORS
        now = begin + number * 1_000_000 // options.pace
        uid = uuid.UUID(int=number * SPREAD % 2**128).hex
        octets += sensor.record(seq, now, **(records[number % len(records)] | {"flow_uid": uid}))
        is_last = number >= options.records - SENSORS
        if is_last or number % options.pace < SENSORS:
            sensor.beat(seq, now, is_last=is_last)
    topics.producer.flush(60)
    return octets / options.records


def cpu_seconds(pid):
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / TICK_S


def measure(job, options):
    """Seconds by the clock, and of CPU, for the part between a tenth and nine tenths of the records; and the whole CPU time."""
    samples = []
    job.start()
    while job.process.poll() is None:
        try:
            done = job.metric("dedup.numRecordsIn")
        except (TypeError, KeyError, IndexError):
            done = None  # it ends just now
        if done and job.process.poll() is None:
            samples.append((time.monotonic(), cpu_seconds(job.process.pid), done))
        time.sleep(PAUSE_S)  # between two samples
    assert job.process.returncode == 0, job.said()
    inner = [sample for sample in samples if options.records / 10 <= sample[2] <= options.records * 0.9]
    first, last = inner[0], inner[-1]
    return last[2] - first[2], last[0] - first[0], last[1] - first[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000, help="how many the topic has")
    parser.add_argument("--pace", type=int, default=50_000, help="records in a second of event time")
    parser.add_argument("--parallelism", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowsensor-flink-") as name:
        servers, folder = LocalServers(), Path(name)
        size = fill(servers, templates(folder), options)
        job = Job(folder / "job", servers, parallelism=options.parallelism, jvm=JVM, bounded="yes", window="10s", gap="5s", checkpoint="10s", idle="2s",
                  remember="1s")
        records, clock, cpu = measure(job, options)
        rows = sum(row["flows"] for row in job.table("applications"))
        assert (rows, job.table("late")) == (options.records, []), rows
    print(f"{options.records} records of {size:.0f} bytes, parallelism {options.parallelism}: {records / clock:,.0f} records/s by the clock with "
          f"{cpu / clock:.2f} cores; {cpu / records * 1e6:.1f} us of CPU a record, {2 * records / cpu:,.0f} records/s on two cores of its own")


if __name__ == "__main__":
    main()
