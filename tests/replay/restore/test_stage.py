"""The stage: whole objects, the newest version, one process, private files, errors that say what to do."""

import multiprocessing
import os
import signal
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.replay.samples import BUCKET
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.restore.archive_listing import ArchivedObject
from ttl_archive.replay.restore.archived_rows import BadLine
from ttl_archive.replay.restore.item_extraction import StagedItem
from ttl_archive.replay.restore.stage import Stage, UnreadLine
from ttl_archive.replay.restore.table_writer import PUT

A = ArchivedObject(BUCKET, "a", "1", 1, "STANDARD")
B = ArchivedObject(BUCKET, "b", "1", 1, "STANDARD")


class Rows:
    """What an extraction returns, given beforehand."""

    def __init__(self, *found: StagedItem | BadLine | Exception) -> None:
        self._found = found
        self.lines = self.wanted = len(found)
        self.first_us, self.last_us, self.names = 1, 9, {"deviceID"}

    def __iter__(self) -> Iterator[Any]:
        for each in self._found:
            if isinstance(each, Exception):
                raise each
            yield each


def staged(ident: bytes, us: int = 1, line: str = "{}") -> StagedItem:
    return StagedItem(ident, us, line, True)


def add(stage: Stage, archived: ArchivedObject, *found: Any) -> None:
    stage.add_object(archived, Rows(*found))  # type: ignore[arg-type]


def test_of_several_versions_the_newest_is_kept_whatever_their_order(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, staged(b"k", 2, "new"), staged(b"k", 1, "old"))
        add(stage, B, staged(b"k", 1, "older"), staged(b"x", 5))

        assert list(stage.lines()) == ["new", "{}"]
        counts = stage.counts()
        assert (counts.objects, counts.rows, counts.items, counts.bad) == (2, 4, 2, 0)


def test_a_line_that_could_not_be_read_is_kept_with_its_place(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, BadLine(7, "NotJson"), staged(b"k"))

        assert stage.bad_lines(10) == [UnreadLine("a", 7, "NotJson")]
        assert stage.counts().bad == 1


def test_an_object_is_staged_whole_or_not_at_all(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        with pytest.raises(ReplayError, match="the connection broke"):
            add(stage, A, staged(b"k"), BadLine(2, "NotJson"), ReplayError("the connection broke"))

        assert (stage.staged_objects(), stage.counts().items, stage.counts().bad) == ({}, 0, 0)


def test_what_is_staged_outlives_the_process(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        stage.begin("2025-11-20T00:00:00+00:00")
        add(stage, A, staged(b"1"), staged(b"2"))
        stage.note([(b"1", PUT)])

    with Stage(tmp_path / "s.sqlite") as stage:
        assert stage.begun_at() == "2025-11-20T00:00:00+00:00"
        assert stage.staged_objects() == {"a": "1"}
        assert [each.id for each in stage.waiting_items()] == [b"2"]
        assert stage.counts().outcomes == {PUT: 1}
        assert stage.names() == {"deviceID"}


def stage_and_die(path: Path) -> None:
    """What a child process does: it stages one object, and is killed within the second."""
    with Stage(path) as stage:
        stage._db.execute("PRAGMA cache_size = 1")  # so that changed pages are written before the end
        add(stage, A, *(staged(b"a%d" % number, line="x" * 5_000) for number in range(50)))
        stage.add_object(B, DeadlyRows())  # type: ignore[arg-type]


class DeadlyRows(Rows):
    """Items that replace those of A, then new ones, then a kill."""

    def __iter__(self) -> Iterator[Any]:
        for number in range(100):
            yield staged(b"a%d" % number, 2, "y" * 5_000)
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed_within_an_object_the_stage_has_the_objects_before_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.replay.restore.test_stage"])
    child = context.Process(target=stage_and_die, args=(tmp_path / "s.sqlite",))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert (tmp_path / "s.sqlite-journal").stat().st_size > 0

    with Stage(tmp_path / "s.sqlite") as stage:
        assert stage.staged_objects() == {"a": "1"}
        assert list(stage.lines()) == ["x" * 5_000] * 50


def test_items_are_written_by_id_and_put_as_they_were_staged(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, staged(b"2", line="second"), staged(b"1", line="first"))

        assert list(stage.lines()) == ["first", "second"]
        assert [each.line for each in stage.waiting_items()] == ["second", "first"]


def test_outcomes_can_be_noted_while_the_waiting_items_are_read(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, *(staged(b"%d" % number, line="x" * 5_000) for number in range(100)))

        for item in stage.waiting_items():
            stage.note([(item.id, PUT)])

        assert stage.counts().outcomes == {PUT: 100}


def test_a_new_beginning_forgets_everything(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, staged(b"1"), BadLine(1, "NotJson"))
        stage.begin("2025-11-21")

        counts = stage.counts()
        assert (counts.objects, counts.items, counts.bad, stage.names()) == (0, 0, 0, set())


def test_only_one_process_has_a_stage_open(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, staged(b"1"))
        with pytest.raises(MisuseError, match="another process is running the same restore"):
            Stage(tmp_path / "s.sqlite")

    with Stage(tmp_path / "s.sqlite") as stage:
        assert stage.counts().items == 1


def test_a_stage_that_is_left_while_its_items_are_read_is_free_for_the_next_run(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, staged(b"k"), staged(b"x"))
        lines = stage.lines()
        next(lines)

    with Stage(tmp_path / "s.sqlite") as again:
        assert len(list(again.lines())) == 2


def test_a_stage_that_cannot_be_opened_leaves_no_connection(tmp_path: Path) -> None:
    refused = Stage.__new__(Stage)
    with Stage(tmp_path / "s.sqlite"), pytest.raises(MisuseError):
        refused.__init__(tmp_path / "s.sqlite")  # type: ignore[misc]

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        refused._db.execute("SELECT 1")


def test_only_the_owner_can_read_what_is_staged(tmp_path: Path) -> None:
    path = tmp_path / "work" / "s.sqlite"
    with Stage(path) as stage:
        add(stage, A, staged(b"1"))
        modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}

    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_full_disk_is_reported_with_the_folder_and_nothing_half_staged(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, staged(b"1"))
        stage._db.execute("PRAGMA max_page_count = 12")  # SQLite's own way to run out of space

        with pytest.raises(ReplayError, match=r"s\.sqlite: .*full.*--work"):
            add(stage, B, *(staged(b"%d" % number, line="x" * 5_000) for number in range(100)))
        assert stage.counts().items == 1


def test_a_file_that_is_no_stage_is_reported(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_bytes(b"no database" * 1_000)

    with pytest.raises(ReplayError, match="Delete the file and run again"):
        Stage(tmp_path / "s.sqlite")


def test_a_removed_stage_leaves_no_file(tmp_path: Path) -> None:
    with Stage(tmp_path / "s.sqlite") as stage:
        add(stage, A, staged(b"1"))
        stage.remove()

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(sqlite3.ProgrammingError):
        stage.counts()
