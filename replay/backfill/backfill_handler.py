"""The entry that Lambda calls for one batch of a Step Functions Distributed Map over an export's data files.

event    {"bucket": "my-archive", "folder": "exports/DeviceData/dt=2026-11-24/AWSDynamoDB/ID/",
          "choice": "expired", "items": [{"dataFileS3Key": "…", "itemCount": 8, "md5Checksum": "…"}]}
answer   {"files": {"done": 1}, "lines": 8, "rows": 5, "rows_before": 0, "left": {"not-expired": 3},
          "refused": {}}

The items are lines of manifest-files.json; what they say is read from the manifest again, which is verified.
A file that is done is left as it is. One that could not be finished makes the call fail, so that the map
tries the batch again.
"""

from functools import cache
from threading import Event, Timer
from typing import Any

from ttl_archive.replay.aws import Clients
from ttl_archive.replay.backfill.backfill_file import BackfillRun, FileEnding, backfill_file
from ttl_archive.replay.backfill.backfill_run import (
    BackfillSummary,
    FindClient,
    check_archive,
    find_exports,
)
from ttl_archive.replay.backfill.item_choice import Choice
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.items.export_store import SUMMARY
from ttl_archive.transform.settings import Settings, load

_RESERVE_S = 20  # of the function's time: to end the lines in hand
_NAMED_AT_MOST = 20
_UNFINISHED = (FileEnding.FAILED, FileEnding.STOPPED, FileEnding.BUSY)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Backfill the data files of one batch. Raises ReplayError when one could not be finished."""
    stop = Event()
    timer = Timer(max(0.0, context.get_remaining_time_in_millis() / 1000 - _RESERVE_S), stop.set)
    timer.daemon = True
    timer.start()
    try:
        return backfill_batch(event, _clients(), _settings(), stop=stop)
    finally:
        timer.cancel()


def backfill_batch(
    event: dict[str, Any], clients: FindClient, settings: Settings, *, stop: Event
) -> dict[str, Any]:
    """Backfill the data files of one batch with these clients and settings.

    Raises ReplayError when a file could not be finished, and MisuseError for a file of another export.
    """
    bucket = event["bucket"]
    (export,) = find_exports(f"s3://{bucket}/{event['folder']}{SUMMARY}", clients, settings)
    run = BackfillRun(clients("s3"), bucket, settings, Choice(event["choice"]), stop=stop)
    check_archive(run)
    data_files = {data.key: data for data in export.files}
    summary = BackfillSummary()
    for item in event["items"]:
        if item["dataFileS3Key"] not in data_files:
            raise MisuseError(f"{item['dataFileS3Key']} is no data file of {export.manifest}")
        summary.add(backfill_file(run, export, data_files[item["dataFileS3Key"]]))
    if any(summary.files[ending] for ending in _UNFINISHED):
        raise ReplayError("; ".join(reason for _, reason in summary.reasons[:_NAMED_AT_MOST]))
    return _answer(summary)


def _answer(summary: BackfillSummary) -> dict[str, Any]:
    tally = summary.tally
    return {
        "files": dict(summary.files),
        "lines": tally.lines,
        "rows": tally.rows,
        "rows_before": summary.before,
        "left": tally.left,
        "refused": tally.refused,
    }


@cache
def _settings() -> Settings:
    return load()


@cache
def _clients() -> Clients:
    return Clients()
