#!/usr/bin/env python3
"""Measures what deploy/sizing.md is computed from: CPU time per packet and per flow, what Kafka adds to it, bytes per record in
Kafka, CPU and losses of a live sensor at given rates, how long a start takes, and the memory budget.

Usage: sizing.py [options], as root (network namespaces), with the Python of tests/requirements.txt, tcpreplay, and the
programs flowsensor, bench-floor and bench-generate built. It starts a broker and a registry of its own on loopback. Everything goes to
Kafka: all features on, schema flow/v1, everything in clear or the policy of deploy/flowsensor.conf. CPU is the sensor's alone.
"""
import argparse
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from bench import FEATURES, NATIVE, generate, number_in, run_measured, warm_up  # noqa: E402
from harness import Running, wait_until  # noqa: E402
from namespaces import SilentWire  # noqa: E402
from servers import LocalServers  # noqa: E402
from test_live import wait_for_capture  # noqa: E402

POLICY = ["address=prefix_preserving", "mac=keep_oui", "name=keep_registered_domain", "agent=short_hash",
          "fingerprint=short_hash", "user=drop"]
TABLE_SIZES = (32768, 65536, 131072, 262144)
TICKS = os.sysconf("SC_CLK_TCK")
# Live, flows shall end, and so be delivered, while it is measured; what the start costs is left out.
IDLE_S, WARM_UP_S = 2, 5
BEGUN = b": capturing on "
START_RUNS = 11
# What a run to Kafka, in clear, may take as a multiple of the same run to null:.
KAFKA_LIMITS = {"mix": 1.3, "small": 1.8}
PACKETS = {"mix": 4_000_000, "small": 2_000_000, "large": 1_200_000}  # of each capture at scale 1
PARTS = ("files", "live", "starts", "budget")
START_SIZES = ((65536, "64MiB"), (131072, "32MiB"), (262144, "64MiB"))


def configuration(folder, servers, topic, policy):
    """A sensor's configuration for a topic of the local broker."""
    items = ", ".join(f'"{item}"' for item in policy)
    path = Path(folder) / f"{topic}.conf"
    path.write_text(f"""
registry = {{ url = "{servers.registry}"; }};
delivery = {{ timeout = "60s"; shutdown_timeout = "30s"; }};
outputs = ( {{ topic = "{topic}"; schema = "flow/v1"; columns_to_anonymize = [ {items} ];
               kafka = [ "bootstrap.servers={servers.bootstrap}" ]; }} );
""", encoding="ascii")
    return path


def prepare(options, servers, folder, topic, policy):
    servers.topic(topic)
    path = configuration(folder, servers, topic, policy)
    subprocess.run([options.binary, "schema", "register", "-c", path], check=True, stdout=subprocess.DEVNULL)
    return path


def log_bytes(servers, topic):
    """What the topic's segments take on the broker's disk: batches as compressed by the sensor."""
    files = list(Path(servers.folder.name).rglob(f"{topic}-0/*.log"))
    if not files:
        raise RuntimeError(f"no segment of {topic} below the broker's folder")
    return sum(file.stat().st_size for file in files)


def from_file(options, servers, folder, name):
    """CPU seconds of reading a capture into Kafka, and what its records weigh."""
    path = generate(options, name, options.scale)
    warm_up(path)
    sensor = [options.binary, "-r", path, *NATIVE, *FEATURES]
    cases = {"floor": [options.floor, path], "null": [*sensor, "-w", "null:", "--format", "avro"]}
    for case, policy in (("clear", ["all=keep"]), ("policy", POLICY)):
        cases[case] = [*sensor, "-c", prepare(options, servers, folder, f"{name}-{case}", policy)]
    runs = {case: [] for case in cases}
    for _turn in range(options.runs):
        for case, words in cases.items():
            runs[case].append(run_measured(words))
    text = runs["clear"][0]["errors"]
    result = {"packets": number_in(text, r"read (\d+)"), "flows": number_in(text, r"made (\d+)"),
              "encoded": number_in(text, r"(\d+) bytes encoded")}
    for case, measured in runs.items():
        result[case] = statistics.median(run["cpu_s"] for run in measured)
    seconds = {case: [run["cpu_s"] for run in measured] for case, measured in runs.items()}
    result["to_null"], result["to_floor"] = (ratios(seconds["clear"], seconds[base]) for base in ("null", "floor"))
    for case in ("clear", "policy"):
        result[f"{case}_bytes"] = log_bytes(servers, f"{name}-{case}") / (result["flows"] * options.runs)
    return result


def ratios(measured, base):
    """Median, least and most of the quotients of runs that followed each other: what else the machine does falls on both alike."""
    quotients = [run / other for run, other in zip(measured, base)]
    return {"median": statistics.median(quotients), "least": min(quotients), "most": max(quotients)}


def solve(measured, case):
    """CPU seconds per packet and per flow such that `mix` and `small` cost what they did."""
    mix, small = measured["mix"], measured["small"]
    determinant = mix["packets"] * small["flows"] - small["packets"] * mix["flows"]
    packet = (mix[case] * small["flows"] - small[case] * mix["flows"]) / determinant
    flow = (mix["packets"] * small[case] - small["packets"] * mix[case]) / determinant
    return packet, flow


def process_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class LiveCase(NamedTuple):
    """Written CAPTURE:PACKETS_A_SECOND, with :SECONDS or those of --seconds."""

    capture: str
    rate: int
    seconds: int

    @property
    def scale(self):
        """Of the capture: if it can, no frame is sent twice."""
        return min(1, math.ceil(self.rate * (WARM_UP_S + self.seconds) / PACKETS[self.capture] * 100) / 100)


def live_case(text, seconds):
    capture, rate, *own = text.split(":")
    if capture not in PACKETS or len(own) > 1:
        raise ValueError(f"{text}: not CAPTURE:PACKETS_A_SECOND[:SECONDS]")
    return LiveCase(capture, int(rate), int(own[0]) if own else seconds)


def send(wire, case, path):
    return subprocess.Popen(["ip", "netns", "exec", wire.far, "tcpreplay", "-q", "-i", "far0", f"--pps={case.rate}", "--preload-pcap",
                             f"--limit={case.rate * (WARM_UP_S + case.seconds)}", "--loop=1000", path],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def live(options, servers, folder, case):
    """A sensor on one end of a wire, tcpreplay on the other: share of a core, losses, memory."""
    path = generate(options, case.capture, case.scale)
    topic = f"live-{case.capture}-{case.rate}"
    config = prepare(options, servers, folder, topic, POLICY)
    wire = SilentWire()
    try:
        # The sensor has to reach the broker on this host's loopback, so the wire's near end comes here.
        subprocess.run(["ip", "-n", wire.near, "link", "set", "near0", "netns", str(os.getpid())], check=True)
        Path("/proc/sys/net/ipv6/conf/near0/disable_ipv6").write_text("1", encoding="ascii")  # no frames of this host's own
        subprocess.run(["ip", "link", "set", "near0", "up", "arp", "off"], check=True)
        running = Running("-c", config, "-i", "near0", *FEATURES, "--set", f"meter.idle_timeout={IDLE_S}s",
                          *(word for setting in options.set for word in ("--set", setting)), binary=options.binary)
        try:
            wait_for_capture(running, 1)
            sender = send(wire, case, path)
            wait_until(lambda: packets_sent() > 0 or sender.poll() is not None, limit=120, what="a first packet")
            time.sleep(WARM_UP_S)
            before, started = process_seconds(running.process.pid), time.monotonic()
            time.sleep(case.seconds - 1)
            share = (process_seconds(running.process.pid) - before) / (time.monotonic() - started)
            sent = sender.communicate()[0]
            memory = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{running.process.pid}/status").read_text(encoding="ascii"))
            running.signal(signal.SIGTERM)
            lines = "\n".join(running.finish(120).lines)
        finally:
            running.close()
    finally:
        wire.remove()
    return live_result(case, sent, lines) | {"core": share, "resident": int(memory[1]) * 1024, **stored(servers, topic)}


def packets_sent():
    """By the wire's far end; preloading takes the sender a while."""
    return int(Path("/sys/class/net/near0/statistics/rx_packets").read_text(encoding="ascii"))


def live_result(case, sent, lines):
    """What the sender and the sensor's ledger say."""
    actual = re.search(r"Actual: (\d+) packets.* in ([\d.]+) seconds", sent)
    if not actual:
        raise RuntimeError(f"tcpreplay: {sent[-400:]}")
    ledger = re.search(r"made (\d+) = acknowledged (\d+) \+ in flight (\d+) \+ dropped (\d+)", lines)
    if not ledger:
        raise RuntimeError(f"no ledger of an output: {lines[-400:]}")
    made, acknowledged, in_flight, dropped = map(int, ledger.groups())
    read, duration = number_in(lines, r"read (\d+)"), float(actual[2])
    return {"capture": case.capture, "rate": int(actual[1]) / duration, "seconds": duration, "sent": int(actual[1]), "read": read,
            "lost": int(actual[1]) - read, "records": made, "records_lost": made - acknowledged,
            "residual": made - acknowledged - in_flight - dropped}


def stored(servers, topic):
    """Records that are in the topic, and what one takes there."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": servers.bootstrap, "group.id": "sizing"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
    consumer.close()
    return {"stored": end, "bytes": log_bytes(servers, topic) / max(end, 1)}


def budget(options, size, meters):
    done = subprocess.run([options.binary, "memory", "-i", "auto", "-w", "null:", "--set", f"meter.flow_table_size={size}",
                           "--set", f"meter.n_meters={meters}", *FEATURES], check=True, stdout=subprocess.PIPE, text=True)
    return int(re.search(r"^total\t(\d+)", done.stdout, re.MULTILINE).group(1))


def start_once(options, words):
    """Seconds from the start of the process to the first packet that it could read."""
    running = Running(*words, "-i", "lo", "--set", "log.level=debug", "--set", "delivery.shutdown_timeout=100ms", binary=options.binary)
    try:
        while BEGUN not in os.pread(running.errors.fileno(), 1 << 20, 0):
            if running.process.poll() is not None:
                raise RuntimeError(f"flowsensor ended: {running.finish()}")
            time.sleep(0.001)
        seconds = time.monotonic() - running.start
        running.signal(signal.SIGTERM)
        running.finish()
    finally:
        running.close()
    return seconds


def starts(options, servers, folder):
    """Median, least and most seconds of a live start, with a broker and without, for some sizes of table and ring."""
    config = prepare(options, servers, folder, "start", ["all=keep"])
    absent = "outputs.0.kafka=bootstrap.servers=127.0.0.1:9"
    found = []
    for broker, more in (("answers", ()), ("down", ("--set", absent))):
        for size, ring in START_SIZES:
            words = ("-c", config, "--set", f"meter.flow_table_size={size}", "--set", f"capture.socket_buffer_size={ring}", *more)
            times = [start_once(options, words) for _ in range(START_RUNS)]
            found.append({"broker": broker, "flows": size, "ring": ring, "median": statistics.median(times), "least": min(times),
                          "most": max(times)})
    return found


def measure(options):
    servers = LocalServers.get()
    report = {"scale": options.scale, "runs": options.runs}
    with tempfile.TemporaryDirectory(prefix="flowsensor-sizing-") as folder:
        if "files" in options.parts:
            report["files"] = {name: from_file(options, servers, folder, name) for name in PACKETS}
            report["cost"] = {case: solve(report["files"], case) for case in ("null", "clear", "policy")}
        if "live" in options.parts:
            report["live"] = [live(options, servers, folder, case) for case in options.live]
        if "starts" in options.parts:
            report["starts"] = starts(options, servers, folder)
    if "budget" in options.parts:
        report["budget"] = {f"{size}x{meters}": budget(options, size, meters) for size in TABLE_SIZES for meters in (1, 2)}
    return report


def print_files(report):
    print("| capture | packets | flows | CPU s to null | to Kafka, clear | to Kafka, policy | encoded B/record | Kafka B/record, clear | policy |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, row in report["files"].items():
        print(f"| {name} | {row['packets']} | {row['flows']} | {row['null']:.2f} | {row['clear']:.2f} | {row['policy']:.2f} |"
              f" {row['encoded'] / max(row['flows'], 1):.0f} | {row['clear_bytes']:.0f} | {row['policy_bytes']:.0f} |")
    print()
    for name, limit in KAFKA_LIMITS.items():
        row = report["files"][name]
        for base, text in (("to_null", f"to null: (at most {limit})"), ("to_floor", "to the floor")):
            print(f"{name}: Kafka, in clear, {text}: {row[base]['median']:.2f} ({row[base]['least']:.2f} to {row[base]['most']:.2f})")
    for case, (packet, flow) in report["cost"].items():
        large = report["files"]["large"]
        print(f"{case}: {packet * 1e9:.0f} ns a packet, {flow * 1e6:.1f} us a flow; large predicted"
              f" {packet * large['packets'] + flow * large['flows']:.2f} s, measured {large[case]:.2f} s")


def print_live(report):
    print("\n| capture | packets/s sent | s | records/s | share of a core | packets lost | records lost | residual | in Kafka | B/record |"
          " resident MiB, most |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in report["live"]:
        print(f"| {row['capture']} | {row['rate']:.0f} | {row['seconds']:.0f} | {row['records'] / row['seconds']:.0f} | {row['core']:.3f} |"
              f" {row['lost']} | {row['records_lost']} | {row['residual']} | {row['stored']} of {row['records']} | {row['bytes']:.0f} |"
              f" {row['resident'] / 2**20:.0f} |")


def print_starts(report):
    print("\n| start, broker | flows | ring | median ms | least | most |\n| --- | --- | --- | --- | --- | --- |")
    for row in report["starts"]:
        print(f"| {row['broker']} | {row['flows']} | {row['ring']} | {row['median'] * 1000:.0f} | {row['least'] * 1000:.0f} |"
              f" {row['most'] * 1000:.0f} |")


def print_budget(report):
    print()
    for name, size in report["budget"].items():
        print(f"budget {name}: {size / 2**20:.0f} MiB")


def wait_idle():
    wait_until(lambda: os.getloadavg()[0] < 1.0, limit=600, what="an idle machine")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.15, help="size of the captures (0.15)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each case (5; median)")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS, metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=int, default=10, help="of each live case that doesn't say it (10)")
    parser.add_argument("--live", nargs="*", default=["mix:1000", "mix:20000", "mix:100000", "small:20000", "large:50000"],
                        metavar="CAPTURE:PPS[:SECONDS]", help="live cases; small has a new flow for every two packets")
    parser.add_argument("--binary", default=os.environ.get("FLOWSENSOR", REPOSITORY / "build/release/sensor/flowsensor"))
    parser.add_argument("--generate", default=REPOSITORY / "build/release/tests/bench/bench-generate")
    parser.add_argument("--floor", default=REPOSITORY / "build/release/tests/bench/bench-floor")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a further setting of live sensors")
    parser.add_argument("--wait-idle", action="store_true", help="wait until the load is below 1 before measuring")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    options = parser.parse_args()
    options.live = [live_case(text, options.seconds) for text in options.live]
    if options.wait_idle:
        wait_idle()
    report = measure(options)
    for part, show in zip(PARTS, (print_files, print_live, print_starts, print_budget)):
        if part in report:
            show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
