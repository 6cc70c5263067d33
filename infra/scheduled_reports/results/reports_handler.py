"""The entry that Lambda calls for the reports' state machine.

event    {"action": "plan", "input": {"report": "lost-values", "scheduled_time": "2026-12-01T06:00:00Z"},
          "config": {…}}
answer   {"next": "query", "report": "lost-values", "first_day": "2026-11-01", "last_day": "2026-11-30",
          "parameters": ["'2026-11-01'", …], "csv": KEY, "json": KEY, "replace": false, "topic": ARN,
          "unread": 0, "attempt": 1}, or with "next": "done" when the report is there already

event    {"action": "write", "plan": {…}, "query": {"id": "…", "location": "s3://…"}, "config": {…}}
answer   {"subject": "…", "message": "…"}

event    {"action": "explain", "plan": {…}, "error": "…", "cause": "…", "config": {…}}
answer   the plan with "next": "query" for another attempt, or "fail" with "subject" and "message"

"input" may have "again": true, which replaces the objects of the report.
"config": {"bucket", "table", "folder", "day_folder", "reports": {NAME: {"every", "parameters", "topic"}}}
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ttl_archive.infra.scheduled_reports.results.closed_period import ClosedPeriod, closed_period
from ttl_archive.infra.scheduled_reports.results.failure_reasons import explain_error
from ttl_archive.infra.scheduled_reports.results.result_files import (
    ReportError,
    ReportFiles,
    is_complete,
    write_report,
)
from ttl_archive.infra.scheduled_reports.results.unread_objects import count_unread

ATTEMPTS = 3  # of a query that Athena says may be tried again

Event = dict[str, Any]


class ReportInputError(ReportError):
    """The input of the execution names no report, or no period that is over."""


class ReportCallError(ReportError):
    """AWS refused a call; the state machine tries again, because it may have been busy."""


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What an answer depends on besides its event. `time_left` returns the seconds until Lambda's timeout."""

    clients: Callable[[str], Any]
    time_left: Callable[[], float]
    now: datetime


def handler(event: Event, context: Any) -> Event:
    """Answer one request of the state machine. Raises ReportError."""

    def time_left() -> float:
        return context.get_remaining_time_in_millis() / 1000  # type: ignore[no-any-return]

    return answer_report(event, ReportContext(_client, time_left, datetime.now(UTC)))


def answer_report(event: Event, context: ReportContext) -> Event:
    """Answer one request. Raises ReportError."""
    try:
        return _ACTIONS[event["action"]](event, context)
    except ClientError as error:  # its class differs with the error's code, and the state machine knows names
        raise ReportCallError(str(error)) from error


def _plan(event: Event, context: ReportContext) -> Event:
    config, given = event["config"], event["input"]
    name, report = _report(config, given)
    period = _closed(report["every"], given, context.now)
    key = f"{config['folder']}{name}/{period.name}"
    plan = {
        "report": name,
        "first_day": str(period.first),
        "last_day": str(period.last),
        "parameters": [period.fill_in(text) for text in report["parameters"]],
        "csv": f"{key}.csv",
        "json": f"{key}.json",
        "replace": bool(given.get("again")),
        "topic": report["topic"],
        "attempt": 1,
    }
    s3 = context.clients("s3")
    if not plan["replace"] and is_complete(s3, _files(config, plan)):
        return {**plan, "next": "done"}
    unread = count_unread(s3, config["bucket"], config["day_folder"], period)
    return {**plan, "unread": unread, "next": "query"}


def _write(event: Event, context: ReportContext) -> Event:
    config, plan, s3 = event["config"], event["plan"], context.clients("s3")
    period = _period(plan)
    # Also after the query, because objects move to GLACIER at any time.
    now_unread = count_unread(s3, config["bucket"], config["day_folder"], period)
    unread = max(plan["unread"], now_unread)
    header = {
        "name": plan["report"],
        "table": config["table"],
        "first_day": plan["first_day"],
        "last_day": plan["last_day"],
        "unread_objects": unread,
    }
    files = _files(config, plan)
    athena = context.clients("athena")
    written = write_report(s3, athena, files, event["query"], header, context.time_left)
    rows = f"{written.row_count:,} row{'' if written.row_count == 1 else 's'}"
    found = rows if written.row_count else "no rows: the query succeeded, and found nothing"
    lines = [
        f"The report {plan['report']} of {config['table']} for {period} has {found}.",
        f"CSV:  s3://{files.bucket}/{files.csv}",
        f"JSON: s3://{files.bucket}/{files.json}",
        f"Query: {written.query_id}",
    ]
    if unread:
        lines.append(
            f"{unread:,} objects of these days are in GLACIER and not retrieved: their rows are not in the "
            "report."
        )
    return {"subject": f"Report {plan['report']}: {period}, {rows}", "message": "\n".join(lines)}


def _explain(event: Event, context: ReportContext) -> Event:
    config, plan = event["config"], event["plan"]
    failure = explain_error(context.clients("athena"), event["error"], event["cause"])
    if failure.is_temporary and plan["attempt"] < ATTEMPTS:
        return {**plan, "attempt": plan["attempt"] + 1, "next": "query"}
    period = _period(plan)
    message = (
        f"The report {plan['report']} of {config['table']} for {period} failed.\n"
        f"{failure.reason}\n"
        "Correct the cause, then start the state machine with the same input."
    )
    return {
        **plan,
        "next": "fail",
        "subject": f"Report {plan['report']} failed: {period}",
        "message": message,
    }


_ACTIONS: dict[str, Callable[[Event, ReportContext], Event]] = {
    "plan": _plan,
    "write": _write,
    "explain": _explain,
}


def _report(config: Event, given: Event) -> tuple[str, Event]:
    name, known = given.get("report"), config["reports"]
    if name not in known:
        close = get_close_matches(str(name), known, 1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise ReportInputError(f'"{name}" is no report. {hint}Known: {", ".join(known)}')
    return str(name), known[name]


def _closed(every: str, given: Event, now: datetime) -> ClosedPeriod:
    """Return the period, which must be over: a report of a part of it would stay as it is."""
    text = given.get("scheduled_time")
    try:
        period = closed_period(every, datetime.fromisoformat(str(text)))
    except ValueError:
        raise ReportInputError(
            f"scheduled_time has value {text!r}. It must be a time as 2026-12-01T06:00:00Z"
        ) from None
    if now.astimezone(UTC).date() <= period.last:
        raise ReportInputError(f"{period} is not over. Choose a scheduled_time that has passed")
    return period


def _files(config: Event, plan: Event) -> ReportFiles:
    return ReportFiles(config["bucket"], plan["csv"], plan["json"], plan["replace"])


def _period(plan: Event) -> ClosedPeriod:
    return ClosedPeriod(date.fromisoformat(plan["first_day"]), date.fromisoformat(plan["last_day"]))


@cache
def _client(service: str) -> Any:
    return boto3.client(service)
