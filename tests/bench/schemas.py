#!/usr/bin/env python3
"""What each schema of flows costs, and each group of features: CPU beside flow/v1's, bytes of a record, bytes of state in a flow.

Usage: schemas.py [options], see --help and README.md. It prints two tables in Markdown.
CPU seconds are user + system of the whole process; ratios are medians over pairs of runs, one behind the other.
"""
import argparse
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

import bench

SCHEMAS = ("flow/v1", "flow/v2", "flow/v3", "flow_lite/v1", "flow_full/v1")
# One field of each, which switches the whole group on; all fields of the group are in the schema that is measured.
GROUPS = ("sizes", "series", "histograms", "ip", "tcp_more", "activity", "bursts", "splt_more", "risks", "tls", "http", "quic", "dns", "ftp", "entropy")
WITH_LABELS = ("risks", "tls", "http", "quic")  # beside a schema that has a label, the others beside one that has none
FLOWS = 100000


def full_schema():
    return json.loads((bench.REPOSITORY / "schemas" / "flow_full" / "v1.avsc").read_text())


def groups_of_fields(binary):
    """{group: names}, as the reference page has them."""
    text = bench.run_measured([str(binary), "reference"])["output"]
    found = {}
    for name, group in re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| [^|]* \| (\w+) \|", text):
        directions = {"D_": ("bidirectional", "src2dst", "dst2src"), "W_": ("src2dst", "dst2src")}.get(name[:2])
        found.setdefault(group, []).extend(f"{direction}_{name[2:]}" for direction in directions) if directions else found.setdefault(group, []).append(name)
    return found


def write_schema(folder, name, fields):
    full = full_schema()
    path = folder / f"{name}.avsc"
    path.write_text(json.dumps({**full, "name": "Flow", "namespace": f"bench.{name}", "fields": [field for field in full["fields"] if field["name"] in fields]}))
    return str(path)


def command(options, capture, schema):
    return [str(options.binary), "-r", capture, "-w", "null:", "--format", "avro", "--schema", schema]


def seconds(options, capture, schema):
    return bench.run_measured(command(options, capture, schema), options.pin)["cpu_s"]


def difference(options, capture, schema, beside):
    """(median of schema / beside, median of schema - beside) of pairs of runs."""
    pairs = [(seconds(options, capture, schema), seconds(options, capture, beside)) for _ in range(options.runs)]
    return statistics.median(left / right for left, right in pairs), statistics.median(left - right for left, right in pairs)


def record_bytes(options, capture, schema, codec):
    """Bytes of a container of all records, by record."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flows.avro"
        run = bench.run_measured([str(options.binary), "-r", capture, "-w", str(path), "--schema", schema, "--set", f"outputs.0.codec={codec}"])
        return path.stat().st_size / bench.number_in(run["errors"], r"output .*: made (\d+)")


def flow_bytes(options, folder, schema):
    """Of the table and of texts, for each flow: what `flowsensor memory` says."""
    path = folder / "memory.conf"
    path.write_text(f'capture = {{ interfaces = [ "lo" ]; }}; meter = {{ flow_table_size = {FLOWS}; }}; '
                    f'outputs = ( {{ path = "{folder}/x.avro"; schema = "{schema}"; }} );')
    path.chmod(0o600)
    parts = dict(line.split("\t")[:2] for line in bench.run_measured([str(options.binary), "memory", "-c", str(path)])["output"].splitlines())
    return (int(parts["flow_tables"]) + int(parts["ndpi_texts"])) / FLOWS


def print_schemas(options, captures, folder):
    print("| schema | CPU, mix | CPU, small flows | bytes, plain | bytes, deflate | bytes in a flow |\n| --- | --- | --- | --- | --- | --- |")
    for schema in SCHEMAS:
        ratios = [difference(options, captures[name], schema, SCHEMAS[0])[0] for name in ("mix", "small")]
        sizes = [record_bytes(options, captures["mix"], schema, codec) for codec in ("null", "deflate")]
        print(f"| `{schema}` | {ratios[0]:.2f} | {ratios[1]:.2f} | {sizes[0]:.0f} | {sizes[1]:.0f} | {flow_bytes(options, folder, schema):.0f} |", flush=True)


def print_groups(options, captures, folder):
    packets = bench.number_in(bench.run_measured(command(options, captures["mix"], SCHEMAS[0]))["errors"], r"read \d+ = metered (\d+)")
    names = groups_of_fields(options.binary)
    plain = {labels: write_schema(folder, "labels" if labels else "plain", {"src_port", *(("application_name",) if labels else ())}) for labels in (False, True)}
    print("\n| group | ns for each packet | bytes in a flow | bytes of a record |\n| --- | --- | --- | --- |")
    for group in GROUPS:
        labels = group in WITH_LABELS
        schema = write_schema(folder, group, {"src_port", *names[group], *(("application_name",) if labels else ())})
        cost = difference(options, captures["mix"], schema, plain[labels])[1]
        state = flow_bytes(options, folder, schema) - flow_bytes(options, folder, plain[labels])
        record = record_bytes(options, captures["mix"], schema, "null") - record_bytes(options, captures["mix"], plain[labels], "null")
        print(f"| `{group}` | {cost / packets * 1e9:.0f} | {state:.0f} | {record:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=bench.default_binary())
    parser.add_argument("--generate", type=Path, default=bench.REPOSITORY / "build/release/tests/bench/bench-generate")
    parser.add_argument("--scale", type=float, default=0.25, help="of the captures (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs (%(default)s)")
    parser.add_argument("--pin", type=int, metavar="CPU")
    options = parser.parse_args()
    captures = {name: bench.generate(options, name, options.scale) for name in ("mix", "small")}
    for path in captures.values():
        bench.warm_up(path)
    with tempfile.TemporaryDirectory() as folder:
        print_schemas(options, captures, Path(folder))
        print_groups(options, captures, Path(folder))


if __name__ == "__main__":
    try:
        main()
    except bench.BenchError as error:
        sys.exit(f"schemas.py: {error}")
