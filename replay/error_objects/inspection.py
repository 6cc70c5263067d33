"""One failed record for people: its error, its change record without content, and today's verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable, read
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader
from ttl_archive.replay.verdict import Judge, Verdict
from ttl_archive.transform.convert import Drop, Row
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.records import event_us, parse, timestamp_text
from ttl_archive.transform.selection import removed_by


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is shown of a record. `content` is the source record's text, only when it was asked for."""

    number: int
    code: str
    message: str
    attempts: int
    arrived: datetime | None
    bytes: int
    change: str
    verdict: str
    content: str | None = None


def inspect(s3: Any, error_object: ErrorObject, judge: Judge, *, content: bool) -> Iterator[Inspected]:
    """The records of an object, one by one."""
    for record in read(Reader(s3, error_object).chunks()):
        verdict = describe_verdict(judge(record))
        if isinstance(record, Unreadable):
            text = record.piece.decode(errors="replace") if content else None
            size = len(record.piece)
            yield Inspected(record.number, record.code, "", 0, None, size, "", verdict, text)
        else:
            yield _inspected(record, verdict, content)


def describe_verdict(verdict: Verdict) -> str:
    """A verdict in words: what would happen to the record today."""
    if isinstance(verdict, Row):
        return f"would deliver to {verdict.date}"
    if isinstance(verdict, Drop):
        return f"would drop ({verdict.rule})"
    return f"would fail ({verdict.code})"


def _inspected(record: FailedRecord, verdict: str, content: bool) -> Inspected:
    try:
        data = record.data()
    except RecordError:
        data = b""
    ms = record.arrived_ms
    return Inspected(
        record.number,
        record.code,
        record.message,
        record.attempts,
        datetime.fromtimestamp(ms / 1000, UTC) if ms else None,
        len(data),
        describe_change(data),
        verdict,
        data.decode(errors="replace") if content else None,
    )


def describe_change(data: bytes) -> str:
    """What kind of change it is and of when, without a name or value of the item; empty if it is none."""
    try:
        change = parse(data)
        when = timestamp_text(event_us(change.dynamodb))
    except RecordError:
        return ""
    by = removed_by(change)
    table = change.table() or "unknown table"
    return f"{change.event_name} of {table} at {when}" + (f" by {by}" if by else "")
