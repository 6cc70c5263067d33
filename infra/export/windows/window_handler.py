"""The entry that Lambda calls for the export's state machine: what is to be done next.

event    {"action": "plan", "scheduled_time": "2026-11-24T00:00:00Z", "earliest": "…", "config": {…}}
answer   {"next": "export", "window": {"start": "…", "end": "…"}, "token": "…", "prefix": "…", "attempt": 0}
         {"next": "wait", "seconds": 360}, {"next": "done"}, {"next": "gap", "message": "…"}

event    {"action": "remember", "window": {…}, "arn": "…", "config": {…}}
event    {"action": "failed", "window": {…}, "attempt": 0, "config": {…}}
answer   {"next": "plan"}, or {"next": "fail"} after three failures of a window

"config": {"bucket", "key", "prefix", "table", "kind", "every_s"}
"""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from ttl_archive.infra.export.windows.export_windows import Gap, Window, next_window
from ttl_archive.infra.export.windows.window_record import (
    WindowTakenError,
    read_window_record,
    write_window_record,
)

ATTEMPTS = 3  # exports of one window, before the execution fails
_TOKEN_DIGITS = 32  # at most 36 characters. Source: DynamoDB API Reference, ExportTableToPointInTime

Event = dict[str, Any]


def handler(event: Event, context: Any) -> Event:  # noqa: ARG001  Lambda passes it
    """Answer one request of the state machine. Raises WindowTakenError, which it retries."""
    return answer_request(event, _s3(), int(time.time()))


def answer_request(event: Event, s3: Any, now_s: int) -> Event:
    """Answer one request at that time. Raises WindowTakenError, or ClientError."""
    return _ACTIONS[event["action"]](event, s3, now_s)


def _plan(event: Event, s3: Any, now_s: int) -> Event:
    config = event["config"]
    record = read_window_record(s3, config["bucket"], config["key"])
    found = next_window(
        record.end_s,
        _seconds(event["scheduled_time"]),
        _seconds(event["earliest"]),
        every_s=config["every_s"],
        is_full=config["kind"] == "full",
    )
    if found is None:
        return {"next": "done"}
    if isinstance(found, Gap):
        return {"next": "gap", "message": _gap_message(found, config)}
    if record.end_s is None and found.start_s is not None:
        # The series begins here, also when this run fails: the next one must not begin later.
        record = record.begun(found.start_s)
        write_window_record(s3, config["bucket"], config["key"], record)
    if (seconds := found.wait_s(now_s)) > 0:
        return {"next": "wait", "seconds": seconds}
    return {
        "next": "export",
        "window": _texts(found),
        "token": _token(found, record.attempt, config),
        "prefix": f"{config['prefix']}dt={_text(found.end_s)[:10]}",
        "attempt": record.attempt,
    }


def _remember(event: Event, s3: Any, now_s: int) -> Event:  # noqa: ARG001  every action has the time
    config, end_s = event["config"], _seconds(event["window"]["end"])
    record = read_window_record(s3, config["bucket"], config["key"])
    if record.end_s is not None and record.end_s >= end_s:
        return {"next": "plan"}  # another run has remembered the same export
    start = event["window"].get("start")
    if start and record.end_s not in (None, _seconds(start)):
        raise WindowTakenError(f"the window from {start} does not begin where the last one ended")
    export = event["window"] | {"arn": event["arn"]}
    write_window_record(s3, config["bucket"], config["key"], record.exported(export, end_s))
    return {"next": "plan"}


def _failed(event: Event, s3: Any, now_s: int) -> Event:  # noqa: ARG001
    config = event["config"]
    record = read_window_record(s3, config["bucket"], config["key"])
    if record.attempt != event["attempt"]:
        return {"next": "plan"}  # another run has counted this failure
    record = record.failed()
    write_window_record(s3, config["bucket"], config["key"], record)
    return {"next": "fail" if record.attempt % ATTEMPTS == 0 else "plan"}


_ACTIONS: dict[str, Callable[[Event, Any, int], Event]] = {
    "plan": _plan,
    "remember": _remember,
    "failed": _failed,
}


def _gap_message(gap: Gap, config: Event) -> str:
    return (
        f"the changes of {config['table']} from {_text(gap.from_s)} to {_text(gap.to_s)} are in no export, "
        "because point-in-time recovery does not reach back that far. Make a full export and backfill it, "
        f"then delete s3://{config['bucket']}/{config['key']}: the next run begins a new series of windows"
    )


def _token(window: Window, attempt: int, config: Event) -> str:
    """Return the same token for the same attempt of a window, so that a retry starts no second export."""
    parts = (config["table"], config["kind"], window.start_s, window.end_s, attempt)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:_TOKEN_DIGITS]


def _texts(window: Window) -> dict[str, str]:
    start = {} if window.start_s is None else {"start": _text(window.start_s)}
    return start | {"end": _text(window.end_s)}


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(time_of: str | float) -> int:
    """Return a time in whole seconds: ISO 8601, or a number. How the service writes it is UNVERIFIED."""
    if isinstance(time_of, str):
        return int(datetime.fromisoformat(time_of).timestamp())
    return int(time_of)


@cache
def _s3() -> Any:
    return boto3.client("s3")
