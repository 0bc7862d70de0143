"""Debian's ndpiReader (nDPI 4.2, the same library as the sensor's): how it is run, and what it says of a capture's flows.

`ndpiReader -q -t -T 19 -U 19 -v 2 -C CSV -w TEXT -i CAPTURE`
  -t          dissects GTP-U, TZSP and CAPWAP tunnels, as decode_tunnels = true (the default) does here
  -T 19 -U 19 packet limit: ndpiReader gives up on the first packet beyond the limit, after dissecting it, so 19
              means 20 dissected packets of a TCP or UDP flow: n_dissections = 20, NFStream's default and ours.
              (Its own defaults are -T 80 -U 24. Other protocols than TCP and UDP have no limit there.)
  no -d       guesses by port and address stay on, as in NFStream
  -v 2 -C -w  the text has name, VLAN, confidence, packet counts and what else was found, the CSV the protocol number and
              full addresses; both list the same flows in the same order, the unknown ones too because of -v 2
  no -p, -c, -r, -j, -S: no list of protocols, categories, domains or fingerprints is loaded; all protocols on.
"""
import collections
import ipaddress
import re
import subprocess
import tempfile
from pathlib import Path

import harness

PACKET_LIMIT = 20
COMMAND = ("ndpiReader", "-q", "-t", "-T", str(PACKET_LIMIT - 1), "-U", str(PACKET_LIMIT - 1), "-v", "2")
FLOW_LINE = re.compile(
    r"^\t\d+\t\S+ .* (?:<->|->) \S+:\d+ (?:\[VLAN: (?P<vlan>\d+)\])?\[proto: (?:[A-Z_]+:)?[0-9.]+/(?P<name>[^\]]*)\]"
    r"\[(?:Encrypted|ClearText)\]\[Confidence: (?P<confidence>[^\]]+)\](?:\[cat: [^\]]*\])?"
    r"\[(?P<there>\d+) pkts/\d+ bytes (?:<->|->) +(?P<back>\d+) pkts")

PeerFlow = collections.namedtuple("PeerFlow", "key packets name confidence line")


def canonical_address(text):
    """One spelling per address. ndpiReader writes every ":0:" of an IPv6 address as "::", even twice, so both
    sides are brought to that."""
    try:
        text = str(ipaddress.ip_address(text))
    except ValueError:
        pass
    return text.replace(":0:", "::")


def flow_key(src, src_port, dst, dst_port, protocol, vlan):
    """Key of a flow, the same for both directions."""
    ends = sorted(((canonical_address(src), int(src_port)), (canonical_address(dst), int(dst_port))))
    return (*ends, int(protocol), int(vlan))


def parse(text, table):
    """The flows of ndpiReader from its text and its CSV, which list them in the same order."""
    lines = [match for match in map(FLOW_LINE.match, text.splitlines()) if match]
    rows = [line.split(",", 9)[:9] for line in table.splitlines()[1:] if line]
    if len(lines) != len(rows):
        raise ValueError(f"ndpiReader's text has {len(lines)} flows, its CSV {len(rows)}")
    flows = []
    for match, row in zip(lines, rows):
        key = flow_key(row[5], row[6], row[7], row[8], row[1], match["vlan"] or 0)
        flows.append(PeerFlow(key, int(match["there"]) + int(match["back"]), match["name"], match["confidence"], match.string))
    return flows


def run(capture):
    """ndpiReader's flows of a capture, or a line that says why there are none."""
    with tempfile.TemporaryDirectory(prefix="ndpi-reader-") as folder:
        text, table = Path(folder) / "text", Path(folder) / "csv"
        done = subprocess.run([*COMMAND, "-C", str(table), "-w", str(text), "-i", str(capture)],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.TIME_LIMIT, check=False)
        if done.returncode != 0:
            message = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            return f"ndpiReader ended with status {done.returncode}: {message[0] if message else 'no message'}"
        return parse(text.read_text(errors="surrogateescape"), table.read_text(errors="surrogateescape"))
