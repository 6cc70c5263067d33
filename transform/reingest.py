"""Puts records back into their source. These are the only calls that the transform makes.

A record of a Kinesis data stream is put back into that stream with its own partition key, because Firehose
refuses puts into a delivery stream that reads from one. A record that was put directly is put back into the
delivery stream. An entry counts as confirmed only when the service says so for that entry.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from ttl_archive.transform.limits import (
    FIREHOSE_CALL_BYTES,
    FIREHOSE_CALL_RECORDS,
    KINESIS_CALL_BYTES,
    KINESIS_CALL_RECORDS,
    Entry,
    batches,
)

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 5
# A call is made only when it can end, and the response be sent, in the time left.
LEAST_TIME_LEFT_S = CONNECT_TIMEOUT_S + READ_TIMEOUT_S + 3
NO_TIME_LEFT = "NoTimeLeft"  # the error code of entries for which no time was left
WITHOUT_CONTEXT_S = 60.0  # the time left when no Lambda context says it
ATTEMPTS = 20  # as many as in AWS's own blueprint
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0

# Errors of a whole call after which a retry may succeed.
# Source: Kinesis API Reference, PutRecords; Firehose API Reference, PutRecordBatch.
_TRANSIENT = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

Client = Any  # boto3's clients have no types
TimeLeft = Callable[[], float]


class Target(NamedTuple):
    """The source of records: one put call, and its limits."""

    put: Callable[
        [Sequence[Entry]], Sequence[str | None]
    ]  # returns each entry's error code, or None when confirmed
    max_records: int
    max_bytes: int


def reingest(
    target: Target, entries: Sequence[Entry], time_left: TimeLeft, pause: Callable[[float], None] = time.sleep
) -> tuple[set[int], Counter[str]]:
    """Put the entries back while there is time.

    Returns the positions of the entries that the service confirmed, and the counts of its error codes, with
    NoTimeLeft for each entry that remained when the time ran out.
    """
    confirmed: set[int] = set()
    errors: Counter[str] = Counter()
    for batch in batches(entries, target.max_records, target.max_bytes):
        waiting, attempt = batch, 0
        while waiting and attempt < ATTEMPTS and time_left() >= LEAST_TIME_LEFT_S:
            if attempt:
                pause(_jittered(attempt, time_left()))
            codes, again = _attempt(target, waiting)
            confirmed.update(
                entry.position for entry, code in zip(waiting, codes, strict=True) if code is None
            )
            errors.update(code for code in codes if code is not None)
            waiting = [
                entry for entry, code in zip(waiting, codes, strict=True) if code is not None and again
            ]
            attempt += 1
        if waiting and time_left() < LEAST_TIME_LEFT_S:
            errors[NO_TIME_LEFT] += len(waiting)
    return confirmed, errors


def seconds_left(context: Any) -> TimeLeft:
    """Return the function that returns the seconds until Lambda ends the invocation."""
    if context is None:
        return lambda: WITHOUT_CONTEXT_S
    return lambda: context.get_remaining_time_in_millis() / 1000


def source_of(event: dict[str, Any], client: Client = None) -> Target:
    """Return the source of an event's records. Imports boto3, unless a client is given."""
    stream_arn = event.get("sourceKinesisStreamArn")
    arn = stream_arn or event["deliveryStreamArn"]
    if client is None:
        client = client_for("kinesis" if stream_arn else "firehose", region=arn.split(":")[3])
    return kinesis_stream(client, arn) if stream_arn else delivery_stream(client, arn)


def kinesis_stream(client: Client, stream_arn: str) -> Target:
    """Return a Kinesis data stream as a target. Every consumer of it sees the records again."""

    def put(entries: Sequence[Entry]) -> list[str | None]:
        records = [{"Data": entry.data, "PartitionKey": entry.partition_key} for entry in entries]
        answer = client.put_records(StreamARN=stream_arn, Records=records)
        return _error_codes(entries, answer.get("Records", []), "SequenceNumber")

    return Target(put, KINESIS_CALL_RECORDS, KINESIS_CALL_BYTES)


def delivery_stream(client: Client, delivery_stream_arn: str) -> Target:
    """Return a delivery stream that accepts direct puts as a target."""
    name = delivery_stream_arn.rpartition("/")[2]

    def put(entries: Sequence[Entry]) -> list[str | None]:
        records = [{"Data": entry.data} for entry in entries]
        answer = client.put_record_batch(DeliveryStreamName=name, Records=records)
        return _error_codes(entries, answer.get("RequestResponses", []), "RecordId")

    return Target(put, FIREHOSE_CALL_RECORDS, FIREHOSE_CALL_BYTES)


def _attempt(target: Target, entries: Sequence[Entry]) -> tuple[Sequence[str | None], bool]:
    """Make one call. Returns each entry's error code or None, and whether a retry may succeed."""
    from botocore import exceptions as botocore

    try:
        return target.put(entries), True
    except botocore.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "Unknown")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return [code] * len(entries), code in _TRANSIENT or status >= 500
    except (botocore.ConnectionError, botocore.HTTPClientError) as error:
        # The service may have accepted the entries before the error: a retry may duplicate, never lose.
        return [type(error).__name__] * len(entries), True
    except Exception as error:  # noqa: BLE001  entries that were confirmed before must stay confirmed
        return [type(error).__name__] * len(entries), False


def _error_codes(
    entries: Sequence[Entry], results: Sequence[dict[str, Any]], receipt: str
) -> list[str | None]:
    """Return each entry's error code, or None when the entry has the service's receipt."""
    codes = [
        None
        if result.get(receipt) and not result.get("ErrorCode")
        else result.get("ErrorCode") or "NoReceipt"
        for result in results[: len(entries)]
    ]
    return codes + ["NoReceipt"] * (len(entries) - len(codes))


def _jittered(attempt: int, time_left_s: float) -> float:
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
    pause = random.uniform(0, longest)  # noqa: S311  spreads retries; it protects nothing
    return min(pause, max(0.0, time_left_s - LEAST_TIME_LEFT_S))


@cache  # to make a client takes as long as to convert a whole batch
def client_for(service: str, region: str | None = None) -> Client:
    """Return the client of a service; without a Region it is the one of the environment."""
    import boto3
    from botocore.config import Config

    # We retry, because botocore would send a whole batch again and ignore the time left.
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, retries={"total_max_attempts": 1}
    )
    return boto3.client(service, region_name=region, config=config)
