"""Athena's SQL: parsed with Athena's grammar, and its rules for views. No Athena is at hand to run it.

That both dialects mean the same is tested by running Athena's text too, with Trino's functions as macros.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import expressions as exp

from tests.infra.sql.athena_functions import in_duckdb, install
from tests.infra.sql.sql_archive import DAY, SHAPES, SqlArchive, keep_rows, settings, streams_change
from tests.infra.sql.test_column_types import CASES as VALUES
from tests.infra.stacks import CASES, settings_of
from tests.transform.builders import change
from ttl_archive import infra
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.dialect import ImageValue
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.history_relation import HISTORY, has_history
from ttl_archive.infra.sql.relations import RELATIONS, relations
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.transform.settings import Settings

# Source: ATH, service-limits: a query has at most 262,144 bytes.
MAX_QUERY_BYTES = 262_144
# Source: ATH, other-notable-limitations: of the hidden columns only "$path" works in a view.
HIDDEN = ("$partition", "$bucket", "$file_size", "$file_modified_time")
WIDE = [{"name": f"column_{n:03}", "path": f"Attribute{n}", "type": "decimal(38,10)"} for n in range(100)]


def all_settings() -> list[Any]:
    cases = [pytest.param(settings_of(case), id=case) for case in CASES]
    return cases + [
        pytest.param(settings(shape, [{"name": "id"}, *WIDE[:3]], "id", "other"), id=shape)
        for shape in SHAPES
    ]


@pytest.mark.parametrize("chosen", all_settings())
def test_every_statement_is_athenas(chosen: Settings) -> None:
    for name, sql in relations(chosen, AthenaDialect()).items():
        (parsed,) = sqlglot.parse(f"CREATE OR REPLACE VIEW {name} AS {sql}", dialect="athena")
        assert isinstance(parsed, exp.Create)
        assert not parsed.find(exp.Star)
        assert not [hidden for hidden in HIDDEN if hidden in sql]
    for query in saved_queries(chosen, AthenaDialect()).values():
        (parsed,) = sqlglot.parse(query.sql, dialect="athena")
        assert isinstance(parsed, exp.Select)


@pytest.mark.parametrize("chosen", all_settings())
def test_both_engines_have_the_same_columns(chosen: Settings, tmp_path: Path) -> None:
    with SqlArchive(tmp_path).connect(chosen) as connection:
        for name, sql in relations(chosen, AthenaDialect()).items():
            parsed = sqlglot.parse_one(sql, dialect="athena")
            here = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
            assert parsed.named_selects == here


@pytest.mark.parametrize("shape", SHAPES)
def test_the_widest_archive_stays_within_athenas_limits(shape: str) -> None:
    chosen = settings(shape, WIDE, "id", "sort")
    texts = [*relations(chosen, AthenaDialect()).values()]
    texts += [query.sql for query in saved_queries(chosen, AthenaDialect()).values()]

    assert max(len(text.encode()) for text in texts) < MAX_QUERY_BYTES
    for text in texts:  # at most 127 arguments of a function. Source: ATH, engine version 3
        parsed = sqlglot.parse_one(text, dialect="athena")
        assert all(len(call.args) <= 127 for call in parsed.find_all(exp.Func))


@pytest.mark.parametrize("chosen", all_settings())
def test_every_column_of_a_view_has_a_type_of_hive(chosen: Settings) -> None:
    """A view whose column has another type fails. Source: ATH, engine version 3."""
    parsed = sqlglot.parse_one(relations(chosen, AthenaDialect())["archive"], dialect="athena")
    casts = {str(cast.to.sql("athena")).lower() for cast in parsed.find_all(exp.Cast, exp.TryCast)}
    allowed = (
        r"varchar|bigint|integer|double|boolean|decimal\(\d+, ?\d+\)|timestamp\(3\)|map\(varchar, json\)"
    )

    assert [kind for kind in casts if not re.fullmatch(allowed, kind)] == []


def test_the_image_is_parsed_once_and_again_only_for_unlikely_kinds() -> None:
    chosen = settings("jsonl", [*WIDE, {"name": "inner", "path": "place.city"}], "id")
    athena = relations(chosen, AthenaDialect())["archive"]
    duckdb = relations(chosen, DuckDbDialect())["archive"]

    assert athena.count("json_parse(") == 1
    assert duckdb.count("json_extract_string(nullif(ddb_image") == 2
    assert duckdb.count("IS NULL THEN CASE WHEN nullif(ddb_image, '') = '' THEN error(") == 1
    assert athena.count("json_extract(ddb_image") == athena.count("json_extract_scalar(ddb_image") == 0


def test_a_path_takes_any_name() -> None:
    found = AthenaDialect().image_texts("image", [ImageValue(("it's", 'a"b\\c', ""), ("N",))])

    value = """json_extract(element_at(ddb_parsed, 'it''s'), '$["M"]["a\\"b\\\\c"]["M"][""]')"""
    assert found.steps[1] == {"ddb_v1": f"nullif(json_format({value}), '{{\"NULL\":true}}')"}
    assert found.texts == ["""coalesce(json_extract_scalar(ddb_v1, '$["N"]'), ddb_v1)"""]


def test_relations_are_created_in_the_order_in_which_they_read_each_other() -> None:
    found = relations(settings_of("defaults"), AthenaDialect())

    assert (
        tuple(found)
        == RELATIONS
        == ("archive", "archive_unique", "archive_latest", "archive_history", "errors")
    )
    for place, (name, sql) in enumerate(found.items()):
        later = RELATIONS[place:]
        tables = {table.name for table in sqlglot.parse_one(sql, dialect="athena").find_all(exp.Table)}
        assert not tables & set(later), name


def test_a_filter_on_the_date_reaches_the_table() -> None:
    """It passes below a window only if the date is in PARTITION BY."""
    unique = relations(settings_of("defaults"), AthenaDialect())["archive_unique"]

    partitions = re.findall(r"PARTITION BY ([^,]+),", unique)
    assert partitions == ['"dt"', '"dt"']


@pytest.mark.parametrize("shape", SHAPES)
def test_both_dialects_return_the_same(tmp_path: Path, shape: str) -> None:
    """Rows of both feeds with all values of every type, copies, a broken line, and an older row."""
    columns = [{"name": f"c{n}", "type": kind} for n, (kind, _, _) in enumerate(VALUES)]
    columns += [{"name": "doc", "type": "json"}, {"name": "inner", "path": 'm.a "b'}]
    chosen, archive = settings(shape, columns, "id"), SqlArchive(tmp_path)
    place = {"M": {'a "b': {"S": "v"}, "n": {"L": [{"N": "1.5"}]}}}
    image = {"id": {"S": "a"}, "m": place, "doc": place}
    if "envelope" not in shape:  # there a number of many digits is NULL in DuckDB, and not in Athena
        image |= {f"c{n}": value for n, (_, value, _) in enumerate(VALUES)}
    archive.deliver(chosen, change(image), change(image), streams_change(image), change(kind="insert"))
    # Outside of an image the macro for json_extract_scalar passes numbers through a double, Trino does not.
    older = {name: value for name, value in image.items() if "N" not in value} | {"c0": {"N": "12"}}
    archive.deliver(settings(shape, columns[:9], "id"), change(older, eventID="older"), day="2025-11-22")
    archive.write(chosen, b"broken")

    asked = [name for name in RELATIONS if name != HISTORY or has_history(chosen)]
    with archive.connect(chosen) as connection:
        install(connection)
        keep_rows(connection, "archive", "archive")
        ours = {name: connection.sql(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in asked}
        days = [DAY, "2025-11-22"]
        mine = saved_queries(chosen, DuckDbDialect())["misfits"].sql
        counted = connection.execute(mine, days).fetchall()
        views = {name: in_duckdb(sql) for name, sql in relations(chosen, AthenaDialect()).items()}
        keep_rows(connection, "archive", f"({views.pop('archive')})")
        for name, sql in views.items():
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")
        theirs = {name: connection.sql(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in asked}
        for name, query in saved_queries(chosen, AthenaDialect()).items():
            rows = connection.execute(in_duckdb(query.sql), [*days, "%"][: query.parameter_count]).fetchall()
            assert name != "misfits" or rows == counted
            assert name != "broken_lines" or [row[2] for row in rows] == [1]

    assert theirs == ours
    assert {name: len(rows) for name, rows in ours.items() if name != "errors"}["archive"] == 5


def test_the_readmes_sql_runs_as_printed(tmp_path: Path) -> None:
    readme = (Path(infra.__file__).parent / "README.md").read_text(encoding="utf-8")
    statements = re.findall(r"```sql\n(.*?)```", readme, re.DOTALL)
    columns = [{"name": "device_id", "path": "deviceID"}, {"name": "temperature", "type": "decimal(5,1)"}]
    chosen, archive = settings("jsonl", columns), SqlArchive(tmp_path)
    image = {"deviceID": {"S": "seattle"}, "temperature": {"N": "38.9"}}
    archive.deliver(chosen, change(image), change(image), day="2026-11-03")

    assert [archive.ask(chosen, statement) for statement in statements] == [[("seattle", Decimal("38.9"))]]
