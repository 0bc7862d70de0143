#!/usr/bin/env python3
"""Compares flowsensor's application names with those of Debian's ndpiReader (nDPI 4.2, the same library).

    labels.py [--binary PROGRAM] [--list] [CAPTURE...]

How ndpiReader is run: `ndpiReader -q -t -T 19 -U 19 -v 2 -C CSV -w TEXT -i CAPTURE`
  -t          dissects GTP-U, TZSP and CAPWAP tunnels, as decode_tunnels = true (the default) does here
  -T 19 -U 19 packet limit: ndpiReader gives up on the first packet beyond the limit, after dissecting it, so 19
              means 20 dissected packets of a TCP or UDP flow: n_dissections = 20, NFStream's default and ours.
              (Its own defaults are -T 80 -U 24. Other protocols than TCP and UDP have no limit there.)
  no -d       guesses by port and address stay on, as in NFStream
  -v 2 -C -w  the text has name, VLAN, confidence and packet counts, the CSV the protocol number and full
              addresses; both list the same flows in the same order, the unknown ones too because of -v 2
  no -p, -c, -r, -j, -S: no list of protocols, categories, domains or fingerprints is loaded; all protocols on.
flowsensor runs with --profile nfstream and NFStream's defaults.

A flow is compared when neither side cut it: it is the only record of its canonical 5-tuple and VLAN on both
sides, ended by idleness or end of input (expiration_id 0), and both sides count the same packets. ndpiReader
never expires flows of a file, has no tunnel in its key, folds IPv6 addresses to 32 bits, and drops IPv4 packets
that were captured in part; the flows that this leaves out are listed by kind, and too many of them fail the test.
The names must be equal for 97 % of the compared flows, and for 95 % of those that ndpiReader doesn't call Unknown.
Exit code 1 below that, 69 when ndpiReader is absent.
"""
import collections
import ipaddress
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import compare
import harness

PACKET_LIMIT = 20
COMMAND = ("ndpiReader", "-q", "-t", "-T", str(PACKET_LIMIT - 1), "-U", str(PACKET_LIMIT - 1), "-v", "2")
SHARE_OF_ALL = 0.97
SHARE_OF_KNOWN = 0.95
SHARE_COMPARED = 0.90
FLOW_LINE = re.compile(
    r"^\t\d+\t\S+ .* (?:<->|->) \S+:\d+ (?:\[VLAN: (?P<vlan>\d+)\])?\[proto: (?:[A-Z_]+:)?[0-9.]+/(?P<name>[^\]]*)\]"
    r"\[(?:Encrypted|ClearText)\]\[Confidence: (?P<confidence>[^\]]+)\](?:\[cat: [^\]]*\])?"
    r"\[(?P<there>\d+) pkts/\d+ bytes (?:<->|->) +(?P<back>\d+) pkts")

PeerFlow = collections.namedtuple("PeerFlow", "key packets name confidence")


class Tally:
    """Counts of the whole run."""

    def __init__(self):
        self.files = self.flows = self.compared = self.equal = self.known = self.known_equal = 0
        self.left_out = collections.Counter()
        self.kinds = collections.Counter()
        self.examples = []


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


def parse_ndpi_reader(text, table):
    """The flows of ndpiReader from its text and its CSV, which list them in the same order."""
    lines = [match for match in map(FLOW_LINE.match, text.splitlines()) if match]
    rows = [line.split(",", 9)[:9] for line in table.splitlines()[1:] if line]
    if len(lines) != len(rows):
        raise ValueError(f"ndpiReader's text has {len(lines)} flows, its CSV {len(rows)}")
    flows = []
    for match, row in zip(lines, rows):
        key = flow_key(row[5], row[6], row[7], row[8], row[1], match["vlan"] or 0)
        flows.append(PeerFlow(key, int(match["there"]) + int(match["back"]), match["name"], match["confidence"]))
    return flows


def run_ndpi_reader(capture):
    """ndpiReader's flows of a capture, or a line that says why there are none."""
    with tempfile.TemporaryDirectory(prefix="labels-") as folder:
        text, table = Path(folder) / "text", Path(folder) / "csv"
        done = subprocess.run([*COMMAND, "-C", str(table), "-w", str(text), "-i", str(capture)],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.TIME_LIMIT, check=False)
        if done.returncode != 0:
            message = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            return f"ndpiReader ended with status {done.returncode}: {message[0] if message else 'no message'}"
        return parse_ndpi_reader(text.read_text(errors="replace"), table.read_text(errors="replace"))


def run_both(binary, capture):
    """flowsensor's rows (dictionaries) and ndpiReader's flows; a line instead of either when it failed."""
    theirs = run_ndpi_reader(capture)
    run = harness.run_flowsensor(binary, capture, {})
    if run.failure:
        return run.failure, theirs
    header, rows = compare.parse_csv(run.output)
    return [dict(zip(header, row)) for row in rows] if header else "flowsensor wrote no header", theirs


def reason_to_leave_out(row, ours_of_key, theirs_of_key):
    """Why a flow cannot be compared, or None."""
    if not theirs_of_key:
        return "ndpiReader has no such flow (it drops what was captured in part; other tunnel or link layer)"
    if row["expiration_id"] != "0" or len(ours_of_key) > 1:
        return "flowsensor has several records for the key (timeout, or same key in another tunnel)"
    if len(theirs_of_key) > 1:
        return "ndpiReader has several flows for the key"
    if int(row["bidirectional_packets"]) != theirs_of_key[0].packets:
        return "packet counts differ (ndpiReader folds IPv6 addresses, drops what was captured in part)"
    return None


def kind_of_difference(ours, peer):
    """One of a few names for why two labels differ."""
    beyond = " (flow is longer than the packet limit)" if peer.packets > PACKET_LIMIT else ""
    if peer.name == "Unknown":
        return "ndpiReader says Unknown" + beyond
    if peer.confidence.startswith("Match by"):
        return "ndpiReader guesses, " + peer.confidence.lower() + beyond
    if "cache" in peer.confidence:
        return "ndpiReader takes it from a cache that other flows filled" + beyond
    if ours == "Unknown":
        return "flowsensor says Unknown" + beyond
    if set(ours.split(".")) & set(peer.name.split(".")):
        return "one label is more precise" + beyond
    return "another application" + beyond


def match_flows(capture, ours, theirs, tally):
    """Compares the flows of one capture."""
    ours_by_key, theirs_by_key = collections.defaultdict(list), collections.defaultdict(list)
    for row in ours:
        key = flow_key(row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"], row["protocol"], row["vlan_id"])
        ours_by_key[key].append(row)
    for peer in theirs:
        theirs_by_key[peer.key].append(peer)
    for key, rows in ours_by_key.items():
        for row in rows:
            tally.flows += 1
            reason = reason_to_leave_out(row, rows, theirs_by_key.get(key, []))
            if reason:
                tally.left_out[reason] += 1
            else:
                count_label(capture, row, theirs_by_key[key][0], tally)


def count_label(capture, row, peer, tally):
    """Counts one compared flow."""
    ours = row["application_name"]
    equal, known = ours == peer.name, peer.name != "Unknown"
    tally.compared += 1
    tally.equal += equal
    tally.known += known
    tally.known_equal += equal and known
    if not equal:
        kind = kind_of_difference(ours, peer)
        tally.kinds[kind] += 1
        tally.examples.append(f"{capture}: {peer.key}: flowsensor {ours}, ndpiReader {peer.name} "
                              f"[{peer.confidence}, {peer.packets} packets]: {kind}")


def share(part, whole):
    """A share; of nothing it is 0, so that an empty run fails."""
    return part / whole if whole else 0.0


def shortfalls(tally):
    """What is below its limit, as lines."""
    limits = (("flows compared", share(tally.compared, tally.flows), SHARE_COMPARED),
              ("same name of all", share(tally.equal, tally.compared), SHARE_OF_ALL),
              ("same name of known", share(tally.known_equal, tally.known), SHARE_OF_KNOWN))
    return [f"{name}: {value:.2%}, needed {limit:.0%}" for name, value, limit in limits if value < limit]


def print_tally(tally, with_examples):
    """The result for the reader."""
    if with_examples:
        print("\n".join(tally.examples))
    for title, counter in (("left out", tally.left_out), ("other name", tally.kinds)):
        for kind, count in counter.most_common():
            print(f"{title}: {count:5} {kind}")
    print(f"files {tally.files}, flows {tally.flows}, compared {tally.compared}; same name: "
          f"{tally.equal} of {tally.compared} ({share(tally.equal, tally.compared):.2%}), of those ndpiReader "
          f"knows {tally.known_equal} of {tally.known} ({share(tally.known_equal, tally.known):.2%})")


def main():
    """The whole comparison; returns the exit code."""
    arguments = harness.parse_arguments(
        "Compares flowsensor's application names with ndpiReader's.",
        lambda parser: parser.add_argument("--list", action="store_true", help="list every differing flow"))
    if shutil.which(COMMAND[0]) is None:
        print("labels: no ndpiReader; run: apt-get install libndpi-bin", file=sys.stderr)
        return 69
    captures, skipped = harness.find_captures(arguments.captures)
    for line in skipped:
        print(f"skipped: {line}")
    tally, failed = Tally(), 0
    for capture, (ours, theirs) in harness.run_all(lambda path: run_both(arguments.binary, path), captures):
        if isinstance(theirs, str):
            skipped.append(capture.name)
            print(f"skipped: {capture.name}: {theirs}")
        elif isinstance(ours, str):
            failed += 1
            print(f"FAILED {capture.name}: {ours}")
        else:
            tally.files += 1
            match_flows(capture.name, ours, theirs, tally)
    print_tally(tally, arguments.list)
    short = shortfalls(tally)
    for line in short:
        print(f"FAILED {line}")
    print(f"labels: {tally.files} passed, {failed + len(short)} failed, {len(skipped)} skipped")
    return 1 if failed or short else 0


if __name__ == "__main__":
    sys.exit(main())
