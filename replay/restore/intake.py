"""From an archived object to the items that are wanted of it, as they are staged."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.replay.error_objects.objects import Reader
from ttl_archive.replay.restore import item_files, table_writer
from ttl_archive.replay.restore.archived_rows import Archived, BadLine, is_csv, item_of, read_rows
from ttl_archive.replay.restore.row_selection import ArchivedObject, Selection
from ttl_archive.replay.restore.stage import Staged
from ttl_archive.replay.restore.where import columns_of, value_of
from ttl_archive.transform.settings import Settings


@dataclass
class Intake:
    """Reads objects. `unseen` are columns of the filter that no row has had so far: misspelt, perhaps.

    `keys` are the key attributes of the table that the items go into, none for a file.
    """

    s3: Any
    settings: Settings
    selection: Selection
    wants_items: bool
    keys: tuple[str, ...] = ()
    unseen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._matches = self.selection.matcher(self.settings)
        self.unseen = columns_of(self.selection.where)

    def items(self, archived: ArchivedObject) -> Iterator[Staged | None]:
        """What is wanted of an object; None for each line that cannot be read."""
        chunks = Reader(self.s3, archived).chunks()
        folder = self._folder_of(archived.key)
        for found in read_rows(chunks, self.settings, is_csv=is_csv(archived.key, self.settings)):
            if isinstance(found, BadLine):
                yield None
            elif self._wants(found, folder):
                yield self._staged(found)

    def _wants(self, found: Archived, folder: dict[str, str]) -> bool:
        row = found.row | folder
        self.unseen -= {name for name in self.unseen if value_of(row, name) is not None or name in row}
        return self._matches(row, found.image)

    def _staged(self, found: Archived) -> Staged:
        item, exact = item_of(found, self.settings)
        us = int(found.row["ddb_event_us"])
        line = item_files.staged_item(item) if self.wants_items else item_files.staged_row(found.row)
        # Delivery is at least once: what is equal and of one time is one change that came twice.
        key = table_writer.key_of(item, self.keys) if self.keys else None
        ident = f"{us} {item_files.staged_item(item)}" if key is None else key
        digest = hashlib.sha256(ident.encode()).digest()
        return Staged(digest, us, line, exact or not self.wants_items)

    def _folder_of(self, key: str) -> dict[str, str]:
        """The partition column, which stands in the key and in no row."""
        column = self.settings.output.date_column
        found = re.search(rf"(?:^|/){re.escape(column)}=([^/]+)/", key)
        return {column: found[1]} if found else {}
