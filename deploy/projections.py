#!/usr/bin/env python3
"""Writes deploy/projections.md from the table of the Python package: python3 deploy/projections.py > deploy/projections.md"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "python" / "flowsensor"))  # the table needs nothing that the package needs
from projection_tables import PROJECTIONS

HEAD = """# The columns of other data sets, from `flow_full/v1`

Models and papers name the columns of NetFlow v3 (the data sets of the University of Queensland), of CESNET DataZoo and of CICFlowMeter.
They follow from records of `flow_full/v1`:

```python
import flowsensor
flows = flowsensor.read("flows.avro").to_polars(all_columns=True)
flowsensor.project(flows, "cicflowmeter")                   # or "nf_v3", "cesnet"; also of a pandas DataFrame
flowsensor.project(flows, "cicflowmeter", emitted=True)     # what the tool itself writes
print(flowsensor.projection_sql("nf_v3", "flows"))          # the same as a query for DuckDB
```

This page is made from the table that both use (`python3 deploy/projections.py > deploy/projections.md`). A row's expression is SQL, in
which times are microseconds since 1970.

| mark | meaning |
| --- | --- |
| exact | equal to the tool's number, where it counts the same packets to the flow |
| approximate | the tool's own number depends on what it doesn't publish or what another dissector says: see below |
| corrected | the tool's number is not what the column's name says. The expression is what it says; *emits* is the tool's number, which `emitted=True` gives |

Which packets are a flow differs between the tools. CICFlowMeter cuts after 120 s, at a RST and at the responder's first FIN; ipfixprobe after
300 s, or 30 s of silence. Compare flows that neither side cuts. What a record's quality flags name (`offload`, `truncated`, `time_raised`, `loss_window`,
`midstream`) changes sizes, times or directions against a tool that sees other packets.
"""
NOTES = {
    "nf_v3": """## NF-v3

53 columns; NF-v2 is the same without `IAT` and `FLOW_START`, `FLOW_END`. Approximate are: labels, which are the probe's nDPI's; durations
of a direction, by a millisecond; throughputs and retransmissions, whose rules nProbe doesn't publish; ICMP, DNS and FTP, where a flow has
several messages. IATs are in milliseconds, with n - 1 under the root.
""",
    "cesnet": """## CESNET

The columns of DataZoo and of ipfixprobe's plugins pstats, phists, bstats and NetTiSA (`NTS_`). The lists `ppi_` are made of the SPLT: its first 30
packets with payload that repeat none. They are exact where the flow has no more packets than `meter.splt_analysis`, or 30 were kept;
otherwise they are a prefix. With `meter.splt_packets = "payload_new"` and a length of 30 they are always exact. `ppi_size`, `ppi_ipt`, `ppi_dir` and `ppi_push` are
filled up with zeros, times are in milliseconds. ipfixprobe leaves PPI out of a flow of one SYN, and bursts of flows of up to 3 packets.
`NTS_KURTOSIS` as emitted is null: no record keeps it. `QUIC_VERSION` is the server's, `QUIC_CLIENT_VERSION` the client's.
""",
    "cicflowmeter": """## CICFlowMeter

The 83 columns of the Java program. Of protocols other than TCP and UDP it knows packets and times alone: protocol, ports, payloads and
headers are 0. `timestamp` is UTC, where CICFlowMeter takes the zone of its host. Rates of a flow without duration are Infinity, or NaN of 0 / 0.
The last active period is never in `Active`, since the program never adds it.
""",
}


def cell(text):
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def emits(column):
    return "not kept" if column.emits == "" else cell(column.emits or "")


def table(projection):
    yield "| column | mark | expression | emits |"
    yield "| --- | --- | --- | --- |"
    for column in projection.columns:
        yield f"| {column.name} | {column.mark} | {cell(column.expression)} | {emits(column)} |"


def page():
    parts = [HEAD]
    for name, projection in PROJECTIONS.items():
        parts.append(NOTES[name] + "\n" + "\n".join(table(projection)) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
