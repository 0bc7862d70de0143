#!/usr/bin/env python3
"""Measures how long after packet N of a flow its score is in the output topic: sensor live on an interface, Kafka, registry and
scorer (deploy/examples/scorer) on this machine.

Usage: score_latency.py [options], as root, with bench-send and flowsensor built, Maven, Java 17 and the packages of
tests/requirements.txt. The wire is a veth pair between two namespaces; all servers are in the near one. Nothing else should run.

A score's message has all times: `last_seen` is packet N's by the kernel, the message's timestamp is when the sensor made the
record, `scored_at` is when the scorer had its score; the reader (isolation.level=read_committed) adds when it got it. All are of
one clock.
"""
import argparse
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
EXAMPLE = REPOSITORY / "deploy" / "examples" / "scorer"
sys.path[:0] = [str(HERE), str(HERE.parent / "common"), str(HERE.parent / "e2e"), str(REPOSITORY / "deploy" / "python"), str(EXAMPLE)]

import frames  # noqa: E402
import maven  # noqa: E402
from bench import BenchError, default_binary, default_tool  # noqa: E402
from namespaces import SilentWire, inside  # noqa: E402
from waiting import wait_until  # noqa: E402

PACKETS = 12  # of a flow
GAP_S = 0.05  # between two packets of a flow
SEED, IDLE_S, PARTITIONS = 13, 5, 2
START_LIMIT_S, END_LIMIT_S = 60, 60
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
BOUNDS_MS = (5, 10, 20, 30, 40, 60, 80, 100, 150, 200, 250, 300, 400, 600, 1000)
# Milliseconds at p50 and p99 that each guarantee is held to.
LIMITS = {"at_least_once": (60, 250), "exactly_once_v2": (300, 600)}
STAGES = ("packet to record", "record to score", "score to reader", "packet to reader")


class Sample(NamedTuple):
    """The times of one early score, in seconds since 1970."""

    packet: float
    record: float
    scored: float
    read: float

    def stages(self):
        """Milliseconds, as STAGES has them."""
        times = [(later - sooner) * 1e3 for sooner, later in zip(self, self[1:])]
        return (*times, (self.read - self.packet) * 1e3)


def quantile(values, share):
    """The least value that so large a share of them doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def histogram(values):
    """[(upper bound in ms, share of the values below it in percent)]."""
    return [(bound, 100 * sum(value <= bound for value in values) / len(values)) for bound in BOUNDS_MS]


def summary(samples):
    """{stage: {p50, p99, max}} in milliseconds, and the whole's histogram."""
    columns = list(zip(*(sample.stages() for sample in samples)))
    found = {name: {"p50": quantile(values, 50), "p99": quantile(values, 99), "max": max(values)} for name, values in zip(STAGES, columns)}
    return {"scores": len(samples), "stages": found, "histogram": histogram(columns[-1])}


def flow(dice, number):
    """The frames of a flow, by turns from both ends, of small or large packets."""
    client, port = f"10.{1 + number // 65536}.{number // 256 % 256}.{number % 256}", 20000 + number % 40000
    sizes = ((20, 120), (80, 300))[number % 2]
    made = []
    for place in range(PACKETS):
        ends = dict(source=client, destination=frames.SERVER) if place % 2 == 0 else dict(source=frames.SERVER, destination=client)
        ports = (port, 9000) if place % 2 == 0 else (9000, port)
        made.append(frames.udp(*ports, bytes(dice.randint(*sizes)), **ends))
    return made


def write_traffic(path, rate, seconds):
    """A capture of so many new flows a second, each packet at its time. Returns the number of packets."""
    dice, packets = random.Random(SEED), []
    for number in range(int(rate * seconds)):
        begin = number / rate
        packets += [(begin + place * GAP_S, frame) for place, frame in enumerate(flow(dice, number))]
    packets.sort(key=lambda packet: packet[0])
    path.write_bytes(frames.pcap(packets))
    return len(packets)


def settings(options):
    """Of the sensor, in training and live."""
    words = {"meter.statistical_analysis": "true", "meter.splt_analysis": "20", "meter.early_packets": str(options.packet),
             "meter.idle_timeout": f"{IDLE_S}s"}
    return [word for name, value in words.items() for word in ("--set", f"{name}={value}")]


def train_model(options, folder):
    """A model of the traffic's two kinds, as train.py makes it."""
    import polars
    import train
    capture, path = folder / "train.pcap", folder / "model.onnx"
    write_traffic(capture, 200, 3)
    frame = train.meter([capture], options.binary, settings(options))
    kind = polars.when(polars.col("bidirectional_max_ps") > 200).then(polars.lit("large")).otherwise(polars.lit("small"))
    model, _ = train.train(frame.with_columns(label=kind), early_packets=[options.packet])
    path.write_bytes(model.SerializeToString())
    return path


class Started:
    """Processes that are ended together. A context."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def start(self, name, command):
        log = open(self.folder / f"{name}.log", "w+", encoding="utf-8")
        self.processes.append((name, subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log), log))
        return self.processes[-1][1]

    def wait_for(self, name, words):
        _, process, log = next(entry for entry in self.processes if entry[0] == name)

        def said():
            if process.poll() is not None:
                raise BenchError(f"{name} ended: {Path(log.name).read_text()[-500:]}")
            return words in Path(log.name).read_text()
        wait_until(said, limit=START_LIMIT_S, what=f"{name}: {words}")

    def stop(self, name):
        """By SIGTERM; what it printed."""
        _, process, log = next(entry for entry in self.processes if entry[0] == name)
        process.terminate()
        process.wait(END_LIMIT_S)
        return Path(log.name).read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        for _, process, log in reversed(self.processes):
            if process.poll() is None:
                process.kill()
                process.wait()
            log.close()


def configure(options, folder, servers, model, guarantee):
    """Writes the scorer's and the sensor's configuration; the command lines."""
    properties = {"bootstrap.servers": servers.bootstrap, "registry.url": servers.registry, "model.file": model, "topics": "flows",
                  "state.dir": folder / f"state-{guarantee}", "application.id": guarantee, "processing.guarantee": guarantee,
                  "schema.register": "true", **dict(word.split("=", 1) for word in options.scorer_set)}
    (folder / "scorer.properties").write_text("".join(f"{name} = {value}\n" for name, value in properties.items()))
    (folder / "sensor.conf").write_text(
        f'registry = {{ url = "{servers.registry}"; auto_register = true; }};\n'
        f'outputs = ( {{ topic = "flows"; schema = "flow/v2"; columns_to_anonymize = [ "all=keep" ];\n'
        f'  kafka = [ "bootstrap.servers={servers.bootstrap}", "linger.ms={options.linger}" ]; }} );\n')
    scorer = ["java", "-XX:+UseSerialGC", "-Xmx512m", "-jar", maven_jar(), folder / "scorer.properties"]
    sensor = [options.binary, "-c", folder / "sensor.conf", "-i", "near0", *settings(options),
              *(word for setting in options.sensor_set for word in ("--set", setting))]
    return scorer, sensor


def maven_jar():
    jar, why = maven.build(EXAMPLE, "flow-scorer.jar")
    if jar is None:
        raise BenchError(why)
    return jar


def read_scores(consumer, schema, sender, samples, expected):
    """Takes early scores as they come, until the sender has ended and all are there or none comes any more."""
    import fastavro
    last = time.time()
    while len(samples) < expected and (sender.poll() is None or time.time() - last < END_LIMIT_S / 6):
        for message in consumer.consume(500, 0.002):
            now = time.time()
            if message.error():
                raise BenchError(str(message.error()))
            score = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schema)
            if score["record_kind"] == "early":
                last = now
                samples.append(Sample(score["last_seen"].timestamp(), message.timestamp()[1] / 1e3, score["scored_at"].timestamp(), now))


def cpu_seconds(number):
    """User and system of a process and its threads so far; 0 if it has ended."""
    try:
        return sum(map(int, Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) * TICK_S
    except OSError:
        return 0.0


def all_cpu(servers, started):
    """{who: CPU seconds so far}."""
    numbers = {name: process.pid for name, process, _ in started.processes} | {"reader": os.getpid()}
    for name in ("kafka", "registry"):
        numbers[name] = int((Path(servers.folder.name) / f"{name}.pid").read_text().split()[0])
    return {name: cpu_seconds(number) for name, number in numbers.items()}


def measure(wire, options, folder, guarantee, capture, packets, model):
    """Of one guarantee the samples, but for those of the warming-up, the share of a CPU that each took, and what the sensor printed."""
    import confluent_kafka
    import fastavro
    from servers import LocalServers
    servers = LocalServers()
    try:
        for name in ("flows", "flow-scores", "flow-scores-dead-letters"):
            servers.topic(name, PARTITIONS)
        with Started(folder) as started:
            scorer, sensor = configure(options, folder, servers, model, guarantee)
            started.start("scorer", scorer)
            started.wait_for("scorer", "scoring with")
            started.start("sensor", sensor)
            started.wait_for("sensor", "capturing on")
            consumer = confluent_kafka.Consumer({"bootstrap.servers": servers.bootstrap, "group.id": "bench", "enable.auto.commit": False,
                                                 "fetch.wait.max.ms": 100, "isolation.level": "read_committed"})
            consumer.assign([confluent_kafka.TopicPartition("flow-scores", number, 0) for number in range(PARTITIONS)])
            before, rate = all_cpu(servers, started), options.rate * PACKETS
            sender = started.start("sender", ["ip", "netns", "exec", wire.far, options.send, "far0", capture, f"{rate:.0f}", packets])
            began, samples = time.time(), []
            read_scores(consumer, fastavro.schema.load_schema(EXAMPLE / "schemas" / "flow_score" / "v1.avsc"), sender, samples,
                        int(options.rate * options.seconds))
            consumer.close()
            cpu = {name: (seconds - before.get(name, 0)) / (time.time() - began) for name, seconds in all_cpu(servers, started).items()}
            ledger = started.stop("sensor")
            started.stop("scorer")
        return [sample for sample in samples if sample.packet > began + options.warm_up], cpu, ledger
    finally:
        servers.stop()


def show(guarantee, found, ledger):
    print(f"\n{guarantee}: {found['scores']} early scores")
    print("| stage | p50, ms | p99, ms | most, ms |\n|---|---|---|---|")
    for name, values in found["stages"].items():
        print(f"| {name} | {values['p50']:.0f} | {values['p99']:.0f} | {values['max']:.0f} |")
    print("| packet to reader, at most ms | " + " | ".join(str(bound) for bound, _ in found["histogram"]) + " |")
    print("| % of scores | " + " | ".join(f"{share:.1f}" for _, share in found["histogram"]) + " |")
    print("CPUs: " + ", ".join(f"{name} {share:.2f}" for name, share in found["cpus"].items()))
    print("\n".join(line for line in ledger.splitlines() if "packets: read" in line or "output " in line))


def verdicts(guarantee, found):
    """[(what, value, limit)] of what is not kept."""
    whole = found["stages"]["packet to reader"]
    limits = zip(("p50", "p99"), LIMITS[guarantee])
    return [(f"{guarantee} {name}", whole[name], limit) for name, limit in limits if whole[name] > limit]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=2000, help="new flows a second (2000)")
    parser.add_argument("--seconds", type=float, default=45, help="of traffic (45)")
    parser.add_argument("--warm-up", type=float, default=20, help="seconds of it that don't count, in which Java compiles (20)")
    parser.add_argument("--packet", type=int, default=10, help=f"which packet's score, of {PACKETS} (10)")
    parser.add_argument("--guarantee", action="append", choices=LIMITS, help="only this one")
    parser.add_argument("--linger", type=int, default=5, help="the sensor's linger.ms (5)")
    parser.add_argument("--sensor-set", action="append", default=[], metavar="NAME=VALUE", help="a further setting of the sensor")
    parser.add_argument("--scorer-set", action="append", default=[], metavar="NAME=VALUE", help="a further setting of the scorer")
    parser.add_argument("--binary", type=Path, default=default_binary(), help="flowsensor ($FLOWSENSOR)")
    parser.add_argument("--send", type=Path, default=default_tool("bench-send"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a limit isn't kept")
    return parser.parse_args()


def main():
    options = parse_options()
    results, broken = {}, []
    folder = Path(tempfile.mkdtemp(prefix="flowsensor-latency-"))
    wire = None
    try:
        packets = write_traffic(folder / "traffic.pcap", options.rate, options.seconds)
        model = train_model(options, folder)
        for guarantee in options.guarantee or LIMITS:
            wire = SilentWire()
            samples, cpu, ledger = inside(wire.near, measure, wire, options, folder, guarantee, folder / "traffic.pcap", packets, model)
            wire.remove()
            wire = None
            if not samples:
                raise BenchError(f"{guarantee}: no score came after the warming-up")
            results[guarantee] = summary(samples) | {"cpus": cpu}
            show(guarantee, results[guarantee], ledger)
            broken += verdicts(guarantee, results[guarantee])
    except (BenchError, OSError, RuntimeError, AssertionError) as error:
        print(f"score_latency.py: {error}", file=sys.stderr)
        return 70
    finally:
        if wire is not None:
            wire.remove()
        shutil.rmtree(folder, ignore_errors=True)
    for name, value, limit in broken:
        print(f"not kept: {name}: {value:.0f} ms, at most {limit}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if broken and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
