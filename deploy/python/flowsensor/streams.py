"""Where container files come from: paths, patterns, pipes, file objects; what is compressed is unpacked on the way."""
import contextlib
import glob
import gzip
import io
import os
import re
import sys

from .flows import DecodeError

GZIP, ZSTD, CONTAINER = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"Obj\x01"


class Counted:
    """A stream that knows how much was read from it, which a pipe doesn't."""

    def __init__(self, stream):
        self._stream, self._read = stream, 0

    def read(self, size=-1):
        data = self._stream.read(size)
        self._read += len(data)
        return data

    def tell(self):
        return self._read

    def rest(self):
        """Bytes that nobody has read yet, after which there are none."""
        return len(self.read())


class File:
    """A file by its path, which may be a FIFO's or a file descriptor's (/dev/stdin)."""

    def __init__(self, path):
        self.name = path

    @contextlib.contextmanager
    def open(self):
        with open(self.name, "rb") as stream:
            yield unpacked(stream, self.name)


class Stream:
    """A file object or standard input: it can be read once, unless it can be rewound to where it was."""

    def __init__(self, stream):
        self.name = getattr(stream, "name", None)
        self.name = self.name if isinstance(self.name, str) else repr(stream)
        stream = getattr(stream, "buffer", stream)  # of a text file
        self._stream = io.BufferedReader(stream) if isinstance(stream, io.RawIOBase) else stream
        self._begin = self._stream.tell() if can_seek(self._stream) else None
        self._was_read = False

    @contextlib.contextmanager
    def open(self):
        if self._was_read and self._begin is None:
            raise ValueError(f"{self.name} was read already, and can't be read again; keep its records, or write them to a file")
        if self._was_read:
            self._stream.seek(self._begin)
        self._was_read = True
        yield unpacked(self._stream, self.name)


def can_seek(stream):
    return bool(getattr(stream, "seekable", lambda: False)())


def unpacked(stream, name):
    """The stream as a container's bytes, counted."""
    head = stream.read(4)
    stream = Joined(head, stream)
    if head[:2] == GZIP:
        return Counted(gzip.GzipFile(fileobj=stream))
    if head == ZSTD:
        return Counted(zstd_reader(stream, name))
    if head != CONTAINER and (head[:1] == b"{" or head.isascii() and head.isalnum()):
        raise DecodeError(f"{name}: no Avro container file but text; pandas.read_csv() and read_json(..., lines=True) read CSV and JSON lines")
    return Counted(stream)


class Joined(io.RawIOBase):
    """What was read to look at it, and then the rest."""

    def __init__(self, head, rest):
        super().__init__()
        self._head, self._rest = head, rest

    def readable(self):
        return True

    def readinto(self, place):
        data = self.read(len(place))
        place[:len(data)] = data
        return len(data)

    def read(self, size=-1):
        head, self._head = (self._head, b"") if size is None or size < 0 else (self._head[:size], self._head[size:])
        if size is not None and 0 <= size <= len(head):
            return head
        return head + self._rest.read(-1 if size is None or size < 0 else size - len(head))


def zstd_reader(stream, name):
    """By Python's own module from 3.14 on, else by the package zstandard."""
    try:
        from compression import zstd
        return zstd.ZstdFile(stream)
    except ImportError:
        pass
    try:
        import zstandard
    except ImportError:
        raise DecodeError(f"{name}: is compressed by zstd; pip install zstandard, or unpack it: zstd -d") from None
    return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))


def find(named):
    """The sources that an argument of read() stands for."""
    if hasattr(named, "read"):
        return [Stream(named)]
    path = os.fspath(named)
    if path == "-":
        return [Stream(sys.stdin)]
    return [File(file) for file in find_files(path)]


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
