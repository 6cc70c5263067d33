"""The keys of expired items, and which of them the archive has: on disk, so that memory is bounded.

An item is known by its key and its TTL value, as in `archive_unique`: a removal of the same key with another
TTL value belongs to another life of the item.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from ttl_archive.replay.items.attribute_values import Item

_SCHEMA = """
CREATE TABLE expired (key BLOB, ttl TEXT, names TEXT, place TEXT, seen INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (key, ttl)) WITHOUT ROWID;
"""
# 0 not in the archive, 1 only with another TTL value, 2 in the archive
_MARK = "UPDATE expired SET seen = max(seen, CASE WHEN ttl = :ttl THEN 2 ELSE 1 END) WHERE key = :key"
_BATCH = 5_000
_CACHE_KIB = 32_768
# A number has 38 digits at most. Source: DynamoDB Developer Guide, constraints.
_EXACT = Context(prec=40)


@dataclass(frozen=True, slots=True)
class MissingKey:
    """A key that the archive does not have, in DynamoDB JSON, and where the export has it."""

    keys: dict[str, Any]
    place: str


class ExpiredKeys:
    """A context manager around a file that is deleted at its end; the folder is private to the user."""

    def __init__(self, key_names: tuple[str, ...], ttl_attribute: str) -> None:
        self._names, self._ttl = key_names, ttl_attribute
        self._folder = TemporaryDirectory(prefix="ttl-archive-")
        self._db = sqlite3.connect(Path(self._folder.name) / "keys.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, items: Iterable[tuple[Item, str]]) -> None:
        """Take expired items, which have their keys, each with its place in the export."""
        rows = (
            (*self._identity(item), json.dumps({name: item[name] for name in self._names}), place)
            for item, place in items
        )
        self._in_batches("INSERT OR IGNORE INTO expired (key, ttl, names, place) VALUES (?, ?, ?, ?)", rows)

    def mark(self, items: Iterable[Item]) -> None:
        """Take archived items; one without its key is left out."""
        found = (self._identity(item) for item in items if all(name in item for name in self._names))
        self._in_batches(_MARK, ({"key": key, "ttl": ttl} for key, ttl in found))

    def counts(self) -> dict[int, int]:
        """Return the number of keys that are 2 in the archive, 1 there with another TTL value, 0 missing."""
        return dict(self._db.execute("SELECT seen, count(*) FROM expired GROUP BY seen"))

    def missing(self) -> Iterator[MissingKey]:
        """Yield the keys that are not in the archive, in the order of their places in the export."""
        for names, place in self._db.execute(
            "SELECT names, place FROM expired WHERE seen = 0 ORDER BY place"
        ):
            yield MissingKey(json.loads(names), place)

    def _identity(self, item: Item) -> tuple[bytes, str]:
        text = json.dumps([_plain(item[name]) for name in self._names])
        ttl = _plain(item[self._ttl]) if self._ttl in item else ""
        return blake2b(text.encode(), digest_size=16).digest(), ttl

    def _in_batches(self, statement: str, rows: Iterable[Any]) -> None:
        batch = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                self._write(statement, batch)
                batch = []
        self._write(statement, batch)

    def _write(self, statement: str, batch: list[Any]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(statement, batch)
        self._db.execute("COMMIT")


def _plain(value: dict[str, Any]) -> str:
    """Return an attribute value's content as text, a number without an exponent.

    The type is left out, because a row without an image does not have it.
    """
    ((kind, content),) = value.items()
    if kind == "N":
        return format(Decimal(content).normalize(_EXACT), "f")
    return str(content)
