"""The bytes of an error object -> its failed records, in bounded memory, and what of it cannot be read.

One JSON object to a line is the rule; objects glued to each other are read too, and so is gzip, by its first
two bytes. Nothing is skipped: what is not an error line comes out as Unreadable.
Source: Amazon Data Firehose Developer Guide, data-transformation failure handling; public samples.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pybase64
from msgspec import DecodeError, Struct, field
from msgspec.json import Decoder

from ttl_archive.replay.gunzip import DamagedGzipError, inflated
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.nesting import is_too_deep

_SEAM = re.compile(rb"}\s*(?={)")
# Without a newline for this long, look for objects glued to each other.
_PATIENCE_BYTES = 1 << 20
# A record has 10 MiB at most (Kinesis), in base64 14; what is longer is no error line.
_LINE_BYTES = 64 << 20


class ErrorLine(Struct, rename="camel", gc=False):
    """The fields that the error output types share; numbers may be strings, and some have other names."""

    raw_data: Any = None
    error_code: Any = None
    last_error_code: Any = None
    other_error_code: Any = field(default=None, name="ErrorCode")
    error_message: Any = None
    last_error_message: Any = None
    other_error_message: Any = field(default=None, name="ErrorMessage")
    attempts_made: Any = None
    arrival_timestamp: Any = None


class FailedRecord(NamedTuple):
    """One error line. `number` counts from 1; `line` has every field, also those unknown here."""

    number: int
    fields: ErrorLine
    line: bytes

    @property
    def code(self) -> str:
        """Firehose's error code, whatever the field is called."""
        fields = self.fields
        return str(fields.error_code or fields.last_error_code or fields.other_error_code or "none")

    @property
    def message(self) -> str:
        """Firehose's error message, whatever the field is called."""
        fields = self.fields
        return str(fields.error_message or fields.last_error_message or fields.other_error_message or "")

    @property
    def attempts(self) -> int:
        """How often it was tried; 0 when the line does not tell."""
        return _whole(self.fields.attempts_made) or 0

    @property
    def arrived_ms(self) -> int | None:
        """When it came to Firehose, in ms since 1970."""
        return _whole(self.fields.arrival_timestamp)

    def data(self) -> bytes:
        """The source record's bytes. Raises RecordError `NoRawData` or `BadRawData`."""
        raw = self.fields.raw_data
        if raw is None:
            raise RecordError("NoRawData")
        try:
            return pybase64.b64decode(raw, validate=True)
        except (ValueError, TypeError):
            raise RecordError("BadRawData") from None


class Unreadable(NamedTuple):
    """A piece of the object that is no error line: where, its bytes, and a fixed code."""

    number: int
    piece: bytes
    code: str


_decode = Decoder(ErrorLine).decode


def read(chunks: Iterable[bytes]) -> Iterator[FailedRecord | Unreadable]:
    """The records of an error object from the chunks of its bytes, in order."""
    number = 0
    for piece in _pieces(chunks):
        for found in _records(piece):
            number += 1
            yield found._replace(number=number)


class _Piece(NamedTuple):
    """What stands between two newlines, or at the end, and the code of what of it cannot be read."""

    data: bytes
    code: str = "NotAnErrorLine"


def _pieces(chunks: Iterable[bytes]) -> Iterator[_Piece | Unreadable]:
    tail = b""
    look_at = _PATIENCE_BYTES
    try:
        for chunk in inflated(chunks):
            *lines, tail = (tail + chunk).split(b"\n")
            yield from map(_Piece, lines)
            if lines:
                look_at = _PATIENCE_BYTES
            if len(tail) >= look_at:
                glued, tail = _unglued(tail)
                yield from map(_Piece, glued)
                look_at = max(_PATIENCE_BYTES, 2 * len(tail))
            if len(tail) > _LINE_BYTES:
                yield Unreadable(0, tail, "TooLong")
                tail = b""
    except DamagedGzipError as damage:
        yield Unreadable(0, tail, damage.code)
    else:
        yield _Piece(tail, "HalfWritten")


def _records(piece: _Piece | Unreadable) -> Iterator[FailedRecord | Unreadable]:
    if isinstance(piece, Unreadable):
        yield piece
    elif fields := _decoded(piece.data):
        yield FailedRecord(0, fields, piece.data)
    elif piece.data.strip():
        glued, rest = _unglued(piece.data)
        for line in glued:
            yield FailedRecord(0, _decode(line), line)
        if fields := _decoded(rest):
            yield FailedRecord(0, fields, rest)
        elif rest.strip():
            yield Unreadable(0, rest, piece.code)


def _unglued(piece: bytes) -> tuple[list[bytes], bytes]:
    """The objects glued to each other at the start of the piece, and what follows the last seam."""
    view = memoryview(piece)
    whole = []
    start = 0
    for seam in _SEAM.finditer(piece):
        if _decoded(view[start : seam.end()]):
            whole.append(piece[start : seam.end()])
            start = seam.end()
    return whole, piece[start:]


def _decoded(piece: bytes | memoryview) -> ErrorLine | None:
    """Return the error line; None for what is not a JSON object, not UTF-8, or deeper than AWS writes.

    The depth is checked last: most pieces that are no error line are refused at their first damaged byte.
    """
    try:
        line = _decode(piece)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if is_too_deep(bytes(piece)) else line


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
