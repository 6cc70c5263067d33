"""What Lambda writes into the on-failure destination of a mapping, as it was recorded (LS-esm)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.replay.samples import TABLE
from tests.transform.fakes_forwarder import STREAM_ARN, removal

KEY = (
    "aws/lambda/8f3c5f3e-1d2b-4c5a-9e8f-0a1b2c3d4e5f/shardId-00000001664559083000-abcdef01/2026/11/20/"
    "2026-11-20T10.15.00-6a0f1f0c-4b7e-4c59-9b3c-2f1d0e9c8b7a"
)


def stream_removal(number: int, image: dict[str, Any] | None = None) -> dict[str, Any]:
    """A TTL removal of the tests' table, as Lambda delivers it."""
    return removal(number, image, eventSourceARN=STREAM_ARN.replace("devices", TABLE))


def discarded_batch(records: Sequence[Any], *, as_text: bool = False, **members: Any) -> bytes:
    """The document of a batch whose retries were used up; `payload` is an object, or JSON in a string."""
    payload: Any = {"Records": list(records)}
    document = {
        "requestContext": {
            "requestId": "0e9d6e1a-0000-4000-8000-000000000000",
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:forwarder",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 4,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-20T10:15:00.000Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000001664559083000-abcdef01",
            "startSequenceNumber": "700000000000888747038",
            "endSequenceNumber": "700000000000888747039",
            "approximateArrivalOfFirstRecord": "2026-11-20T10:00:00Z",
            "approximateArrivalOfLastRecord": "2026-11-20T10:00:00Z",
            "batchSize": len(records),
            "streamArn": STREAM_ARN,
        },
        "payload": json.dumps(payload) if as_text else payload,
    } | members
    return json.dumps({name: value for name, value in document.items() if value is not ...}).encode()
