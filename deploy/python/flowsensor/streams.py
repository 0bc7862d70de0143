"""Where container files come from: paths, patterns, pipes, file objects; what is compressed is unpacked on the way."""
from __future__ import annotations

import contextlib
import glob
import gzip
import importlib
import io
import os
import re
import sys
from typing import Any, Iterator, List, Optional, Protocol, Union, cast

from .flows import DecodeError

GZIP, ZSTD, CONTAINER = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"Obj\x01"


class Readable(Protocol):
    """A file object in binary mode."""

    def read(self, size: int = ..., /) -> Any: ...


class Counted:
    """A stream that knows how much was read from it, which a pipe doesn't."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self._read = stream, 0

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self._read += len(data)
        return data

    def tell(self) -> int:
        return self._read

    def rest(self) -> int:
        """Bytes that nobody has read yet, after which there are none."""
        return len(self.read())


class File:
    """A file by its path, which may be a FIFO's or a file descriptor's (/dev/stdin)."""

    def __init__(self, path: str) -> None:
        self.name = path

    @contextlib.contextmanager
    def open(self) -> Iterator[Counted]:
        with open(self.name, "rb") as stream:
            yield unpacked(stream, self.name)


class Stream:
    """A file object or standard input: it can be read once, unless it can be rewound to where it was."""

    def __init__(self, stream: Any) -> None:
        name = getattr(stream, "name", None)
        self.name = name if isinstance(name, str) else repr(stream)
        stream = getattr(stream, "buffer", stream)  # of a text file
        self._stream = io.BufferedReader(cast(Any, stream)) if isinstance(stream, io.RawIOBase) else stream
        self._begin: Optional[int] = self._stream.tell() if can_seek(self._stream) else None
        self._was_read = False

    @contextlib.contextmanager
    def open(self) -> Iterator[Counted]:
        if self._was_read and self._begin is None:
            raise ValueError(f"{self.name} was read already, and can't be read again; keep its records, or write them to a file")
        if self._was_read and self._begin is not None:
            self._stream.seek(self._begin)
        self._was_read = True
        yield unpacked(self._stream, self.name)


Source = Union[File, Stream]


def can_seek(stream: Any) -> bool:
    return bool(getattr(stream, "seekable", lambda: False)())


def unpacked(raw: Readable, name: str) -> Counted:
    """The stream as a container's bytes, counted."""
    head = raw.read(4)
    stream = Joined(head, raw)
    if head[:2] == GZIP:
        return Counted(gzip.GzipFile(fileobj=stream))
    if head == ZSTD:
        return Counted(zstd_reader(stream, name))
    if head != CONTAINER and (head[:1] == b"{" or head.isascii() and head.isalnum()):
        raise DecodeError(f"{name}: no Avro container file but text; pandas.read_csv() and read_json(..., lines=True) read CSV and JSON lines")
    return Counted(stream)


class Joined(io.RawIOBase):
    """What was read to look at it, and then the rest."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        super().__init__()
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, place: Any) -> int:
        data = self.read(len(place))
        place[:len(data)] = data
        return len(data)

    def read(self, size: Optional[int] = -1, /) -> bytes:
        head, self._head = (self._head, b"") if size is None or size < 0 else (self._head[:size], self._head[size:])
        if size is not None and 0 <= size <= len(head):
            return head
        rest: bytes = self._rest.read(-1 if size is None or size < 0 else size - len(head))
        return head + rest


def zstd_reader(stream: io.RawIOBase, name: str) -> Readable:
    """By Python's own module from 3.14 on, else by the package zstandard."""
    try:
        file: Readable = importlib.import_module("compression.zstd").ZstdFile(stream)
        return file
    except ImportError:
        pass
    try:
        import zstandard
    except ImportError:
        raise DecodeError(f"{name}: is compressed by zstd; pip install zstandard, or unpack it: zstd -d") from None
    return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))


def find(named: Any) -> List[Source]:
    """The sources that an argument of read() stands for."""
    if hasattr(named, "read"):
        return [Stream(named)]
    path = os.fspath(named)
    if path == "-":
        return [Stream(sys.stdin)]
    return [File(file) for file in find_files(path)]


def find_files(path: str) -> List[str]:
    """The files that `path` stands for."""
    if os.path.exists(path):
        return [path]
    stem, extension = os.path.splitext(path)
    rotated = re.compile(re.escape(stem) + r"\.\d+" + re.escape(extension))
    found = glob.glob(path) or list(filter(rotated.fullmatch, glob.glob(f"{glob.escape(stem)}.*{glob.escape(extension)}")))
    if not found:
        raise FileNotFoundError(f"{path}: no such file, nor files of a rotated output with numbers before the extension")
    return sorted(found, key=natural)


def natural(path: str) -> List[Union[int, str]]:
    """Sorts flows.2.avro before flows.10.avro."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]
