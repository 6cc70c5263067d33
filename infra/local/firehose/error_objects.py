"""The lines of error objects: one JSON object for each record that could not be processed.

Source: FDG data-transformation-failure-handling for the fields; the samples in FLOCI PR #3393 and MBTA
ocs-saver for their types and for one object per line.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

from ttl_archive.infra.local.firehose.processing import Failed

# lambdaArn in the guide and in objects until about 2023, lambdaARN in objects of 2025 and 2026.
LambdaArnField = Literal["lambdaARN", "lambdaArn"]


def error_line(failed: Failed, *, ended_ms: int, lambda_arn: str, lambda_arn_field: LambdaArnField) -> bytes:
    """One line; times in ms since the epoch, `rawData` the record as it came from the source, in base64."""
    record = failed.record
    fields: dict[str, Any] = {
        "attemptsMade": failed.attempts_made,
        "arrivalTimestamp": record.arrival_ms,
        "errorCode": failed.error_code,
        "errorMessage": failed.error_message,
        "attemptEndingTimestamp": ended_ms,
        "rawData": base64.b64encode(record.data).decode(),
        lambda_arn_field: lambda_arn,
    }
    if record.kinesis:
        # UNVERIFIED for a Kinesis source: documented for other error output types only.
        fields |= {"sequenceNumber": record.kinesis.sequence_number, "subsequenceNumber": 0}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
