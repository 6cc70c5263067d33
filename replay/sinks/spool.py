"""Rows by date -> gzip files, in memory while they are few, then on disk: bounded memory for any input."""

import hashlib
from dataclasses import dataclass
from gzip import GzipFile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from ttl_archive.replay.conditional_put import Payload

BUFFER_BYTES = 16 << 20
# The archive is kept for years: with rows of 800 bytes, level 6 saves 10 % more than level 4, for 3 µs a row.
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Part:
    """All rows of one date, compressed."""

    date: str
    rows: int
    payload: Payload


def packed(content: bytes, name: str) -> bytes:
    """Return the content as gzip, with that file name in its header.

    A name that no other write has makes the bytes, and so the ETag, differ from those of every other write of
    the same rows. So a write that was delayed cannot pass for one that was made since.
    """
    target = BytesIO()
    with GzipFile(name, "wb", _LEVEL, target, mtime=0) as file:
        file.write(content)
    return target.getvalue()


class Spool:
    """Takes rows of any dates in any order; returns a part for each date at the end.

    Every part has `name` in its gzip header. A part that outgrew the memory has several members.
    """

    def __init__(self, name: str = "", buffer_bytes: int = BUFFER_BYTES) -> None:
        self._name = name
        self._limit = buffer_bytes
        self._buffers: dict[str, bytearray] = {}
        self._buffered = 0
        self._files: dict[str, _File] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self._rows: dict[str, int] = {}

    def close(self) -> None:
        """Remove what is on disk."""
        if self._folder:
            self._folder.cleanup()

    def add(self, date: str, line: bytes) -> None:
        """Take one row."""
        if date in self._rows:
            self._rows[date] += 1
        else:
            self._rows[date] = 1
        self._buffers.setdefault(date, bytearray()).extend(line)
        self._buffered += len(line)
        if self._buffered >= self._limit:
            self._to_disk()

    def parts(self) -> list[Part]:
        """Return a part for each date, sorted by date. Nothing can be added afterwards."""
        if self._files:
            self._to_disk()
            return [Part(date, self._rows[date], self._files[date].payload()) for date in sorted(self._rows)]
        return [self._in_memory(date) for date in sorted(self._rows)]

    def _in_memory(self, date: str) -> Part:
        content = packed(bytes(self._buffers.pop(date)), self._name)
        return Part(date, self._rows[date], Payload.of(content))

    def _to_disk(self) -> None:
        self._folder = self._folder or TemporaryDirectory(prefix="ttl-archive-")
        while self._buffers:
            date, buffer = self._buffers.popitem()
            if date not in self._files:
                self._files[date] = _File(Path(self._folder.name) / str(len(self._files)))
            self._files[date].append(packed(bytes(buffer), self._name))
        self._buffered = 0


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self._size = 0

    def append(self, content: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(content)
        self._hash.update(content)
        self._size += len(content)

    def payload(self) -> Payload:
        return Payload(self._path, self._size, self._hash.hexdigest())
