"""Avro object container files, as the sensor writes them with `-w FILE.avro`."""
import glob
import os
import re
import warnings

import fastavro

from .flows import DecodeError, Flows
from .layout import Layout


def read(*paths, strict=True):
    """The records of container files, one file after another, as a Flows.

    A path may be a pattern ("day-*.avro") or the path of a rotated output, whose numbered files are then read in the
    order of their numbers; a list of paths is fine too. A file that breaks off or is damaged raises DecodeError once
    what can be read of it has been; with strict=False it is a warning, and reading goes on with the next file.
    """
    named = [path for item in paths for path in (item if isinstance(item, (list, tuple)) else [item])]
    if not named:
        raise ValueError("read() needs the path of a container file")
    files = [file for path in named for file in find_files(os.fspath(path))]
    return Flows(lambda: (batch for file in files for batch in read_file(file, strict)))


def find_files(path):
    """The files that `path` stands for."""
    if os.path.exists(path):
        return [path]
    stem, extension = os.path.splitext(path)
    rotated = re.compile(re.escape(stem) + r"\.\d+" + re.escape(extension))
    found = glob.glob(path) or list(filter(rotated.fullmatch, glob.glob(f"{glob.escape(stem)}.*{glob.escape(extension)}")))
    if not found:
        raise FileNotFoundError(f"{path}: no such file, nor files of a rotated output with numbers before the extension")
    return sorted(found, key=natural)


def natural(path):
    """Sorts flows.2.avro before flows.10.avro."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]


def read_file(path, strict):
    """Pairs of Layout and records, a pair per block, whole blocks only."""
    try:
        yield from read_blocks(path)
    except DecodeError as error:
        if strict:
            raise
        warnings.warn(str(error), stacklevel=2)


def read_blocks(path):
    with open(path, "rb") as file:
        try:
            blocks = fastavro.block_reader(file)
            layout = Layout(blocks.writer_schema)
        except Exception as error:
            raise DecodeError(f"{path}: no Avro container file, or cut within its header ({error})") from error
        count, end = 0, file.tell()
        yield layout, []
        while True:
            try:
                block = next(blocks, None)
                records = list(block) if block else None
                if block and block.bytes_.read(1):
                    raise ValueError("more bytes than records")
            except Exception as error:
                raise damaged(path, end, count) from error
            if records is None:
                break
            count, end = count + len(records), block.offset + block.size
            yield layout, records
        # fastavro takes a block's count that breaks off for the end of the file.
        if file.seek(0, os.SEEK_END) != end:
            raise damaged(path, end, count)


def damaged(path, end, count):
    return DecodeError(f"{path}: breaks off or is damaged behind byte {end}, after {count} records; "
                       "read(..., strict=False) takes those and goes on")
