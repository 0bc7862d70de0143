"""What a record should say, and where it doesn't."""
import math
from datetime import datetime

from . import activity, dns, entropy, ftp, histograms, http, ip, quic, risks, series, sizes, splt, tcp, tls
from .assigned import Slice, microseconds

GROUPS = {"sizes": sizes, "series": series, "histograms": histograms, "ip": ip, "tcp": tcp, "activity": activity, "dns": dns, "ftp": ftp,
          "entropy": entropy, "quic": quic}
DISSECTED = {"tls": tls, "http": http}  # of nDPI, which may have nothing where the packets have something
# But for http_status: nDPI forgets it when it reads one that is out of its range.
FROM_PAYLOAD = ("dns_", "ftp_", "tls_", "http_method", "src2dst_payload_entropy", "dst2src_payload_entropy", "src2dst_quic", "dst2src_quic")
TOLERANCE, TOLERANCE_OF_FLOAT = 1e-9, 1e-6


def expected(part, length, choice="all"):
    """{field: value} of all groups; SPLT with the first `length` packets that `choice` lets pass."""
    made = {}
    for group in GROUPS.values():
        made.update(group.fields(part))
    made.update(splt.fields(part, length, choice))
    return made


def equal(ours, theirs, tolerance=TOLERANCE):
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=tolerance)
    return ours == theirs


def value_of(record, name):
    """Times in microseconds."""
    return microseconds(record[name]) if isinstance(record[name], datetime) else record[name]


def differences(part, length, choice="all"):
    """(how many fields were compared, which the record lacks, [(field, the oracle's value, the record's)])."""
    wanted = expected(part, length, choice)
    there = {name: value for name, value in wanted.items() if name in part.record}
    found = [(name, value, part.record[name]) for name, value in there.items() if not equal(value, part.record[name])]
    return len(there), set(wanted) - set(there), found


def dissected(part):
    """What nDPI found: (how many values were compared, [fields that the record lacks though they are in the packets], differences)."""
    unread, found, count = [], [], 0
    for group in DISSECTED.values():
        for name, wanted in group.fields(part).items():
            count, value = count + 1, value_of(part.record, name)
            allowed = wanted if isinstance(wanted, set) else {wanted}
            if value is None and None not in allowed:
                unread.append(name)
            elif value not in allowed:
                found.append((name, wanted, value))
    for risk, wanted in risks.decided(part.record).items():
        count += 1
        if wanted != (risk in part.record["ndpi_risks"]):
            found.append((risk, wanted, not wanted))
    return count, unread, found


def forgotten(earlier, later):
    """Fields from payload that a record has, and a later one of the same slice has no more."""
    names = [name for name in later if name.startswith(FROM_PAYLOAD)]
    return [name for name in names if earlier[name] is not None and later[name] is None]


def prefix(part, record):
    """The part of a slice that an early or update record of it has seen."""
    return Slice(record, part.packets[:record["bidirectional_packets"]], part.before, part.cut)
