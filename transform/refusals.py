"""Records that cannot become rows -> one error object, of the form that Firehose writes for a failed record.

The object lies where the replay commands and the relation `errors` look for those of Firehose:
errors/TABLE/processing-failed/dt=2026-11-21/. Its lines have the members of Firehose's, and rawData is the
record of the event as JSON. The error code is the refusal's code after "Forwarder.".
Source: Amazon Data Firehose Developer Guide, data-transformation failure handling.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pybase64 import b64encode_as_string

from ttl_archive.transform import layout
from ttl_archive.transform.forward_tally import ForwardTally
from ttl_archive.transform.limits import Entry
from ttl_archive.transform.refusal import Refusal
from ttl_archive.transform.reingest import Client, Target, TimeLeft, reingest
from ttl_archive.transform.settings import Settings

_OBJECT_BYTES = 5 * 1024**3  # of one put. Source: Amazon S3 User Guide, uploading objects.


def error_objects(s3: Client, bucket: str) -> Target:
    """Return a bucket as a target: the partition key of an entry is the object's key."""

    def put(entries: Sequence[Entry]) -> list[str | None]:
        receipts = [s3.put_object(Bucket=bucket, Key=each.partition_key, Body=each.data) for each in entries]
        return [None if receipt.get("ETag") else "NoReceipt" for receipt in receipts]

    return Target(put, 1, _OBJECT_BYTES)


def put_refusals(
    settings: Settings,
    target: Target,
    refusals: Sequence[Refusal],
    function_arn: str,
    time_left: TimeLeft,
    tally: ForwardTally,
) -> bool:
    """Put one error object with these records, and return whether the bucket confirmed it."""
    now = datetime.now(UTC)
    key = layout.error_object_key(settings, "forwarder", now, str(uuid.uuid4()))
    lines = [_error_line(each, now, tally.started_ms, function_arn) for each in refusals]
    confirmed, errors = reingest(target, [Entry(0, b"".join(lines), key)], time_left)
    tally.put_errors += errors
    return bool(confirmed)


def _error_line(refusal: Refusal, now: datetime, arrived_ms: int, function_arn: str) -> bytes:
    line: dict[str, Any] = {
        "rawData": b64encode_as_string(refusal.data),
        "errorCode": f"Forwarder.{refusal.code}",
        "errorMessage": "The forwarder could not put the record's row into the delivery stream",
        "attemptsMade": 1,
        "arrivalTimestamp": arrived_ms,
        "attemptEndingTimestamp": int(now.timestamp() * 1000),
        "lambdaARN": function_arn,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"
