"""One failed record for people: its error, its change record without content, and today's verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ttl_archive.replay.causes import explainer
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable, read_lines
from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.remedies import remedy, settings_to_add
from ttl_archive.replay.verdict import Refused, Verdict, judge
from ttl_archive.transform.convert import Row
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.records import event_us, parse_record, timestamp_text
from ttl_archive.transform.selection import removed_by
from ttl_archive.transform.settings import Settings


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is shown of a record. `content` is the source record's text, only when it was asked for."""

    number: int
    code: str  # Firehose's; of what cannot be read, ours
    message: str
    attempts: int
    arrived: datetime | None
    bytes: int
    change: str
    verdict: str
    refused: str = ""  # the transform's code
    attribute: str = ""  # the attribute to blame, `a.b`, or two of them
    remedy: str = ""
    settings: str = ""  # what to paste into archive.toml
    content: str | None = None


def inspect(s3: Any, found: Found, settings: Settings, *, content: bool) -> Iterator[Inspected]:
    """Yield the records of an object, one by one."""
    judge_record, explain = judge(settings), explainer(settings)
    waived = found.document.waived() if found.document else {}
    for record in read_lines(Reader(s3, found.object).chunks()):
        verdict = judge_record(record)
        why: dict[str, Any] = {}
        if isinstance(verdict, Refused):
            cause = explain(record, verdict)
            why = {
                "refused": cause.code,
                "attribute": cause.attribute,
                "remedy": remedy(cause.code),
                "settings": settings_to_add(cause, settings),
            }
        text = "waived by an operator" if record.number in waived else describe_verdict(verdict)
        yield Inspected(**_shown(record, content), verdict=text, **why)


def describe_verdict(verdict: Verdict) -> str:
    """Return a verdict in words: what would happen to the record today."""
    if isinstance(verdict, Row):
        return f"would be delivered to {verdict.date}"
    if isinstance(verdict, Refused):
        return f"would be refused: {verdict.code}"
    return f"would be dropped: {verdict.rule}"


def describe_change(data: bytes) -> str:
    """Return kind and time of a change, without a name or value of the item; "" when it is no change."""
    try:
        change = parse_record(data)
        when = timestamp_text(event_us(change.dynamodb))
    except RecordError:
        return ""
    by = removed_by(change)
    table = change.table() or "unknown table"
    return f"{change.event_name} of {table} at {when}" + (f" by {by}" if by else "")


def _shown(record: FailedRecord | Unreadable, content: bool) -> dict[str, Any]:
    if isinstance(record, Unreadable):
        shown = {"message": "", "attempts": 0, "arrived": None, "change": ""}
        data = record.content
    else:
        data = _data(record)
        ms = record.arrived_ms
        shown = {
            "message": record.message,
            "attempts": record.attempts,
            "arrived": datetime.fromtimestamp(ms / 1000, UTC) if ms else None,
            "change": describe_change(data),
        }
    text = data.decode(errors="replace") if content else None
    return {"number": record.number, "code": record.code, "bytes": len(data), "content": text, **shown}


def _data(record: FailedRecord) -> bytes:
    try:
        return record.data()
    except RecordError:
        return b""
