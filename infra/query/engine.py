"""The embedded engine: DuckDB, with the relations of `infra/sql` over delivered files. It downloads nothing.

This module needs the extra [sql], and is imported only when the engine is used.
"""

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import duckdb
from duckdb_extensions import import_extension

from ttl_archive.infra.query.query_errors import QueryError, QueryFailedError, refused_here
from ttl_archive.infra.query.query_result import QueryResult, ResultColumn, ResultRow
from ttl_archive.infra.query.translation.macros import MACROS, REFUSED_MARK
from ttl_archive.infra.sql.dialect import literal
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.duckdb_files import (
    NO_IMAGE_MARK,
    Reading,
    archive_files_sql,
    error_files_sql,
    possible_readings,
)
from ttl_archive.infra.sql.relations import relations
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, ERROR_FILES
from ttl_archive.transform.settings import Settings

_Found = TypeVar("_Found")
_FETCHED_ROWS = 1000
# DuckDB's name of a type -> Athena's; a timestamp of the relations has milliseconds.
_TYPE_NAMES = {"TIMESTAMP": "timestamp(3)", "BLOB": "varbinary", "FLOAT": "real"}


class WholeLineNeededError(QueryFailedError):
    """A row without an image was read in `Reading.IMAGES`."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """How the engine reads s3://: the Region, the credentials, and an endpoint URL that is not AWS's."""

    region: str
    access_key: str
    secret_key: str
    token: str | None = None
    endpoint_url: str | None = None


@contextmanager
def open_engine(s3: S3Access | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory, and close it. What does not fit into memory goes to a private folder."""
    with tempfile.TemporaryDirectory(prefix="ttl-archive-query-") as spilled, _own_interrupts():
        connection = duckdb.connect(config={"temp_directory": spilled, "autoinstall_known_extensions": False})
        with connection:
            connection.execute("SET default_null_order = 'nulls_last'")  # Trino's order, ascending or not
            for macro in MACROS:
                connection.execute(macro)
            if s3 is not None:
                _let_read_s3(connection, s3)
            yield connection


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Raise the KeyboardInterrupt from which DuckDB has made a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None
        raise


def _let_read_s3(connection: duckdb.DuckDBPyConnection, s3: S3Access) -> None:
    import_extension("httpfs")
    connection.load_extension("httpfs")
    options = {"KEY_ID": s3.access_key, "SECRET": s3.secret_key, "REGION": s3.region}
    if s3.token:
        options["SESSION_TOKEN"] = s3.token
    written = [f"{name} {literal(value)}" for name, value in options.items()]
    if s3.endpoint_url:
        scheme, _, host = s3.endpoint_url.partition("://")
        written += [
            f"ENDPOINT {literal(host.rstrip('/'))}",
            "URL_STYLE 'path'",
            f"USE_SSL {scheme == 'https'}",
        ]
        connection.execute("SET http_proxy = ''")  # an endpoint of one's own is reached directly
    connection.execute(f"CREATE OR REPLACE SECRET (TYPE s3, {', '.join(written)})")


def answer_from_files(
    connection: duckdb.DuckDBPyConnection,
    files: tuple[Sequence[str], Sequence[str]],
    settings: Settings,
    sql: str,
    parameters: Sequence[str] = (),
    asked: Collection[str] | None = None,
) -> QueryResult:
    """Run DuckDB's SQL over the relations, read in the fastest way that can answer it; see `Reading`.

    `files` and `asked` are as for `create_relations`. Two columns of one name may get others.
    Raises QueryFailedError, also while rows are iterated.
    """
    for reading in possible_readings(settings):
        create_relations(connection, *files, settings, reading, asked)
        with suppress(WholeLineNeededError):
            if reading is Reading.WHOLE_LINES:
                return run_in_engine(connection, sql, parameters)
            # Another reading may be needed until the last row is read, so no row is returned before.
            run_in_engine(connection, f"CREATE OR REPLACE TEMP TABLE ddb_answer AS {sql}", parameters)
            return run_in_engine(connection, "SELECT * FROM ddb_answer")
    raise AssertionError("the reading of whole lines answers every query")


def create_relations(
    connection: duckdb.DuckDBPyConnection,
    delivered: Sequence[str],
    errors: Sequence[str],
    settings: Settings,
    reading: Reading = Reading.WHOLE_LINES,
    asked: Collection[str] | None = None,
) -> None:
    """Create, or replace, every relation over these files; each is a path or an s3:// URL.

    `asked` are the names of the columns that are needed, or None for all of them.
    """
    views = {
        ARCHIVE_FILES: archive_files_sql(delivered, settings, reading),
        ERROR_FILES: error_files_sql(errors),
        **relations(settings, DuckDbDialect(), asked),
    }
    for name, sql in views.items():
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")


def run_in_engine(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[str] = ()
) -> QueryResult:
    """Run DuckDB's SQL and return its answer, whose rows are fetched while they are iterated.

    Ctrl-C ends it. Raises QueryFailedError, also while rows are iterated.
    """
    try:
        _interruptibly(connection, lambda: connection.execute(sql, list(parameters)))
    except duckdb.Error as error:
        raise _explained(error) from error
    described = connection.description or []
    columns = tuple(ResultColumn(name, type_name(str(kind))) for name, kind, *_ in described)
    return QueryResult(columns, _rows(connection))


def _interruptibly(connection: duckdb.DuckDBPyConnection, call: Callable[[], _Found]) -> _Found:
    """Return what the call returns; Ctrl-C ends it, which DuckDB does not notice by itself."""
    with ThreadPoolExecutor(1) as worker:
        running = worker.submit(call)
        try:
            return running.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def type_name(engine_type: str) -> str:
    """Return Athena's name of a type of DuckDB."""
    return _TYPE_NAMES.get(engine_type, engine_type.lower())


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[ResultRow]:
    try:
        while rows := _interruptibly(connection, lambda: connection.fetchmany(_FETCHED_ROWS)):
            yield from rows
    except duckdb.Error as error:
        raise _explained(error) from error


def _explained(error: duckdb.Error) -> QueryError:
    """Return an error of DuckDB as one of ours, without the SQL, which is not the user's."""
    reason = str(error).partition("\n\nLINE ")[0]
    if NO_IMAGE_MARK in reason:
        return WholeLineNeededError(reason)
    if REFUSED_MARK in reason:
        return refused_here(reason.partition(REFUSED_MARK)[2])
    return QueryFailedError(f"{reason}.")
