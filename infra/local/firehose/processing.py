"""Transformation by a Lambda function: the event, the retries, and the outcome of each record.

Source: FDG, data-transformation and monitoring-with-cloudwatch-logs (codes and messages); FLOCI probes of
2026-09.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pybase64

from ttl_archive.infra.local.firehose.function import (
    MAX_REQUEST_BYTES,
    Function,
    FunctionError,
    FunctionTimedOut,
)
from ttl_archive.infra.local.firehose.prefixes import PROCESSING_FAILED
from ttl_archive.infra.local.firehose.source import SourceRecord

_log = logging.getLogger(__name__)

# FDG: monitoring-with-cloudwatch-logs, unless another source is named.
_MESSAGES = {
    "Lambda.FunctionError": "The Lambda function was successfully invoked but it returned an error result.",
    "Lambda.FunctionTimedOut": (
        "The Lambda function invocation timed out. Increase the Timeout setting in the Lambda function."
    ),
    "Lambda.ResourceNotFound": (
        "The specified Lambda function does not exist. Use a different function that does exist."
    ),
    # The objects spell Ids, the guide IDs (SEEN CloudSnorkel/CloudWatch2S3 #3, FLOCI).
    "Lambda.MissingRecordId": (
        "One or more record Ids were not returned. Ensure that the Lambda function returns all received"
        " record Ids."
    ),
    "Lambda.DuplicatedRecordId": (
        "Multiple records were returned with the same record Id. Ensure that the Lambda function returns"
        " a unique record Id for each record."
    ),
    "Lambda.ProcessingFailedStatus": "ProcessingFailed status set for record",  # FLOCI; SEEN
    "Lambda.InvalidReturnFormat": (  # FLOCI
        "The data field cannot be null when the SourceType is DirectPut or KinesisStreamAsSource and"
        " processing result is Ok. The value field cannot be null when the SourceType is MSKAsSource and"
        " processing result is Ok."
    ),
    "Lambda.JsonMappingException": (
        "There was an error parsing returned records from the Lambda function. Ensure that data field is"
        " base-64 encoded."
    ),
    # For any other result: the code about the status model; UNVERIFIED that AWS uses it.
    "Lambda.JsonProcessingException": (
        "There was an error parsing returned records from the Lambda function. Ensure that the returned"
        " records follow the status model required by Amazon Data Firehose."
    ),
}


@dataclass(frozen=True)
class Transformed:
    """`Ok`: the data to deliver, possibly empty, and the partition keys as returned and not checked."""

    record: SourceRecord
    data: bytes
    partition_keys: Any = None


@dataclass(frozen=True)
class Dropped:
    """`Dropped`: the function chose not to deliver the record."""

    record: SourceRecord


@dataclass(frozen=True)
class Failed:
    """A record that goes to the error output prefix as it arrived."""

    record: SourceRecord
    error_code: str
    error_message: str
    attempts_made: int = 1
    error_output_type: str = PROCESSING_FAILED


Outcome = Transformed | Dropped | Failed


@dataclass(frozen=True)
class EventHead:
    """The members of an event besides its records."""

    delivery_stream_arn: str
    region: str
    source_arn: str | None = None


def requests(
    records: Sequence[SourceRecord],
    head: EventHead,
    invocation_ids: Iterator[str],
    limit: int = MAX_REQUEST_BYTES,
) -> Iterator[tuple[bytes, list[SourceRecord]]]:
    """Yield the payloads of one batch with the records of each.

    A batch whose JSON would exceed the request limit of Lambda is split; UNVERIFIED whether AWS does so. A
    record that exceeds the limit by itself is sent alone, and Lambda refuses it.
    """
    chunk: list[SourceRecord] = []
    parts: list[bytes] = []
    envelope = len(_payload(head, "0" * 36, []))
    size = envelope
    for record in records:
        part = _record_json(record)
        if chunk and size + len(part) + 1 > limit:
            yield _payload(head, next(invocation_ids), parts), chunk
            chunk, parts, size = [], [], envelope
        chunk.append(record)
        parts.append(part)
        size += len(part) + 1
    if chunk:
        yield _payload(head, next(invocation_ids), parts), chunk


def invoke(
    function: Function | None,
    arn: str,
    payload: bytes,
    records: Sequence[SourceRecord],
    number_of_retries: int,
) -> list[Outcome]:
    """Invoke until there is an answer, and return the outcomes of the records.

    Any answer is final, however malformed. Only a function that fails, times out or does not exist is
    invoked again; after the last attempt every record fails with the last error.
    """
    attempts = number_of_retries + 1
    code = "Lambda.ResourceNotFound"
    for attempt in range(1, attempts + 1):
        try:
            if function is not None:
                return outcomes(records, function.invoke(payload))
        except FunctionTimedOut:
            code = "Lambda.FunctionTimedOut"
        except FunctionError as error:
            code = "Lambda.FunctionError"
            _log.debug("%s: %s", arn, error)
        _log.warning("%s: %s, attempt %d of %d", arn, code, attempt, attempts)
    return [Failed(record, code, _MESSAGES[code], attempts) for record in records]


def outcomes(records: Sequence[SourceRecord], response: bytes) -> list[Outcome]:
    """Return the outcome of each record, in the order of the request; unknown ids are ignored."""
    answers = _answers(response)
    times = Counter(answer["recordId"] for answer in answers)
    by_id = {answer["recordId"]: answer for answer in answers}
    return [_outcome(record, by_id.get(record.record_id), times[record.record_id]) for record in records]


def _outcome(record: SourceRecord, answer: Mapping[str, Any] | None, times: int) -> Outcome:
    if answer is None:
        return _failed(record, "Lambda.MissingRecordId")
    if times > 1:
        return _failed(record, "Lambda.DuplicatedRecordId")
    match answer.get("result"):
        case "Ok":
            return _transformed(record, answer)
        case "Dropped":
            return Dropped(record)
        case "ProcessingFailed":
            return _failed(record, "Lambda.ProcessingFailedStatus")
        case _:
            return _failed(record, "Lambda.JsonProcessingException")


def _transformed(record: SourceRecord, answer: Mapping[str, Any]) -> Outcome:
    data = answer.get("data")
    if data is None:
        return _failed(record, "Lambda.InvalidReturnFormat")
    try:
        # Not the standard library's decoder, which accepts excess padding.
        decoded = pybase64.b64decode(data, validate=True)
    except (ValueError, TypeError):
        return _failed(record, "Lambda.JsonMappingException")
    metadata = answer.get("metadata")
    keys = metadata.get("partitionKeys") if isinstance(metadata, dict) else None
    return Transformed(record, decoded, keys)


def _failed(record: SourceRecord, code: str) -> Failed:
    return Failed(record, code, _MESSAGES[code])


def _answers(response: bytes) -> list[dict[str, Any]]:
    """Return the entries of the response that have an id; [] when it has no array of them (FLOCI probe)."""
    try:
        body = json.loads(response)
    except ValueError:
        return []
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list):
        return []
    return [r for r in records if isinstance(r, dict) and isinstance(r.get("recordId"), str)]


def _payload(head: EventHead, invocation_id: str, records: Sequence[bytes]) -> bytes:
    fields = {
        "invocationId": invocation_id,
        "deliveryStreamArn": head.delivery_stream_arn,
        **({"sourceKinesisStreamArn": head.source_arn} if head.source_arn else {}),
        "region": head.region,
    }
    return _json(fields)[:-1] + b',"records":[' + b",".join(records) + b"]}"


def _record_json(record: SourceRecord) -> bytes:
    fields: dict[str, Any] = {
        "recordId": record.record_id,
        "approximateArrivalTimestamp": record.arrival_ms,
        "data": pybase64.b64encode_as_string(record.data),
    }
    if record.kinesis:
        fields["kinesisRecordMetadata"] = {
            "sequenceNumber": record.kinesis.sequence_number,
            "subsequenceNumber": 0,
            "partitionKey": record.kinesis.partition_key,
            "shardId": record.kinesis.shard_id,
            "approximateArrivalTimestamp": record.arrival_ms,
        }
    return _json(fields)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
