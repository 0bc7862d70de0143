#!/usr/bin/env python3
"""Compares flowsensor's application names with those of Debian's ndpiReader (nDPI 4.2, the same library).

    labels.py [--binary PROGRAM] [--list] [CAPTURE...]

ndpi_reader.py says how ndpiReader is run. flowsensor runs with --profile nfstream and NFStream's defaults.

A flow is compared when neither side cut it: it is the only record of its canonical 5-tuple and VLAN on both
sides, ended by idleness or end of input (expiration_id 0), and both sides count the same packets. ndpiReader
never expires flows of a file, has no tunnel in its key, folds IPv6 addresses to 32 bits, and drops IPv4 packets
that were captured in part; the flows that this leaves out are listed by kind, and too many of them fail the test.
The names must be equal for 97 % of the compared flows, and for 95 % of those that ndpiReader doesn't call Unknown.
What nDPI found beside the label is compared too, of the same run of ndpiReader (findings.py).
Exit code 1 below that, 69 when ndpiReader is absent.
"""
import collections
import shutil
import sys

import compare
import findings
import harness
import ndpi_reader

SHARE_OF_ALL = 0.97
SHARE_OF_KNOWN = 0.95
SHARE_COMPARED = 0.90


class Tally:
    """Counts of the whole run."""

    def __init__(self):
        self.files = self.flows = self.compared = self.equal = self.known = self.known_equal = 0
        self.left_out = collections.Counter()
        self.kinds = collections.Counter()
        self.examples = []


def run_both(binary, capture):
    """flowsensor's rows (dictionaries), those with what nDPI found, and ndpiReader's flows; a line instead of any when it failed."""
    theirs = ndpi_reader.run(capture)
    run = harness.run_flowsensor(binary, capture, {})
    if run.failure:
        return run.failure, [], theirs
    header, rows = compare.parse_csv(run.output)
    named = [dict(zip(header, row)) for row in rows] if header else "flowsensor wrote no header"
    return named, findings.run(binary, capture), theirs


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
    beyond = " (flow is longer than the packet limit)" if peer.packets > ndpi_reader.PACKET_LIMIT else ""
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
        key = ndpi_reader.flow_key(row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"], row["protocol"], row["vlan_id"])
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
    if shutil.which(ndpi_reader.COMMAND[0]) is None:
        print("labels: no ndpiReader; run: apt-get install libndpi-bin", file=sys.stderr)
        return 69
    captures, skipped = harness.find_captures(arguments.captures)
    for line in skipped:
        print(f"skipped: {line}")
    tally, failed = Tally(), 0
    library, found = findings.Library(), findings.Tally()
    for capture, (ours, finds, theirs) in harness.run_all(lambda path: run_both(arguments.binary, path), captures):
        if isinstance(theirs, str):
            skipped.append(capture.name)
            print(f"skipped: {capture.name}: {theirs}")
        elif isinstance(ours, str) or isinstance(finds, str):
            failed += 1
            print(f"FAILED {capture.name}: {ours if isinstance(ours, str) else finds}")
        else:
            tally.files += 1
            match_flows(capture.name, ours, theirs, tally)
            findings.match_flows(library, capture.name, finds, theirs, found)
    print_tally(tally, arguments.list)
    findings.print_tally(found)
    short = shortfalls(tally) + findings.shortfalls(found, not arguments.captures)
    for line in short:
        print(f"FAILED {line}")
    print(f"labels: {tally.files} passed, {failed + len(short)} failed, {len(skipped)} skipped")
    return 1 if failed or short else 0


if __name__ == "__main__":
    sys.exit(main())
