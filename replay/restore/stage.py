"""Everything wanted, in one SQLite file on this machine: it survives a kill, and knows what is there twice.

An object's items and the note that it was read are one transaction; so are an item and the note that it was
written. A later run with the same selection goes on where this one ended.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (key TEXT, etag TEXT, rows INTEGER, bad INTEGER, PRIMARY KEY (key, etag));
CREATE TABLE IF NOT EXISTS item (
  id BLOB PRIMARY KEY, event_us INTEGER NOT NULL, line TEXT NOT NULL, exact INTEGER NOT NULL,
  outcome TEXT
) WITHOUT ROWID;
"""


_NEWEST = """
INSERT INTO item VALUES (?, ?, ?, ?, NULL)
ON CONFLICT (id) DO UPDATE
SET event_us = excluded.event_us, line = excluded.line, exact = excluded.exact, outcome = NULL
WHERE excluded.event_us > item.event_us
"""


class Staged(NamedTuple):
    """One item as it waits to be written: `id` tells it from others, `line` is JSON."""

    id: bytes
    event_us: int
    line: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What is staged, and what came of it."""

    objects: int
    rows: int
    bad: int
    items: int
    inexact: int
    outcomes: dict[str, int]


class Stage:
    """A context manager around the file. Of several items with one id the newest stays."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        # A kill of this process loses nothing then; only a crash of the machine could, and S3 has it all.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def has_read(self, key: str, etag: str) -> bool:
        """Whether the object is staged."""
        found = self._db.execute("SELECT 1 FROM object WHERE key = ? AND etag = ?", (key, etag))
        return found.fetchone() is not None

    def add_object(self, key: str, etag: str, items: Iterable[Staged | None]) -> None:
        """Stage an object's items; None stands for a line that could not be read. All of them, or none."""
        rows = bad = 0
        self._db.execute("BEGIN")
        try:
            for item in items:
                if item is None:
                    bad += 1
                    continue
                rows += 1
                self._db.execute(
                    _NEWEST,
                    item,
                )
            self._db.execute("INSERT INTO object VALUES (?, ?, ?, ?)", (key, etag, rows, bad))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def items(self, *, waiting: bool = False) -> Iterator[Staged]:
        """The items by time of their change; only those without an outcome, if `waiting`."""
        condition = "WHERE outcome IS NULL" if waiting else ""
        query = f"SELECT id, event_us, line, exact FROM item {condition} ORDER BY event_us, id"  # noqa: S608
        for row in self._db.cursor().execute(query):
            yield Staged(row[0], row[1], row[2], bool(row[3]))

    def note(self, outcomes: Iterable[tuple[bytes, str]]) -> None:
        """Write down what came of items."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "UPDATE item SET outcome = ? WHERE id = ?", [(what, which) for which, what in outcomes]
        )
        self._db.execute("COMMIT")

    def forget_outcomes(self) -> None:
        """All items are to be written again."""
        self._db.execute("UPDATE item SET outcome = NULL")

    def counts(self) -> Counts:
        """How much is staged."""
        objects, rows, bad = self._db.execute(
            "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(bad), 0) FROM object"
        ).fetchone()
        items, inexact = self._db.execute("SELECT count(*), coalesce(sum(NOT exact), 0) FROM item").fetchone()
        outcomes = self._db.execute(
            "SELECT outcome, count(*) FROM item WHERE outcome IS NOT NULL GROUP BY outcome"
        )
        return Counts(objects, rows, bad, items, inexact, dict(outcomes.fetchall()))


def stage_path(folder: Path, *what: object) -> Path:
    """The file for this selection: the same words, the same file."""
    words = json.dumps([str(each) for each in what])
    return folder / f"{hashlib.sha256(words.encode()).hexdigest()[:16]}.sqlite"
