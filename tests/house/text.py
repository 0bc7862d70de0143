#!/usr/bin/env python3
"""Text files: no path of one machine, nothing left unfinished, no trailing white space, a newline at the end.

Public headers (sensor/ROOM/NAME.h) start with a comment, and the top level has the agreed names only.

Usage: python3 tests/house/text.py [ROOT]
"""
import re

from common import Finding, Lines, all_files, run, sources

TOP_LEVEL = {"sensor", "schemas", "deploy", "helm", "tests", "CMakeLists.txt", "CMakePresets.json", "README.md",
             "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
# The patterns are written so that they don't match themselves.
MACHINE = re.compile(r"""(?: (?<![\w.~}/)-]) /(?:(?:home|root|Users)/ | work(?![\w-]))
                       | /tmp/(?:venv|build|work)\b ) [^\s"'`]*""", re.VERBOSE)
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b")
TRAILING = re.compile(r"[ \t\r]+$", re.MULTILINE)
# An empty last column, or a context line of a patch, ends in white space.
MAY_TRAIL = (".csv", ".tsv", ".patch", ".diff")
LEADING = re.compile(r"\s*(?:#[ \t]*pragma[ \t]+once\s*)?((?:/\*.*?\*/\s*|//[^\n]*\n\s*)*)", re.DOTALL)
MIN_WORDS = 4


def text_of(root, path):
    """The text of a file, None if it is binary."""
    data = (root / path).read_bytes()
    return None if b"\0" in data else data.decode("utf-8", errors="replace")


def judge(path, text):
    lines = Lines(text)
    for hit in MACHINE.finditer(text):
        yield Finding(path, lines.of(hit.start()), f"{hit[0]} is a path of one machine",
                      "nobody else has it", "make it relative to the repository, or an option")
    for hit in UNFINISHED.finditer(text):
        yield Finding(path, lines.of(hit.start()), f"{hit[0]} in the text", "nobody will find it here again",
                      "do it now or write an issue")
    for hit in () if path.endswith(MAY_TRAIL) else TRAILING.finditer(text):
        yield Finding(path, lines.of(hit.start()), "trailing white space", "it makes noise in every diff",
                      "take it off")
    if text and not text.endswith("\n"):
        yield Finding(path, lines.of(len(text)), "no newline at the end", "a text file consists of whole lines",
                      "add one")


def is_explained(text):
    """True if the file starts with a comment that says something besides the licence."""
    comment = LEADING.match(text)[1]
    prose = [line for line in comment.splitlines() if not re.search(r"SPDX-|Copyright", line)]
    return len(re.findall(r"[A-Za-z]{2,}", " ".join(prose))) >= MIN_WORDS


def check(root, _arguments):
    files = all_files(root)
    findings = []
    for name in {path.split("/")[0]: path for path in files}:
        if name not in TOP_LEVEL and not name.startswith("."):
            findings.append(Finding(name, 1, "not an agreed name of the top level",
                                    "a newcomer must know every folder by its name",
                                    "move it into sensor, schemas, deploy, helm or tests"))
    for path in files:
        text = text_of(root, path)
        if text is not None:
            findings += judge(path, text)
    for header in sources(root, (".h",)):
        if header.inner.count("/") == 1 and not is_explained(header.text):
            findings.append(Finding(header.path, 1, "public header without a leading comment",
                                    "it is the contract of its room",
                                    "say what it is for, who owns what, units, thread and failure"))
    return findings, f"{len(files)} files"


if __name__ == "__main__":
    run(check, __doc__)
