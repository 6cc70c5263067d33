"""Athena and Glue as far as the probes use them, with DuckDB as the engine.

It proves that the probes work, and nothing about AWS. Views are kept in the form that Glue is known to have.
"""

from __future__ import annotations

import itertools
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from tests.infra.sql.athena_functions import in_duckdb, install
from ttl_archive.infra.sql.duckdb_files import archive_files_sql, error_files_sql
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES
from ttl_archive.transform.settings import Settings

_VIEW = re.compile(r"CREATE OR REPLACE VIEW (\w+) AS\n(.*)", re.DOTALL)
_OPERATIONS = {
    "StartQueryExecution": "start_query_execution",
    "GetQueryExecution": "get_query_execution",
    "GetQueryResults": "get_query_results",
}
_HIVE_TYPES = {"varchar": "string", "integer": "int", "timestamp(3)": "timestamp"}


class LocalAthena:
    """Clients of Athena and Glue in one. `fetch` returns the file of an object, by its S3 address."""

    def __init__(self, settings: Settings, fetch: Callable[[str], list[Path]]) -> None:
        self._settings, self._fetch = settings, fetch
        self._duckdb = duckdb.connect()
        install(self._duckdb)
        self._tables: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, dict[str, Any]] = {}
        self._failures: dict[str, str] = {}
        self.page_rows = 1000  # Source: BC-athena, GetQueryResults, MaxResults
        self.refused: dict[str, str] = {}  # the reason why queries fail, by a text that is in them
        self._numbers = itertools.count()

    def close(self) -> None:
        """Close the engine."""
        self._duckdb.close()

    def create_work_group(self, **request: Any) -> None:
        """Accept any workgroup."""

    def create_database(self, **request: Any) -> None:
        """Accept any database."""

    def create_table(self, *, DatabaseName: str, TableInput: dict[str, Any]) -> None:
        """Create a view over the files of a text table, or a view from its stored form."""
        name = TableInput["Name"]
        self._tables[name] = TableInput
        if TableInput["TableType"] == "VIRTUAL_VIEW":
            text = TableInput["ViewOriginalText"]
            encoded = text.removeprefix("/* Presto View: ").removesuffix(" */")
            self._create_view(name, json.loads(b64decode(encoded))["originalSql"])
            return
        files = [str(file) for file in self._fetch(TableInput["StorageDescriptor"]["Location"])]
        is_archive = name == ARCHIVE_FILES
        select = archive_files_sql(files, self._settings) if is_archive else error_files_sql(files)
        self._duckdb.execute(f"CREATE VIEW {name} AS {select}")

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:
        """Return a table as Glue has it."""
        return {"Table": self._tables[Name]}

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the document of a call, for a client that talks HTTP."""
        return 200, getattr(self, _OPERATIONS[operation])(**request)

    def start_query_execution(
        self, *, QueryString: str, ExecutionParameters: Sequence[str] = (), **request: Any
    ) -> dict[str, str]:
        """Run a statement at once; each parameter is the SQL of one question mark, which no text has."""
        execution = f"execution-{next(self._numbers)}"
        sql, *rest = QueryString.split("?") if ExecutionParameters else [QueryString]
        sql += "".join(value + text for value, text in zip(ExecutionParameters, rest, strict=True))
        try:
            self._refuse(sql)
            self._answers[execution] = self._run(sql)
        except duckdb.Error as error:
            self._failures[execution] = str(error)
        return {"QueryExecutionId": execution}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        """Return how the statement ended."""
        if reason := self._failures.get(QueryExecutionId):
            status = {"State": "FAILED", "StateChangeReason": reason}
        else:
            status = {"State": "SUCCEEDED"}
        kind = "DML" if self._answers.get(QueryExecutionId, {}).get("columns") else "DDL"
        return {"QueryExecution": {"Status": status, "StatementType": kind, "Statistics": {}}}

    def _refuse(self, sql: str) -> None:
        for text, reason in self.refused.items():
            if text in sql:
                raise duckdb.Error(reason)

    def get_query_results(
        self, *, QueryExecutionId: str, MaxResults: int, NextToken: str = "0"
    ) -> dict[str, Any]:
        """Return a page of rows as text, with a header, and the types of the columns."""
        answer = self._answers[QueryExecutionId]
        infos, rows = answer["columns"], answer["rows"]
        header = [[info["Name"] for info in infos]] if infos else []
        data = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}
                for row in [*header, *rows]]  # fmt: skip
        first, last = int(NextToken), int(NextToken) + min(MaxResults, self.page_rows)
        more = {"NextToken": str(last)} if last < len(data) else {}
        return {"ResultSet": {"Rows": data[first:last], "ResultSetMetadata": {"ColumnInfo": infos}}, **more}

    def _run(self, sql: str) -> dict[str, Any]:
        if match := _VIEW.fullmatch(sql):
            name, select = match.groups()
            self._create_view(name, select)
            self._tables[name] = self._stored_view(name, select)
            return {"columns": [], "rows": []}
        found = self._duckdb.sql(in_duckdb(sql))
        names = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in found.columns)
        infos = [_column_info(name, str(kind)) for name, kind in zip(found.columns, found.types, strict=True)]
        return {"columns": infos, "rows": found.project(names).fetchall()}

    def _create_view(self, name: str, select: str) -> None:
        self._duckdb.execute(f"CREATE OR REPLACE VIEW {name} AS {in_duckdb(select)}")

    def _stored_view(self, name: str, select: str) -> dict[str, Any]:
        found = self._duckdb.sql(f"SELECT * FROM {name}")
        types = [_athena_type(str(kind)) for kind in found.types]
        columns = [{"name": n, "type": kind} for n, kind in zip(found.columns, types, strict=True)]
        document = {"originalSql": select, "catalog": "awsdatacatalog", "schema": "db", "columns": columns}
        hive = [{"Name": c["name"], "Type": _HIVE_TYPES.get(c["type"], c["type"])} for c in columns]
        return {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "PartitionKeys": [],
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "ViewExpandedText": "/* Presto View */",
            "ViewOriginalText": f"/* Presto View: {b64encode(json.dumps(document).encode()).decode()} */",
            "StorageDescriptor": {"Columns": hive, "Location": "", "SerdeInfo": {}},
        }


def _athena_type(kind: str) -> str:
    known = {
        "TIMESTAMP_MS": "timestamp(3)",
        "TIMESTAMP": "timestamp(3)",
        "JSON": "varchar",
        "HUGEINT": "bigint",
    }
    return known.get(kind, kind.lower())


def _column_info(name: str, kind: str) -> dict[str, Any]:
    base, _, numbers = _athena_type(kind).removesuffix("(3)").rstrip(")").partition("(")
    precision, _, scale = numbers.partition(",")
    return {"Name": name, "Type": base, "Precision": int(precision or 0), "Scale": int(scale or 0)}
