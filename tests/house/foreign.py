#!/usr/bin/env python3
"""Foreign headers are included only where the design says, neither directly nor through a header of ours.

Usage: python3 tests/house/foreign.py [ROOT]
"""
import re
from fnmatch import fnmatchcase

from common import Finding, includes, run, sources

# Library, its headers, and the files in sensor/ that may see them.
RULES = (
    ("nDPI", re.compile(r"(.*/)?(ndpi_\w+|libndpi\w*)\.h|ndpi/.*"), ("meter/dissect*",)),
    ("Avro C", re.compile(r"avro\.h|avro/.*"), ("record/*",)),
    ("libcurl", re.compile(r"curl/.*|curl\.h"), ("record/login/*", "record/registry/*")),
    ("libpsl", re.compile(r"libpsl\.h"), ("record/anonymize/registered_domain.c",)),
    ("jansson", re.compile(r"jansson\w*\.h"), ("record/*",)),
    ("librdkafka", re.compile(r"librdkafka/.*|rdkafka\w*\.h"), ("sink/kafka/*.c",)),
    ("libmicrohttpd", re.compile(r"microhttpd\w*\.h"), ("app/monitor/http.c",)),
    ("libconfig", re.compile(r"libconfig\.h(\+\+)?"), ("app/config/*",)),
    ("libcap-ng", re.compile(r"cap-ng\.h"), ("app/host/privileges.c",)),
    ("zlib", re.compile(r"zlib\.h"), ("capture/decompress_gzip.c", "sink/*")),
    ("zstd", re.compile(r"zstd\w*\.h"), ("capture/decompress_zstd.c", "sink/*")),
    ("libpcap", re.compile(r"pcap\.h|pcap/.*|pcap-\w+\.h"), ("capture/*", "meter/packet_filter.c")),
)


def library_of(name):
    """The rule of the library that a header belongs to, None if it is none of these."""
    return next((rule for rule in RULES if rule[1].fullmatch(name)), None)


def may_see(inner, rule):
    return any(fnmatchcase(inner, pattern) for pattern in rule[2])


def reach(name, known, seen):
    """The libraries that a header of ours brings with it: library name to the header that includes it."""
    if name in seen or name not in known:
        return {}
    seen.add(name)
    brought = {}
    for include in includes(known[name].text):
        rule = library_of(include.name)
        if rule:
            brought.setdefault(rule, name)
        else:
            brought = reach(include.name, known, seen) | brought
    return brought


def judge(source, include, known):
    rule = library_of(include.name)
    if rule:
        if not may_see(source.inner, rule):
            yield Finding(source.path, include.line, f"{rule[0]}'s {include.name} is included here",
                          f"only {', '.join(rule[2])} may see {rule[0]}",
                          "call that place through its header, or move the code there")
        return
    for brought, through in reach(include.name, known, set()).items():
        if not may_see(source.inner, brought):
            yield Finding(source.path, include.line,
                          f'"{include.name}" brings {brought[0]} in through sensor/{through}',
                          f"only {', '.join(brought[2])} may see {brought[0]}",
                          "declare the foreign struct by name in that header and include the library in the .c file")


def check(root, _arguments):
    files = sources(root)
    known = {source.inner: source for source in files}
    findings = [finding for source in files for include in includes(source.text)
                for finding in judge(source, include, known)]
    return findings, f"{len(RULES)} libraries in {len(files)} files"


if __name__ == "__main__":
    run(check, __doc__)
