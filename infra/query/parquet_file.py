"""An answer as a Parquet file, written by DuckDB (extra [sql]).

The rows pass through a temporary file of text, so that memory stays bounded and each value is cast from its
exact digits.
"""

import tempfile
from pathlib import Path

import duckdb

from ttl_archive.infra.query.output_formats import csv_lines
from ttl_archive.infra.query.query_errors import QueryFailedError
from ttl_archive.infra.query.query_result import QueryResult
from ttl_archive.infra.sql.dialect import literal, quoted

# Athena's types that DuckDB has under another name; any type that it does not have stays text.
_ENGINE_NAMES = {"timestamp(3)": "TIMESTAMP_MS", "integer": "INTEGER", "bigint": "BIGINT", "double": "DOUBLE",
                 "boolean": "BOOLEAN", "date": "DATE", "smallint": "SMALLINT", "tinyint": "TINYINT",
                 "real": "FLOAT"}  # fmt: skip


def write_parquet(result: QueryResult, path: Path) -> int:
    """Write the rows into a file, and return their number. Raises QueryFailedError."""
    with tempfile.TemporaryDirectory(prefix="ttl-archive-query-") as folder, duckdb.connect() as connection:
        text = Path(folder) / "rows.csv"
        with text.open("w", encoding="utf-8", newline="") as out:
            out.writelines(csv_lines(result))
        names = [f"c{n}" for n in range(len(result.columns))]
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        casts = ", ".join(
            f"CAST({name} AS {_engine_name(column.type)}) AS {quoted(column.name)}"
            for name, column in zip(names, result.columns, strict=True)
        )
        reader = (
            f"read_csv({literal(str(text))}, header = false, auto_detect = false, columns = {{{columns}}},"
            " quote = '\"', escape = '\"', delim = ',', new_line = '\\n', allow_quoted_nulls = false,"
            " strict_mode = true, max_line_size = 33554432, buffer_size = 67108864)"
        )
        try:
            found = connection.execute(
                f"COPY (SELECT {casts} FROM {reader}) TO {literal(str(path))} (FORMAT parquet)"  # noqa: S608  quoted
            ).fetchone()
        except duckdb.Error as error:
            raise QueryFailedError(f"{path} cannot be written: {error}") from error
    return int(found[0]) if found else 0


def _engine_name(kind: str) -> str:
    return kind.upper() if kind.startswith("decimal(") else _ENGINE_NAMES.get(kind, "VARCHAR")
