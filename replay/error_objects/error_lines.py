"""The bytes of an error object -> its failed records, and what cannot be read of it.

As a rule each line is one JSON object; objects without a newline between them are read too, and so is gzip,
which its first two bytes tell. Nothing is skipped: what is no error line is returned as Unreadable. Time is
linear in the bytes, and memory is bounded by the longest line. A line that is a discarded batch of a stream
has many records, which are returned one by one.
Source: Amazon Data Firehose Developer Guide, data-transformation failure handling; public samples.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, NamedTuple

import pybase64
from msgspec import DecodeError, Struct, field
from msgspec.json import Decoder

from ttl_archive.replay.error_objects.discarded_batch import discarded_records
from ttl_archive.replay.gunzip import DamagedGzipError, inflated
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.nesting import is_too_deep

# What precedes the next brace outside of a string: other bytes, and whole strings. Possessive, so linear.
_TO_BRACE = re.compile(rb'(?:[^"{}]++|"(?:[^"\\]++|\\.)*+")*+([{}])', re.DOTALL)
# After so many bytes without a newline, look for objects that have none between them.
_UNBROKEN_BYTES = 1 << 20
# A record has 10 MiB at most (Kinesis), in base64 14; what is longer is no error line.
_LINE_BYTES = 64 << 20
_LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the latest time that Python has
_TEXT_LENGTH = 1000  # of a code or message; Firehose's have less


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
    stream_batch: Any = field(default=None, name="DDBStreamBatchInfo")


class FailedRecord(NamedTuple):
    """One error line. `number` counts from 1; `content` has every field, also those unknown here."""

    number: int
    fields: ErrorLine
    content: bytes

    @property
    def code(self) -> str:
        """Firehose's error code, whatever the field is called."""
        fields = self.fields
        return _text(fields.error_code, fields.last_error_code, fields.other_error_code) or "none"

    @property
    def message(self) -> str:
        """Firehose's error message, whatever the field is called."""
        fields = self.fields
        return _text(fields.error_message, fields.last_error_message, fields.other_error_message)

    @property
    def attempts(self) -> int:
        """How often Firehose tried it; 0 when the line does not say."""
        return _whole(self.fields.attempts_made) or 0

    @property
    def arrived_ms(self) -> int | None:
        """When it arrived at Firehose, in ms since 1970; None when the line does not say."""
        arrived = _whole(self.fields.arrival_timestamp)
        return arrived if arrived and 0 < arrived <= _LATEST_MS else None

    def data(self) -> bytes:
        """Return the source record's bytes. Raises RecordError `NoRawData` or `BadRawData`."""
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
    content: bytes
    code: str


_decode = Decoder(ErrorLine).decode


def read_lines(chunks: Iterable[bytes]) -> Iterator[FailedRecord | Unreadable]:
    """Yield the records of an error object from the chunks of its bytes, in order."""
    numbers = count(1)
    for piece in _pieces(chunks):
        yield from _records(piece, numbers)


class _Piece(NamedTuple):
    """The bytes between two newlines, or before the end, and the code for what cannot be read of them."""

    content: bytes
    code: str = "NotAnErrorLine"


class _Tail:
    """The bytes after the last newline, in parts that are joined only when they are needed as a whole."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        self._parts.append(part)
        self.size += len(part)

    def take(self) -> bytes:
        """Return all bytes; none are left."""
        joined = b"".join(self._parts)
        self._parts, self.size = [], 0
        return joined


def _pieces(chunks: Iterable[bytes]) -> Iterator[_Piece | Unreadable]:
    tail = _Tail()
    look_at = _UNBROKEN_BYTES
    try:
        for chunk in inflated(chunks):
            first, *others = chunk.split(b"\n")
            tail.add(first)
            if others:
                yield _Piece(tail.take())
                yield from map(_Piece, others[:-1])
                tail.add(others[-1])
                look_at = _UNBROKEN_BYTES
            if tail.size >= look_at:
                whole, rest = _split_objects(tail.take())
                yield from map(_Piece, whole)
                tail.add(rest)
                look_at = max(_UNBROKEN_BYTES, 2 * tail.size)
            if tail.size > _LINE_BYTES:
                yield Unreadable(0, tail.take(), "TooLong")
    except DamagedGzipError as damage:
        yield Unreadable(0, tail.take(), damage.code)
    else:
        yield _Piece(tail.take(), "HalfWritten")


def _records(piece: _Piece | Unreadable, numbers: Iterator[int]) -> Iterator[FailedRecord | Unreadable]:
    if isinstance(piece, Unreadable):
        yield piece._replace(number=next(numbers))
    elif fields := _decoded(piece.content):
        yield from _of_line(fields, piece.content, numbers)
    elif piece.content.strip():
        whole, rest = _split_objects(piece.content)
        for content in whole:
            yield from _of_line(_decode(content), content, numbers)
        if rest.strip():
            yield Unreadable(next(numbers), rest, piece.code)


def _of_line(
    fields: ErrorLine, content: bytes, numbers: Iterator[int]
) -> Iterator[FailedRecord | Unreadable]:
    """Yield the record of an error line, or every record of a discarded batch."""
    if fields.raw_data is not None or fields.stream_batch is None:
        yield FailedRecord(next(numbers), fields, content)
        return
    records = discarded_records(content)
    if not records:
        yield Unreadable(next(numbers), content, "NoPayload")
    for each in records:
        raw = pybase64.b64encode_as_string(each.data)
        line = ErrorLine(raw, each.condition, error_message=each.message, attempts_made=each.attempts)
        yield FailedRecord(next(numbers), line, each.data)


def _split_objects(piece: bytes) -> tuple[list[bytes], bytes]:
    """Return the JSON objects at the start of the piece that have no newline between them, and the rest."""
    whole = []
    start = depth = 0
    for brace in _braces(piece):
        depth += 1 if piece[brace] == ord("{") else -1
        if depth == 0:
            content = piece[start : brace + 1]
            if not _decoded(content):
                break
            whole.append(content)
            start = brace + 1
        elif depth < 0:
            break
    return whole, piece[start:]


def _braces(piece: bytes) -> Iterator[int]:
    """Yield the positions of the braces that are in no string, up to a string that does not end."""
    position = 0
    while found := _TO_BRACE.match(piece, position):
        position = found.end()
        yield position - 1


def _decoded(content: bytes) -> ErrorLine | None:
    """Return the error line; None for what is not a JSON object, not UTF-8, or deeper than AWS writes.

    The depth is checked last: most pieces that are no error line are refused at their first damaged byte.
    """
    try:
        line = _decode(content)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if is_too_deep(content) else line


def _text(*values: Any) -> str:
    """Return the first value that is text with something in it, cut where it is too long; else ""."""
    return next((value[:_TEXT_LENGTH] for value in values if isinstance(value, str) and value), "")


def _whole(value: Any) -> int | None:
    """Return the value as an integer, or None when it is not one."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
