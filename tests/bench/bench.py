#!/usr/bin/env python3
"""Compares the sensor's CPU time and memory with a floor program and with NFStream, on captures that it generates.

Usage: bench.py [options], see --help and README.md. It prints a table and, with --json FILE, writes the same as JSON.
CPU seconds are user + system of the whole process with its children: a busy machine disturbs them less than wall time.
"""
import argparse
import functools
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import peers  # noqa: E402

REPOSITORY = HERE.parent.parent
CAPTURES = ("mix", "small", "large")
# NFStream's cost as a multiple of the floor's: where it differs by more than the tolerance, the floor proves nothing.
NFSTREAM_EXPECTED = {"mix": 17.0, "small": 47.0, "large": 11.0}
TOLERANCE = 0.25
# The sensor's cost as a multiple of the floor's, with all features on.
SENSOR_LIMITS = {"mix": 1.2, "small": 1.6, "large": 1.1}
BYTES_PER_FLOW_LIMIT = 1000
# One schema for all releases, so that their figures can be compared.
NATIVE = ("--schema", "flow/v1")
FEATURES = ("--set", "meter.statistical_analysis=true", "--set", "meter.splt_analysis=20")
KEEP_OPEN = ("--set", "meter.idle_timeout=1h", "--set", "meter.active_timeout=2h", "--set", "meter.tcp_end=false")


class BenchError(Exception):
    """A program that can't be run, or that failed."""


def run_measured(command, pin=None):
    """Runs a command to its end; returns CPU seconds, peak RSS in bytes, wall seconds and standard output."""

    def pin_child():
        if pin is not None:
            os.sched_setaffinity(0, {pin})

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=pin_child)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, errors = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if child.returncode != 0:
        raise BenchError(f"{' '.join(map(str, command))}: exit {child.returncode}: {errors.strip()[-400:]}")
    return {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": wall,
        "peak_rss": usage.ru_maxrss * 1024,
        "output": text,
        "errors": errors,
    }


def numbers_after(text, *names):
    """The number behind each name in a floor program's line of names and numbers."""
    words = text.split()
    return [int(words[words.index(name) + 1]) for name in names]


def generate(options, name, scale):
    command = [str(options.generate), "--scale", f"{scale:g}", name]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: exit {done.returncode}")
    return done.stdout.strip()


def warm_up(path):
    """Reads the capture once, so that no run pays for the disk."""
    with open(path, "rb", buffering=0) as capture:
        while capture.read(1 << 22):
            pass


def sensor_command(options, path, extra=()):
    return [str(options.binary), "-r", path, "-w", "null:", "--format", "avro", *NATIVE, *FEATURES, *extra]


class Program(NamedTuple):
    """What is measured on a capture. `counted(run)` gives the packets and flows that it counted in a run."""

    name: str
    command: list
    runs: int
    counted: Callable
    pinned: bool = True
    is_peer: bool = False  # its failure is told in the report and ends nothing


def count_floor(run):
    return dict(zip(("packets", "flows"), numbers_after(run["output"], "packets", "flows")))


def count_sensor(run):
    packets = number_in(run["errors"], r"read \d+ = metered (\d+)")
    return {"packets": packets, "flows": number_in(run["errors"], r"output .*: made (\d+)")}


def count_nfstream(run):
    return json.loads(run["output"].splitlines()[-1])


def programs(options, path, keep_open=False):
    """Everything that is measured on one capture, with keep_open so that no flow ends before the capture does."""
    extra = KEEP_OPEN if keep_open else ()
    listed = [Program("floor", [str(options.floor), path], options.runs, count_floor)]
    if options.binary is not None:
        listed.append(Program("flowsensor", sensor_command(options, path, extra), options.runs, count_sensor))
    if options.nfstream_runs > 0:
        command = [options.nfstream_python, str(HERE / "nfstream_run.py"), *(["--keep-open"] if keep_open else []), path]
        listed.append(Program("nfstream", command, options.nfstream_runs, count_nfstream, pinned=False))
    if options.root is not None:
        listed += peer_programs(options, path, keep_open)
    return listed


def peer_programs(options, path, keep_open):
    """The peers, which write files, and so the sensor writing one."""
    listed = []
    root = options.root
    if options.binary is not None and not keep_open:
        # Peers don't compress what they write either.
        command = [str(options.binary), "-r", path, "-w", f"{root.path}{peers.OUT}/flows.avro", "--set", "outputs.0.codec=null", *NATIVE, *FEATURES]
        listed.append(Program("flowsensor-file", command, options.runs, count_sensor))
    for peer in options.peers:
        if keep_open and peer.has_fixed_table:
            continue
        command = root.file_command(peer, path, peers.LONG_TIMEOUTS if keep_open else None)
        counted = functools.partial(count_peer, root, peer)
        listed.append(Program(peer.name, command, options.runs, counted, pinned=False, is_peer=True))
    return listed


def count_peer(root, peer, run):
    return root.counted(peer, run["output"] + run["errors"])


def run_program(options, program):
    """One run of it, and what it counted."""
    if options.root is not None:
        options.root.clean()
    run = run_measured(program.command, options.pin if program.pinned else None)
    return {**run, **program.counted(run)}


def run_interleaved(options, name, listed):
    """The runs of each program, and why peers failed. One run of each in turn: what else the machine does falls on all alike."""
    runs, failed = {program.name: [] for program in listed}, {}
    for turn in range(max(program.runs for program in listed)):
        for program in listed:
            if turn >= program.runs or program.name in failed:
                continue
            print(f"{name}: {program.name}, run {turn + 1} of {program.runs}", file=sys.stderr)
            try:
                runs[program.name].append(run_program(options, program))
            except (BenchError, LookupError) as error:
                if not program.is_peer:
                    raise
                failed[program.name] = str(error).removeprefix(" ".join(map(str, program.command)) + ": ")
                runs.pop(program.name)
    return runs, failed


def measure_capture(options, name):
    path = generate(options, name, options.scale)
    warm_up(path)
    runs, failed = run_interleaved(options, name, programs(options, path))
    packets, flows = runs["floor"][0]["packets"], runs["floor"][0]["flows"]
    result = {"packets": packets, "flows": flows, "programs": {}, "failed": failed}
    floor_s = statistics.median(run["cpu_s"] for run in runs["floor"])
    for program, measured in runs.items():
        result["programs"][program] = summarize(measured, packets, flows, floor_s)
    check_counts(path, result)
    return result


def summarize(runs, packets, flows, floor_s):
    seconds = [run["cpu_s"] for run in runs]
    median = statistics.median(seconds)
    return {
        "runs": len(runs),
        "cpu_s": median,
        "cpu_s_least": min(seconds),
        "cpu_s_most": max(seconds),
        "wall_s": statistics.median(run["wall_s"] for run in runs),
        "ns_per_packet": median / packets * 1e9,
        "us_per_flow": median / flows * 1e6,
        "ratio": median / floor_s,
        "peak_rss": max(run["peak_rss"] for run in runs),
        "packets": runs[-1]["packets"],
        "flows": runs[-1]["flows"],
    }


def check_counts(path, result):
    """A meter that saw other packets did other work: its figures would mean nothing. Peers' counts are told in the report."""
    for program in ("flowsensor", "flowsensor-file", "nfstream"):
        row = result["programs"].get(program)
        if row is None:
            continue
        require_equal(path, f"packets that {program} metered", row["packets"], result["packets"])
        if program != "nfstream":
            require_equal(path, f"records that {program} made", row["flows"], result["flows"])


def number_in(text, pattern):
    found = re.search(pattern, text)
    if found is None:
        raise BenchError(f"flowsensor's summary has no number for {pattern!r}: {text.strip()[-400:]}")
    return int(found.group(1))


def require_equal(path, what, counted, expected):
    if counted != expected:
        raise BenchError(f"{path}: {what}: {counted}, but the floor counts {expected}")


def measure_memory(options):
    """Bytes per open flow: peak RSS with every flow of `small` open, less that of a run with next to none."""
    path = generate(options, "small", options.scale)
    tiny = generate(options, "small", min(options.scale, 0.0001))
    floor = run_measured([str(options.floor), "--memory", path], options.pin)["output"]
    flows, open_bytes, final_bytes = numbers_after(floor, "flows", "heap_open", "heap_final")
    memory = {"flows": flows, "ndpi_bytes_per_flow": (open_bytes - final_bytes) / flows, "limit": BYTES_PER_FLOW_LIMIT}
    once = [[program._replace(runs=1) for program in programs(options, file, keep_open=True)] for file in (tiny, path)]
    (base, _), (full, failed) = (run_interleaved(options, "memory", listed) for listed in once)
    memory["failed"] = failed
    memory["programs"] = {name: open_flow_bytes(base[name][0], full[name][0], flows) for name in full if name in base}
    memory.update(memory["programs"].get("flowsensor", {}))
    if "bytes_per_flow" in memory:
        memory["bytes_per_flow_without_ndpi"] = memory["bytes_per_flow"] - memory["ndpi_bytes_per_flow"]
    return memory


def open_flow_bytes(base, full, flows):
    low, high = base["peak_rss"], full["peak_rss"]
    return {"start_s": base["cpu_s"], "base_rss": low, "peak_rss": high, "bytes_per_flow": (high - low) / flows}


def machine():
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "load_at_start": os.getloadavg()[0]}


def versions(options):
    found = {peer.name: options.root.version(peer.package) for peer in options.peers}
    if options.binary is not None:
        found["flowsensor"] = run_measured([str(options.binary), "--version"])["output"].split()[1]
    if options.nfstream_runs > 0:
        command = [options.nfstream_python, "-c", "import nfstream; print(nfstream.__version__)"]
        found["nfstream"] = run_measured(command)["output"].strip()
    return found


def judge(report):
    """Adds what is held against limits: (what, measured, lowest, highest)."""
    checks = []
    for name, result in report["captures"].items():
        measured = result["programs"]
        if "nfstream" in measured:
            expected = NFSTREAM_EXPECTED[name]
            bounds = (expected * (1 - TOLERANCE), expected * (1 + TOLERANCE))
            checks.append((f"floor counts: NFStream / floor on {name}", measured["nfstream"]["ratio"], *bounds))
        if "flowsensor" in measured:
            checks.append((f"flowsensor / floor on {name}", measured["flowsensor"]["ratio"], 0, SENSOR_LIMITS[name]))
    memory = report.get("memory", {})
    if "bytes_per_flow" in memory:
        what = "bytes per open flow without nDPI's undecided state"
        checks.append((what, memory["bytes_per_flow_without_ndpi"], 0, BYTES_PER_FLOW_LIMIT))
    keys = ("what", "measured", "lowest", "highest")
    report["checks"] = [dict(zip(keys, check), kept=check[2] <= check[1] <= check[3]) for check in checks]


def print_captures(report):
    head = ("capture", "program", "runs", "CPU s", "least-most", "ns/packet", "x floor", "peak MiB", "flows")
    print("{:8} {:15} {:>4} {:>8} {:>15} {:>10} {:>8} {:>9} {:>9}".format(*head))
    for name, result in report["captures"].items():
        for program, row in result["programs"].items():
            spread = f"{row['cpu_s_least']:.2f}-{row['cpu_s_most']:.2f}"
            print(
                f"{name:8} {program:15} {row['runs']:4} {row['cpu_s']:8.3f} {spread:>15} {row['ns_per_packet']:10.0f}"
                f" {row['ratio']:8.2f} {row['peak_rss'] / 2**20:9.1f} {row['flows']:9}"
            )
        print(f"{'':8} {result['packets']} packets, {result['flows']} flows")
        for program, why in result["failed"].items():
            print(f"{'':8} {program} failed: {why}")


def print_memory(memory):
    if not memory:
        return
    print(f"memory: nDPI holds {memory['ndpi_bytes_per_flow']:.0f} B per open flow of `small` (undecided flows only)")
    if "bytes_per_flow" in memory:
        print(
            f"memory: flowsensor {memory['bytes_per_flow']:.0f} B per open flow"
            f" ({memory['peak_rss'] / 2**20:.0f} MiB with {memory['flows']} open,"
            f" {memory['base_rss'] / 2**20:.0f} MiB with few)"
        )


def print_report(report):
    host = report["machine"]
    print(f"{host['cpu']}, {host['cpus']} CPUs, Linux {host['kernel']}, load at start {host['load_at_start']:.1f}")
    print_captures(report)
    print_memory(report.get("memory"))
    for check in report["checks"]:
        verdict = "ok" if check["kept"] else "NOT KEPT"
        print(f"{check['what']}: {check['measured']:.2f} (from {check['lowest']:g} to {check['highest']:g}): {verdict}")
    if report["scale"] != 1:
        print(f"scale {report['scale']:g}: start-up weighs too much for these figures to be held against limits")
    for name in report["skipped"]:
        print(f"skipped: {name}")


def default_binary():
    named = os.environ.get("FLOWSENSOR")
    path = Path(named) if named else REPOSITORY / "build/release/sensor/flowsensor"
    return path if path.exists() else None


def default_tool(name):
    return REPOSITORY / "build/release/tests/bench" / name


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    python = os.environ.get("NFSTREAM_PYTHON", sys.executable)
    parser.add_argument("captures", nargs="*", default=[], metavar="CAPTURE", help="mix, small, large (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the captures (1; 0.01 for a smoke test)")
    parser.add_argument("--runs", type=int, default=5, help="runs of the floor and of flowsensor (5; median)")
    parser.add_argument("--nfstream-runs", type=int, default=1, help="runs of NFStream (1; 0 leaves it out)")
    parser.add_argument("--nfstream-python", default=python, help="a Python with nfstream 6.6.0 ($NFSTREAM_PYTHON)")
    parser.add_argument("--peers-root", type=Path, metavar="FOLDER", help="also run what run.sh has in this root file system")
    parser.add_argument("--peer", action="append", dest="peers", metavar="NAME", help="only this one of them (may be repeated)")
    parser.add_argument("--binary", type=Path, default=default_binary(), help="flowsensor ($FLOWSENSOR)")
    parser.add_argument("--floor", type=Path, default=default_tool("bench-floor"))
    parser.add_argument("--generate", type=Path, default=default_tool("bench-generate"))
    parser.add_argument("--pin", type=int, metavar="CPU", help="pin the floor and flowsensor to this CPU")
    parser.add_argument("--no-memory", action="store_true", help="leave out the bytes per open flow")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a limit is not kept")
    options = parser.parse_args(arguments)
    unknown = set(options.captures) - set(CAPTURES)
    if unknown or options.runs < 1:
        parser.error(f"no such capture: {', '.join(sorted(unknown))}" if unknown else "--runs must be at least 1")
    options.captures = options.captures or list(CAPTURES)
    options.root = peers.Root(options.peers_root) if options.peers_root else None
    options.peers, options.absent = peers.select(options.peers, options.root)
    return options


def main(arguments=None):
    options = parse_options(arguments)
    for tool in (options.floor, options.generate, *filter(None, [options.binary])):
        if not os.access(tool, os.X_OK):
            print(f"bench.py: {tool}: not executable; build bench-floor and bench-generate", file=sys.stderr)
            return 69
    report = {"machine": machine(), "scale": options.scale, "captures": {}, "skipped": []}
    report["versions"] = versions(options)
    report["absent"] = options.absent
    if options.binary is None:
        report["skipped"].append("flowsensor (no binary; see --binary)")
    if options.nfstream_runs == 0:
        report["skipped"].append("NFStream (--nfstream-runs 0), so whether the floor counts is not known")
    try:
        for name in options.captures:
            report["captures"][name] = measure_capture(options, name)
        if not options.no_memory:
            report["memory"] = measure_memory(options)
    except (BenchError, OSError) as error:
        print(f"bench.py: {error}", file=sys.stderr)
        return 70
    judge(report)
    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if options.strict and not all(check["kept"] for check in report["checks"]) else 0


if __name__ == "__main__":
    sys.exit(main())
