"""What a record should say, and where it doesn't."""
import math

from . import activity, histograms, ip, series, sizes, splt, tcp
from .assigned import Slice

GROUPS = {"sizes": sizes, "series": series, "histograms": histograms, "ip": ip, "tcp": tcp, "activity": activity}
TOLERANCE = 1e-9


def expected(part, length, choice="all"):
    """{field: value} of all groups; SPLT with the first `length` packets that `choice` lets pass."""
    made = {}
    for group in GROUPS.values():
        made.update(group.fields(part))
    made.update(splt.fields(part, length, choice))
    return made


def equal(ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return ours == theirs


def differences(part, length, choice="all"):
    """(how many fields were compared, which the record lacks, [(field, the oracle's value, the record's)])."""
    wanted = expected(part, length, choice)
    there = {name: value for name, value in wanted.items() if name in part.record}
    found = [(name, value, part.record[name]) for name, value in there.items() if not equal(value, part.record[name])]
    return len(there), set(wanted) - set(there), found


def prefix(part, record):
    """The part of a slice that an early or update record of it has seen."""
    return Slice(record, part.packets[:record["bidirectional_packets"]], part.before)
