"""Functions of Trino as DuckDB macros, so that Athena's text of the relations runs on real rows.

They are faithful for what the relations use, not in general. Source of each: TRINO, JSON, binary, regular
expression and date functions. json_extract_scalar returns NULL for objects and arrays.
"""

import duckdb

# A JSON path of the form $["a"]["b"] as a JSON Pointer.
_POINTER = (
    r"""list_aggregate(list_transform(regexp_extract_all(p, '\["((?:[^"\\]|\\.)*)"\]', 1),"""
    r""" lambda s: '/' || replace(replace(regexp_replace(s, '\\(.)', '\1', 'g'), '~', '~0'), '/', '~1')),"""
    r""" 'string_agg', '')"""
)
MACROS = f"""
CREATE MACRO pointer_of(p) AS {_POINTER};
CREATE MACRO regexp_like(x, p) AS regexp_matches(x, p);
CREATE MACRO json_parse(x) AS CAST(x AS JSON);
CREATE MACRO json_format(x) AS CAST(x AS VARCHAR);
CREATE MACRO element_at(m, k) AS map_extract_value(m, k);
CREATE MACRO json_extract_scalar(x, p) AS TRY(CASE
  WHEN json_type(x, pointer_of(p)) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(x, pointer_of(p)) END);
CREATE MACRO trino_json_extract(x, p) AS TRY(json_extract(x, pointer_of(p)));
CREATE MACRO to_utf8(x) AS x;
CREATE MACRO to_hex(x) AS x;
CREATE MACRO from_utf8(x) AS TRY(decode(x));
CREATE MACRO to_unixtime(t) AS epoch_us(t) / 1000000.0;
CREATE MACRO date_add(unit, n, t) AS t + to_milliseconds(n);
"""


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the functions in a database."""
    for statement in filter(None, map(str.strip, MACROS.split(";\n"))):
        connection.execute(statement)


def in_duckdb(sql: str) -> str:
    """Return Athena's text without what DuckDB has under another name: a function and a type."""
    return sql.replace("json_extract(", "trino_json_extract(").replace("AS timestamp(6))", "AS timestamp)")
