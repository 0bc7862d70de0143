#!/usr/bin/env python3
"""Makes report.md and report.svg of what bench.py and live.py measured.

Usage: report.py --files JSON --live JSON [--out FOLDER]
"""
import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import picture  # noqa: E402
from peers import ABSENT, EACH, PEERS  # noqa: E402

NAMES = {"floor": "floor", "flowsensor": "flowsensor", "flowsensor-file": "flowsensor, to a file", "nfstream": "NFStream",
         "ndpireader": "ndpiReader", "suricata": "Suricata", "argus": "Argus", "ring": "ring reader"}
OURS = {
    "floor": ("nDPI's label of each flow, nothing else; no output", "`bench-floor FILE`"),
    "flowsensor": ("nDPI's label, counters, statistics, the first 20 packets; Avro, encoded and not written",
                   "`flowsensor -r FILE -w null: --format avro --set meter.statistical_analysis=true --set meter.splt_analysis=20`"),
    "flowsensor-file": ("the same; Avro to a file", "the same with `-w flows.avro --set outputs.0.codec=null`"),
    "nfstream": ("the same as flowsensor; flows handed to Python, not written", "`nfstream_run.py FILE`"),
}
LEAST = ("floor", "ring")
LABELS = {"nfstream"} | {peer.name for peer in PEERS if peer.labels}
EACH_DIRECTION = {peer.name for peer in PEERS if peer.counts == EACH}
CAPTURES = {"mix": "16 packets a flow", "small": "2 packets a flow", "large": "20 flows of full-size packets"}


def name_of(program):
    return NAMES.get(program, program)


def kind_of(program):
    if program in LEAST:
        return "least"
    if program.startswith("flowsensor"):
        return "ours"
    return "labels" if program in LABELS else "counts"


def short(value):
    """A number with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def thousands(rate):
    return f"{round(rate / 1000) * 1000:,}"


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


def flows_cell(program, row, packets):
    """Flows that the program reported; what makes them another number of things is said."""
    said = f"{row['flows']:,}"
    if program in EACH_DIRECTION:
        said += " (each direction)"
    if row["packets"] != packets:
        said += f" (of {row['packets']:,} packets)"
    return said


def capture_table(result, versions):
    head = ("program", "version", "ns per packet", "µs per flow", "times the floor", "least to most", "flows reported", "peak MiB")
    rows = []
    for program, row in sorted(result["programs"].items(), key=lambda item: item[1]["cpu_s"]):
        spread = f"{short(row['cpu_s_least'])} to {short(row['cpu_s_most'])} s"
        rows.append((name_of(program), versions.get(program.removesuffix("-file"), ""), short(row["ns_per_packet"]),
                     short(row["us_per_flow"]), f"{row['ratio']:.2f}", spread, flows_cell(program, row, result["packets"]),
                     f"{row['peak_rss'] / 2**20:.0f}"))
    return table(head, rows)


def memory_table(memory, versions):
    rows = [(name_of(program), f"{max(row['bytes_per_flow'], 0):,.0f}", f"{row['base_rss'] / 2**20:.0f}", f"{row['start_s']:.2f}")
            for program, row in sorted(memory["programs"].items(), key=lambda item: item[1]["bytes_per_flow"])]
    rows += [(name_of(peer.name), "a fixed table", "", "") for peer in PEERS if peer.has_fixed_table and peer.name in versions]
    return table(("program", "bytes per open flow", "MiB with 100 flows", "CPU s with 100 flows"), rows)


def rate_cell(row):
    return ("at least " if row["is_top"] else "") + thousands(row["rate"])


def loss_cell(row):
    if row["is_top"]:
        return "none"
    return f"{row['lost_at_top']:.1%}" if row["lost_at_top"] >= 0.001 else "under 0.1%"


def live_table(live):
    rows = []
    for capture, programs in live["captures"].items():
        for program, row in programs.items():
            if "failed" not in row:
                rows.append((capture, name_of(program), rate_cell(row), thousands(row["top"]), loss_cell(row)))
    return table(("capture", "program", "packets/s without loss", "sender's top speed", "lost at that"), rows)


def failures(files, live):
    """Why programs are missing somewhere: {program: reason}."""
    found = dict(files["absent"])
    for where, result in [*files["captures"].items(), ("memory", files.get("memory", {}))]:
        for program, why in result.get("failed", {}).items():
            found.setdefault(program, f"failed ({where}): {why}")
    for capture, programs in live["captures"].items():
        for program, row in programs.items():
            if "failed" in row:
                found.setdefault(program, f"failed (live, {capture}): {row['failed']}")
    return {**found, **ABSENT}


def one_line(words):
    return " ".join(words.replace("|", "/").split())


def program_table(files, live):
    """What each program does and how it was run; the last rows are those that are missing, and why."""
    rows = [(name_of(program), *OURS[program]) for program in OURS if any(program in result["programs"] for result in files["captures"].values())]
    for peer in PEERS:
        if peer.name in files["versions"]:
            rows.append((name_of(peer.name), peer.does, f"`{one_line(peer.file.format(capture='FILE', interface='', idle=120, active=1800))}`"))
    rows += [(name_of(program), f"absent: {one_line(why)[:300]}", "") for program, why in failures(files, live).items()]
    return table(("program", "what it computes and writes", "command"), rows)


def markdown(files, live):
    machine = files["machine"]
    runs = max(row["runs"] for result in files["captures"].values() for row in result["programs"].values())
    parts = ["# flowsensor and other flow meters", "![Bars of the figures in the tables](report.svg)",
             f"Made by `tests/bench/run.sh`; [what is compared and how](../README.md). {machine['cpus']} cores of {machine['cpu']},"
             f" Linux {machine['kernel'].split('-')[0]}; captures at {files['scale']:g} of their size.\n"
             f"CPU is user and system time of the whole process, its start included: medians of interleaved runs ({runs}; NFStream 1)."]
    for capture, result in files["captures"].items():
        parts += [f"## CPU: `{capture}`", f"{result['packets']:,} packets, {result['flows']:,} flows: {CAPTURES[capture]}.",
                  capture_table(result, files["versions"])]
    if "memory" in files:
        parts += ["## Memory", "Peak resident memory with every flow of `small` open, less that with 100 flows, divided by the flows. "
                  "Of a program with several processes the largest one counts. What a program sets aside at its start is in the third column only.",
                  memory_table(files["memory"], files["versions"])]
    parts += ["## Live", f"On a veth pair; a rate counts if {live['turns']} × {live['seconds']} s passed without loss. "
              "The sender and the kernel's part of the capture share one core; the program has the other.", live_table(live),
              "## The programs", program_table(files, live)]
    return "\n\n".join(parts) + "\n"


def cpu_panel(result, capture, key, unit):
    rows = sorted(result["programs"].items(), key=lambda item: item[1][key])
    bars = [picture.Bar(name_of(program), row[key], kind_of(program), f"{short(row[key])} {unit}") for program, row in rows
            if program != "flowsensor-file"]
    per = "packet" if key == "ns_per_packet" else "flow"
    return picture.Panel(f"CPU per {per}, {capture}", CAPTURES[capture], bars)


def memory_panel(memory):
    rows = sorted(memory["programs"].items(), key=lambda item: item[1]["bytes_per_flow"])
    bars = [picture.Bar(name_of(program), row["bytes_per_flow"], kind_of(program), f"{max(row['bytes_per_flow'], 0):,.0f} B") for program, row in rows]
    return picture.Panel("Memory per open flow", "every flow of small open", bars)


def live_panel(live, captures, title):
    """Rates without loss; the name of the capture stands before the program's if there are several."""
    bars = []
    for capture in captures:
        rows = [(program, row) for program, row in live["captures"].get(capture, {}).items() if "failed" not in row]
        if len(captures) > 1:
            rows = [(program, row) for program, row in rows if program in ("ring", "flowsensor")]
        for program, row in sorted(rows, key=lambda item: -item[1]["rate"]):
            label = f"{capture}: {name_of(program)}" if len(captures) > 1 else name_of(program)
            bars.append(picture.Bar(label, row["rate"], kind_of(program), ("≥ " if row["is_top"] else "") + thousands(row["rate"])))
    return picture.Panel(title, "packets/s; ≥: the sender can't do more", bars)


def drawing(files, live):
    units = {"mix": ("ns_per_packet", "ns"), "large": ("ns_per_packet", "ns"), "small": ("us_per_flow", "µs")}
    panels = [cpu_panel(files["captures"][capture], capture, *units[capture]) for capture in units if capture in files["captures"]]
    if "memory" in files:
        panels.append(memory_panel(files["memory"]))
    panels.append(live_panel(live, ("mix",), "Live without loss, mix"))
    panels.append(live_panel(live, ("small", "large"), "Live without loss, small and large"))
    return picture.draw("CPU, memory and live rates of flowsensor and other flow meters", panels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=Path, required=True, metavar="JSON", help="of bench.py")
    parser.add_argument("--live", type=Path, required=True, metavar="JSON", help="of live.py")
    parser.add_argument("--out", type=Path, default=Path("."), metavar="FOLDER")
    options = parser.parse_args()
    files, live = (json.loads(path.read_text(encoding="utf-8")) for path in (options.files, options.live))
    (options.out / "report.md").write_text(markdown(files, live), encoding="utf-8")
    (options.out / "report.svg").write_text(drawing(files, live), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
