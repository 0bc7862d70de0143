#!/usr/bin/env python3
"""How many times the packets a second of one meter two meters take, from a file and live.

Usage: meters.py [options] [CAPTURE...], see --help and README.md. Files: the wall time of interleaved runs, all features to null:.
Beside it stand the ratio by CPU time, which other work on the machine disturbs less, and that of two sensors of one meter at the
same time, which share nothing: what two cores of this machine can do at all.
Live (--live, as root): the highest rates without loss, by live.py's search, where one meter may use a share of a core and two meters
twice that share: on two cores the sender has one of them, and a whole core would take more than it can send.
"""
import argparse
import os
import statistics
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import live  # noqa: E402
from bench import (  # noqa: E402
    CAPTURES, FEATURES, NATIVE, BenchError, default_binary, default_tool, generate, machine, number_in, run_measured, sensor_command, warm_up)

LIMIT = 1.7
METERS = (1, 2)
# Short, so that the rings hold what comes while the group waits for its next turn.
PERIOD_US = 10_000
RING_MIB = 8  # of all meters together: two must not have room for more than one has
CPU_GROUPS = Path("/sys/fs/cgroup")


def with_meters(number):
    return ("--set", f"meter.n_meters={number}")


# Files.


def run_pair(command):
    """Two sensors at once: the mean wall seconds."""
    done = []
    threads = [threading.Thread(target=lambda: done.append(run_measured(command))) for _ in METERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) != len(threads):
        raise BenchError("one of two sensors failed")
    return statistics.mean(run["wall_s"] for run in done)


def measure_file(options, name):
    """The runs of each turn: (with one meter, with two, wall seconds of two sensors at once)."""
    path = generate(options, name, options.scale)
    warm_up(path)
    turns = []
    for turn in range(options.runs):
        print(f"{name}: run {turn + 1} of {options.runs}", file=sys.stderr)
        one, two = (run_measured(sensor_command(options, path, with_meters(number))) for number in METERS)
        turns.append((one, two, run_pair(sensor_command(options, path))))
    return turns


def evaluate(turns):
    """Medians: packets a second of one meter and of two, and the ratios in the same turn: of these, by CPU time, of two sensors to one."""
    packets = number_in(turns[0][0]["errors"], r"packets: read (\d+)")
    rates = [packets / statistics.median(turn[i]["wall_s"] for turn in turns) for i in range(len(METERS))]
    by_wall = statistics.median(one["wall_s"] / two["wall_s"] for one, two, _ in turns)
    by_cpu = statistics.median(2 * one["cpu_s"] / two["cpu_s"] for one, two, _ in turns)
    return *rates, by_wall, by_cpu, statistics.median(2 * one["wall_s"] / pair for one, _, pair in turns)


# Live.


class CpuGroup:
    """A control group whose processes together may use a share of a core; of version 1 or 2, as the machine has it."""

    def __init__(self, share):
        quota = round(share * PERIOD_US)
        if (CPU_GROUPS / "cpu" / "cpu.cfs_quota_us").exists():
            root, limits = CPU_GROUPS / "cpu", {"cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": quota}
        else:
            root, limits = CPU_GROUPS, {"cpu.max": f"{quota} {PERIOD_US}"}
            (root / "cgroup.subtree_control").write_text("+cpu")
        self.folder = root / f"flowsensor-bench-{os.getpid()}"
        self.folder.mkdir()
        for name, value in limits.items():
            (self.folder / name).write_text(str(value))
        self.members = open(self.folder / "cgroup.procs", "w", encoding="ascii")

    def command(self, words):
        """The same command, run in the group. `ip netns exec`, which starts it, mounts another /sys, so it gets the file by a
        descriptor of this process."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', f"/proc/{os.getpid()}/fd/{self.members.fileno()}", *words]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.members.close()
        self.folder.rmdir()


def receiver(options, number, group):
    ring = f"capture.socket_buffer_size={RING_MIB // number}MiB"
    words = [options.binary, "-i", live.INTERFACE, "-w", "null:", "--format", "avro", *NATIVE, *FEATURES, *with_meters(number), "--set", ring]
    return live.Receiver(f"{number} meters", group.command(words), live.read_number(r"packets: read (\d+)"))


def measure_live(options, name):
    """The highest rate of each number of meters, as live.highest_rate() has it."""
    found = {}
    for number in METERS:
        with CpuGroup(number * options.share) as group:
            found[number], = live.measure(options, name, [receiver(options, number, group)]).values()
        if "failed" in found[number]:
            raise BenchError(f"live, {number} meters: {found[number]['failed']}")
    return found


# Both.


def print_file(name, turns):
    *rates, by_wall, by_cpu, two_sensors = evaluate(turns)
    print(f"{name:8} file {rates[0]:12,.0f} {rates[1]:12,.0f} {by_wall:8.2f}  CPU: {by_cpu:.2f}, two sensors: {two_sensors:.2f}")
    return by_wall


def print_live(name, found):
    rates = [found[number]["rate"] for number in METERS]
    ratio = rates[1] / rates[0] if rates[0] > 0 else 0.0
    note = "at least: the sender can't do more" if found[2]["is_top"] else ""
    print(f"{name:8} live {rates[0]:12,.0f} {rates[1]:12,.0f} {ratio:8.2f}  {note}")
    return ratio


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="*", default=[], metavar="CAPTURE", help="mix, small, large (default: all; live mix)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the captures (1)")
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs from files (5; median); a rate must be held in half as many")
    parser.add_argument("--live", action="store_true", help="live instead of files")
    parser.add_argument("--share", type=float, default=0.2, help="live: share of a core for each meter (0.2)")
    parser.add_argument("--seconds", type=float, default=3, help="live: how long each rate is held (3)")
    parser.add_argument("--binary", type=Path, default=default_binary(), help="flowsensor ($FLOWSENSOR)")
    for tool in ("generate", "send"):
        parser.add_argument(f"--{tool}", type=Path, default=default_tool(f"bench-{tool}"))
    parser.add_argument("--strict", action="store_true", help="exit 1 if a ratio is below the limit")
    options = parser.parse_args(arguments)
    options.captures = options.captures or (["mix"] if options.live else list(CAPTURES))
    if options.binary is None or set(options.captures) - set(CAPTURES) or options.runs < 1:
        parser.error("no binary; build it, or name it by --binary" if options.binary is None else "CAPTURE is mix, small or large; --runs at least 1")
    options.root, options.turns, options.close, options.expected_top = None, -(-options.runs // 2), 0.03, 700_000
    return options


def main(arguments=None):
    options = parse_options(arguments)
    host, found = machine(), []
    try:
        print(f"{host['cpu']}, {host['cpus']} CPUs, Linux {host['kernel']}, load at start {host['load_at_start']:.1f}")
        print(f"{'capture':8} {'':4} {'1 meter/s':>12} {'2 meters/s':>12} {'ratio':>8}")
        for name in options.captures:
            found.append(print_live(name, measure_live(options, name)) if options.live else print_file(name, measure_file(options, name)))
    except (BenchError, OSError) as error:
        print(f"meters.py: {error}", file=sys.stderr)
        return 70
    kept = min(found) >= LIMIT
    print(f"two meters take at least {LIMIT} times as much: {min(found):.2f}: {'ok' if kept else 'NOT KEPT'}")
    return 1 if options.strict and not kept else 0


if __name__ == "__main__":
    sys.exit(main())
