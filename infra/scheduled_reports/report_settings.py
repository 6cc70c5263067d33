"""The sections [[reports]] of archive.toml: each is a query that runs on a schedule. Without any, none runs.

[[reports]]
name = "lost-values"
query = "misfits"                               # a saved query; or sql = "SELECT …", or file = "lost.sql"
parameters = ["{first_day}", "{last_day}"]      # one text for each ? of the query
every = "month"                                 # the closed day, week or month before the run
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ttl_archive.infra.scheduled_reports.report_sql import ReportSqlError, find_sql
from ttl_archive.infra.scheduled_reports.results.closed_period import WORDS
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.setting_rules import read_sections, setting, unknown_names
from ttl_archive.transform.settings import Settings

SECTION = "reports"
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_TEXT = r"(?s).*\S.*"


def _parameters(found: Any) -> tuple[str, ...]:
    texts = found if isinstance(found, list) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(found)
    return tuple(texts)


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """One [[reports]] entry."""

    # It is a part of keys in the bucket and of names in the state machine.
    name: str = setting(
        pattern=r"[a-z0-9][a-z0-9-]{0,39}", expected="up to 40 lower-case letters, digits and '-'"
    )
    query: str | None = setting(None, pattern=_TEXT, expected="the name of a saved query")
    sql: str | None = setting(None, pattern=_TEXT, expected="a query in Athena's SQL")
    file: str | None = setting(None, pattern=_TEXT, expected="the path of a file with SQL")
    parameters: tuple[str, ...] = setting(
        (), convert=_parameters, expected="a list of texts, one for each ? of the query"
    )
    every: Literal["day", "week", "month"] = setting("month")
    at: str = setting("06:00", pattern=r"([01]\d|2[0-3]):[0-5]\d", expected="a time in UTC, as 06:00")
    topic: str | None = setting(
        None,
        pattern=r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}",
        expected="the ARN of an SNS topic",
    )


@dataclass(frozen=True, slots=True)
class ScheduledReport:
    """A report with the SQL that it runs."""

    settings: ReportSettings
    sql: str


def load_reports(settings: Settings) -> tuple[ScheduledReport, ...]:
    """Return the reports that came with the settings. Raises SettingsError with every mistake."""
    problems: list[str] = []
    found = read_sections(ReportSettings, SECTION, settings.sections.get(SECTION, []), problems)
    reports = () if problems else tuple(_find_queries(found, settings, problems))
    problems += _repeated_names(each.name for each in found)
    if problems:
        raise SettingsError(settings.file, problems)
    return reports


def _find_queries(
    found: list[ReportSettings], settings: Settings, problems: list[str]
) -> Iterable[ScheduledReport]:
    for number, report in enumerate(found, 1):
        where = f"[[{SECTION}]] {number}"
        problems += [f"{where} parameters: {problem}" for problem in _unknown_words(report.parameters)]
        try:
            yield ScheduledReport(report, find_sql(report, settings))
        except ReportSqlError as error:
            problems.append(f"{where} {error}")


def _unknown_words(parameters: Iterable[str]) -> list[str]:
    words = [word for text in parameters for word in _PLACEHOLDER.findall(text)]
    return unknown_names(words, WORDS, "word in braces")


def _repeated_names(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    problems = []
    for number, name in enumerate(names, 1):
        if name in seen:
            problems.append(
                f'[[{SECTION}]] {number} name is "{name}", which an earlier report has. Its objects would '
                "replace each other: choose another name"
            )
        seen.add(name)
    return problems
