"""The SQL of a report, and what is checked before it is deployed.

key     the SQL
query   a saved query of this configuration
sql     the text itself
file    a file, whose path begins at the folder of archive.toml

A text of the user's is parsed, and its names are compared with the relations, where the extra [sql] is
installed. Without it, only the beginning and the number of parameters are checked, and `sql_warnings` says
so: `ttl-archive synth` needs no SQL engine.
"""

import json
import re
from collections.abc import Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ttl_archive.infra.query.query_errors import RefusedHereError, WrongSqlError
from ttl_archive.infra.query.sql_place import suggest
from ttl_archive.infra.scheduled_reports.results.closed_period import ClosedPeriod
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.saved_queries import SavedQuery, saved_queries
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, ERROR_FILES
from ttl_archive.transform.settings import Settings

if TYPE_CHECKING:
    from ttl_archive.infra.scheduled_reports.report_settings import ReportSettings

# The text is in the input and in the output of a state, each of which has 256 KiB at most.
# Source: AWS Step Functions Developer Guide, quotas; States.DataLimitExceeded in concepts-error-handling.
_MAX_BYTES = 200_000
_EXAMPLE = ClosedPeriod(date(2026, 11, 1), date(2026, 11, 30))  # for the words of parameters
_QUERY = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)


class ReportSqlError(Exception):
    """The SQL of a report cannot be run; the text names the key and says what to do."""


def find_sql(report: "ReportSettings", settings: Settings) -> str:
    """Return the SQL of a report. Raises ReportSqlError."""
    given = [key for key in ("query", "sql", "file") if getattr(report, key) is not None]
    if len(given) != 1:
        has = " and ".join(given) or "none of them"
        raise ReportSqlError(f"needs one of query, sql and file, and has {has}")
    if report.query is not None:
        found = _saved(report.query, settings)
        _check_count(f'query is "{report.query}"', found, report.parameters)
    else:
        text = _read_file(report.file, settings) if report.file is not None else report.sql or ""
        found = SavedQuery("", text.strip().removesuffix(";"))
        _check_text(given[0], found, report.parameters, settings)
    if len(json.dumps(found.sql)) > _MAX_BYTES:
        raise ReportSqlError(
            f"{given[0]}: the SQL is longer than the {_MAX_BYTES:,} bytes that a state machine can pass on. "
            "Select fewer columns"
        )
    return found.sql


def sql_warnings(reports: Sequence["ReportSettings"]) -> list[str]:
    """Return one sentence when there is SQL that could not be parsed here."""
    names = [report.name for report in reports if report.query is None]
    if not names or find_spec("sqlglot"):
        return []
    return [
        f"[[reports]] {', '.join(names)}: the SQL is not parsed, because a package is missing. To check it: "
        "pip install 'ttl-archive[sql]'"
    ]


def _saved(name: str, settings: Settings) -> SavedQuery:
    known = saved_queries(settings, AthenaDialect())
    if name not in known:
        raise ReportSqlError(f'query is "{name}", which is no saved query.{suggest(name, known)}')
    return known[name]


def _read_file(name: str, settings: Settings) -> str:
    path = Path(settings.file).parent / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReportSqlError(f"file is {path}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ReportSqlError(f"file is {path}, which is not UTF-8 text") from None


def _check_text(key: str, found: SavedQuery, parameters: Sequence[str], settings: Settings) -> None:
    if not _QUERY.match(found.sql):
        raise ReportSqlError(f"{key}: a report is one query that begins with SELECT or WITH")
    _check_count(key, found, parameters)
    if find_spec("sqlglot"):
        _parse(key, found, parameters, settings)


def _check_count(what: str, found: SavedQuery, parameters: Sequence[str]) -> None:
    needed, given = found.parameter_count, len(parameters)
    if needed == given:
        return
    example = ", ".join(['"{first_day}"', '"{last_day}"', *['"…"'] * needed][:needed])
    advice = f"Write parameters = [{example}]" if needed else "Remove parameters"
    takes = (
        f"takes {needed} parameter{'' if needed == 1 else 's'}, and {given} {'is' if given == 1 else 'are'}"
    )
    raise ReportSqlError(f"{what}: it {takes} given. {found.description} {advice}".replace("  ", " "))


def _parse(key: str, found: SavedQuery, parameters: Sequence[str], settings: Settings) -> None:
    """Raise ReportSqlError for a mistake. What only Athena can judge is left to Athena."""
    from ttl_archive.infra.query.translation import translate  # it needs the extra [sql]

    values = [_EXAMPLE.fill_in(text) for text in parameters]
    try:
        if any(name in found.sql for name in (ARCHIVE_FILES, ERROR_FILES)):
            translate.parse_query(found.sql, values)  # the text tables are no relations of the translation
        else:
            translate.translate_query(found.sql, settings, values)
    except WrongSqlError as error:
        raise ReportSqlError(f"{key}: {error}") from None
    except RefusedHereError:
        return
