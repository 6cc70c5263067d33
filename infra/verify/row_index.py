"""Every TTL removal that was found, by its digest, on disk: so that memory is bounded.

A change is counted once, however many copies of its row there are. While a table has both roads, a removal
has a row of each; the road with more rows counts, as in `archive_unique`.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from ttl_archive.infra.verify.row_identity import RemovalIdentity

_DAY_US = 86_400_000_000
_SCHEMA = """
CREATE TABLE change (change BLOB PRIMARY KEY, removal BLOB, us INTEGER, streams INTEGER) WITHOUT ROWID;
CREATE TABLE failed (record BLOB PRIMARY KEY, us INTEGER, state TEXT) WITHOUT ROWID;
"""
# Of two values, max() returns the larger one. The changes with one digest are of one second.
_DAYS = """
SELECT us / :day, sum(found), sum(found * (us % :day < :edge)), sum(found * (us % :day >= :day - :edge))
FROM (
  SELECT min(us) AS us, max(sum(streams), count(*) - sum(streams)) AS found FROM change GROUP BY removal
) GROUP BY 1
"""
_CACHE_KIB = 32_768
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class DayRows:
    """The rows of one day's TTL removals, and the unique changes, with those near its two edges."""

    rows: int = 0
    unique: int = 0
    near_start: int = 0
    near_end: int = 0


class RowIndex:
    """A context manager around a file that is deleted at its end; the folder is private to the user."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="ttl-archive-")
        self._db = sqlite3.connect(Path(self._folder.name) / "rows.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._db.executescript(_SCHEMA)
        self._rows: Counter[date] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, removals: Iterable[RemovalIdentity]) -> int:
        """Take the removals of an object; return how many of them no other row has."""
        self._db.execute("BEGIN")
        try:
            added = self._db.executemany(
                "INSERT OR IGNORE INTO change VALUES (?, ?, ?, ?)", self._counted(removals)
            )
        finally:
            self._db.execute("COMMIT")
        return max(0, added.rowcount)

    def has(self, removal: RemovalIdentity) -> bool:
        """Whether a row of this change was found."""
        found = self._db.execute("SELECT 1 FROM change WHERE change = ?", (removal.change,)).fetchone()
        return found is not None

    def add_failed(self, record: bytes, event_us: int, state: str) -> None:
        """Take a TTL removal of an error object that has no row; copies of a record count once."""
        self._db.execute("INSERT OR IGNORE INTO failed VALUES (?, ?, ?)", (record, event_us, state))

    def days(self, edge_us: int) -> dict[date, DayRows]:
        """Return the counts of each day that has a row. A row is near an edge within so many microseconds."""
        found = self._db.execute(_DAYS, {"day": _DAY_US, "edge": edge_us})
        return {_date(number): DayRows(self._rows[_date(number)], *counts) for number, *counts in found}

    def failed_days(self) -> dict[date, dict[str, int]]:
        """Return the removals of error objects that have no row, by day and state of their object."""
        days: dict[date, dict[str, int]] = {}
        query = "SELECT us / ?, state, count(*) FROM failed GROUP BY 1, 2"
        for number, state, count in self._db.execute(query, (_DAY_US,)):
            days.setdefault(_date(number), {})[state] = count
        return days

    def _counted(self, removals: Iterable[RemovalIdentity]) -> Iterator[tuple[Any, ...]]:
        for removal in removals:
            self._rows[_date(removal.event_us // _DAY_US)] += 1
            yield removal.change, removal.removal, removal.event_us, removal.is_whole_second


def _date(number: int) -> date:
    """Return a day by its number since 1970-01-01, UTC."""
    return date.fromordinal(_EPOCH_ORDINAL + number)
