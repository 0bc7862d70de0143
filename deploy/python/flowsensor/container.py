"""Avro object container files, as the sensor writes them with `-w FILE.avro`."""
import warnings

import fastavro

from . import streams
from .flows import DecodeError, Flows
from .layout import Layout


def read(*paths, strict=True):
    """The records of container files, one file after another, as a Flows.

    A path may be a pattern ("day-*.avro") or the path of a rotated output, whose numbered files are then read in the
    order of their numbers; a list of paths is fine too. So are file objects in binary mode, FIFOs, and "-", which is standard
    input: their records come as they are written, and once. What gzip or zstd compressed is unpacked. A file that breaks off or is
    damaged raises DecodeError once what can be read of it has been; with strict=False it is a warning, and reading goes on with
    the next file.
    """
    named = [path for item in paths for path in (item if isinstance(item, (list, tuple)) else [item])]
    if not named:
        raise ValueError("read() needs the path of a container file")
    sources = [source for path in named for source in streams.find(path)]
    return Flows(lambda: (batch for source in sources for batch in read_source(source, strict)))


def read_source(source, strict):
    """Pairs of Layout and records, a pair per block, whole blocks only."""
    try:
        with source.open() as stream:
            yield from read_blocks(stream, source.name)
    except DecodeError as error:
        if strict:
            raise
        warnings.warn(str(error), stacklevel=2)


def read_blocks(stream, name):
    try:
        blocks = fastavro.block_reader(stream)
        layout = Layout(blocks.writer_schema)
    except Exception as error:
        raise DecodeError(f"{name}: no Avro container file, or cut within its header ({error})") from error
    count, end = 0, stream.tell()
    yield layout, []
    while True:
        try:
            block = next(blocks, None)
            records = list(block) if block else None
            if block and block.bytes_.read(1):
                raise ValueError("more bytes than records")
        except Exception as error:
            raise damaged(name, end, count) from error
        if records is None:
            break
        count, end = count + len(records), block.offset + block.size
        yield layout, records
    # fastavro takes a block's count that breaks off for the end of the file.
    try:
        left = stream.rest()
    except Exception as error:  # of a compressed one
        raise damaged(name, end, count) from error
    if left or stream.tell() != end:
        raise damaged(name, end, count)


def damaged(name, end, count):
    return DecodeError(f"{name}: breaks off or is damaged behind byte {end}, after {count} records; "
                       "read(..., strict=False) takes those and goes on")
