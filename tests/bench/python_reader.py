#!/usr/bin/env python3
"""Measures the Python package: rows a second from a file and from a topic, memory, and the way from a capture to a DataFrame
beside NFStream's.

Usage: python_reader.py [options], with the Python of tests/requirements.txt, and flowsensor and bench-generate built. For the topic it
starts a broker and a registry of its own on loopback. Each measurement is a process of its own, the sensor has all features on.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.append(str(HERE.parent / "e2e"))

from bench import FEATURES, generate, run_measured, warm_up  # noqa: E402

PACKAGE = REPOSITORY / "deploy" / "python"
PARTS = ("file", "topic", "nfstream")
FORMS = ("to_polars", "to_pandas")
# Rows a second, of the better of the two forms; bytes for a million flows, of the worse; and how much faster than NFStream.
LIMITS = {"file": 80_000, "topic": 60_000, "bytes": 2.5e9, "nfstream": 8.0}
# Imports are not the reader's time, but the memory is the whole process's.
READ = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import flowsensor, pandas, polars, pyarrow
words = json.loads(sys.argv[3])
start = time.monotonic()
flows = flowsensor.read(words["path"]) if "path" in words else flowsensor.read_topic(**words)
frame = getattr(flows, sys.argv[2])()
print(json.dumps({"seconds": time.monotonic() - start, "rows": frame.shape[0]}))
"""
# As version 0.1 made every frame.
RECORDS = READ.replace("frame =", "sys.modules['polars'] = None\nframe =")
OURS = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
import flowsensor
with subprocess.Popen(json.loads(sys.argv[2]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sensor:
    frame = flowsensor.read(sensor.stdout).to_pandas()
print(json.dumps({"rows": len(frame)}))
"""
THEIRS = """
import json, sys
import nfstream
frame = nfstream.NFStreamer(source=sys.argv[1], statistical_analysis=True, splt_analysis=20, n_dissections=20, n_meters=1).to_pandas()
print(json.dumps({"rows": len(frame)}))
"""


class Row(NamedTuple):
    """A line of the table: the medians of all runs."""

    name: str
    rows: int
    seconds: float
    peak_rss: int


def python(code, *words):
    """A run of Python: what it printed, its wall time as `wall_s` and its peak as `peak_rss`."""
    run = run_measured([sys.executable, "-c", code, *map(str, words)])
    return {"seconds": run["wall_s"], "peak_rss": run["peak_rss"], **json.loads(run["output"].splitlines()[-1])}


def median(name, runs):
    rows = {run["rows"] for run in runs}
    if len(rows) != 1:
        raise RuntimeError(f"{name}: runs give {sorted(rows)} rows")
    return Row(name, rows.pop(), *(statistics.median(run[key] for run in runs) for key in ("seconds", "peak_rss")))


def sensor(options, capture, *words):
    subprocess.run([str(options.binary), "-r", capture, *FEATURES, *map(str, words)], check=True, stderr=subprocess.DEVNULL)


def file_rows(options, folder):
    path = Path(folder) / "flows.avro"
    sensor(options, generate(options, "small", options.scale), "-w", path)
    few = Path(folder) / "few.avro"
    sensor(options, generate(options, "small", min(options.scale, 0.05)), "-w", few)
    what = {name: json.dumps({"path": str(where)}) for name, where in (("all", path), ("few", few))}
    yield median("file, record by record (0.1)", [python(RECORDS, PACKAGE, "to_pandas", what["few"])])
    for form in FORMS:
        yield median(f"file, {form}()", [python(READ, PACKAGE, form, what["all"]) for _ in range(options.runs)])


def topic_rows(options, folder):
    from servers import LocalServers
    servers = LocalServers.get()
    servers.topic("reader")
    config = Path(folder) / "topic.conf"
    config.write_text(f"""
registry = {{ url = "{servers.registry}"; auto_register = true; }};
outputs = ( {{ topic = "reader"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={servers.bootstrap}" ]; }} );
""", encoding="ascii")
    sensor(options, generate(options, "small", options.topic_scale), "-c", config)
    words = json.dumps({"topic": "reader", "bootstrap": servers.bootstrap, "registry": servers.registry})
    for form in FORMS:
        yield median(f"topic, {form}()", [python(READ, PACKAGE, form, words) for _ in range(options.runs)])


def nfstream_rows(options, _folder):
    """One after the other, so that both have the same machine."""
    capture = generate(options, "mix", options.nfstream_scale)
    warm_up(capture)
    pipe = ("-w", "-", "--format", "avro", "--set", "outputs.0.codec=null")
    command = json.dumps([str(options.binary), "--profile", "nfstream", "-r", capture, *FEATURES, *pipe])
    ours, theirs = [], []
    for _ in range(options.runs):
        ours.append(python(OURS, PACKAGE, command))
        theirs.append(python(THEIRS, capture))
    yield median("capture to pandas, flowsensor", ours)
    yield median("capture to pandas, NFStream", theirs)


def judge(rows):
    """What was asked for: name, value, limit, and whether it is kept."""
    rate = {row.name: row.rows / row.seconds for row in rows}
    for part in ("file", "topic"):
        rates = [rate[f"{part}, {form}()"] for form in FORMS if f"{part}, {form}()" in rate]
        if rates:
            yield f"rows/s from a {part}", max(rates), LIMITS[part], max(rates) >= LIMITS[part]
    peaks = [row.peak_rss for row in rows if row.name.startswith("file, to_") and row.rows >= 1_000_000]
    if peaks:
        yield "bytes for 1 M flows", max(peaks), LIMITS["bytes"], max(peaks) <= LIMITS["bytes"]
    ours, theirs = (next((row for row in rows if row.name == f"capture to pandas, {name}"), None) for name in ("flowsensor", "NFStream"))
    if ours and theirs:
        ratio = theirs.seconds / ours.seconds
        yield "NFStream's time / ours", ratio, LIMITS["nfstream"], ratio >= LIMITS["nfstream"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=REPOSITORY / "build/release/sensor/flowsensor")
    parser.add_argument("--generate", type=Path, default=REPOSITORY / "build/release/tests/bench/bench-generate")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of small, for the file: 1 is a million flows")
    parser.add_argument("--topic-scale", type=float, default=0.3, help="of small, for the topic")
    parser.add_argument("--nfstream-scale", type=float, default=1.0, help="of mix, for the way from a capture")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a limit isn't kept")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    measured = {"file": file_rows, "topic": topic_rows, "nfstream": nfstream_rows}
    rows = []
    with tempfile.TemporaryDirectory(prefix="flowsensor-reader-") as folder:
        for part in options.part or PARTS:
            for row in measured[part](options, folder):
                print(f"{row.name:32} {row.rows:9,} rows  {row.seconds:7.2f} s  {row.rows / row.seconds:9,.0f} rows/s  "
                      f"{row.peak_rss / 2**20:6,.0f} MiB", flush=True)
                rows.append(row)
    verdicts = list(judge(rows))
    for name, value, limit, kept in verdicts:
        print(f"{name:32} {value:,.4g} (limit {limit:,.4g}): {'kept' if kept else 'NOT KEPT'}")
    if options.json:
        options.json.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n", encoding="ascii")
    sys.exit(1 if options.strict and not all(kept for *_, kept in verdicts) else 0)


if __name__ == "__main__":
    main()
