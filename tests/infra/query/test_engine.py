import os
import signal
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from threading import Timer
from time import monotonic

import pytest

from tests.infra.sql.sql_archive import DAY, SHAPES, SqlArchive, settings
from tests.transform.builders import change
from ttl_archive.infra.query.engine import (
    WholeLineNeededError,
    answer_from_files,
    create_relations,
    open_engine,
    run_in_engine,
)
from ttl_archive.infra.query.query_errors import QueryFailedError
from ttl_archive.infra.query.stored_files import date_of, folder_files
from ttl_archive.infra.sql.duckdb_files import Reading
from ttl_archive.transform.settings import Settings

COLUMNS = [{"name": "amount", "type": "decimal(20,4)"}]


def delivered(folder: Path, chosen: Settings) -> SqlArchive:
    folder.mkdir(parents=True)
    archive = SqlArchive(folder)
    archive.deliver(chosen, change({"id": {"S": "a"}, "amount": {"N": "1.5"}}))
    return archive


@pytest.mark.parametrize("below", ["", "archive/devices"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_folder_answers_as_a_copy_of_the_bucket_or_of_the_tables_folder(
    tmp_path: Path, below: str, shape: str
) -> None:
    chosen = settings(shape, COLUMNS, "id")
    delivered(tmp_path / "copy" / below, chosen)
    with open_engine() as connection:
        create_relations(connection, *folder_files(tmp_path / "copy", chosen).readable(), chosen)

        answer = run_in_engine(connection, "SELECT dt, count(*) AS n FROM archive GROUP BY dt")

        assert [(column.name, column.type) for column in answer.columns] == [
            ("dt", "varchar"),
            ("n", "bigint"),
        ]
        assert list(answer.rows) == [(DAY, 1)]


EXACT = [
    ("a", Decimal("0.1000000000000000055")),
    ("b", Decimal("0.3000000000000000001")),
]
MIXED = [{"name": "id"}, {"name": "amount", "type": "decimal(38,19)"}]


def mixed_archive(folder: Path) -> SqlArchive:
    """An archive whose older row has no image, with numbers that no double holds."""
    archive = SqlArchive(folder)
    for shape, (name, amount) in zip(["jsonl", "jsonl without image"], EXACT, strict=True):
        item = {"id": {"S": name}, "amount": {"N": str(amount)}}
        archive.deliver(settings(shape, MIXED, "id"), change(item, eventID=name))
    return archive


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT id, amount FROM archive ORDER BY id", EXACT),
        ("SELECT id, amount FROM archive WHERE id = 'b'", EXACT[1:]),
        ("SELECT id, amount FROM archive WHERE amount > 0.2", EXACT[1:]),
        ("SELECT id, amount FROM archive_unique WHERE dt = '2025-11-21' AND id LIKE 'b%'", EXACT[1:]),
        ("SELECT id, amount FROM archive_latest ORDER BY amount", EXACT),
        ("SELECT count(*) FROM archive", [(2,)]),
        ("SELECT count(DISTINCT ddb_change) FROM archive", [(2,)]),
        ("SELECT count(*) FROM archive WHERE ddb_image IS NULL", [(1,)]),
    ],
)
def test_rows_without_an_image_are_read_exactly_beside_those_with_one(
    tmp_path: Path, sql: str, expected: list[tuple[object, ...]]
) -> None:
    archive, chosen = mixed_archive(tmp_path), settings("jsonl", MIXED, "id")

    with open_engine() as connection:
        answer = answer_from_files(connection, (archive.files, []), chosen, sql)

        assert list(answer.rows) == expected


def test_images_alone_do_not_answer_for_a_row_without_one(tmp_path: Path) -> None:
    archive, chosen = mixed_archive(tmp_path), settings("jsonl", MIXED, "id")

    with open_engine() as connection:
        create_relations(connection, archive.files, [], chosen, Reading.IMAGES)
        with pytest.raises(WholeLineNeededError):
            list(run_in_engine(connection, "SELECT count(*) FROM archive WHERE id = 'a'").rows)


@pytest.mark.parametrize("reading", Reading)
def test_an_image_is_not_parsed_again_for_a_filter(tmp_path: Path, reading: Reading) -> None:
    archive, chosen = mixed_archive(tmp_path), settings("jsonl", MIXED, "id")
    sql = "SELECT max(id) FROM archive WHERE amount > 1 AND amount < 2 AND id <> 'a'"

    with open_engine() as connection:
        create_relations(connection, archive.files, [], chosen, reading)
        ((_, plan),) = connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()

    # A plan shows the expressions of filters, and the names of columns that are computed once.
    assert "amount" in plan
    assert "json_extract_string(" not in plan


def test_error_objects_of_a_copy_are_read(tmp_path: Path) -> None:
    chosen = settings("jsonl", COLUMNS)
    delivered(tmp_path / "archive/devices", chosen)
    errors = tmp_path / f"errors/devices/processing-failed/dt={DAY}"
    errors.mkdir(parents=True)
    (errors / "1").write_text('{"errorCode":"X"}\n')
    with open_engine() as connection:
        create_relations(connection, *folder_files(tmp_path, chosen).readable(), chosen)

        assert list(run_in_engine(connection, "SELECT code, dt FROM errors").rows) == [("X", DAY)]


def test_hidden_files_are_no_data(tmp_path: Path) -> None:
    chosen = settings("jsonl", COLUMNS)
    archive = delivered(tmp_path / "copy", chosen)
    (Path(archive.files[0]).parent / "_manifest").write_text("{}")
    (Path(archive.files[0]).parent / ".DS_Store").write_text("")

    assert folder_files(tmp_path / "copy", chosen).readable() == (archive.files, [])


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_delivered_files_is_refused(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path if exists else tmp_path / "missing"

    with pytest.raises(QueryFailedError, match=r"has no delivered files\. It must be a copy of the bucket"):
        folder_files(folder, settings("jsonl", COLUMNS))


def test_the_date_of_an_address_is_that_of_its_folder() -> None:
    chosen = settings("jsonl", COLUMNS)

    assert date_of("archive/devices/dt=2026-11-21/x", chosen) == "2026-11-21"
    assert date_of("archive/devices/x", chosen) is None


def test_values_are_exact_and_types_have_athenas_names() -> None:
    with open_engine() as connection:
        answer = run_in_engine(
            connection,
            "SELECT CAST('12345678901234567890123456789012345678' AS DECIMAL(38,0)),"
            " CAST(9223372036854775807 AS BIGINT), 1e0, true, DATE '2026-11-21',"
            " TIMESTAMP '2026-11-21 06:26:52.123', CAST(? AS VARCHAR)",
            ["x"],
        )

        assert [column.type for column in answer.columns] == [
            "decimal(38,0)", "bigint", "double", "boolean", "date", "timestamp(3)", "varchar"
        ]  # fmt: skip
        assert list(answer.rows) == [
            (
                Decimal("12345678901234567890123456789012345678"),
                9223372036854775807,
                1.0,
                True,
                date(2026, 11, 21),
                datetime(2026, 11, 21, 6, 26, 52, 123000),
                "x",
            )
        ]


def test_rows_are_fetched_while_they_are_read() -> None:
    with open_engine() as connection:
        huge = run_in_engine(connection, "SELECT repeat('x', 1000) FROM range(1000000000)")  # 1 TB
        assert len(list(islice(huge.rows, 10))) == 10


def test_a_failure_while_rows_are_read_is_one_of_ours() -> None:
    with open_engine() as connection:
        sql = "SELECT CASE WHEN n < 20000 THEN 1 ELSE error('late') END FROM range(30000) AS t(n)"

        with pytest.raises(QueryFailedError, match="late"):
            list(run_in_engine(connection, sql).rows)
        with pytest.raises(QueryFailedError, match="missing"):
            run_in_engine(connection, "SELECT missing")


def test_the_engine_leaves_nothing_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_engine() as connection:
        connection.execute("SET memory_limit = '60MB'")
        list(run_in_engine(connection, "SELECT DISTINCT n, repeat('x', 100) FROM range(400000) AS t(n)").rows)

    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_a_query_at_once() -> None:
    with open_engine() as connection:
        Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = monotonic()

        with pytest.raises(KeyboardInterrupt):
            run_in_engine(connection, "SELECT count(*) FROM range(100000000) AS a, range(100000000) AS b")
        assert monotonic() - begun < 20
        assert list(run_in_engine(connection, "SELECT 1 AS n").rows) == [(1,)]


def test_an_interrupt_inside_duckdb_stays_an_interrupt() -> None:
    """DuckDB ends the statement, and raises another error, which would reach the user as a traceback."""

    def interrupted() -> None:
        with open_engine() as connection:
            Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            connection.execute(
                "SELECT count(*) FROM range(15000) a, range(15000) b WHERE a.range + b.range = 7"
            )

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_another_runtime_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="mine"), open_engine():
        raise RuntimeError("mine")
