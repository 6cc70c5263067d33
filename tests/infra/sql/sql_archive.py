"""An archive in a folder: rows that the transform wrote, and the relations over them in DuckDB."""

import gzip
from pathlib import Path
from typing import Any

import duckdb

from tests.transform.builders import EVENT_US, change, encoded
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.duckdb_files import Reading, archive_files_sql, error_files_sql
from ttl_archive.infra.sql.relations import relations
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

DAY = "2025-11-21"
# Every way in which a row can be written, by name.
SHAPES: dict[str, dict[str, Any]] = {
    "jsonl": {},
    "jsonl without image": {"image": False},
    "csv": {"format": "csv"},
    "csv with image": {"format": "csv", "image": True},
    "envelope": {"row": "envelope"},
    "envelope without image": {"row": "envelope", "image": False},
}
FLAT = [shape for shape in SHAPES if "envelope" not in shape]
WITH_IMAGE = ["jsonl", "csv with image"]
STREAMS_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/devices/stream/2026-01-01T00:00:00.000"


def settings(shape: str, columns: list[dict[str, Any]], *keys: str, changes: str = "all") -> Settings:
    """Settings of the table devices in one of the shapes."""
    output = SHAPES[shape]
    return parse(
        {
            "table": {"name": "devices", "ttl_attribute": "ttl", "keys": list(keys)},
            "select": {"changes": changes},
            "output": output,
            "columns": [] if output.get("row") == "envelope" else columns,
        }
    )


def streams_change(image: dict[str, Any], second: int = EVENT_US // 1_000_000, **more: Any) -> dict[str, Any]:
    """A change record of the Streams feed, which counts in whole seconds."""
    record = change(image, dynamodb={"ApproximateCreationDateTime": second}) | more
    del record["tableName"], record["dynamodb"]["ApproximateCreationDateTimePrecision"]
    return record | {"eventSourceARN": STREAMS_ARN}


def keep_rows(connection: duckdb.DuckDBPyConnection, relation: str, rows: str) -> None:
    """Let a relation read a table with these rows, of another relation or a query in brackets.

    DuckDB plans a view for each query that reads it, which takes longer than to read a few rows.
    """
    connection.execute(f"CREATE OR REPLACE TABLE kept_{relation} AS SELECT * FROM {rows}")
    connection.execute(f"CREATE OR REPLACE VIEW {relation} AS SELECT * FROM kept_{relation}")


class SqlArchive:
    """Files below a folder, and questions to them by today's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[str] = []
        self.errors: list[str] = []
        self._asked: tuple[Settings, Reading, int, int] | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def deliver(self, chosen: Settings, *records: dict[str, Any], day: str = DAY) -> None:
        """Write an object with the rows of change records, as the settings of that time had them."""
        convert = converter(chosen)
        rows = [convert(encoded(record)) for record in records]
        assert all(isinstance(row, Row) for row in rows)
        self.write(chosen, b"".join(row.line for row in rows if isinstance(row, Row)), day)

    def write(self, chosen: Settings, body: bytes, day: str = DAY) -> None:
        """Write an object with these bytes."""
        path = self.folder / f"{chosen.output.date_column}={day}"
        path.mkdir(exist_ok=True)
        file = path / f"{len(self.files)}.{chosen.output.format}.gz"
        file.write_bytes(gzip.compress(body))
        self.files.append(str(file))

    def write_errors(self, body: bytes) -> None:
        """Write an error object."""
        path = self.folder / "errors" / "processing-failed" / f"dt={DAY}"
        path.mkdir(parents=True, exist_ok=True)
        file = path / str(len(self.errors))
        file.write_bytes(body)
        self.errors.append(str(file))

    def connect(self, chosen: Settings, reading: Reading = Reading.WHOLE_LINES) -> duckdb.DuckDBPyConnection:
        """A database with all relations."""
        connection = duckdb.connect()
        connection.execute(f"CREATE VIEW archive_files AS {archive_files_sql(self.files, chosen, reading)}")
        connection.execute(f"CREATE VIEW error_files AS {error_files_sql(self.errors)}")
        for name, sql in relations(chosen, DuckDbDialect()).items():
            connection.execute(f"CREATE VIEW {name} AS {sql}")
        return connection

    def ask(
        self, chosen: Settings, query: str, *parameters: str, reading: Reading = Reading.WHOLE_LINES
    ) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._connected(chosen, reading).execute(query, list(parameters)).fetchall()

    def saved(self, chosen: Settings, name: str, *parameters: str) -> list[tuple[Any, ...]]:
        """The rows of a saved query."""
        query = saved_queries(chosen, DuckDbDialect())[name].sql
        return self.ask(chosen, query, *parameters)

    def misfits(self, chosen: Settings) -> dict[str, int]:
        """Return the number of values that do not fit, by column."""
        query = saved_queries(chosen, DuckDbDialect())["misfits"].sql
        found = self._connected(chosen).execute(query, ["2000-01-01", "2100-01-01"])
        names = [entry[0] for entry in found.description or ()]
        rows = found.fetchall()
        totals = [sum(values) for values in zip(*[row[2:] for row in rows], strict=True)]
        return dict(zip(names[2:], totals, strict=True))

    def _connected(
        self, chosen: Settings, reading: Reading = Reading.WHOLE_LINES
    ) -> duckdb.DuckDBPyConnection:
        """Return the database of the question before, unless the settings or the files are others."""
        asked = (chosen, reading, len(self.files), len(self.errors))
        if self._connection is None or self._asked != asked:
            self._connection, self._asked = self.connect(chosen, reading), asked
        return self._connection
