"""Which expired items of an export the archive has: an export as a second source for the archive.

`compare_exports` reads the exports, then the archived objects whose rows can be of that time, and answers
with one Verdict. It writes nothing.

verdict         meaning
COMPLETE        every expired key of the exports is in the archive
MISSING         some are not, and everything was read
NOT_COUNTABLE   some were not found, but objects or lines could not be read: they may be there
NOTHING         the exports have no expired item, so nothing was compared
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from threading import Event
from typing import Any

from ttl_archive.replay.backfill.data_file_lines import readable, verified_lines
from ttl_archive.replay.backfill.expired_keys import ExpiredKeys, MissingKey
from ttl_archive.replay.backfill.exported_rows import EXPORT
from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.errors import MisuseError, ObjectError, ObjectFrozenError, StoppedError
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.items.export_lines import parse_exported
from ttl_archive.replay.items.export_manifest import Export
from ttl_archive.replay.items.item_forms import NotAnItemError
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState, list_archived
from ttl_archive.replay.restore.archived_rows import (
    ArchivedRow,
    BadLine,
    BadRowError,
    is_csv,
    read_rows,
)
from ttl_archive.replay.restore.item_rebuild import item_of
from ttl_archive.transform import layout
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import decoded
from ttl_archive.transform.selection import ttl_had_passed
from ttl_archive.transform.settings import Settings

# The clock of an export is DynamoDB's, up to a minute off. Source: DynamoDB Developer Guide,
# s3dataexport-requesting.
_CLOCK_SLACK = timedelta(minutes=1)
_ARCHIVED = (b'"REMOVE"', f'"{EXPORT}"'.encode())
_NAMED_AT_MOST = 20
_IN_GLACIER = "in GLACIER, not retrieved"


class CompareVerdict(StrEnum):
    """What a comparison has found."""

    COMPLETE = "complete"
    MISSING = "missing"
    NOT_COUNTABLE = "not countable"
    NOTHING = "nothing to compare"


@dataclass(slots=True)
class Comparison:
    """What was compared. `renewed` keys are in the archive with another TTL value only.

    `unreadable` has the objects that could not be read, by reason; `bad_lines` are lines of the exports and
    of the archive that could not be read; `unknown` are deletions whose old image was not exported.
    """

    expired: int = 0
    found: int = 0
    renewed: int = 0
    missing: int = 0
    unknown: int = 0
    objects: int = 0
    bad_lines: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)
    examples: list[MissingKey] = field(default_factory=list)

    @property
    def verdict(self) -> CompareVerdict:
        """The one answer; see the table above."""
        if self.missing:
            blind = bool(self.unreadable or self.bad_lines)
            return CompareVerdict.NOT_COUNTABLE if blind else CompareVerdict.MISSING
        return CompareVerdict.COMPLETE if self.expired else CompareVerdict.NOTHING


def compare_exports(
    s3: Any,
    bucket: str,
    settings: Settings,
    exports: Sequence[Export],
    *,
    stop: Event | None = None,
    progress: Callable[[int, int], None] = lambda lines, read_bytes: None,  # noqa: ARG005
    on_missing: Callable[[MissingKey], None] = lambda key: None,  # noqa: ARG005
) -> Comparison:
    """Compare the expired items of exports with the archive; `on_missing` is called with each missing key.

    A removal since the export counts, and an exported row of any time. Raises MisuseError without [table]
    keys, ObjectError for a damaged export or a bucket that cannot be listed, StoppedError.
    """
    table = settings.table
    if not table.keys:
        raise MisuseError(f"{settings.file}: set [table] keys, the names of the key attributes, to compare")
    compared = Comparison()
    with ExpiredKeys(table.keys, table.ttl_attribute) as keys:
        for export in exports:
            keys.add(_expired_items(export, settings, compared, stop or Event(), progress))
        if exports:
            first = min(_first_day(export) for export in exports)
            for archived in _objects_since(s3, bucket, settings, first):
                keys.mark(_archived_items(s3, archived, settings, compared, stop or Event()))
        counts = keys.counts()
        compared.found, compared.renewed, compared.missing = (counts.get(seen, 0) for seen in (2, 1, 0))
        compared.expired = sum(counts.values())
        for number, missing in enumerate(keys.missing()):
            if number < _NAMED_AT_MOST:
                compared.examples.append(missing)
            on_missing(missing)
    return compared


def _expired_items(
    export: Export,
    settings: Settings,
    compared: Comparison,
    stop: Event,
    progress: Callable[[int, int], None],
) -> Iterator[tuple[Item, str]]:
    """Yield the items that had expired, the last known state of deleted ones included."""
    parse, table = parse_exported(export.form), settings.table
    try:
        for data in export.files:
            name = data.key.rpartition("/")[2]
            for number, line in enumerate(verified_lines(data, progress), 1):
                _check_stop(stop)
                try:
                    found = parse(readable(line))
                    raw = found.image or found.old_image
                    item = decoded(raw) if raw is not None else None
                    if item is None:
                        compared.unknown += 1
                    elif not all(key in item for key in table.keys):
                        compared.bad_lines += 1
                    elif ttl_had_passed(item, table.ttl_attribute, export.time_us):
                        yield item, f"{export.id}/{name}:{number}"
                except RecordError:
                    compared.bad_lines += 1
    except (NotAnItemError, OSError) as error:
        raise ObjectError(str(error)) from None


def _objects_since(s3: Any, bucket: str, settings: Settings, first: date) -> Iterator[ArchivedObject]:
    """Yield the objects that may have the items: removals of that day or later, and the rows of all exports.

    An object arrives after its changes. An item that TTL does not remove stays archived by an earlier export.
    """
    folder = re.compile(rf"/{re.escape(settings.output.date_column)}=(\d{{4}}-\d\d-\d\d)/")
    for archived in list_archived(s3, bucket, layout.archive_folder(settings)):
        found = folder.search(archived.key)
        is_recent = found is None or found[1] >= str(first)
        if archived.size and (is_recent or layout.holds_exported_rows(archived.key)):
            yield archived


def _archived_items(
    s3: Any,
    archived: ArchivedObject,
    settings: Settings,
    compared: Comparison,
    stop: Event,
) -> Iterator[Item]:
    """Yield the items of removals and exports in one object; count what cannot be read."""
    compared.objects += 1
    reason = _IN_GLACIER if archived.retrieval is RetrievalState.IN_PROGRESS else ""
    if archived.is_parquet:
        reason = "Parquet or ORC, which this command does not read"
    try:
        if not reason:
            chunks = Reader(s3, archived).chunks()
            for row in read_rows(chunks, settings, is_csv=is_csv(archived.key, settings)):
                _check_stop(stop)
                if isinstance(row, BadLine):
                    compared.bad_lines += 1
                elif bytes(row.columns.get("ddb_event_name", b"")) in _ARCHIVED:
                    yield from _item(row, settings, compared)
    except ObjectFrozenError:
        reason = _IN_GLACIER
    except ObjectError as error:
        reason = str(error)
    if reason:
        compared.unreadable[reason] = compared.unreadable.get(reason, 0) + 1


def _item(row: ArchivedRow, settings: Settings, compared: Comparison) -> Iterator[Item]:
    try:
        yield item_of(row, settings)[0]
    except BadRowError:
        compared.bad_lines += 1


def _first_day(export: Export) -> date:
    """Return the first day of the folders that may have the rows of an export's items."""
    us = export.time_us if export.from_us is None else export.from_us
    return (datetime.fromtimestamp(us / 1_000_000, UTC) - _CLOCK_SLACK).date()


def _check_stop(stop: Event) -> None:
    if stop.is_set():
        raise StoppedError("stopped before everything was compared, so there is no answer. Run again")
