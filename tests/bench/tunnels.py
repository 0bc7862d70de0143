#!/usr/bin/env python3
"""What a packet in a tunnel costs beside the same packet on its own.

Usage: tunnels.py [options], see --help and README.md. It prints a table and, with --json FILE, writes the same as JSON.
CPU seconds are user + system of the whole process, less those of a run without packets; the medians of interleaved runs.
"""
import argparse
import json
import statistics
import struct
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench import BenchError, default_binary, machine, number_in, run_measured

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from tunnel_frames import FOU_PORT, KINDS, Layer, datagram, wrapped  # noqa: E402

LIMIT = 5.0
NESTING = 64
START_S = 1767225600
ETHERNET = 1
# Only what every packet pays: decoding, look-up, counters. With labels and statistics on, a tunnel's share is smaller.
QUICK = ("--set", "meter.n_dissections=0", "--set", "meter.statistical_analysis=false", "--set", "meter.splt_analysis=0",
         "--set", f"meter.tunnel_ports=fou={FOU_PORT}")


def capture(path, frame, packets):
    """The same frame again and again."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, ETHERNET))
        for number in range(packets):
            file.write(struct.pack("<IIII", START_S, number % 1_000_000, len(frame), len(frame)) + frame)


class Case(NamedTuple):
    """`beside` is the name of the case that the cost is a multiple of."""
    name: str
    frame: bytes
    is_metered: bool
    beside: str


def cases():
    """The packet on its own, in each kind over IPv4 and IPv6, and in many of one kind. Those frames are so long that
    reading them costs most: beside them stands a plain packet of their length."""
    plain = wrapped(datagram(4), [])
    yield Case("plain", plain, True, "plain")
    for name, kind in KINDS.items():
        for version in (4, 6):
            frame = wrapped(datagram(kind.versions[0]), [Layer(name, min(5, kind.limit), version)])
            yield Case(f"{name} over IPv{version}", frame, True, "plain")
    for name in ("gtp_u", "vxlan", "gre", "gre_ethernet"):
        frame = wrapped(datagram(4), [Layer(name, min(5, KINDS[name].limit))] * NESTING)
        as_long = datagram(4, payload=bytes(len(frame) - len(plain) + len(b"question")))
        yield Case(f"plain, {len(frame)} bytes", wrapped(as_long, []), True, "plain")
        yield Case(f"{name}, {NESTING}-fold", frame, False, f"plain, {len(frame)} bytes")


def command(options, path, repeats):
    return [str(options.binary), "-w", "null:", "--format", "avro", *QUICK, *["-r", str(path)] * repeats]


def measure(options, folder):
    """CPU seconds of each run by case, of which "" is one without packets."""
    listed = [Case("", b"", False, ""), *cases()]
    files = {case.name: folder / f"{number}.pcap" for number, case in enumerate(listed)}
    for case in listed:
        capture(files[case.name], case.frame, options.packets if case.frame else 0)
    runs = {case.name: [] for case in listed}
    for turn in range(options.runs):
        print(f"run {turn + 1} of {options.runs}", file=sys.stderr)
        for case in listed:
            done = run_measured(command(options, files[case.name], options.repeats), options.pin)
            wanted = options.packets * options.repeats if case.is_metered else 0
            metered = number_in(done["errors"], r"read \d+ = metered (\d+)")
            if metered != wanted:
                raise BenchError(f"{case.name}: {metered} packets metered instead of {wanted}")
            runs[case.name].append(done["cpu_s"])
    return runs


def evaluate(options, runs):
    """Per case: median ns a packet, and the median of its ratios to the case beside it in the same turn."""
    count = options.packets * options.repeats
    net = {name: [cpu - empty for cpu, empty in zip(seconds, runs[""])] for name, seconds in runs.items()}
    return [{"name": case.name, "bytes": len(case.frame), "ns": statistics.median(net[case.name]) / count * 1e9,
             "ratio": statistics.median(one / other for one, other in zip(net[case.name], net[case.beside])),
             "beside": case.beside} for case in cases()]


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=20000, help="packets in a capture (20000)")
    parser.add_argument("--repeats", type=int, default=20, help="how often one run reads its capture (20)")
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs of each case (5; median)")
    parser.add_argument("--binary", type=Path, default=default_binary(), help="flowsensor ($FLOWSENSOR)")
    parser.add_argument("--pin", type=int, metavar="CPU", help="pin flowsensor to this CPU")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a limit is not kept")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_options(arguments)
    if options.binary is None:
        print("tunnels.py: no binary; build it, or name it by --binary", file=sys.stderr)
        return 69
    try:
        with tempfile.TemporaryDirectory(prefix="flowsensor-bench-") as folder:
            runs = measure(options, Path(folder))
    except (BenchError, OSError) as error:
        print(f"tunnels.py: {error}", file=sys.stderr)
        return 70
    rows, host = evaluate(options, runs), machine()
    print(f"{host['cpu']}, {host['cpus']} CPUs, Linux {host['kernel']}, load at start {host['load_at_start']:.1f}")
    print(f"{'case':24} {'bytes':>6} {'ns/packet':>10} {'ratio':>8}  to")
    for row in rows:
        print(f"{row['name']:24} {row['bytes']:6} {row['ns']:10.0f} {row['ratio']:8.2f}  {row['beside']}")
    worst = max((row for row in rows if not row["name"].startswith("plain")),
                key=lambda row: row["ratio"])
    kept = worst["ratio"] <= LIMIT
    print(f"at most {LIMIT:g} times a plain packet: {worst['ratio']:.2f} ({worst['name']}): {'ok' if kept else 'NOT KEPT'}")
    if options.json:
        options.json.write_text(json.dumps({"machine": host, "limit": LIMIT, "cases": rows}, indent=1) + "\n", encoding="utf-8")
    return 1 if options.strict and not kept else 0


if __name__ == "__main__":
    sys.exit(main())
