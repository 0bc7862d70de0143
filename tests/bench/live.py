#!/usr/bin/env python3
"""Finds the highest rate at which programs that capture on an interface lose no packet: a bare reader of the kernel's ring,
flowsensor with all features to null:, and the peers of run.sh.

Usage: live.py [options], as root, with bench-generate, bench-ring, bench-send and flowsensor built. The wire is a veth pair
between two namespaces. The sender has the last CPU for itself, if there are several. Frames come from the start of a capture, each once.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "common"), str(HERE.parent / "e2e")]

import peers  # noqa: E402
from bench import CAPTURES, FEATURES, NATIVE, BenchError, default_binary, default_tool, generate, numbers_after, warm_up  # noqa: E402
from namespaces import SilentWire  # noqa: E402
from waiting import wait_until  # noqa: E402

INTERFACE = "near0"
START_LIMIT_S, END_LIMIT_S = 30, 60
QUIET_S = 1.2  # as long as a program does nothing that has taken all that there is; some get part of a block after a second
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CPUS = sorted(os.sched_getaffinity(0))


class Receiver(NamedTuple):
    """`packets(text)` is how many it counted, by what it printed."""

    name: str
    command: list
    packets: object
    ends_by: int = signal.SIGTERM


def run_on(cpus, command, **options):
    return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                            preexec_fn=lambda: os.sched_setaffinity(0, cpus), **options)


def receiver_cpus():
    return CPUS[:-1] or CPUS


def captures_on(process, index):
    """Whether the process's network namespace has a packet socket that is bound to the interface and takes packets."""
    lines = Path(f"/proc/{process.pid}/net/packet").read_text(encoding="ascii").splitlines()[1:]
    return any(fields[4] == str(index) and fields[5] == "1" for fields in map(str.split, lines))


def seconds_used(process):
    """CPU seconds of the process and its threads so far, and of its children."""
    total = 0.0
    pids = [process.pid]
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) * TICK_S
            pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
        except OSError:
            continue  # it has just ended
    return total


def wait_for_quiet(process):
    """Until the process has done next to nothing for a while: it has taken what the sender left in its buffers."""
    last = [time.monotonic(), seconds_used(process)]

    def is_quiet():
        now, used = time.monotonic(), seconds_used(process)
        if used > last[1] + 2 * TICK_S:
            last[:] = [now, used]
        return now - last[0] > QUIET_S or process.poll() is not None

    wait_until(is_quiet, limit=END_LIMIT_S, what="a quiet receiver")


def send(wire, options, path, rate, count):
    """Packets sent, and packets a second."""
    command = ["ip", "netns", "exec", wire.far, options.send, "far0", path, f"{rate:.0f}", count]
    process = run_on(CPUS[-1:], command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, errors = process.communicate()
    if process.returncode != 0:
        raise BenchError(f"bench-send: exit {process.returncode}: {errors.strip()}")
    packets, microseconds = numbers_after(out, "packets", "microseconds")
    return packets, packets / max(microseconds, 1) * 1e6


def attempt(options, receiver, path, rate, count):
    """Sends at a rate (0: the highest); the rate that came about, and the share of packets that the receiver lost."""
    wire = SilentWire()
    if options.root is not None:
        options.root.clean()
    try:
        index = json.loads(subprocess.check_output(["ip", "-j", "-n", wire.near, "link", "show", INTERFACE]))[0]["ifindex"]
        with tempfile.TemporaryFile("w+") as said:
            process = run_on(receiver_cpus(), [*wire.prefix, *receiver.command], stdout=said, stderr=subprocess.STDOUT)
            try:
                wait_until(lambda: process.poll() is not None or captures_on(process, index), limit=START_LIMIT_S,
                           what=f"{receiver.name} capturing")
                sent, achieved = send(wire, options, path, rate, count)
                wait_for_quiet(process)
                process.send_signal(receiver.ends_by)
                process.wait(END_LIMIT_S)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            said.seek(0)
            text = said.read()
    finally:
        wire.remove()
    return achieved, 1 - receiver.packets(text) / sent


def highest_rate(try_rate, close=0.03):
    """The highest rate without loss, by halving until it is as close as this share of the sender's top.

    `try_rate(rate)` gives (rate achieved, share lost); rate 0 is the sender's top. Of a rate at which the sender was slower than
    asked only what it achieved counts."""
    top, lost = try_rate(0)
    best = {"rate": top if lost <= 0 else 0.0, "top": top, "lost_at_top": max(lost, 0.0), "is_top": lost <= 0}
    low, high = best["rate"], top
    while high - low > close * top:
        rate = (low + high) / 2
        achieved, lost = try_rate(rate)
        if lost <= 0:
            best["rate"] = max(best["rate"], min(achieved, rate))
            low = rate
        else:
            high = rate
    return best


def read_number(pattern):
    def number(text):
        found = re.search(pattern, text)
        if found is None:
            raise LookupError(f"no count of packets: {text.strip()[-300:]}")
        return int(found[1])

    return number


def receivers(options, name):
    """Those that are measured with one capture."""
    listed = [Receiver("ring", [options.ring, INTERFACE], read_number(r"packets (\d+)"))]
    if options.binary is not None:
        words = [options.binary, "-i", INTERFACE, "-w", "null:", "--format", "avro", *NATIVE, *FEATURES]
        listed.append(Receiver("flowsensor", words, read_number(r"packets: read (\d+)")))
    for peer in filter(lambda peer: peer.live and name in options.peers_on, options.peers):
        def packets(text, peer=peer):
            return options.root.counted(peer, text)["packets"]

        listed.append(Receiver(peer.name, options.root.live_command(peer, INTERFACE), packets, signal.Signals[peer.ends_by]))
    return listed


def measure(options, name, listed):
    """{name of each receiver listed: its highest rate with a capture, or why it failed}."""
    path = generate(options, name, options.scale)
    warm_up(path)
    found = {}
    for receiver in listed:
        def try_rate(rate, receiver=receiver):
            # The worst of the turns counts, so a rate is held only if it was held each time.
            count = int(options.seconds * (rate or options.expected_top))
            turns = [attempt(options, receiver, path, rate, count) for _turn in range(options.turns)]
            print(f"{name}: {receiver.name} at {turns[0][0]:.0f}/s lost {max(lost for _, lost in turns):.3%}", file=sys.stderr)
            return min(rate for rate, _ in turns), max(lost for _, lost in turns)

        try:
            found[receiver.name] = highest_rate(try_rate, options.close)
        except (BenchError, LookupError, AssertionError, subprocess.TimeoutExpired) as error:
            found[receiver.name] = {"failed": str(error)}
            print(f"{name}: {receiver.name} failed: {error}", file=sys.stderr)
    return found


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the captures (1)")
    parser.add_argument("--runs", type=int, default=5, help="a rate must be held in half as many runs, rounded up (5: 3 runs)")
    parser.add_argument("--quick", action="store_true", help="a second at each rate, once; peers with the mix only")
    parser.add_argument("--peers-root", type=Path, metavar="FOLDER", help="also run what run.sh has in this root file system")
    parser.add_argument("--peer", action="append", dest="peers", metavar="NAME", help="only this one of them (may be repeated)")
    parser.add_argument("--binary", type=Path, default=default_binary(), help="flowsensor ($FLOWSENSOR)")
    for tool in ("generate", "ring", "send"):
        parser.add_argument(f"--{tool}", type=Path, default=default_tool(f"bench-{tool}"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    options = parser.parse_args()
    options.root = peers.Root(options.peers_root) if options.peers_root else None
    options.peers, _ = peers.select(options.peers, options.root)
    options.seconds, options.turns, options.close, options.peers_on = 3, -(-options.runs // 2), 0.03, CAPTURES
    if options.quick:
        options.seconds, options.turns, options.close, options.peers_on = 1, 1, 0.06, ("mix",)
    options.expected_top = 700_000
    return options


def main():
    options = parse_options()
    report = {"seconds": options.seconds, "turns": options.turns, "captures": {}}
    try:
        for name in CAPTURES:
            report["captures"][name] = measure(options, name, receivers(options, name))
    except (BenchError, OSError, RuntimeError) as error:
        print(f"live.py: {error}", file=sys.stderr)
        return 70
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
