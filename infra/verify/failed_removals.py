"""TTL removals in error objects that have no row, each by the state of its object.

Whether a record is a TTL removal is today's verdict of the transform; of a record that it refuses, the
record's own user identity says so, as far as it can be parsed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any

from ttl_archive.infra.verify.row_identity import is_ttl_removal, removal_identity
from ttl_archive.infra.verify.row_index import RowIndex
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable, read_lines
from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import ObjectError
from ttl_archive.replay.restore.archived_rows import ArchivedRow, read_rows
from ttl_archive.replay.verdict import Refused, judge
from ttl_archive.transform.convert import Row
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.records import event_us, parse_record
from ttl_archive.transform.selection import removed_by
from ttl_archive.transform.settings import Settings


@dataclass(slots=True)
class FailedCount:
    """The error objects by day and state, and records that cannot be parsed, by their object's day."""

    objects: dict[date, Counter[str]] = field(default_factory=dict)
    unknown: Counter[date] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def count_failed(s3: Any, found: Iterable[Found], settings: Settings, index: RowIndex) -> FailedCount:
    """Count error objects, and put their TTL removals that have no row into the index.

    The rows of the archive have to be in the index. The records of done objects are rows or drops, so these
    objects are not read.
    """
    counted = FailedCount()
    note = _noter(settings, index, counted)
    for each in found:
        day = each.object.time.date()
        counted.objects.setdefault(day, Counter())[each.state] += 1
        if each.problem:
            counted.problems.append(each.problem)
        if each.state is State.DONE:
            continue
        try:
            for record in read_lines(Reader(s3, each.object).chunks()):
                note(record, each.state, day)
        except ObjectError as error:
            counted.problems.append(str(error))
    return counted


def _noter(
    settings: Settings, index: RowIndex, counted: FailedCount
) -> Callable[[FailedRecord | Unreadable, State, date], None]:
    verdict_of = judge(settings)

    def note(record: FailedRecord | Unreadable, state: State, day: date) -> None:
        verdict = verdict_of(record)
        if isinstance(verdict, Row):
            for row in _rows(verdict, settings):
                removal = removal_identity(row, settings)
                if is_ttl_removal(row) and not index.has(removal):
                    index.add_failed(removal.change, row.event_us, state)
        elif isinstance(verdict, Refused):
            time_us = _removal_time(record, settings)
            if time_us is None:
                counted.unknown[day] += 1
            elif time_us:
                index.add_failed(blake2b(record.content, digest_size=16).digest(), time_us, state)

    return note


def _rows(row: Row, settings: Settings) -> Iterator[ArchivedRow]:
    for read in read_rows([row.line], settings, is_csv=settings.output.format == "csv"):
        if isinstance(read, ArchivedRow):
            yield read


def _removal_time(record: FailedRecord | Unreadable, settings: Settings) -> int | None:
    """Return the time of a refused TTL removal, 0 for another change, None where it cannot be parsed."""
    if isinstance(record, Unreadable):
        return None
    try:
        change = parse_record(record.data())
        time_us = event_us(change.dynamodb)
    except RecordError:
        return None
    by = removed_by(change)
    is_removal = by == "ttl" or (by == "user" and settings.select.infer_replica_ttl)
    return time_us if is_removal else 0
