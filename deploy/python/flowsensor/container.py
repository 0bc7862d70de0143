"""Avro object container files, as the sensor writes them with `-w FILE.avro`."""
from __future__ import annotations

import io
import os
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union, cast

import fastavro

from . import streams
from .columns import Columns
from .flows import DecodeError, Flows
from .layout import Avro, Layout
from .parts import Part

if TYPE_CHECKING:
    import polars

Path = Union[str, "os.PathLike[str]", streams.Readable]
# So much of a file, unpacked, is read into columns at once.
CHUNK_BYTES = 4 << 20


def read(*paths: Union[Path, Sequence[Path]], strict: bool = True) -> Flows:
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
    return Flows(lambda columns: (part for source in sources for part in read_source(source, strict, columns)))


def read_source(source: streams.Source, strict: bool, columns: bool) -> Iterator[Part]:
    """Pairs of Layout and records, of whole blocks only."""
    try:
        with source.open() as stream:
            yield from read_stream(stream, source.name, columns)
    except DecodeError as error:
        if strict:
            raise
        warnings.warn(str(error), stacklevel=2)


class Block(NamedTuple):
    """A block's place: where it begins and how many records came before; and what is in it."""
    begin: int
    before: int
    records: int
    body: bytes


def read_stream(stream: streams.Counted, name: str, columns: bool) -> Iterator[Part]:
    try:
        blocks = fastavro.block_reader(cast(Any, stream))
        schema = blocks.writer_schema
        layout = Layout(schema)
    except Exception as error:
        raise DecodeError(f"{name}: no Avro container file, or cut within its header ({error})") from error
    yield layout, []
    # polars works beside this thread, which reads on meanwhile: who writes into the pipe waits for neither.
    with ThreadPoolExecutor(1) as helper:
        chunk = Chunk(name, schema, layout, columns, helper)
        try:
            for block in read_blocks(stream, name, blocks):
                chunk.add(block)
                if chunk.is_full():
                    yield from chunk.take()
        except DecodeError:
            yield from chunk.take_all()
            raise
        yield from chunk.take_all()


def read_blocks(stream: streams.Counted, name: str, blocks: Any) -> Iterator[Block]:
    """The blocks as they come, unpacked."""
    count, end = 0, stream.tell()
    while True:
        try:
            block = next(blocks, None)
            body = block.bytes_.getvalue() if block else b""
        except Exception as error:
            raise damaged(name, end, count) from error
        if block is None:
            break
        yield Block(end, count, block.num_records, body)
        count, end = count + block.num_records, block.offset + block.size
    # fastavro takes a block's count that breaks off for the end of the file.
    try:
        left = stream.rest()
    except Exception as error:  # of a compressed one
        raise damaged(name, end, count) from error
    if left or stream.tell() != end:
        raise damaged(name, end, count)


# Blocks, and their columns once they are read.
Reading = Tuple[List[Block], Optional["Future[Optional[polars.DataFrame]]"]]


class Chunk:
    """Blocks that wait to be read into columns together, and those before them, which `helper` reads; without columns none waits."""

    def __init__(self, name: str, schema: Avro, layout: Layout, columns: bool, helper: ThreadPoolExecutor) -> None:
        self._name, self._layout, self._helper = name, layout, helper
        self._schema = fastavro.parse_schema(schema)
        made = Columns(layout) if columns else None
        self._columns = made if made and made.can_read else None
        self._blocks: List[Block] = []
        self._bytes = 0
        self._before: Reading = [], None

    def add(self, block: Block) -> None:
        self._blocks.append(block)
        self._bytes += len(block.body)

    def is_full(self) -> bool:
        return self._bytes >= CHUNK_BYTES or not self._columns

    def take(self) -> Iterator[Part]:
        """Has the helper read the blocks that waited, and gives the records of those before; all before a damage and then DecodeError."""
        blocks, self._blocks, self._bytes = self._blocks, [], 0
        before: Reading = blocks, None
        if self._columns:
            before, self._before = self._before, (blocks, self._frame(self._columns, blocks))
        frame = before[1].result() if before[1] else None
        if frame is not None:
            yield self._layout, frame
            return
        try:
            for block in before[0]:
                yield self._layout, self._records(block)
        except DecodeError:
            self._before = [], None
            raise

    def take_all(self) -> Iterator[Part]:
        """The records of all blocks."""
        yield from self.take()
        yield from self.take()

    def _frame(self, columns: Columns, blocks: List[Block]) -> Optional[Future[Optional[polars.DataFrame]]]:
        count = sum(block.records for block in blocks)
        return self._helper.submit(columns.of_blocks, [block.body for block in blocks], count) if blocks else None

    def _records(self, block: Block) -> List[Any]:
        data = io.BytesIO(block.body)
        try:
            records = [fastavro.schemaless_reader(data, self._schema, None) for _ in range(block.records)]
            if data.tell() != len(block.body):
                raise ValueError("more bytes than records")
        except Exception as error:
            raise damaged(self._name, block.begin, block.before) from error
        return records


def damaged(name: str, end: int, count: int) -> DecodeError:
    return DecodeError(f"{name}: breaks off or is damaged behind byte {end}, after {count} records; "
                       "read(..., strict=False) takes those and goes on")
