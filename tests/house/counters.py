#!/usr/bin/env python3
"""A counter stands in its row of app/account/counters.def and where it is counted, and nowhere else.

Rows: COUNTER(place, name, ..., said) and COUNTERS(place, name, ...). Within app/, code names a counter's place in a ledger
("capture.dropped_kernel", "ledger->intake.bytes") or, where the name has an underscore, a member of that name, only

- in the file that counts it: app/run/intake.c and .h for rows of the intake; rows of capture and meter are counted in those rooms;
- in app/account/ and app/run/, if it is a term of an account (IN_ACCOUNT, and all COUNTERS): accounts are said in whole.

No file in sensor/ but the table has the name of a row's metric, and what a row names is counted somewhere.

Usage: python3 tests/house/counters.py [ROOT]
"""
import re
from typing import NamedTuple

from common import Finding, Lines, code_only, run, sources, without_comments

TABLE = "app/account/counters.def"
# Where a row's counter is counted: a room, or the files of that name.
PLACES = {"intake": "app/run/intake.", "capture": "capture/", "meter": "meter/"}
# The members that hold a place's counters, where they aren't called as the place: `counted` is the intake's own.
HOLDERS = {"intake": "intake|counted"}
ROW = re.compile(r"^(COUNTERS?)\((\w+), (\w+),(.*)\)$", re.MULTILINE)
METRIC = re.compile(r'"((?:flowsensor|process)_\w+)"')


class Row(NamedTuple):
    line: int
    place: str
    name: str
    is_term: bool

    @property
    def use(self):
        """What in code is a use of the counter; a call is none."""
        holders = HOLDERS.get(self.place, self.place)
        where = "" if "_" in self.name else rf"\b(?:{holders})"
        return re.compile(rf"{where}(?:\.|->)\s*{self.name}\b(?!\s*\()")

    @property
    def counted_in(self):
        return PLACES.get(self.place, "")

    def may_stand_in(self, inner):
        return inner.startswith(self.counted_in) or (self.is_term and inner.startswith(("app/account/", "app/run/")))


def rows_of(text):
    lines = Lines(text)
    return [Row(lines.of(hit.start()), hit[2], hit[3], hit[1] == "COUNTERS" or hit[4].endswith("IN_ACCOUNT"))
            for hit in ROW.finditer(text)]


def judge_uses(row, source, code):
    """The findings about uses of one row's counter in a file of app/ that may not have any."""
    if row.may_stand_in(source.inner):
        return []
    lines = Lines(code)
    return [Finding(source.path, lines.of(hit.start()), f"counter {row.name} has a row in {TABLE}",
                    f"it stands there and where it is counted ({row.counted_in}) only",
                    "let the row say what is to be made of it") for hit in row.use.finditer(code)]


def judge_metrics(table, files):
    """Findings about metrics of the table that another file names too."""
    own = set(METRIC.findall(table.text))
    for source in files:
        if source is table:
            continue
        bare = without_comments(source.text)
        lines = Lines(bare)
        for hit in METRIC.finditer(bare):
            if hit[1] in own:
                yield Finding(source.path, lines.of(hit.start()), f"metric {hit[1]} has a row in {TABLE}",
                              "its name stands there only", "take it from metric_rows[]")


def judge_place(row, table, files):
    """The finding about a row whose counter nothing counts, None if it is fine."""
    if row.place not in PLACES:
        return Finding(table.path, row.line, f"{row.name} is counted in {row.place}", f"places are {', '.join(PLACES)}",
                       "name one of them, or add it to PLACES and to ledger.h")
    word = re.compile(rf"\b{row.name}\b")
    if any(source.inner.startswith(row.counted_in) and word.search(code_only(source.text)) for source in files):
        return None
    return Finding(table.path, row.line, f"nothing in {row.counted_in} counts {row.name}", "the row would always say 0",
                   "count it, or take the row away")


def check(root, _arguments):
    files = sources(root)
    table = next((source for source in files if source.inner == TABLE), None)
    if table is None:
        return [], "no table of counters"
    rows = rows_of(table.text)
    findings = list(judge_metrics(table, files))
    findings += filter(None, (judge_place(row, table, files) for row in rows))
    for source in files:
        if source.room == "app" and source is not table:
            code = code_only(source.text)
            for row in rows:
                findings += judge_uses(row, source, code)
    return findings, f"{len(rows)} counters"


if __name__ == "__main__":
    run(check, __doc__)
