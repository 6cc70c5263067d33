"""Everything wanted, in one SQLite file on this machine: it survives a kill, and finds duplicates.

An object's items and the note that it was read are one transaction, and so are an item and its outcome. A
later run of the same restore resumes from the file. Only one process has it open: the file is locked.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.restore.archive_listing import ArchivedObject
from ttl_archive.replay.restore.archived_rows import BadLine
from ttl_archive.replay.restore.item_extraction import ExtractedRows, StagedItem

_SCHEMA = """
CREATE TABLE IF NOT EXISTS begun (begun_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS object (
  key TEXT PRIMARY KEY, etag TEXT NOT NULL, lines INTEGER NOT NULL, wanted INTEGER NOT NULL,
  first_us INTEGER, last_us INTEGER
);
CREATE TABLE IF NOT EXISTS bad_line (key TEXT, number INTEGER, code TEXT);
CREATE TABLE IF NOT EXISTS name (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
  id BLOB PRIMARY KEY, event_us INTEGER NOT NULL, line TEXT NOT NULL, exact INTEGER NOT NULL,
  outcome TEXT
);
"""
# The ids of items that are wanted by their key are digests, so they go to any page of the index; most of it
# should stay in memory. The ids of changes begin with their time, which most objects are sorted by.
_CACHE_KIB = 64 << 10
_PAGE_BYTES = 16 << 10  # a row of 1 kB takes a fifth less CPU time to stage than with pages of 4 KiB
_PRIMARY_CODE = 0xFF  # of an extended result code. Source: SQLite, rescode
_TABLES = ("begun", "object", "bad_line", "name", "item")
_NEWEST = """
INSERT INTO item VALUES (?, ?, ?, ?, NULL)
ON CONFLICT (id) DO UPDATE
SET event_us = excluded.event_us, line = excluded.line, exact = excluded.exact, outcome = NULL
WHERE excluded.event_us > item.event_us
"""
_COUNTS = """
SELECT count(*), coalesce(sum(lines), 0), coalesce(sum(wanted), 0), min(first_us), max(last_us),
  (SELECT count(*) FROM bad_line), (SELECT count(*) FROM item), (SELECT count(*) FROM item WHERE NOT exact),
  (SELECT coalesce(sum((length(line) + 1023) / 1024), 0) FROM item WHERE outcome IS NULL)
FROM object
"""


class UnreadLine(NamedTuple):
    """A line of an object that could not be read: the object's key, the line's number, a code."""

    key: str
    number: int
    code: str


@dataclass(frozen=True, slots=True)
class StageCounts:
    """What is staged, and the outcomes by name.

    `lines` were read, `rows` of them are wanted, `items` are left without duplicates. `first_us` and
    `last_us` are the first and last change read. `units` are the write units of items without an outcome.
    """

    objects: int
    lines: int
    rows: int
    first_us: int | None
    last_us: int | None
    bad: int
    items: int
    inexact: int
    units: int
    outcomes: dict[str, int]


class Stage:
    """A context manager around the file. Of several items with one id the newest stays.

    Raises MisuseError when another process has the stage open, and ReplayError when the file cannot be
    read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cursors: list[sqlite3.Cursor] = []
        with self._errors_named():
            _create_private(path)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
            try:
                self._prepare()
            except sqlite3.Error:
                self._db.close()
                raise

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        # The lock lasts until the connection is closed, or the process is killed.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        # A kill of this process loses nothing; only a crash of the machine could, and S3 has it all. SQLite's
        # rollback journal writes what is staged once, its write-ahead log would write it twice.
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._db.executescript(f"BEGIN EXCLUSIVE; {_SCHEMA} COMMIT;")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. SQLite keeps its lock until every query that was begun is closed, too."""
        while self._cursors:
            self._cursors.pop().close()
        self._db.close()

    def begun_at(self) -> str | None:
        """Return when the staged restore began, ISO 8601, or None for a new stage."""
        found = self._db.execute("SELECT begun_at FROM begun").fetchone()
        return str(found[0]) if found else None

    def begin(self, begun_at: str) -> None:
        """Forget everything that is staged, and note when the restore begins."""
        with self._transaction():
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  names of our own
            self._db.execute("INSERT INTO begun VALUES (?)", (begun_at,))

    def remove(self) -> None:
        """Delete the file, because nothing is left to resume."""
        self.close()
        self.path.unlink(missing_ok=True)

    def staged_objects(self) -> dict[str, str]:
        """Return the ETag of every staged object by key."""
        return dict(self._db.execute("SELECT key, etag FROM object").fetchall())

    def add_object(self, archived: ArchivedObject, rows: ExtractedRows) -> None:
        """Stage what is wanted of an object, and its bad lines: all of it, or nothing."""
        with self._transaction():
            self._db.executemany(_NEWEST, self._item_values(archived.key, rows))
            summary = (archived.key, archived.etag, rows.lines, rows.wanted, rows.first_us, rows.last_us)
            self._db.execute("INSERT INTO object VALUES (?, ?, ?, ?, ?, ?)", summary)
            self._db.executemany("INSERT OR IGNORE INTO name VALUES (?)", [(name,) for name in rows.names])

    def _item_values(self, key: str, rows: ExtractedRows) -> Iterator[tuple[bytearray, int, str, int]]:
        """Yield the values of each item for its table, and insert the bad lines.

        For bytes or a bool the module sqlite3 searches an adapter, which takes a third of the time of an
        insertion. A bytearray or an int needs none.
        """
        for found in rows:
            if isinstance(found, BadLine):
                self._db.execute("INSERT INTO bad_line VALUES (?, ?, ?)", (key, *found))
            else:
                ident, event_us, line, exact = found
                yield bytearray(ident), event_us, line, int(exact)

    def lines(self) -> Iterator[str]:
        """Yield the text of every item by its id; changes by their time."""
        for (line,) in self._rows("SELECT line FROM item ORDER BY id"):
            yield line

    def waiting_items(self) -> Iterator[StagedItem]:
        """Yield the items without an outcome as they were staged. Their outcomes may be noted meanwhile."""
        query = "SELECT id, event_us, line, exact FROM item WHERE outcome IS NULL ORDER BY rowid"
        for row in self._rows(query):
            yield StagedItem(row[0], row[1], row[2], bool(row[3]))

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._db.cursor()
        self._cursors.append(cursor)
        with self._errors_named():
            for row in cursor.execute(query):  # noqa: UP028  `yield from` closes the cursor once more
                yield row

    def note(self, outcomes: Iterable[tuple[bytes, str]]) -> None:
        """Note the outcomes of items, by id."""
        with self._transaction():
            self._db.executemany(
                "UPDATE item SET outcome = ? WHERE id = ?", [(outcome, ident) for ident, outcome in outcomes]
            )

    def bad_lines(self, limit: int) -> list[UnreadLine]:
        """Return the first lines that could not be read."""
        query = "SELECT key, number, code FROM bad_line ORDER BY key, number LIMIT ?"
        return [UnreadLine(*row) for row in self._db.execute(query, (limit,))]

    def names(self) -> set[str]:
        """Return the names of columns and attributes in the rows that were read."""
        return {row[0] for row in self._db.execute("SELECT name FROM name")}

    def counts(self) -> StageCounts:
        """Return how much is staged."""
        objects, lines, rows, first_us, last_us, bad, items, inexact, units = self._db.execute(
            _COUNTS
        ).fetchone()
        outcomes = self._db.execute(
            "SELECT outcome, count(*) FROM item WHERE outcome IS NOT NULL GROUP BY outcome"
        )
        return StageCounts(
            objects, lines, rows, first_us, last_us, bad, items, inexact, units, dict(outcomes.fetchall())
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors_named():
            self._db.execute("BEGIN")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY:
                message = f"{self.path}: another process is running the same restore. Wait for it, or stop it"
                raise MisuseError(message) from None
            raise ReplayError(
                f"{self.path}: {error}. Free space there, or name another folder with --work; then run again"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ReplayError(f"{self.path}: {error}. Delete the file and run again") from error


def _create_private(path: Path) -> None:
    """Create the file, which holds items, readable by its owner only; SQLite's other files follow it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
