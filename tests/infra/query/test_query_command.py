"""`ttl-archive query`, called as a user calls it."""

import csv
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests.infra.query.conftest import Delivered, item, settings_of
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.query.query_prompt import run_prompt
from ttl_archive.transform.settings import Settings

CONFIG = """\
[table]
name = "devices"
ttl_attribute = "ttl"
keys = ["id"]

[[columns]]
name = "id"

[[columns]]
name = "temperature"
type = "decimal(38,2)"

[[columns]]
name = "note"
"""
DIGITS = "123456789012345678901234567890123456.12"
DATES = "WHERE dt = '2026-11-21'"
Query = Callable[..., Result]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Settings:
    return settings_of(CONFIG, tmp_path, monkeypatch, emulator)


@pytest.fixture
def query(settings: Settings, delivered: Delivered) -> Query:
    """The command over a folder with two rows."""
    delivered.deliver(
        settings, item(1, note={"S": ""}), item(2, temperature={"N": DIGITS}, note={"S": 'a "b",\n'})
    )

    def run(*arguments: str, on: str | None = None) -> Result:
        place = on or str(delivered.folder)
        bucket = [] if on is None else ["--bucket", delivered.bucket]
        return CliRunner().invoke(cli, ["query", "--on", place, *bucket, *arguments])

    return run


def rows_of(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    rows: list[Any] = json.loads(result.stdout, parse_float=Decimal)["rows"]
    return rows


def test_a_table_is_aligned_and_its_numbers_are_whole(query: Query) -> None:
    result = query(f"SELECT id, temperature FROM archive {DATES} ORDER BY id")

    assert result.stdout == (
        "id                              temperature\n"
        "d1                                     1.50\n"
        f"d2  {DIGITS}\n"
    )
    assert result.stderr == "2 rows.\n"


def test_a_row_that_is_wider_than_the_terminal_is_written_downwards(query: Query) -> None:
    result = query(f"SELECT * FROM archive {DATES} ORDER BY id")

    lines = result.stdout.splitlines()
    assert lines[0] == "-- row 1"
    assert f"temperature     {DIGITS}" in lines
    assert max(map(len, lines)) <= 80


def test_csv_has_an_empty_text_apart_from_null(query: Query) -> None:
    result = query(
        "--format", "csv", f"SELECT id, note, NULL AS n, temperature FROM archive {DATES} ORDER BY id"
    )

    assert result.stdout == (
        '"id","note","n","temperature"\n"d1","",,1.50\n"d2","a ""b"",\n",,' + DIGITS + "\n"
    )
    assert list(csv.reader(result.stdout.splitlines(keepends=True)))[2][1] == 'a "b",\n'


def test_json_lines_have_every_digit(query: Query) -> None:
    result = query(
        "--format", "jsonl", f"SELECT id, temperature, ddb_event_time FROM archive {DATES} ORDER BY id"
    )

    assert result.stdout.splitlines()[1] == (
        f'{{"id":"d2","temperature":{DIGITS},"ddb_event_time":"2025-11-21 06:26:52.123"}}'
    )


def test_json_lines_need_different_names(query: Query) -> None:
    result = query("--format", "jsonl", "SELECT 1 AS a, 2 AS a")

    assert result.exit_code == 2
    assert "Two columns are called a" in result.stderr


def test_a_document_has_types_rows_and_coverage(query: Query) -> None:
    result = query("--json", f"SELECT id, temperature FROM archive {DATES} ORDER BY id")

    document = json.loads(result.stdout, parse_float=Decimal)
    assert document["columns"] == [
        {"name": "id", "type": "varchar"},
        {"name": "temperature", "type": "decimal(38,2)"},
    ]
    assert document["rows"] == [["d1", Decimal("1.50")], ["d2", Decimal(DIGITS)]]
    assert document["row_count"] == 2
    assert document["coverage"]["objects"] == 1
    assert document["coverage"]["first_date"] == "2026-11-21"


def test_parquet_has_exact_types(query: Query, tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    result = query("--format", "parquet", "--out", str(file), f"SELECT id, temperature, note, 1e-7 AS d,"
                   f" ddb_event_time FROM archive {DATES} ORDER BY id")  # fmt: skip

    assert result.exit_code == 0, result.output
    assert result.stderr == "2 rows.\n"
    found = duckdb.sql(f"SELECT * FROM '{file}'")
    assert list(map(str, found.types)) == ["VARCHAR", "DECIMAL(38,2)", "VARCHAR", "DOUBLE", "TIMESTAMP"]
    assert [row[:4] for row in found.fetchall()] == [
        ("d1", Decimal("1.50"), "", 1e-7),
        ("d2", Decimal(DIGITS), 'a "b",\n', 1e-7),
    ]


def test_rows_go_to_a_file(query: Query, tmp_path: Path) -> None:
    result = query(
        "--format", "csv", "--out", str(tmp_path / "x.csv"), f"SELECT count(*) AS n FROM archive {DATES}"
    )

    assert result.stdout == ""
    assert (tmp_path / "x.csv").read_text() == '"n"\n2\n'


def test_a_file_has_the_sql_and_values_fill_its_parameters(query: Query, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT count(*) FROM archive\nWHERE dt = ? AND id = ?;\n")

    assert rows_of(query("--json", "--file", str(tmp_path / "q.sql"), "2026-11-21", "d1")) == [[1]]


def test_a_saved_query_runs_by_its_name(query: Query) -> None:
    result = query("--json", "find_item", "2026-11-01", "2026-11-30", "%D1%")

    assert [row[6] for row in rows_of(result)] == ["d1"]


def test_saved_queries_are_listed(query: Query) -> None:
    assert "find_item             Every archived change in which a text occurs." in query("--list").stdout
    listed = {each["name"]: each["values"] for each in json.loads(query("--list", "--json").stdout)}
    assert listed["find_item"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["find_item", "2026-11-01"], "find_item takes 3 values, and 1 are given. Every archived change"),
        (["find_itm"], '"find_itm" is no saved query. Did you mean find_item?'),
        (["SELECT idd FROM archive"], "Column 'idd' cannot be resolved. Did you mean id?"),
        (["SELECT regexp_like(id, 'x') FROM archive"], "Use --on athena"),
        (["--format", "parquet", "SELECT 1"], "name it with --out FILE"),
        (["--json", "--format", "csv", "SELECT 1"], "--json prints one document"),
        ([], "give the SQL, --file FILE"),
        (["--bucket", "my-bucket", "SELECT 1"], "--bucket goes with --on s3"),
        (["SELECT ?"], "The query has 1 parameter (?), and 0 values given."),
    ],
)
def test_misuse_ends_with_2_and_says_what_to_do(query: Query, arguments: list[str], message: str) -> None:
    result = query(*arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_query_that_fails_ends_with_1(query: Query) -> None:
    result = query("SELECT 1 / 0")

    assert result.exit_code == 1
    assert result.stderr == "Error: Invalid Input Error: Division by zero.\n"


def test_a_folder_without_files_ends_with_1(query: Query, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["query", "--on", str(tmp_path / "none"), "SELECT count(*) FROM archive"]
    )

    assert result.exit_code == 1
    assert "none has no delivered files." in result.stderr


def test_the_bucket_answers_as_the_folder(query: Query) -> None:
    sql = f"SELECT id, temperature, note, ddb_event_time FROM archive {DATES} ORDER BY id"

    assert rows_of(query("--json", sql)) == rows_of(query("--json", sql, on="s3"))


def test_what_the_bucket_hides_is_said_on_stderr(query: Query, delivered: Delivered) -> None:
    delivered.freeze(delivered.keys[0])
    result = query(f"SELECT count(*) AS n FROM archive {DATES}", on="s3")

    assert result.stdout == "n\n0\n"
    assert result.stderr.startswith("Note: 1 object, ")
    assert (
        f"ttl-archive restore --bucket {delivered.bucket} --since 2026-11-21 --until 2026-11-22"
        in result.stderr
    )


def test_athena_answers_over_its_api(query: Query, emulator: Emulator) -> None:
    results = {"rows": [{"Data": [{"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": DIGITS}]}],
               "column_info": [_column_info("n", "decimal", 38, 2)]}  # fmt: skip
    _script(emulator, results)

    result = query(f"SELECT sum(temperature) AS n FROM archive {DATES}", on="athena")

    assert result.exit_code == 0, result.output
    assert DIGITS in result.stdout
    assert "1 row, 0 B read (about $0.0000)." in result.stderr


def _column_info(name: str, kind: str, precision: int, scale: int) -> dict[str, Any]:
    named = {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name}
    numbers = {"Type": kind, "Precision": precision, "Scale": scale}
    return named | numbers | {"Nullable": "UNKNOWN", "CaseSensitive": True}


def _script(emulator: Emulator, results: dict[str, Any]) -> None:
    """Give moto's Athena the workgroup of the archive and the next result."""
    import urllib.request

    body = json.dumps({"results": [results], "region": "us-east-1"}).encode()
    request = urllib.request.Request(
        f"{emulator.url}/moto-api/static/athena/query-results",
        body,
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).read()
    client = emulator.client("athena")
    client.create_work_group(Name="ttl-archive-devices")


def test_without_its_extra_a_place_names_the_command_that_installs_it(
    query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "ttl_archive.infra.query.engine")
    monkeypatch.delattr("ttl_archive.infra.query.engine")
    result = query("SELECT 1")

    assert result.exit_code == 2
    assert "needs the package duckdb. Install it: pip install 'ttl-archive[sql]'" in result.stderr


def test_the_prompt_asks_when_a_query_is_complete(tmp_path: Path) -> None:
    asked: list[str] = []
    with create_pipe_input() as keys:
        keys.send_text("SELECT 1\r  FROM archive;\rhelp\r\rfind_item a b c;\rexit\r")

        run_prompt(
            asked.append,
            {"archive": ["id"]},
            tmp_path / "history",
            input=keys,
            output=DummyOutput(),
        )

    assert asked == ["SELECT 1\n  FROM archive", "find_item a b c"]
    assert "+  FROM archive;" in (tmp_path / "history").read_text()


def test_the_prompt_survives_ctrl_c_and_ends_with_ctrl_d(tmp_path: Path) -> None:
    asked: list[str] = []
    with create_pipe_input() as keys:
        keys.send_text("SELECT 1\x03SELECT 2;\r\x04")

        run_prompt(asked.append, {}, tmp_path / "history", input=keys, output=DummyOutput())

    assert asked == ["SELECT 2"]
