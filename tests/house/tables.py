#!/usr/bin/env python3
"""Every row of a room's table (*.def) has its .c file, and every .c file of a plugin folder has its row.

CMake must read the same tables: a room's own files are found by their folder, those of its subfolders by a table, or whole (PARTS).

Usage: python3 tests/house/tables.py [ROOT]
"""
import re
from typing import NamedTuple

from common import PARTS, Finding, Lines, all_files, read, run, without_comments


class Table(NamedTuple):
    """A table in sensor/, the macro of its rows, whether the folder of its files holds nothing but what the rows name, and
    that folder where it is not the table's own."""
    path: str
    macro: str
    closed: bool
    elsewhere: str = ""

    @property
    def folder(self):
        return self.elsewhere or self.path.rsplit("/", 1)[0]


BUILD = "sensor/CMakeLists.txt"
TABLES = (
    Table("decode/link/links.def", "LINK", True),
    Table("decode/tag/tags.def", "TAG", True),
    Table("decode/tunnel/tunnels.def", "TUNNEL", True),
    Table("meter/dissect_form/forms.def", "FORM", True),
    # The flow's structure reads it, so it is not in the room of the features, which read the flow.
    Table("meter/features.def", "FEATURE", True, "feature"),
    Table("record/encoding/encodings.def", "ENCODING", True),
    Table("record/ddl/dialects.def", "DIALECT", False),
    # The room itself: what the sinks share stands beside them.
    Table("sink/sinks.def", "SINK", False),
)


def rows(table, text):
    """(line, name) of every row; name is None where a line is neither row, comment nor preprocessor line."""
    bare = without_comments(text)
    row = re.compile(rf"{table.macro}\(([a-z0-9_]+)(?:,.*)?\);?\s*")
    for number, line in enumerate(bare.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            hit = row.fullmatch(line)
            yield number, hit[1] if hit else None


def judge_rows(table, text, files):
    """The findings about a table's own lines."""
    path, seen = f"sensor/{table.path}", {}
    for line, name in rows(table, text):
        if name is None:
            yield Finding(path, line, "not a row", "CMake and the compiler must read the same rows",
                          f"write {table.macro}(name) at the start of a line of its own")
        elif name in seen:
            yield Finding(path, line, f"second row of {name}", f"line {seen[name]} has it already", "take one off")
        elif not {f"sensor/{table.folder}/{name}.c", f"sensor/{table.folder}/{name}/{name}.c"} & set(files):
            yield Finding(path, line, f"row {name} without its file",
                          f"a row stands for sensor/{table.folder}/{name}.c, or {name}/{name}.c there",
                          "add the file or take the row off")
        seen.setdefault(name, line)


def judge_files(table, named, files):
    """The findings about .c files in a table's folder that have no row."""
    for file in files:
        folder, _, name = file.removesuffix(".c").rpartition("/")
        if folder == f"sensor/{table.folder}" and name not in named:
            yield Finding(file, 1, f"file without its row in sensor/{table.path}", "CMake builds what the table names",
                          f"add {table.macro}({name}) there, or move the file to its room")


def check(root, _arguments):
    files = set(all_files(root))
    code = sorted(file for file in files if file.startswith("sensor/") and file.endswith(".c"))
    build = read(root, BUILD) if BUILD in files else ""
    findings, count = [], 0
    for table in TABLES:
        path = f"sensor/{table.path}"
        text = read(root, path) if path in files else ""
        findings += judge_rows(table, text, files)
        named = {name for _, name in rows(table, text)}
        count += len(named)
        if table.closed:
            findings += judge_files(table, named, code)
            if named and table.path not in build:
                findings.append(Finding(path, 1, f"{BUILD} does not read this table", "its files are not built",
                                        f"add flowsensor_table_sources() for {table.path} there"))
    folders = {f"sensor/{folder}" for folder in (*PARTS, *(table.folder for table in TABLES))}
    findings += [Finding(file, 1, "file in a subfolder that has no table",
                         "CMake builds a room's own files, its parts and its tables' rows",
                         "move it to its room, or make the folder one of PARTS in tests/house/common.py")
                 for file in code if file.count("/") > 2 and file.rpartition("/")[0] not in folders]
    return findings, f"{count} rows in {len(TABLES)} tables"


if __name__ == "__main__":
    run(check, __doc__)
