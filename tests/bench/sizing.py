#!/usr/bin/env python3
"""Measures what deploy/sizing.md is computed from: CPU time per packet and per flow, bytes per record in Kafka, CPU and
drops of a live sensor at given rates, how long a start takes, and the memory budget.

Usage: sizing.py [options], as root (network namespaces), with the Python of tests/requirements.txt, tcpreplay, and the
programs flowsensor and bench-generate built. It starts a broker and a registry of its own on loopback. Everything goes to Kafka:
all features on, schema flow/v1, everything in clear or the policy of deploy/flowsensor.conf.
"""
import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from bench import FEATURES, generate, number_in, run_measured, warm_up  # noqa: E402
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
START_SIZES = ((65536, "64MiB"), (131072, "32MiB"), (262144, "64MiB"))


def configuration(folder, servers, topic, policy):
    """A sensor's configuration for a topic of the local broker."""
    items = ", ".join(f'"{item}"' for item in policy)
    path = Path(folder) / f"{topic}.conf"
    path.write_text(f"""
registry = {{ url = "{servers.registry}"; }};
delivery = {{ timeout = "60s"; shutdown_timeout = "30s"; }};
outputs = ( {{ topic = "{topic}"; columns_to_anonymize = [ {items} ];
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
    cases = {"null": ["-w", "null:", "--format", "avro"]}
    for case, policy in (("clear", ["all=keep"]), ("policy", POLICY)):
        cases[case] = ["-c", prepare(options, servers, folder, f"{name}-{case}", policy)]
    runs = {case: [] for case in cases}
    for _turn in range(options.runs):
        for case, words in cases.items():
            runs[case].append(run_measured([options.binary, "-r", path, *FEATURES, *words]))
    text = runs["clear"][0]["errors"]
    result = {"packets": number_in(text, r"read (\d+)"), "flows": number_in(text, r"made (\d+)"),
              "encoded": number_in(text, r"(\d+) bytes encoded")}
    for case, measured in runs.items():
        result[case] = statistics.median(run["cpu_s"] for run in measured)
    for case in ("clear", "policy"):
        result[f"{case}_bytes"] = log_bytes(servers, f"{name}-{case}") / (result["flows"] * options.runs)
    return result


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


def live(options, servers, folder, name, rate):
    """A sensor on one end of a wire, tcpreplay on the other: share of a core, drops, resident memory."""
    path = generate(options, name, options.scale)
    topic = f"live-{name}-{rate}"
    config = prepare(options, servers, folder, topic, POLICY)
    wire = SilentWire()
    try:
        # The sensor has to reach the broker on this host's loopback, so the wire's near end comes here.
        subprocess.run(["ip", "-n", wire.near, "link", "set", "near0", "netns", str(os.getpid())], check=True)
        subprocess.run(["ip", "link", "set", "near0", "up", "arp", "off"], check=True)
        running = Running("-c", config, "-i", "near0", *FEATURES, "--set", f"meter.idle_timeout={IDLE_S}s", binary=options.binary)
        try:
            wait_for_capture(running, 1)
            sender = subprocess.Popen(["ip", "netns", "exec", wire.far, "tcpreplay", "-q", "-i", "far0", f"--pps={rate}", "--preload-pcap",
                                       f"--limit={rate * (WARM_UP_S + options.seconds)}", "--loop=1000", path],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(WARM_UP_S)
            before, started = process_seconds(running.process.pid), time.monotonic()
            time.sleep(options.seconds - 1)
            share = (process_seconds(running.process.pid) - before) / (time.monotonic() - started)
            sent = sender.communicate()[0]
            resident = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{running.process.pid}/status").read_text()).group(1))
            running.signal(signal.SIGTERM)
            lines = "\n".join(running.finish(120).lines)
        finally:
            running.close()
    finally:
        wire.remove()
    actual = re.search(r"Actual: (\d+) packets.* in ([\d.]+) seconds", sent)
    if not actual:
        raise RuntimeError(f"tcpreplay: {sent[-400:]}")
    dropped = re.search(r"dropped by kernel (\d+)", lines)
    records = number_in(lines, r"made (\d+)")
    return {"capture": name, "rate": int(actual.group(1)) / float(actual.group(2)), "core": share,
            "read": number_in(lines, r"read (\d+)"), "dropped": int(dropped.group(1)) if dropped else 0,
            "resident": resident * 1024, "records": records, "bytes": log_bytes(servers, topic) / records}


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
    report = {"scale": options.scale, "runs": options.runs, "files": {}, "live": []}
    with tempfile.TemporaryDirectory(prefix="flowsensor-sizing-") as folder:
        for name in ("mix", "small", "large"):
            report["files"][name] = from_file(options, servers, folder, name)
            print(name, json.dumps(report["files"][name]), file=sys.stderr)
        for name, rate in (case.split(":") for case in options.live):
            report["live"].append(live(options, servers, folder, name, int(rate)))
            print(json.dumps(report["live"][-1]), file=sys.stderr)
        report["starts"] = starts(options, servers, folder)
    report["cost"] = {case: solve(report["files"], case) for case in ("null", "clear", "policy")}
    report["budget"] = {f"{size}x{meters}": budget(options, size, meters) for size in TABLE_SIZES for meters in (1, 2)}
    return report


def print_report(report):
    print("| capture | packets | flows | CPU s to null | to Kafka, clear | to Kafka, policy | encoded B/record | Kafka B/record, clear | policy |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, row in report["files"].items():
        print(f"| {name} | {row['packets']} | {row['flows']} | {row['null']:.2f} | {row['clear']:.2f} | {row['policy']:.2f} |"
              f" {row['encoded'] / max(row['flows'], 1):.0f} | {row['clear_bytes']:.0f} | {row['policy_bytes']:.0f} |")
    print()
    for case, (packet, flow) in report["cost"].items():
        large = report["files"]["large"]
        print(f"{case}: {packet * 1e9:.0f} ns a packet, {flow * 1e6:.1f} us a flow; large predicted"
              f" {packet * large['packets'] + flow * large['flows']:.2f} s, measured {large[case]:.2f} s")
    print("\n| capture | packets/s sent | share of a core | read | dropped | records | Kafka B/record | resident MiB |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in report["live"]:
        print(f"| {row['capture']} | {row['rate']:.0f} | {row['core']:.2f} | {row['read']} | {row['dropped']} | {row['records']} |"
              f" {row['bytes']:.0f} | {row['resident'] / 2**20:.0f} |")
    print()
    print("| start, broker | flows | ring | median ms | least | most |\n| --- | --- | --- | --- | --- | --- |")
    for row in report["starts"]:
        print(f"| {row['broker']} | {row['flows']} | {row['ring']} | {row['median'] * 1000:.0f} | {row['least'] * 1000:.0f} |"
              f" {row['most'] * 1000:.0f} |")
    print()
    for name, size in report["budget"].items():
        print(f"budget {name}: {size / 2**20:.0f} MiB")


def wait_idle():
    wait_until(lambda: os.getloadavg()[0] < 1.0, limit=600, what="an idle machine")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.15, help="size of the captures (0.15)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case (3; median)")
    parser.add_argument("--seconds", type=int, default=10, help="of each live case (10)")
    parser.add_argument("--live", nargs="*", default=["mix:1000", "mix:20000", "mix:100000", "small:20000", "large:50000"],
                        metavar="CAPTURE:PPS", help="live cases")
    parser.add_argument("--binary", default=os.environ.get("FLOWSENSOR", REPOSITORY / "build/release/sensor/flowsensor"))
    parser.add_argument("--generate", default=REPOSITORY / "build/release/tests/bench/bench-generate")
    parser.add_argument("--wait-idle", action="store_true", help="wait until the load is below 1 before measuring")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    options = parser.parse_args()
    if options.wait_idle:
        wait_idle()
    report = measure(options)
    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
