"""Compares two CSV exports of flows: ours with NFStream's.

The rule, in one place: the same columns in the same order, the same rows in the same order, every cell but
those of the nine L7 columns textually equal; mean and standard deviation columns to 1e-9 relative.
Pure functions without input or output; tests/parity/test_compare.py tests them, parity.py uses them.
"""
import csv
import io
import math

L7_COLUMNS = frozenset((
    "application_name", "application_category_name", "application_is_guessed", "application_confidence",
    "requested_server_name", "client_fingerprint", "server_fingerprint", "user_agent", "content_type"))
RELATIVE_TOLERANCE = 1e-9
# NFStream copies strings of packets into the L7 columns; Python's default limit per field is 128 KiB.
csv.field_size_limit(1 << 24)


class Comparison:
    """Result for one pair of exports: what was compared, and the differences as printable lines."""

    def __init__(self):
        self.rows = 0
        self.cells = 0
        self.differing = 0
        self.differences = []

    def differ(self, line, keep=3):
        """Counts a difference; only the first `keep` lines are kept for the reader."""
        self.differing += 1
        if len(self.differences) < keep:
            self.differences.append(line)


def parse_csv(data):
    """Header and rows of a CSV export given as bytes. An empty export has the header None."""
    text = data.decode("utf-8", errors="surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return (rows[0], rows[1:]) if rows else (None, [])


def is_double(column):
    """True for the columns that NFStream computes in floating point."""
    return "_mean_" in column or "_stddev_" in column


def cells_equal(column, ours, theirs):
    """Equality of one cell under the rule above. A NaN equals nothing, not even itself."""
    if not is_double(column):
        return ours == theirs
    try:
        a, b = float(ours), float(theirs)
    except ValueError:
        return False
    if not (math.isfinite(a) and math.isfinite(b)):
        return False
    return math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=0.0)


def compare_headers(result, ours, theirs):
    """Counts one difference per column that is missing, surplus or in another place. True if equal."""
    if ours == theirs:
        return True
    for name in (n for n in theirs if n not in ours):
        result.differ(f"column {name} is missing")
    for name in (n for n in ours if n not in theirs):
        result.differ(f"column {name} is not NFStream's")
    if result.differing == 0:
        pairs = enumerate(zip(ours, theirs))
        place = next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
        result.differ(f"columns are in another order or repeated, from column {place} on")
    return False


def compare_row(result, number, header, ours, theirs):
    """Compares the cells of one row; the id is named so that the reader finds the row in either export."""
    if len(ours) != len(header) or len(theirs) != len(header):
        result.differ(f"row {number}: flowsensor has {len(ours)} cells, NFStream {len(theirs)}, "
                      f"the header {len(header)}")
        return
    for column, a, b in zip(header, ours, theirs):
        if column in L7_COLUMNS:
            continue
        result.cells += 1
        if not cells_equal(column, a, b):
            result.differ(f"row {number} {column}: flowsensor {a!r}, NFStream {b!r}")


def compare_exports(ours, theirs, expected_header=None):
    """Compares two exports (bytes). NFStream writes no file, so no header, for a capture without flows: then
    `expected_header` (that of another capture with the same options, if known) stands in for it."""
    result = Comparison()
    our_header, our_rows = parse_csv(ours)
    their_header, their_rows = parse_csv(theirs)
    their_header = their_header or expected_header
    if our_header is None:
        result.differ("flowsensor wrote no header")
        return result
    if their_header is not None and not compare_headers(result, our_header, their_header):
        return result
    for number, (a, b) in enumerate(zip(our_rows, their_rows)):
        compare_row(result, number, our_header, a, b)
        result.rows += 1
    if len(our_rows) != len(their_rows):
        result.differ(f"flowsensor has {len(our_rows)} rows, NFStream {len(their_rows)}")
    if b"\n" in ours.replace(b"\r\n", b""):
        result.differ("a line of flowsensor does not end in CR LF as NFStream's do")
    return result
