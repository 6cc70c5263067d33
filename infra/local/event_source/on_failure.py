"""The object that a mapping writes to its on-failure destination, an S3 bucket, for what it discards.

Source: LDG, services-dynamodb-errors; LS-esm, the test with the S3 destination.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ttl_archive.infra.local.event_source.stream import ShardRecord

# Whether `payload` is a JSON string, as the guide says, or an object is UNVERIFIED.
PayloadForm = Literal["string", "object"]
Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]


@dataclass(frozen=True)
class DiscardedBatch:
    """Records that a mapping discards, and why.

    `function_error` is "Unhandled" after an exception or a timeout, and None after a reported failure.
    """

    records: Sequence[ShardRecord]
    shard_id: str
    condition: Condition
    invocations: int
    request_id: str
    function_error: str | None = None


def object_key(mapping_uuid: str, shard_id: str, discarded_at: datetime, unique: uuid.UUID) -> str:
    """Return the key, which has no extension and no prefix of one's own."""
    day, second = discarded_at.strftime("%Y/%m/%d"), discarded_at.strftime("%Y-%m-%dT%H.%M.%S")
    return f"aws/lambda/{mapping_uuid}/{shard_id}/{day}/{second}-{unique}"


def invocation_record(
    batch: DiscardedBatch,
    *,
    function_arn: str,
    stream_arn: str,
    discarded_at: datetime,
    payload_form: PayloadForm,
) -> bytes:
    """Return the body: metadata, and the whole event of the function as `payload`.

    There is no responseContext for a batch that became too old: recorded for Kinesis.
    """
    event = {"Records": [record.event for record in batch.records]}
    exhausted = batch.condition == "RetryAttemptsExhausted"
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": batch.request_id,
            "functionArn": function_arn,
            "condition": batch.condition,
            "approximateInvokeCount": batch.invocations,
        },
        **({"responseContext": _response_context(batch.function_error)} if exhausted else {}),
        "version": "1.0",
        "timestamp": _iso(discarded_at, "milliseconds"),
        "DDBStreamBatchInfo": _batch_info(batch, stream_arn),
        "payload": event if payload_form == "object" else json.dumps(event, ensure_ascii=False),
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _response_context(function_error: str | None) -> dict[str, Any]:
    return {"statusCode": 200, "executedVersion": "$LATEST", "functionError": function_error}


def _batch_info(batch: DiscardedBatch, stream_arn: str) -> dict[str, Any]:
    first, last = batch.records[0], batch.records[-1]
    return {
        "shardId": batch.shard_id,
        "startSequenceNumber": first.sequence_number,
        "endSequenceNumber": last.sequence_number,
        "approximateArrivalOfFirstRecord": _iso(_time(first), "seconds"),
        "approximateArrivalOfLastRecord": _iso(_time(last), "seconds"),
        "batchSize": len(batch.records),
        "streamArn": stream_arn,
    }


def _time(record: ShardRecord) -> datetime:
    return datetime.fromtimestamp(record.arrival_ms / 1000, UTC)


def _iso(moment: datetime, timespec: str) -> str:
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
