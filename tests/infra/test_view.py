"""The view of every change once: its SQL run by DuckDB over rows that the transform wrote."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.infra.stacks import CASES, settings_of
from tests.transform import opencsv
from tests.transform.builders import change, encoded
from ttl_archive.infra.glue_columns import catalog_columns
from ttl_archive.infra.view import (
    TABLE,
    same_change,
    searched_sql,
    unique_sql,
    view_columns,
    view_sql,
    view_text,
)
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

# Athena's functions that DuckDB has under other names.
MACROS = """
CREATE MACRO json_parse(text) AS text::JSON;
CREATE MACRO json_format(value) AS value::VARCHAR;
CREATE MACRO from_iso8601_timestamp(text) AS text::TIMESTAMPTZ;
"""


@pytest.fixture
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(MACROS)
        yield connection


def settings(**output: Any) -> Settings:
    columns = [
        {"name": "id"},
        {"name": "n", "type": "bigint"},
        {"name": "seen", "type": "timestamp"},
        {"name": "order", "type": "decimal(5,1)"},
    ]
    document = {"table": {"name": "devices", "ttl_attribute": "ttl"}, "output": output}
    return parse(document | ({} if output.get("row") == "envelope" else {"columns": columns}))


def deliver(
    connection: duckdb.DuckDBPyConnection, chosen: Settings, *deliveries: tuple[str, dict[str, Any]]
) -> None:
    """Fill the table `archive` with the rows of changes in folders, as Athena's SerDe would give them."""
    convert, columns = converter(chosen), [column.name for column in catalog_columns(chosen)]
    hive = {column.name: column.presto for column in catalog_columns(chosen)}
    is_csv = chosen.output.format == "csv"
    types = ", ".join(f'"{name}" {"VARCHAR" if is_csv else hive[name]}' for name in columns)
    connection.execute(f'CREATE TABLE {TABLE} ({types}, "{chosen.output.date_column}" VARCHAR)')
    for folder, record in deliveries:
        row = convert(encoded(record))
        assert isinstance(row, Row)
        cells = _csv(row.line, columns) if is_csv else _json(row.line, columns)
        connection.execute(
            f"INSERT INTO {TABLE} VALUES ({', '.join('?' * (len(cells) + 1))})", [*cells, folder]
        )


def _csv(line: bytes, columns: list[str]) -> list[Any]:
    return list(opencsv.read(line.decode(), len(columns))[0])


def _json(line: bytes, columns: list[str]) -> list[Any]:
    row = json.loads(line, parse_float=str)
    return [json.dumps(cell) if isinstance(cell := row.get(name), dict | list) else cell for name in columns]


SHAPES: dict[str, dict[str, Any]] = {
    "jsonl": {},
    "jsonl without image": {"image": False},
    "csv": {"format": "csv"},
    "csv with image": {"format": "csv", "image": True},
    "envelope": {"row": "envelope"},
    "envelope without image": {"row": "envelope", "image": False},
}


@pytest.mark.parametrize("output", SHAPES.values(), ids=SHAPES)
def test_a_copy_is_shown_once(sql: duckdb.DuckDBPyConnection, output: dict[str, Any]) -> None:
    chosen, record = settings(**output), change({"id": {"S": "a"}, "more": {"S": "x"}})
    deliver(sql, chosen, ("2025-11-21", record), ("2025-11-21", record))

    assert len(sql.execute(view_sql(chosen)).fetchall()) == 1


@pytest.mark.parametrize("output", SHAPES.values(), ids=SHAPES)
def test_no_change_is_hidden_by_another(sql: duckdb.DuckDBPyConnection, output: dict[str, Any]) -> None:
    """At the same microsecond, with the same columns: only what has no column tells them apart."""
    chosen = settings(**output)
    first = change({"id": {"S": "a"}, "sort": {"S": "1"}}, eventID="1", dynamodb={"Keys": {"s": {"S": "1"}}})
    second = change({"id": {"S": "a"}, "sort": {"S": "2"}}, eventID="2", dynamodb={"Keys": {"s": {"S": "2"}}})
    deliver(sql, chosen, ("2025-11-21", first), ("2025-11-21", second))

    assert len(sql.execute(view_sql(chosen)).fetchall()) == 2


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "jsonl without image"])
def test_a_copy_with_another_event_id_is_shown_once(sql: duckdb.DuckDBPyConnection, shape: str) -> None:
    chosen = settings(**SHAPES[shape])
    deliver(sql, chosen, ("2025-11-21", change(eventID="1")), ("2025-11-21", change(eventID="2")))

    assert len(sql.execute(view_sql(chosen)).fetchall()) == 1


@pytest.mark.parametrize("shape", ["jsonl", "csv with image"])
@pytest.mark.parametrize("nothing", ["''", "NULL"])
def test_rows_from_before_images_were_kept_hide_none(
    sql: duckdb.DuckDBPyConnection, shape: str, nothing: str
) -> None:
    chosen = settings(**SHAPES[shape])
    first, second = change({"id": {"S": "a"}}, eventID="1"), change({"id": {"S": "b"}}, eventID="2")
    deliver(sql, chosen, ("2025-11-21", first), ("2025-11-21", second), ("2025-11-21", second))
    sql.execute(f"UPDATE {TABLE} SET ddb_image = {nothing}")

    assert len(sql.execute(view_sql(chosen)).fetchall()) == 2


def test_a_copy_of_another_day_is_found_by_the_saved_query(sql: duckdb.DuckDBPyConnection) -> None:
    chosen, record = settings(), change()
    deliver(sql, chosen, ("2025-11-21", record), ("2025-11-22", record), ("2025-11-29", record))

    assert len(sql.execute(view_sql(chosen)).fetchall()) == 3
    days = unique_sql(chosen, where='"dt" BETWEEN ? AND ?')
    assert len(sql.execute(days, ["2025-11-21", "2025-11-22"]).fetchall()) == 1


def test_the_image_is_compared_with_its_members_in_one_order() -> None:
    assert any("json_format(json_parse(ddb_image))" in part for part in same_change(settings()))


def test_csv_gets_its_types_back(sql: duckdb.DuckDBPyConnection) -> None:
    chosen = settings(format="csv")
    image = {"id": {"S": ""}, "n": {"N": "12"}, "seen": {"S": "2025-11-21T06:00:00Z"}, "order": {"S": "no"}}
    deliver(sql, chosen, ("2025-11-21", change(image)))
    shown = sql.execute(view_sql(chosen))
    names = [entry[0] for entry in shown.description]
    row = dict(zip(names, shown.fetchall()[0], strict=True))

    assert (row["id"], row["n"], row["order"]) == ("", 12, None)
    assert f"{row['seen']:%Y-%m-%d %H:%M}" == "2025-11-21 06:00"
    assert f"{row['ddb_event_time']:%Y-%m-%d}" == "2025-11-21"
    assert row["ddb_removed_by"] == "ttl"


def test_a_user_removal_in_csv_is_told_from_none(sql: duckdb.DuckDBPyConnection) -> None:
    document = {"table": {"name": "devices", "ttl_attribute": "ttl"}, "select": {"changes": "all"}}
    chosen = parse(document | {"output": {"format": "csv"}, "columns": [{"name": "id"}]})
    deliver(sql, chosen, ("2025-11-21", change(kind="insert")), ("2025-11-21", change(kind="user")))
    found = sql.execute(f"SELECT ddb_removed_by FROM ({view_sql(chosen)}) ORDER BY ddb_event_name")

    assert found.fetchall() == [(None,), ("user",)]


@pytest.mark.parametrize("output", SHAPES.values(), ids=SHAPES)
def test_what_is_searched_holds_the_item(sql: duckdb.DuckDBPyConnection, output: dict[str, Any]) -> None:
    chosen = settings(**output)
    deliver(sql, chosen, ("2025-11-21", change({"id": {"S": "Sensor-7"}})))
    found = sql.execute(f"SELECT count(*) FROM {TABLE} WHERE {searched_sql(chosen)} LIKE '%Sensor-7%'")

    assert found.fetchall() == [(1,)]


@pytest.mark.parametrize("case", list(CASES))
def test_what_athena_stores_tells_the_view(case: str) -> None:
    chosen = settings_of(case)
    text = view_text(chosen, "archives")
    stored = json.loads(base64.b64decode(text.removeprefix("/* Presto View: ").removesuffix(" */")))

    assert stored["originalSql"] == view_sql(chosen)
    assert stored["schema"] == "archives"
    assert [column["name"] for column in stored["columns"]] == [c.name for c in view_columns(chosen)]


def test_a_query_of_one_day_reads_one_day() -> None:
    """The folder's date is in the window's partition, so a filter on it reaches the table."""
    assert 'PARTITION BY "dt",' in view_sql(settings())
