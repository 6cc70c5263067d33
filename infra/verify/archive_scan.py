"""The rows of the delivered objects, counted by the time of their change, whatever folder they lie in.

By arrival, a folder's date is that of the oldest record of each object, so the rows of a day are looked for
in the folder of the day before, and in those of `late_days` days after it. Objects are read as streams, one
after the other.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any

from ttl_archive.infra.verify.row_identity import RemovalIdentity, is_ttl_removal, removal_identity
from ttl_archive.infra.verify.row_index import RowIndex
from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.errors import ObjectError, StoppedError
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState, find_archived
from ttl_archive.replay.restore.archived_rows import REASONS, ArchivedRow, BadLine, is_csv, read_rows
from ttl_archive.replay.restore.retrieval import retrieval_states
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

IN_GLACIER = "in GLACIER, not retrieved"
_PARQUET = "Parquet or ORC, which this command does not read"
_STATES_AT_ONCE = 16
_OWN_NAME = re.compile(r"/(?:replay|backfill)-[0-9a-f]{20}\.(?:jsonl|csv)\.gz$")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VerifiedDays:
    """The days from `first` to before `end`, and how many days after its change a row may arrive."""

    first: date
    end: date
    late_days: int = 1

    def days(self) -> list[date]:
        """Return every day of the range."""
        return [self.first + timedelta(days=n) for n in range((self.end - self.first).days)]

    def folders(self) -> list[date]:
        """Return the dates of the folders that may have rows of these days, by arrival."""
        before, after = timedelta(days=1), timedelta(days=max(1, self.late_days))
        return VerifiedDays(self.first - before, self.end + after).days()

    def selection(self, *, by_event: bool) -> Selection:
        """Return the range as `restore` selects objects; by event, with the days beside it, for the edges."""
        beside = timedelta(days=1 if by_event else 0)
        since, until = midnight(self.first - beside), midnight(self.end + beside)
        return Selection(since, until, late_days=self.late_days)

    def affected(self, folder: date | None, *, by_event: bool) -> list[date]:
        """Return the days of the range whose rows a folder may have; all of them without a date."""
        if folder is None:
            return self.days()
        if by_event:
            return [folder] if self.first <= folder < self.end else []
        return [day for day in self.days() if -1 <= (folder - day).days <= max(1, self.late_days)]


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """Why the rows of an object cannot be trusted or counted, and the days that it may concern."""

    url: str
    reason: str
    days: tuple[date, ...]
    is_unreadable: bool = False


@dataclass(slots=True)
class ScanResult:
    """What was read. `copies` are objects each of whose rows another object has too."""

    objects: int = 0
    read_bytes: int = 0
    problems: list[ObjectProblem] = field(default_factory=list)
    copies: list[ObjectProblem] = field(default_factory=list)


def midnight(day: date) -> datetime:
    """Return the beginning of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def find_objects(s3: Any, bucket: str, settings: Settings, days: VerifiedDays) -> list[ArchivedObject]:
    """List the objects that may have rows of these days, each with its retrieval state.

    Raises AccessDeniedError, ObjectGoneError or ObjectError.
    """
    folder = layout.archive_folder(settings)
    selection = days.selection(by_event=settings.output.partition_by == "event")
    found = find_archived(s3, bucket, folder, settings, selection).objects
    states = retrieval_states(s3, found, _STATES_AT_ONCE)
    return [replace(each, retrieval=states[each.key]) for each in found]


class ArchiveScan:
    """Reads delivered objects into an index. `stop` ends it; `progress` gets records and bytes."""

    def __init__(
        self,
        s3: Any,
        settings: Settings,
        days: VerifiedDays,
        index: RowIndex,
        stop: Event,
        progress: Callable[[int, int], None],
    ) -> None:
        self._s3, self._settings, self._days, self._index = s3, settings, days, index
        self._stop, self._progress = stop, progress
        self.result = ScanResult()

    def read(self, archived: ArchivedObject) -> None:
        """Count the rows of one object. Raises StoppedError."""
        self.result.objects += 1
        reason = _why_unreadable(archived)
        if reason:
            self._note(archived, reason, is_unreadable=True)
            return
        if not _has_known_name(archived.key):
            self._note(archived, "no object of Firehose, replay or backfill has such a name")
        bad: dict[str, int] = {}
        found = 0

        def removals() -> Iterator[RemovalIdentity]:
            nonlocal found
            for removal in self._removals(archived, bad):
                found += 1
                yield removal

        try:
            new = self._index.add(removals())
        except ObjectError as error:
            self._note(archived, str(error), is_unreadable=True)
            return
        for code, count in sorted(bad.items()):
            self._note(archived, f"{count:,} unreadable: {REASONS.get(code, code)}")
        if found and not new:
            self.result.copies.append(self._problem(archived, "each of its rows is in another object too"))

    def _removals(self, archived: ArchivedObject, bad: dict[str, int]) -> Iterator[RemovalIdentity]:
        reader = Reader(self._s3, archived)
        csv = is_csv(archived.key, self._settings)
        for row in read_rows(self._chunks(reader), self._settings, is_csv=csv):
            if self._stop.is_set():
                raise StoppedError("stopped before every object was read, so there is no answer. Run again")
            if isinstance(row, BadLine):
                bad[row.code] = bad.get(row.code, 0) + 1
            elif self._is_of_other_table(row):
                bad[_OTHER_TABLE] = bad.get(_OTHER_TABLE, 0) + 1
            elif is_ttl_removal(row):
                yield removal_identity(row, self._settings)

    def _chunks(self, reader: Reader) -> Iterator[bytes]:
        for chunk in reader.chunks():
            self.result.read_bytes += len(chunk)
            self._progress(0, len(chunk))
            yield chunk

    def _is_of_other_table(self, row: ArchivedRow) -> bool:
        return bytes(row.columns.get("ddb_table", b"")) != f'"{self._settings.table.name}"'.encode()

    def _note(self, archived: ArchivedObject, reason: str, *, is_unreadable: bool = False) -> None:
        self.result.problems.append(self._problem(archived, reason, is_unreadable=is_unreadable))

    def _problem(
        self, archived: ArchivedObject, reason: str, *, is_unreadable: bool = False
    ) -> ObjectProblem:
        days = affected_days(archived.key, self._settings, self._days)
        return ObjectProblem(archived.url, reason, days, is_unreadable)


_OTHER_TABLE = "the row is of another table"


def affected_days(key: str, settings: Settings, days: VerifiedDays) -> tuple[date, ...]:
    """Return the days of the range whose rows the object with this key may have."""
    by_event = settings.output.partition_by == "event"
    return tuple(days.affected(folder_date(key, settings.output.date_column), by_event=by_event))


def folder_date(key: str, date_column: str) -> date | None:
    """Return the date of the folder in a key; None without one."""
    found = re.search(rf"/{re.escape(date_column)}=(\d{{4}}-\d\d-\d\d)/", key)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _why_unreadable(archived: ArchivedObject) -> str:
    if archived.retrieval is not RetrievalState.READABLE:
        return IN_GLACIER
    return _PARQUET if archived.is_parquet else ""


def _has_known_name(key: str) -> bool:
    return bool(_OWN_NAME.search(key)) or layout.own_time(key, _NEVER) != _NEVER
