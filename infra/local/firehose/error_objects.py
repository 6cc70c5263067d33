"""The lines of error objects: one JSON object for each record that could not be processed.

Source: FDG data-transformation-failure-handling for the fields; the capture in FLOCI PR #3393 for their order
and types; MBTA ocs-saver for one object per line.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

from ttl_archive.infra.local.firehose.processing import Failed

# lambdaArn in the guide and in objects until about 2023, lambdaARN in objects of 2025 and 2026.
LambdaArnField = Literal["lambdaARN", "lambdaArn"]


def error_line(failed: Failed, *, ended_ms: int, lambda_arn: str, lambda_arn_field: LambdaArnField) -> bytes:
    """Return one line. Times are in ms since the epoch; `rawData` is the source's record in base64."""
    record = failed.record
    fields: dict[str, Any] = {
        "rawData": base64.b64encode(record.data).decode(),
        "errorCode": failed.error_code,
        "errorMessage": failed.error_message,
        "attemptsMade": failed.attempts_made,
        "arrivalTimestamp": record.arrival_ms,
        "attemptEndingTimestamp": ended_ms,
        lambda_arn_field: lambda_arn,
    }
    if record.kinesis:
        # UNVERIFIED for a Kinesis source: documented for other error output types only.
        fields |= {"sequenceNumber": record.kinesis.sequence_number, "subsequenceNumber": 0}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
