"""The places that answer: Athena, the embedded engine over the bucket, and the engine over a folder.

Each says first what the query does not see (`Coverage`), and then answers. Modules that need the extra [sql]
are imported when they are used, so that Athena works without it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ttl_archive.infra.query.athena_runner import AthenaRunner
from ttl_archive.infra.query.coverage import Coverage, cover, error_states, has_date
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_errors import QueryError, refused_here
from ttl_archive.infra.query.query_result import QueryResult
from ttl_archive.infra.query.stored_files import (
    StoredFiles,
    bucket_files,
    date_of,
    folder_files,
    with_retrieval_states,
)
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.dialect import Dialect
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.history_relation import HISTORY
from ttl_archive.infra.sql.relations import ARCHIVE, LATEST, UNIQUE
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.transform.settings import Settings

_DATED = (ARCHIVE, UNIQUE, LATEST, HISTORY, ARCHIVE_FILES)
OnCoverage = Callable[[Coverage], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A query with the values of its parameters, in Athena's SQL.

    If `athena_sql` is given, as for a saved query, `sql` is in the dialect of its place, and not translated.
    """

    sql: str
    parameters: tuple[str, ...] = ()
    athena_sql: str | None = None


class QueryPlace(Protocol):
    """A place that answers questions."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of its saved queries."""

    def ask(self, question: Question, on_coverage: OnCoverage) -> QueryResult:
        """Report what the query does not see, then return its answer. Raises QueryError and ReplayError."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the delivered files are: a bucket, or a folder."""

    settings: Settings
    s3: Any = None
    bucket: str = ""
    folder: Path | None = None

    def coverage(self, dates: DateRange | None, reads_errors: bool) -> tuple[Coverage, StoredFiles]:
        """Return what a query of these dates reads and does not see, and the files for it."""
        if self.folder is not None:
            files = folder_files(self.folder, self.settings)
            return cover(files, dates, self.settings, errors=Counter()), _of_dates(
                files, dates, self.settings
            )
        files = bucket_files(self.s3, self.bucket, self.settings)
        asked = with_retrieval_states(
            self.s3, _of_dates(files, dates, self.settings, reads_errors=reads_errors)
        )
        states = {each.key: each for each in (*asked.delivered, *asked.errors)}
        known = replace(files, delivered=tuple(states.get(each.key, each) for each in files.delivered))
        claims = Claims(self.s3, self.bucket, self.settings.table.name, new_owner())
        errors = error_states(claims, self.settings, dates) if dates is not None else Counter()
        return cover(known, dates, self.settings, bucket=self.bucket, errors=errors), asked


class EnginePlace:
    """The embedded engine over a bucket or a folder."""

    dialect: Dialect = DuckDbDialect()

    def __init__(self, storage: Storage, connection: Any, now: Callable[[], datetime]) -> None:
        self._storage, self._connection, self._now = storage, connection, now

    def ask(self, question: Question, on_coverage: OnCoverage) -> QueryResult:
        """Answer from the files of the queried dates, by Athena's rules."""
        from ttl_archive.infra.query import engine  # it needs the extra
        from ttl_archive.infra.query.translation.asked_columns import asked_columns
        from ttl_archive.infra.query.translation.translate import translate_query

        settings, now = self._storage.settings, self._now()
        translation = None
        if question.athena_sql is None:
            translation = translate_query(question.sql, settings, question.parameters, now)
        dates = dates_of(question, settings, now, self._connection)
        coverage, files = self._storage.coverage(dates, reads_errors=True)
        on_coverage(coverage)
        sql, parameters = (translation.sql, ()) if translation else (question.sql, question.parameters)
        asked = asked_columns(translation.tree) if translation else None
        result = engine.answer_from_files(
            self._connection, files.readable(), settings, sql, parameters, asked
        )
        return _checked(result, translation.columns) if translation else result


class AthenaPlace:
    """Athena, in the archive's workgroup. Without the extra [sql] the queried dates are not known."""

    dialect: Dialect = AthenaDialect()

    def __init__(self, runner: AthenaRunner, storage: Storage | None, settings: Settings) -> None:
        self._runner, self._storage, self._settings = runner, storage, settings

    def ask(self, question: Question, on_coverage: OnCoverage) -> QueryResult:
        """Answer with Athena, which is asked as the question is written."""
        if self._storage is not None:
            dates = self._dates(question)
            on_coverage(self._storage.coverage(dates, reads_errors=False)[0])
        return self._runner.run(question.sql, question.parameters)

    def _dates(self, question: Question) -> DateRange | None:
        try:
            import duckdb
        except ModuleNotFoundError:
            return DateRange()
        try:
            with duckdb.connect() as connection:
                return dates_of(question, self._settings, datetime.now(UTC), connection)
        except QueryError:
            return DateRange()  # SQL that only Athena reads: any date may be in the answer


def dates_of(question: Question, settings: Settings, now: datetime, connection: Any) -> DateRange | None:
    """Return the dates of folders that the question reads, or None when it reads no delivered file."""
    from ttl_archive.infra.query.translation.queried_dates import queried_dates
    from ttl_archive.infra.query.translation.translate import parse_query, translate_constant

    def evaluate(node: Any) -> str | None:
        sql = translate_constant(node, question.sql, now)
        found = connection.execute(sql).fetchone() if sql else None
        return found[0] if found and isinstance(found[0], str) else None

    tree = parse_query(question.athena_sql or question.sql, question.parameters)
    return queried_dates(tree, _DATED, settings.output.date_column, evaluate)


@contextmanager
def folder_place(folder: Path, settings: Settings) -> Iterator[QueryPlace]:
    """Open the engine over a folder of delivered files."""
    from ttl_archive.infra.query.engine import open_engine

    with open_engine() as connection:
        yield EnginePlace(Storage(settings, folder=folder), connection, _now)


@contextmanager
def bucket_place(
    s3: Any, access: Any, bucket: str, settings: Settings, now: Callable[[], datetime] | None = None
) -> Iterator[QueryPlace]:
    """Open the engine over a bucket; `access` is an engine's S3Access, `now` the clock of the queries."""
    from ttl_archive.infra.query.engine import open_engine

    with open_engine(access) as connection:
        yield EnginePlace(Storage(settings, s3, bucket), connection, now or _now)


OpenPlace = AbstractContextManager[QueryPlace]


def _now() -> datetime:
    return datetime.now(UTC)


def _of_dates(
    files: StoredFiles, dates: DateRange | None, settings: Settings, *, reads_errors: bool = True
) -> StoredFiles:
    """Return the delivered files of the dates, and all error objects, which no filter leaves out."""
    asked = [
        each for each in files.delivered if dates is not None and has_date(dates, date_of(each.key, settings))
    ]
    return StoredFiles(tuple(asked), files.errors if reads_errors else ())


def _checked(result: QueryResult, expected: Sequence[Any]) -> QueryResult:
    """Return the result with the names of its OutputColumns.

    Raises RefusedHereError when the engine has another type than Trino would have.
    """
    for column, wanted in zip(result.columns, expected, strict=True):
        if str(wanted.type) not in ("unknown", column.type):
            raise refused_here(f'the column "{wanted.name}" ({wanted.type} there, {column.type} here)')
    names = [wanted.name for wanted in expected]
    columns = (replace(column, name=name) for column, name in zip(result.columns, names, strict=True))
    return replace(result, columns=tuple(columns))
