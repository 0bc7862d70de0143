"""What counts as equal between two readers of the same records; pure functions, tested by test_compare.py."""
from fields import exact

SHOWN = 3
WIDTH = 60


def short(value):
    """A value as a reader of the report sees it."""
    shown = repr(value)
    return shown if len(shown) <= WIDTH else f"{shown[:WIDTH]}... ({len(shown)} characters)"


def record_difference(names, expected, found):
    """The first field in which two records differ, as a line; None if they are the same to the type and the last bit."""
    if exact(expected) == exact(found):
        return None
    if len(expected) != len(found):
        return f"{len(found)} fields instead of {len(expected)}"
    for name, wanted, got in zip(names, expected, found):
        if repr(wanted) != repr(got):
            return f"{name}: expected {short(wanted)}, found {short(got)}"
    return "the exact forms differ, though no field does"


def differences(names, expected, found):
    """Lines for the first differing records, and for a different number of them. Empty: all are equal, in order."""
    lines = [] if len(expected) == len(found) else [f"{len(found)} records instead of {len(expected)}"]
    for number, (wanted, got) in enumerate(zip(expected, found)):
        line = record_difference(names, wanted, got)
        if line is not None:
            lines.append(f"record {number}: {line}")
            if len(lines) >= SHOWN:
                break
    return lines


def replaced(records, index, value):
    """The same records with another value in one field: what differs by design between outputs."""
    return [record[:index] + [value] + record[index + 1:] for record in records]


def seq_problem(numbers):
    """Whether these numbers are 0, 1, 2 ... in any order, without a gap or a repetition; None or a line."""
    for expected, number in enumerate(sorted(numbers)):
        if number != expected:
            return f"seq has {number} where {expected} is due"
    return None


def multiset_problem(expected, found):
    """Two collections.Counter of digests; None or a line."""
    missing, surplus = (expected - found).total(), (found - expected).total()
    if missing or surplus:
        return f"{missing} records are missing, {surplus} are none of ours (of {expected.total()})"
    return None


def murmur2(data):
    """The 32-bit hash by which Kafka's Java producer chooses a partition (Austin Appleby's MurmurHash2, seed 0x9747b28c)."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at:at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key, partitions):
    """Where Java's default partitioner puts a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
