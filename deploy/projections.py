#!/usr/bin/env python3
"""Writes deploy/projections.md from the table of the Python package: python3 deploy/projections.py > deploy/projections.md"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "python" / "flowsensor"))  # the table needs nothing that the package needs
from projection_tables import APPROXIMATE, PROJECTIONS

HEAD = """# The columns of other data sets, from `flow_full/v1`

Models and papers name the columns of NetFlow v3 (the data sets of the University of Queensland), of CESNET DataZoo and of CICFlowMeter,
which is a Java program, and with other columns a package of PyPI. They follow from records of `flow_full/v1`:

```python
import flowsensor
flows = flowsensor.read("flows.avro").to_polars(all_columns=True)
flowsensor.project(flows, "cicflowmeter")                   # or "cicflowmeter_python", "nf_v3", "cesnet"; also of a pandas DataFrame
flowsensor.project(flows, "cicflowmeter", emitted=True)     # what the tool itself writes
print(flowsensor.projection_sql("nf_v3", "flows"))          # the same as a query for DuckDB
```

This page is made from the table that both use (`python3 deploy/projections.py > deploy/projections.md`). A row's expression is SQL, in
which times are microseconds since 1970.

| mark | meaning |
| --- | --- |
| exact | equal to the tool's number, where it counts the same packets to the flow |
| approximate | the tool's own number depends on what it doesn't publish or what another dissector says. *bound*: how far it is from the expression at most, in the column's unit; none for labels, texts and messages |
| corrected | the tool's number is not what the column's name says. The expression is what it says; *emits* is the tool's number, which `emitted=True` gives |

Which packets are a flow differs between the tools. CICFlowMeter cuts after 120 s, at a RST and at the responder's first FIN. ipfixprobe cuts after
300 s, or 30 s of silence, the package of PyPI after 240 s of silence, or 90 s. NFStream and the package don't cut at a FIN, as with
`meter.tcp_end = false`. Compare flows that neither side cuts. What a record's quality flags name (`offload`, `truncated`, `time_raised`, `loss_window`,
`midstream`) changes sizes, times or directions against a tool that sees other packets.
"""
MEASURED = """## What was compared

The suite `projections` of the tests compares each column that the other side has, flow by flow. Thirty captures are taken by a rule, of those whose
flows no tool cuts. Integers and texts are equal, doubles to 1e-9, approximate columns within their bounds.

| with | flows | columns | values |
| --- | --- | --- | --- |
| `cicflowmeter` 0.5.0 of PyPI, as it emits them | 216 | `cicflowmeter_python`: all 82 | 17,632; 80 more are not kept |
| NFStream 6.6.0, at the layer that a column counts | 242 | `nf_v3`: 27; `cicflowmeter`: 53; `cesnet`: 28 | 25,821 |
| the packets themselves, also of the tests' own captures and of random flows | 1,264 | `nf_v3`: 46; `cesnet`: 85; `cicflowmeter`: all 83; 22 as emitted | 298,304 |
| a model of ipfixprobe's `pstats`, on the flows of TLS and QUIC in 219 captures | 1,107 | `cesnet`: the 11 of PPI, with `meter.splt_packets = "payload_new"` | 11,189 packets |

NFStream has milliseconds, so times are compared to that. Five flows are in VLANs or PPPoE, which the package doesn't read.
What packets don't give is labels, messages and texts. Each corrected column has a made flow on which the tool's number is wrong. The package writes its number
itself. CICFlowMeter and ipfixprobe are in no package registry, so theirs are computed as their code does it.
"""
NOTES = {
    "nf_v3": """## NF-v3

53 columns; NF-v2 is the same without `IAT` and `FLOW_START`, `FLOW_END`. Approximate are: labels, which are the probe's nDPI's; durations
of a direction, by a millisecond; throughputs and retransmissions, whose rules nProbe doesn't publish; ICMP, DNS and FTP, where a flow has
several messages. IATs are in milliseconds, with n - 1 under the root. What the bounds allow for: the shortest packet may be a frame, an IP packet, a segment or a
payload. A duration may be rounded before or behind the division. A segment below the highest sequence number may be a retransmission, or may have come
out of order.
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
    "cicflowmeter_python": """## cicflowmeter of PyPI

The 82 columns of the package, by its version 0.5.0, which has flows of TCP and UDP over IPv4 alone. Lengths are those of frames, headers those of
IP; times are in seconds, deviations divide by the number of values. `timestamp` is UTC. Its faults are few and touch many columns. The first packet counts
twice in packets, lengths, headers and flags, and begins the gaps with one of 0. A single backward gap is none. Padding is payload. Periods are never
counted, subflows are the flow, CWR is URG, and a window of 0 gives way to the next one.

What it emits is null here where no record keeps it: headers of flows with IP options, and a window behind a first one of 0. So are bulks and data
packets where frames have padding or another link than Ethernet. The sizes of the first packet take `meter.accounting_mode` 0, and a SPLT of all packets.

The program ends flows by the clock of its host once in a second, also while it reads a file: what is older than 240 s then, or lasts 90 s, is cut
wherever it stands. The comparison leaves that out, since it depends on how fast the program reads.
""",
}


def cell(text):
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def emits_or_bound(column):
    if column.mark == APPROXIMATE:
        return cell(column.bound) or "none"
    return "not kept" if column.emits == "" else cell(column.emits or "")


def table(projection):
    yield "| column | mark | expression | emits, or bound |"
    yield "| --- | --- | --- | --- |"
    for column in projection.columns:
        yield f"| {column.name} | {column.mark} | {cell(column.expression)} | {emits_or_bound(column)} |"


def page():
    parts = [HEAD, MEASURED]
    for name, projection in PROJECTIONS.items():
        parts.append(NOTES[name] + "\n" + "\n".join(table(projection)) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
