#!/usr/bin/env python3
"""No header cycles; every header has #pragma once and compiles alone.

Usage: python3 tests/house/headers.py [ROOT] [-I FOLDER]...

-I names a folder of generated headers, the environment's CC the compiler.
"""
import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import Finding, Lines, includes, run, sources, without_comments
from foreign import library_of

PACKAGES = ("libndpi", "avro-c", "libcurl", "jansson", "rdkafka", "libconfig", "libpcap")
ERROR = re.compile(r"^(?P<file>[^:\n]*):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<text>.*)", re.MULTILINE)
PRAGMA = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+once\b", re.MULTILINE)


def cycles(graph):
    """Every cycle that a depth-first walk closes: (header, line of the include that closes it, the path round)."""
    closed, done = [], set()

    def visit(name, path):
        if name in done:
            return
        for include in graph[name]:
            if include.name in path:
                closed.append((name, include.line, path[path.index(include.name):] + [include.name]))
            elif include.name in graph:
                visit(include.name, path + [include.name])
        done.add(name)

    for name in sorted(graph):
        visit(name, [name])
    return closed


def foreign_flags(headers):
    """pkg-config's flags, asked for only if a header names a foreign library."""
    if not any(library_of(include.name) for header in headers for include in includes(header.text)):
        return []
    flags = []
    for package in PACKAGES:
        answer = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True, check=False)
        flags += shlex.split(answer.stdout) if answer.returncode == 0 else []
    return flags


def compile_alone(root, header, flags):
    """The finding about a header that does not compile as the only include of a file, None if it does."""
    command = shlex.split(os.environ.get("CC", "cc"))
    command += ["-std=c17", "-fsyntax-only", "-D_GNU_SOURCE", f"-I{root / 'sensor'}", *flags, "-x", "c", "-"]
    answer = subprocess.run(command, input=f'#include "{header.inner}"\n', capture_output=True, text=True,
                            env=os.environ | {"LC_ALL": "C"}, check=False)
    if answer.returncode == 0:
        return None
    error = ERROR.search(answer.stderr)
    own = error and error["file"].endswith(header.inner)
    text = error["text"] if error else answer.stderr.strip().splitlines()[-1]
    return Finding(header.path, int(error["line"]) if own else 1, f"does not compile alone: {text}",
                   "a header must not depend on what its user included before", "include or declare what it uses")


def check(root, arguments):
    headers = sources(root, (".h",))
    # Tables (.def) are included by headers and may not lead back to them either.
    graph = {source.inner: includes(source.text) for source in sources(root, (".h", ".def"))}
    findings = [Finding(f"sensor/{name}", line, f"header cycle {' > '.join(path)}",
                        "neither can be read or changed alone",
                        "declare the struct by name in one of them, or move the shared part to a third header")
                for name, line, path in cycles(graph)]
    for header in headers:
        if not PRAGMA.search(without_comments(header.text)):
            first = Lines(header.text).of(len(header.text) - len(without_comments(header.text).lstrip()))
            findings.append(Finding(header.path, first, "no #pragma once",
                                    "a second include would define everything twice",
                                    "put #pragma once after the leading comment"))
    flags = foreign_flags(headers) + [f"-I{folder.resolve()}" for folder in arguments.include]
    with ThreadPoolExecutor(2) as pool:
        findings += filter(None, pool.map(lambda header: compile_alone(root, header, flags), headers))
    return findings, f"{len(headers)} headers"


def options(parser):
    parser.add_argument("-I", "--include", action="append", type=Path, default=[], help="folder of generated headers")


if __name__ == "__main__":
    run(check, __doc__, options)
