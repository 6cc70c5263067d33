"""From an archived object to the items that are wanted of it, as they are staged."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.json import Encoder

from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.restore.archive_listing import ArchivedObject
from ttl_archive.replay.restore.archived_rows import (
    ArchivedRow,
    BadLine,
    BadRowError,
    RowColumns,
    is_csv,
    read_rows,
)
from ttl_archive.replay.restore.image_items import table_key
from ttl_archive.replay.restore.item_files import staged_image, staged_item, staged_row
from ttl_archive.replay.restore.item_rebuild import item_of
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.transform.settings import METADATA_COLUMNS, Settings

# An object of which so many names are known is asked for no more; attributes may be named by data.
MAX_NAMES = 10_000
_MICROSECONDS = 1_000_000
_TIME_BYTES = 8  # so that ids sort as their times do
_encode = Encoder().encode
_NULL = Raw(b"null")


class StagedItem(NamedTuple):
    """One item to be written: `id` tells it from others, `line` is JSON."""

    id: bytes
    event_us: int
    line: str
    exact: bool


class ItemExtractor:
    """Reads archived objects. `keys` are the key attributes of the table to restore into; none for a file.

    Raises MisuseError for a selection with a mistake.
    """

    def __init__(
        self,
        s3: Any,
        settings: Settings,
        selection: Selection,
        *,
        wants_items: bool,
        keys: tuple[str, ...] = (),
    ) -> None:
        self.settings = settings
        self.selection = selection
        self.is_wanted = selection.matcher(settings)
        self._s3 = s3
        self._wants_items = wants_items
        self._keys = keys

    def rows(self, archived: ArchivedObject) -> "ExtractedRows":
        """Return what is wanted of an object, to be iterated once."""
        chunks = Reader(self._s3, archived).chunks()
        rows = read_rows(chunks, self.settings, is_csv=is_csv(archived.key, self.settings))
        return ExtractedRows(self, rows, self._folder_columns(archived.key))

    def staged(self, row: ArchivedRow) -> StagedItem:
        """Return a row as it is staged. Raises BadRowError."""
        if not self._wants_items:
            return StagedItem(_change_id(row), row.event_us, staged_row(row.columns), True)
        if row.image_text and not self._keys:
            return StagedItem(_change_id(row), row.event_us, staged_image(row.image_text), True)
        item, exact = item_of(row, self.settings)
        key = table_key(item, self._keys) if self._keys else None
        identity = _change_id(row) if key is None else sha256(key.encode()).digest()
        line = staged_image(row.image_text) if exact else staged_item(item)
        return StagedItem(identity, row.event_us, line, exact)

    def _folder_columns(self, key: str) -> RowColumns:
        """Return the partition column, which the key has and no row."""
        column = self.settings.output.date_column
        found = re.search(rf"(?:^|/){re.escape(column)}=([^/]+)/", key)
        return {column: Raw(_encode(found[1]))} if found else {}


class ExtractedRows:
    """The wanted items of one object, and a BadLine for each line that could not be read.

    After the iteration: how many lines were read and wanted, the time of the first and the last change, in
    microseconds. `names` are those in the rows before the first wanted one, if the selection has names.
    """

    def __init__(
        self, extractor: ItemExtractor, rows: Iterator[ArchivedRow | BadLine], folder: RowColumns
    ) -> None:
        self._extractor = extractor
        self._rows = rows
        self._folder = folder
        self._needs_names = extractor.selection.names_columns
        self.lines = 0
        self.wanted = 0
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.names: set[str] = set()

    def __iter__(self) -> Iterator[StagedItem | BadLine]:
        for row in self._rows:
            self.lines += 1
            if isinstance(row, BadLine):
                yield row
                continue
            self._observe(row)
            try:
                if self._extractor.is_wanted(row, self._folder):
                    yield self._extractor.staged(row)
                    self.wanted += 1
            except BadRowError as error:
                yield BadLine(self.lines, error.code)

    def _observe(self, row: ArchivedRow) -> None:
        us = row.event_us
        if self.first_us is None or us < self.first_us:
            self.first_us = us
        if self.last_us is None or us > self.last_us:
            self.last_us = us
        if self._needs_names and not self.wanted and len(self.names) < MAX_NAMES:
            self.names.update(row.columns, row.decoded_image() or ())


def _change_id(row: ArchivedRow) -> bytes:
    """Return the id of a change: its time, then a digest. Ids in their order are in the order of the time.

    Delivery is at least once, so equal ids are duplicates. The rule is that of the SQL view archive_unique.
    DynamoDB Streams counts in whole seconds, in which an item may change to and fro, but its event id stays
    the same when a record is delivered again: there it is part of the identity. Whether a duplicate in the
    Kinesis feed keeps its event id is UNVERIFIED, so there it is not.
    """
    columns = row.columns
    parts: list[Raw | bytes] = [columns.get("ddb_table", _NULL), columns.get("ddb_event_name", _NULL)]
    if row.event_us % _MICROSECONDS == 0:
        parts.append(columns.get("ddb_event_id", _NULL))
    parts.append(row.image_text.encode())
    if not row.image_text or "old_image" in columns:
        parts += [
            name.encode() + b"=" + bytes(columns[name])
            for name in sorted(columns)
            if name not in METADATA_COLUMNS
        ]
    return row.event_us.to_bytes(_TIME_BYTES, "big") + sha256(b"\n".join(parts)).digest()
