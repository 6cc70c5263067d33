"""The closed list: every value and type below is a literal of Trino's rules, see `translation/__init__`."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal as D
from typing import Any

import duckdb
import pytest

from tests.infra.query.asked import NOW, SETTINGS
from ttl_archive.infra.query.engine import create_relations, open_engine, run_in_engine
from ttl_archive.infra.query.query_errors import QueryFailedError, RefusedHereError, WrongSqlError
from ttl_archive.infra.query.translation.translate import translate_query

ONE_TO_THREE = "(SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3)"
WITH_NULL = "(SELECT 1 AS x UNION ALL SELECT NULL UNION ALL SELECT 3)"

# Expression -> its type and value.
VALUES: dict[str, tuple[str, Any]] = {
    # integers: cut towards zero, the remainder has the sign of the dividend
    "7 / 2": ("integer", 3),
    "-7 / 2": ("integer", -3),
    "-7 % 3": ("integer", -1),
    "mod(7, -3)": ("integer", 1),
    "2147483648 + 1": ("bigint", 2147483649),
    "9223372036854775807 - 1": ("bigint", 9223372036854775806),
    "- (3 - 5)": ("integer", 2),
    # decimals: precision and scale of the result, half away from zero
    "0.5": ("decimal(1,1)", D("0.5")),
    "1.50": ("decimal(3,2)", D("1.50")),
    "0.1 + 0.2": ("decimal(2,1)", D("0.3")),
    "1.5 + 2": ("decimal(12,1)", D("3.5")),
    "2.5 * 3": ("decimal(12,1)", D("7.5")),
    "1.25 * 1.25": ("decimal(6,4)", D("1.5625")),
    "1.00 / 3": ("decimal(3,2)", D("0.33")),
    "2.00 / 3": ("decimal(3,2)", D("0.67")),
    "-2.00 / 3": ("decimal(3,2)", D("-0.67")),
    "1 / 2.0": ("decimal(12,1)", D("0.5")),
    "1 / 8.00": ("decimal(14,2)", D("0.13")),
    "-1 / 8.00": ("decimal(14,2)", D("-0.13")),
    "10.0 / 4.00": ("decimal(6,2)", D("2.50")),
    "CAST('12345678901234567890.12' AS decimal(38,2)) / 3": (
        "decimal(38,2)",
        D("4115226300411522630.04"),
    ),
    "round(1.25, 1)": ("decimal(4,2)", D("1.30")),
    "round(-1.25, 1)": ("decimal(4,2)", D("-1.30")),
    "round(-1.5)": ("decimal(2,0)", D("-2")),
    "floor(-1.5)": ("decimal(2,0)", D("-2")),
    "ceil(1.2)": ("decimal(2,0)", D("2")),
    "abs(-1.5)": ("decimal(2,1)", D("1.5")),
    # doubles
    "1e0 / 4": ("double", 0.25),
    "1e0 / 0": ("double", float("inf")),
    "1.5e0 * 2.0": ("double", 3.0),
    # NULL
    "NULL + 1": ("integer", None),
    "greatest(1, NULL)": ("integer", None),
    "least(1, 2.5)": ("decimal(11,1)", D("1.0")),
    "coalesce(NULL, 3)": ("integer", 3),
    "nullif(1, 1)": ("integer", None),
    "true IS DISTINCT FROM NULL": ("boolean", True),
    "NULL = NULL": ("boolean", None),
    "1 IN (2, NULL)": ("boolean", None),
    "1 NOT IN (2, 3)": ("boolean", True),
    "2 BETWEEN 1 AND 2.5": ("boolean", True),
    # texts
    "'a' || 'b'": ("varchar", "ab"),
    "concat('a', 'b', 'c')": ("varchar", "abc"),
    "concat_ws('-', 'a', NULL, 'b')": ("varchar", "a-b"),
    "length('𝒳é')": ("bigint", 2),
    "lower('ÄB')": ("varchar", "äb"),
    "upper('äb')": ("varchar", "ÄB"),
    "substr('abcdef', 2, 3)": ("varchar", "bcd"),
    "substring('abc' FROM 2)": ("varchar", "bc"),
    "substr('abc', 9)": ("varchar", ""),
    "strpos('abc', 'c')": ("bigint", 3),
    "position('z' IN 'abc')": ("bigint", 0),
    "replace('abcb', 'b')": ("varchar", "ac"),
    "replace('abcb', 'b', 'x')": ("varchar", "axcx"),
    "starts_with('abc', 'ab')": ("boolean", True),
    "'abc' LIKE 'A%'": ("boolean", False),
    "'é' LIKE '_'": ("boolean", True),
    "'a_b' LIKE 'a\\_b'": ("boolean", False),
    "'a_b' LIKE 'a!_b' ESCAPE '!'": ("boolean", True),
    "'Z' < 'a'": ("boolean", True),
    # conditions
    "if(1 > 2, 'yes')": ("varchar", None),
    "if(1 > 2, 1, 2.5)": ("decimal(11,1)", D("2.5")),
    "CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END": ("varchar", "b"),
    "CASE WHEN NULL THEN 1 ELSE 2.5 END": ("decimal(11,1)", D("2.5")),
    "NOT (1 > 2 OR 2 > 3)": ("boolean", True),
    # casts
    "CAST('12' AS bigint)": ("bigint", 12),
    "CAST('-007' AS bigint)": ("bigint", -7),
    "TRY_CAST('abc' AS bigint)": ("bigint", None),
    "TRY_CAST('9223372036854775808' AS bigint)": ("bigint", None),
    "CAST('1.25' AS decimal(2,1))": ("decimal(2,1)", D("1.3")),
    "CAST(1.25 AS decimal(2,1))": ("decimal(2,1)", D("1.3")),
    "CAST(2.5 AS bigint)": ("bigint", 3),
    "CAST(-2.5 AS bigint)": ("bigint", -3),
    "CAST('1E-7' AS double)": ("double", 1e-7),
    "CAST(1.1 AS double)": ("double", 1.1),
    "CAST('T' AS boolean)": ("boolean", True),
    "TRY_CAST('yes' AS boolean)": ("boolean", None),
    "CAST(0.50 AS varchar)": ("varchar", "0.50"),
    "CAST(true AS varchar)": ("varchar", "true"),
    "CAST(DATE '2026-11-21' AS varchar)": ("varchar", "2026-11-21"),
    "CAST(TIMESTAMP '2026-01-01 00:00:00.120' AS varchar)": ("varchar", "2026-01-01 00:00:00.120"),
    "CAST('2026-01-01 06:30' AS timestamp)": ("timestamp(3)", dt.datetime(2026, 1, 1, 6, 30)),
    "CAST(TIMESTAMP '2026-01-01 23:59:59' AS date)": ("date", dt.date(2026, 1, 1)),
    "DATE '2026-01-01' < TIMESTAMP '2026-01-01 00:00:00.001'": ("boolean", True),
    # times: whole units, and the clock of the test
    "current_date": ("date", dt.date(2026, 11, 24)),
    "localtimestamp": ("timestamp(3)", dt.datetime(2026, 11, 24, 10, 20, 30, 123000)),
    "current_date - INTERVAL '30' DAY": ("date", dt.date(2026, 10, 25)),
    "DATE '2026-01-31' + INTERVAL '1' MONTH": ("date", dt.date(2026, 2, 28)),
    "TIMESTAMP '2026-01-01 00:00:00' - INTERVAL '90' MINUTE": (
        "timestamp(3)",
        dt.datetime(2025, 12, 31, 22, 30),
    ),
    "date_diff('day', DATE '2026-01-01', DATE '2026-03-01')": ("bigint", 59),
    "date_diff('hour', TIMESTAMP '2026-01-01 00:59:00', TIMESTAMP '2026-01-01 02:00:00')": ("bigint", 1),
    "date_diff('day', TIMESTAMP '2026-01-03 09:00:00', TIMESTAMP '2026-01-01 10:00:00')": ("bigint", -1),
    "date_add('day', -1, DATE '2026-03-01')": ("date", dt.date(2026, 2, 28)),
    "date_trunc('week', DATE '2026-11-24')": ("date", dt.date(2026, 11, 23)),
    "date_trunc('month', TIMESTAMP '2026-01-15 00:59:00.123')": ("timestamp(3)", dt.datetime(2026, 1, 1)),
    "date_format(TIMESTAMP '2026-01-15 00:59:07.123', '%Y-%m-%d %H:%i:%s')": (
        "varchar",
        "2026-01-15 00:59:07",
    ),
    "year(DATE '2026-01-01')": ("bigint", 2026),
    "extract(MONTH FROM DATE '2026-02-01')": ("bigint", 2),
    "day_of_week(DATE '2026-11-22')": ("bigint", 7),
    "week(DATE '2027-01-01')": ("bigint", 53),
    "second(TIMESTAMP '2026-01-01 00:00:01.900')": ("bigint", 1),
    "date(TIMESTAMP '2026-01-01 23:00:00')": ("date", dt.date(2026, 1, 1)),
    # JSON
    """json_extract_scalar('{"a b":{"N":"1.10"}}', '$["a b"].N')""": ("varchar", "1.10"),
    """json_extract_scalar('{"c":[1,true]}', '$.c[1]')""": ("varchar", "true"),
    """json_extract_scalar('{"c":[1,2]}', '$.c')""": ("varchar", None),
    """json_extract_scalar('no JSON', '$.c')""": ("varchar", None),
    # aggregates
    f"count(*) FROM {ONE_TO_THREE} AS t": ("bigint", 3),
    f"count(x) FROM {WITH_NULL} AS t": ("bigint", 2),
    f"count(DISTINCT x / 2) FROM {ONE_TO_THREE} AS t": ("bigint", 2),
    f"sum(x) FROM {ONE_TO_THREE} AS t": ("bigint", 6),
    f"sum(x) FROM {ONE_TO_THREE} AS t WHERE x > 5": ("bigint", None),
    f"sum(x * 1.5) FROM {ONE_TO_THREE} AS t": ("decimal(38,1)", D("9.0")),
    f"avg(x) FROM {ONE_TO_THREE} AS t": ("double", 2.0),
    f"avg(x * 1.00 / 7) FROM {ONE_TO_THREE} AS t": ("decimal(13,2)", D("0.29")),
    f"avg(x * -0.25) FROM {ONE_TO_THREE} AS t WHERE x < 3": ("decimal(12,2)", D("-0.38")),
    f"avg(x * 1.0) FROM {ONE_TO_THREE} AS t WHERE x > 5": ("decimal(12,1)", None),
    f"min(x) FROM {WITH_NULL} AS t": ("integer", 1),
    f"max_by(x, -x) FROM {ONE_TO_THREE} AS t": ("integer", 1),
    f"max_by(if(x < 3, x), x) FROM {ONE_TO_THREE} AS t": ("integer", None),
    f"count_if(x > 1) FROM {WITH_NULL} AS t": ("bigint", 1),
    f"bool_or(x > 2) FROM {ONE_TO_THREE} AS t": ("boolean", True),
    f"sum(x) FILTER (WHERE x > 1) FROM {ONE_TO_THREE} AS t": ("bigint", 5),
}

# Query -> its rows: order, NULLs, names and positions.
ROWS: dict[str, list[tuple[Any, ...]]] = {
    f"SELECT x FROM {WITH_NULL} AS t ORDER BY x": [(1,), (3,), (None,)],
    f"SELECT x FROM {WITH_NULL} AS t ORDER BY x DESC": [(3,), (1,), (None,)],
    f"SELECT x FROM {WITH_NULL} AS t ORDER BY 1 NULLS FIRST": [(None,), (1,), (3,)],
    f"SELECT x FROM {ONE_TO_THREE} AS t ORDER BY -x OFFSET 1 LIMIT 1": [(2,)],
    f"SELECT -x AS x FROM {ONE_TO_THREE} AS t ORDER BY x": [(-3,), (-2,), (-1,)],
    f"SELECT x / 2, count(*) FROM {ONE_TO_THREE} AS t GROUP BY 1 HAVING count(*) > 1": [(1, 2)],
    f"SELECT DISTINCT x / 2 FROM {ONE_TO_THREE} AS t ORDER BY 1": [(0,), (1,)],
    f"WITH t AS {ONE_TO_THREE} SELECT a.x, b.x FROM t AS a LEFT JOIN t AS b ON a.x = b.x + 2 ORDER BY a.x": [
        (1, None),
        (2, None),
        (3, 1),
    ],
    f"WITH t AS {ONE_TO_THREE} SELECT x FROM t WHERE x IN (SELECT x + 1 FROM t) ORDER BY x": [(2,), (3,)],
    f"WITH t AS {ONE_TO_THREE} SELECT x FROM t AS a WHERE EXISTS (SELECT 1 FROM t WHERE t.x < a.x - 1)": [
        (3,)
    ],
    f"WITH t AS {ONE_TO_THREE} SELECT x, (SELECT max(x) FROM t) FROM t WHERE x = 1": [(1, 3)],
    "SELECT 1 UNION SELECT 1": [(1,)],
    "(SELECT 1 UNION ALL SELECT 2.5) ORDER BY 1": [(D("1.0"),), (D("2.5"),)],
    "SELECT 1 EXCEPT SELECT 2": [(1,)],
    "SELECT 1 INTERSECT SELECT 2": [],
    f"SELECT x, row_number() OVER (ORDER BY x DESC), sum(x) OVER (ORDER BY x), lag(x) OVER (ORDER BY x)"
    f" FROM {ONE_TO_THREE} AS t ORDER BY x": [(1, 3, 1, None), (2, 2, 3, 1), (3, 1, 6, 2)],
    f"SELECT x, avg(x * 1.0) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    f" FROM {ONE_TO_THREE} AS t ORDER BY x": [(1, D("1.0")), (2, D("1.5")), (3, D("2.0"))],
    "SELECT ?, length(?)": [("2026-11-21", 3)],
}

# What only Athena answers -> how it is named.
REFUSED = {
    "SELECT approx_distinct(1)": "the function approx_distinct",
    "SELECT regexp_like('a', 'b')": "the function regexp_like",
    "SELECT nvl(1, 2)": "the function nvl",
    "SELECT now()": "the function now",
    "SELECT try(1 / 0)": "the function try",
    "SELECT trim(' a')": "the function trim",
    "SELECT foo(1)": "the function foo",
    "SELECT ARRAY[1]": "the function array",
    "SELECT substr('abc', 0)": "substr with a start",
    "SELECT substr('abc', -1)": "substr with a start",
    "SELECT replace('abc', '')": "replace of a text",
    "SELECT round(1e0)": "round of double",
    "SELECT 1e0 % 2": "the remainder of doubles",
    "SELECT 1.5 % 2": "the remainder of decimals",
    "SELECT CAST(1e0 AS varchar)": "a cast of double to varchar",
    "SELECT CAST(1e0 AS bigint)": "a cast of double to bigint",
    "SELECT CAST(1 AS smallint)": "the type smallint",
    "SELECT CAST('a' AS varchar(3))": "the type varchar(3)",
    "SELECT CAST('a' AS timestamp(6))": "the type timestamp(6)",
    "SELECT DECIMAL '1.5'": "decimal without precision and scale",
    "SELECT CAST(TIMESTAMP '2026-01-01 00:00:00' AS varchar)": "a timestamp without milliseconds",
    "SELECT date_diff('month', DATE '2026-01-01', DATE '2026-03-01')": "the unit month",
    "SELECT date_format(current_date, '%W')": "date_format with another specifier",
    "SELECT 'a' ILIKE 'b'": "ilike",
    "SELECT 'a' LIKE 'b!a' ESCAPE '!'": "LIKE with such an ESCAPE",
    "SELECT doc FROM archive ORDER BY doc": "sorting a json column",
    "SELECT DISTINCT doc FROM archive": "DISTINCT of a json column",
    "SELECT id FROM archive WHERE doc = '1'": "a json column",
    "SELECT lower(doc) FROM archive": "a json column",
    "SELECT count(*) FROM archive TABLESAMPLE BERNOULLI (10)": "table with sample",
    "SELECT id FROM archive GROUP BY ROLLUP (id)": "rollup",
    "SELECT * FROM archive CROSS JOIN UNNEST(ARRAY[1]) AS t(x)": "an alias that renames columns",
    "SELECT id FROM archive JOIN errors USING (dt)": "join with using",
    "SELECT id FROM archive FETCH FIRST 1 ROW ONLY": "LIMIT that is not a number",
    "SELECT -x AS x FROM (SELECT 1 AS x) AS t ORDER BY x + 1": "the alias x",
    "WITH RECURSIVE t AS (SELECT 1) SELECT * FROM t": "with with recursive",
    "SELECT 1 INTERSECT ALL SELECT 1": "INTERSECT ALL",
    "SELECT sum(1) OVER w FROM archive WINDOW w AS ()": "select with windows",
    "SHOW TABLES": "the statement SHOW",
    "DELETE FROM archive": "the statement DELETE",
    "VALUES 1": "the statement VALUES",
    "DROP TABLE archive": "the statement DROP",
}

# What a row of the data refuses -> how it is named.
REFUSED_BY_ROW = {
    "SELECT CAST('1 ' AS bigint)": "the cast of this text to bigint",
    "SELECT TRY_CAST('1e3' AS bigint)": "the cast of this text to bigint",
    "SELECT CAST('2026-01-01T00:00:00Z' AS timestamp)": "the cast of this text to timestamp(3)",
    "SELECT upper('straße')": "upper of ß",
    """SELECT json_extract_scalar('{"b":1.50}', '$.b')""": "json_extract_scalar of a number with a fraction",
    "SELECT CAST(x AS double) FROM (SELECT CAST('12345678901234567890.12' AS decimal(38,2)) AS x) AS t": (
        "a decimal with more digits than a double has"
    ),
    "SELECT avg(x) FROM (SELECT 9007199254740993 AS x) AS t": "avg of integers",
}

FAILS = {
    "SELECT 7 / 0": "Division by zero",
    "SELECT 7 % 0": "Division by zero",
    "SELECT 1.0 / 0": "Division by zero",
    "SELECT 2147483647 + 1": "Overflow",
    "SELECT sum(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1) AS t": "out of range",
    "SELECT CAST('yes' AS boolean)": "Cannot cast this text to boolean",
    "SELECT CAST(123 AS decimal(2,0))": "123",
}

# Wrong SQL -> the message and the text that the caret is below.
WRONG = {
    "SELECT tempreature FROM archive": (
        "Column 'tempreature' cannot be resolved. Did you mean temperature?",
        8,
    ),
    "SELECT id FROM archiv": ("Table 'archiv' does not exist. Did you mean archive", 16),
    "SELECT a.id FROM archive": ("There is no relation 'a' in FROM.", 8),
    "SELECT dt FROM archive, errors": ("Column 'dt' is ambiguous: it is in archive and errors.", 8),
    "SELECT id AS x FROM archive GROUP BY x": ("Column 'x' cannot be resolved", 38),
    "SELECT id FROM archive WHERE id = 1": ("varchar and integer cannot be compared", 30),
    "SELECT id FROM archive WHERE amount": ("A condition is needed, not decimal(20,4).", 30),
    "SELECT id + 1 FROM archive": ("'+' cannot be applied to varchar and integer.", 8),
    "SELECT sum(id) FROM archive": ("sum needs a number, not varchar.", 8),
    "SELECT id FROM archive ORDER BY 2": ("2 is not the position of a column: there are 1.", None),
    "SELECT id FROM archive a, archive a": ("'a' is twice in FROM.", None),
    "SELECT 1 UNION SELECT 1, 2": ("The sides have 1 and 2 columns.", None),
    "SELECT id FRM archive": ("line 1: Invalid expression / Unexpected token.", 15),
    "SELECT 1::bigint": ("Athena has no ::.", 9),
    "SELECT 1 == 1": ("Athena has no ==.", 10),
    "SELECT 'a": ("Is a quote missing?", None),
    "SELECT 1; SELECT 2": ("One query is answered at a time, and here are 2.", None),
    "SELECT 9223372036854775808": ("too large for a bigint", None),
    "SELECT ? || ? || ?": ("The query has 3 parameters (?), and 2 values given.", None),
    "SELECT ?": ("The query has 1 parameter (?), and 2 values given.", None),
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine() as connection:
        create_relations(connection, [], [], SETTINGS)
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    parameters = ["2026-11-21", "abc"] if "?" in sql else []
    translation = translate_query(sql, SETTINGS, parameters, NOW)
    result = run_in_engine(connection, translation.sql)
    rows = list(result.rows)
    assert [column.name for column in translation.columns] == [column.name for column in result.columns]
    return [str(column.type) for column in translation.columns], rows


@pytest.mark.parametrize("expression", VALUES)
def test_an_expression_has_trinos_type_and_value(connection: Any, expression: str) -> None:
    kind, value = VALUES[expression]

    assert ask(connection, f"SELECT {expression}") == ([kind], [(value,)])
    found = run_in_engine(connection, translate_query(f"SELECT {expression}", SETTINGS, (), NOW).sql)
    assert found.columns[0].type == kind or value is None


@pytest.mark.parametrize("sql", ROWS)
def test_a_query_has_trinos_rows(connection: Any, sql: str) -> None:
    assert ask(connection, sql)[1] == ROWS[sql]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_in_the_list_is_refused_by_name(sql: str) -> None:
    with pytest.raises(RefusedHereError) as raised:
        translate_query(sql, SETTINGS)

    assert f"Only Athena answers {REFUSED[sql]}" in str(raised.value) or REFUSED[sql] in str(raised.value)
    assert "Use --on athena" in str(raised.value)


@pytest.mark.parametrize("sql", REFUSED_BY_ROW)
def test_a_value_that_the_engines_read_differently_is_refused(connection: Any, sql: str) -> None:
    with pytest.raises(RefusedHereError) as raised:
        ask(connection, sql)

    assert f"Only Athena answers {REFUSED_BY_ROW[sql]}" in str(raised.value)


@pytest.mark.parametrize("sql", FAILS)
def test_what_fails_in_athena_fails_here(connection: Any, sql: str) -> None:
    with pytest.raises(QueryFailedError) as raised:
        ask(connection, sql)

    assert FAILS[sql] in str(raised.value)
    assert "LINE 1" not in str(raised.value)


@pytest.mark.parametrize("sql", WRONG)
def test_wrong_sql_shows_the_place(connection: Any, sql: str) -> None:
    message, column = WRONG[sql]
    with pytest.raises(WrongSqlError) as raised:
        ask(connection, sql)

    text = str(raised.value)
    assert message in text
    if column is not None:
        assert text.endswith(f"\n  {sql}\n  {' ' * (column - 1)}^")


def test_a_column_without_a_name_is_called_by_its_position() -> None:
    columns = translate_query('SELECT 1, 2 AS "B", count(*) FROM archive', SETTINGS).columns

    assert [column.name for column in columns] == ["_col0", "B", "_col2"]


def test_a_star_has_every_column_of_the_relation_in_its_order() -> None:
    names = [column.name for column in translate_query("SELECT e.* FROM errors AS e", SETTINGS).columns]

    assert names[:3] == ["error_output_type", "code", "message"]
    assert names[-1] == "dt"


def test_upper_agrees_with_unicode_wherever_it_is_one_character(connection: Any) -> None:
    """Java maps one character to one, by the same table; ß, which is refused, is the exception of DuckDB."""
    rows = connection.execute(
        "SELECT c, upper(c) FROM (SELECT chr(CAST(n AS INTEGER)) AS c FROM range(1, 55296) AS t(n))"
    ).fetchall()

    differing = [c for c, upper in rows if len(c.upper()) == 1 and upper != c.upper()]
    assert differing == []
