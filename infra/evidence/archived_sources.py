"""Items from rows that were delivered to the bucket: the newest days first, without objects in GLACIER."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.infra.evidence.item_sources import ItemSource
from ttl_archive.replay.commands.show import counts, plural
from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.errors import NothingFoundError
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState, find_archived
from ttl_archive.replay.restore.archived_rows import (
    ArchivedRow,
    BadLine,
    BadRowError,
    is_csv,
    read_rows,
)
from ttl_archive.replay.restore.item_rebuild import item_of
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

# Objects that are kept in mind, the newest. A sample needs few: a full buffer has thousands of rows.
_MAX_OBJECTS = 10_000


@dataclass(slots=True)
class ArchivedSource:
    """The rows of a bucket as items. The counts grow while items are read.

    `unreadable` counts lines that are no rows by their code. `inexact` counts items that were rebuilt from
    columns because their row has no image.
    """

    place: str
    objects: list[ArchivedObject]
    in_glacier: int
    parquet: int
    unreadable: Counter[str] = field(default_factory=Counter)
    inexact: int = 0

    def source(self, s3: Any, settings: Settings) -> ItemSource:
        """Return the items. Reading them raises AccessDeniedError, ObjectGoneError or ObjectError."""
        return ItemSource(self.place, self._items(s3, settings))

    def limits(self) -> list[str]:
        """Return a sentence for each thing that was not read."""
        bad_lines = self.unreadable.total()
        checks = {
            f"{plural(self.in_glacier, 'object')} in GLACIER not read.": self.in_glacier,
            f"{plural(self.parquet, 'object')} in Parquet not read.": self.parquet,
            f"{plural(bad_lines, 'line')} not read: {counts(self.unreadable)}.": bad_lines,
            f"{plural(self.inexact, 'row')} without image: sets seen as lists, binary as text.": self.inexact,
        }
        return [sentence for sentence, applies in checks.items() if applies]

    def _items(self, s3: Any, settings: Settings) -> Iterator[Item]:
        for archived in self.objects:
            chunks = Reader(s3, archived).chunks()
            for row in read_rows(chunks, settings, is_csv=is_csv(archived.key, settings)):
                if isinstance(row, BadLine):
                    self.unreadable[row.code] += 1
                else:
                    yield from self._item(row, settings)

    def _item(self, row: ArchivedRow, settings: Settings) -> Iterator[Item]:
        try:
            item, is_exact = item_of(row, settings)
        except BadRowError as error:
            self.unreadable[error.code] += 1
            return
        self.inexact += not is_exact
        yield item


def archived_source(s3: Any, bucket: str, settings: Settings, selection: Selection) -> ArchivedSource:
    """List the archive of the table. Raises NothingFoundError when it holds no object of these days.

    Raises AccessDeniedError, ObjectGoneError or ObjectError as the listing does.
    """
    prefix = layout.archive_folder(settings)
    listing = find_archived(s3, bucket, prefix, settings, selection)
    place = f"s3://{bucket}/{prefix}"
    if not listing.objects:
        days = f" It has {listing.first_date} to {listing.last_date}." if listing.total else ""
        raise NothingFoundError(f"{place} has no delivered object of these days.{days}")
    readable: deque[ArchivedObject] = deque(maxlen=_MAX_OBJECTS)
    parquet = in_glacier = 0
    for each in listing.objects:
        if each.is_parquet:
            parquet += 1
        elif each.is_in_glacier and each.retrieval is not RetrievalState.READABLE:
            in_glacier += 1
        else:
            readable.append(each)
    return ArchivedSource(place, list(reversed(readable)), in_glacier, parquet)
