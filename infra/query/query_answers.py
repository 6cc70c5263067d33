"""`ttl-archive query`: the question, its place, and how the answer is written."""

import sys
from pathlib import Path
from shlex import split

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.query.coverage import Coverage
from ttl_archive.infra.query.open_place import known_names, needs_extra, open_place
from ttl_archive.infra.query.output_formats import WRITERS, write_document
from ttl_archive.infra.query.query_errors import (
    MissingExtraError,
    QueryError,
    RefusedHereError,
    WrongSqlError,
)
from ttl_archive.infra.query.query_options import QueryOptions
from ttl_archive.infra.query.query_places import QueryPlace, Question
from ttl_archive.infra.query.query_result import QueryResult
from ttl_archive.infra.query.sql_place import suggest
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.dialect import Dialect
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import FAILED, MISUSED, fail
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.transform.settings import Settings, load


def run_query(config: Path | None, how: QueryOptions, sql: str | None, values: tuple[str, ...]) -> None:
    """Answer a question, or those of the prompt; end the process with the exit code of a failure.

    Raises SettingsError, MisuseError and ReplayError.
    """
    _check_output(how)
    settings = load(config, deploy_settings.SECTIONS)
    try:
        with open_place(how, settings) as place:
            if sql is None:
                _prompt(place, how, settings)
            else:
                answer(place, _question(sql, values, settings, place.dialect), how)
    except (WrongSqlError, RefusedHereError, MissingExtraError) as error:
        fail(str(error), MISUSED)
    except KeyboardInterrupt:
        fail("stopped by Ctrl-C", FAILED)


def list_saved_queries(config: Path | None, *, as_json: bool) -> None:
    """Show the saved queries. Raises SettingsError."""
    saved = saved_queries(load(config, deploy_settings.SECTIONS), AthenaDialect())
    if as_json:
        show.as_json(
            [
                {"name": name, "description": each.description, "values": each.parameter_count}
                for name, each in saved.items()
            ]
        )
        return
    for name, each in saved.items():
        show.field(name, each.description, 20)


def answer(place: QueryPlace, question: Question, how: QueryOptions) -> None:
    """Ask the place, and write what the query does not see, and then its answer."""
    seen: list[Coverage] = []

    def on_coverage(coverage: Coverage) -> None:
        seen.append(coverage)
        for sentence in coverage.sentences():
            show.note(f"Note: {sentence}")

    result = place.ask(question, on_coverage)
    if how.as_json:
        write_document(result, seen[0].document() if seen else None, sys.stdout)
        return
    count = _write(result, how)
    cost = f", {show.size(result.scan.bytes)} read (about ${result.scan.usd:.4f})" if result.scan else ""
    show.note(f"{show.plural(count, 'row')}{cost}.")


def _write(result: QueryResult, how: QueryOptions) -> int:
    if how.file_format == "parquet":
        assert how.out is not None  # noqa: S101  _check_output has refused it
        with needs_extra("--format parquet"):
            from ttl_archive.infra.query.parquet_file import write_parquet

        return write_parquet(result, how.out)
    if how.out is None:
        return WRITERS[how.file_format](result, sys.stdout)
    with how.out.open("w", encoding="utf-8", newline="") as out:
        return WRITERS[how.file_format](result, out)


def _question(sql: str, values: tuple[str, ...], settings: Settings, dialect: Dialect) -> Question:
    """Return the saved query of that name, or the SQL itself. Raises WrongSqlError."""
    saved = saved_queries(settings, dialect)
    if sql not in saved:
        if sql.isidentifier():
            raise WrongSqlError(f'"{sql}" is no saved query.{suggest(sql, saved)}')
        return Question(sql, values)
    needed = saved[sql].parameter_count
    if needed != len(values):
        raise WrongSqlError(
            f"{sql} takes {show.plural(needed, 'value')}, and {len(values)} are given. "
            f"{saved[sql].description}"
        )
    athena_sql = saved_queries(settings, AthenaDialect())[sql].sql
    return Question(saved[sql].sql, values, athena_sql)


def _prompt(place: QueryPlace, how: QueryOptions, settings: Settings) -> None:
    """Ask for queries on the terminal, and answer each, until the user leaves."""
    if not sys.stdin.isatty():
        raise MisuseError('give the SQL, --file FILE (or "-"), or the name of a saved query')
    with needs_extra("the prompt"):
        from ttl_archive.infra.query.query_prompt import run_prompt

    def ask(text: str) -> None:
        words = split(text) if text.split()[0] in saved_queries(settings, place.dialect) else [text]
        try:
            answer(place, _question(words[0], tuple(words[1:]), settings, place.dialect), how)
        except (QueryError, ReplayError) as error:
            show.note(f"Error: {error}")
        except KeyboardInterrupt:
            show.note("Stopped by Ctrl-C.")

    run_prompt(ask, known_names(settings), history_file())


def history_file() -> Path:
    """Return the file of the prompt's history, for its owner alone: a query may have an item's value."""
    path = Path(click.get_app_dir("ttl-archive")) / "query-history"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600, exist_ok=True)
    return path


def _check_output(how: QueryOptions) -> None:
    if how.file_format == "parquet" and how.out is None:
        raise MisuseError("--format parquet writes a file: name it with --out FILE")
    if how.as_json and (how.out or how.file_format != "table"):
        raise MisuseError("--json prints one document, and goes with neither --format nor --out")
