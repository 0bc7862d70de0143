#!/usr/bin/env python3
"""Inputs of spool_fuzz.c: folders as the spool leaves them, without sums, which the target makes right.

    spool_seeds.py FOLDER    writes FOLDER/NAME
"""
import struct
import sys
from pathlib import Path

# spool_fuzz.c's list: a file's number is its place here; 0 is the cursor.
FIRSTS = (0, 1, 2, 3, 4, 10, 100, 1000000)
SEAL = 0x80


def header(first, texts=("s", "b", "o", "f", "flow/v2", "00", "none", "{}")):
    """A segment's header."""
    body = b"".join(struct.pack("<I", len(text) + 1) + text.encode() + b"\0" for text in texts)
    return b"flowspl\1" + struct.pack("<IIQQIB", 37 + len(body), 0, first, 1, 7, 0) + body


def record(position, body=b"body", key=b"key", kind=b"final", key_id=b"0123456789abcdef"):
    """A record."""
    texts = kind + b"\0" + key_id + key + body
    fixed = struct.pack("<QQQiHBB", position, 1, position, 0, len(key), len(kind) + 1, len(key_id))
    return struct.pack("<II", len(fixed) + len(texts), 0) + fixed + texts


def segment(first, count, **options):
    """The file of a segment with so many records."""
    return header(first) + b"".join(record(first + i, **options) for i in range(count))


def cursor(low, lanes=()):
    """The cursor."""
    return b"flowcur\1" + struct.pack("<IIQ", 0, len(lanes), low) + b"".join(struct.pack("<iQ", *lane) for lane in lanes)


def file(number, content):
    """A file of an input."""
    return struct.pack("!BH", SEAL | number, len(content)) + content


SEEDS = {
    "empty": b"",
    "one": file(0, cursor(1)) + file(1, segment(1, 5)),
    "two": file(0, cursor(2, [(0, 3), (1, 12)])) + file(1, segment(1, 9)) + file(5, segment(10, 3)),
    "overlap": file(1, segment(1, 6)) + file(3, segment(3, 2)),
    "gap": file(0, cursor(1)) + file(1, segment(1, 2)) + file(6, segment(100, 2)),
    "header": file(2, header(2)),
    "torn": file(0, cursor(4)) + file(4, segment(4, 4)[:-3]),
    "ahead": file(0, cursor(50, [(0, 1000)])) + file(5, segment(10, 2)),
    "large": file(1, segment(1, 3, body=b"x" * 9000, key=b"", key_id=b"")),
}


def main():
    """Writes the seeds."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in SEEDS.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
