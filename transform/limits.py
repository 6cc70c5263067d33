"""AWS's limits with their sources, and what fits into a response and into a put call."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, NotRequired, TypedDict

from msgspec.json import Encoder

# The largest response that we send; AWS's own blueprint uses the same number.
# Source: kinesis-firehose-cloudwatch-logs-processor-python. The service's own limit is 6,291,456 bytes.
# Source: AWS Lambda Developer Guide, quotas.
RESPONSE_BYTES = 6_000_000

# Source: Kinesis API Reference, PutRecords. 5 MiB is the earlier and smaller limit of a call.
KINESIS_CALL_RECORDS = 500
KINESIS_CALL_BYTES = 5 * 1024 * 1024
# Source: Firehose API Reference, PutRecordBatch; Amazon Data Firehose Developer Guide, limits.
FIREHOSE_CALL_RECORDS = 500
FIREHOSE_CALL_BYTES = 4 * 1024 * 1024
FIREHOSE_RECORD_BYTES = 1_024_000

# DynamoDB allows 32 levels of maps and lists in an item, which are at most 69 levels of JSON objects and
# arrays in a change record. This leaves room, and every Python version can decode it (3.11: about 1,000).
# Source: DynamoDB Developer Guide, Constraints: data types, nested attribute depth.
MAX_NESTING = 600

# The Lambda runtime for Python 3.12 and later encodes the response in UTF-8, earlier ones in ASCII.
# Source: aws-lambda-python-runtime-interface-client, lambda_runtime_marshaller.py.
_ANSWERS_IN_UTF8 = frozenset(f"AWS_Lambda_python3.{minor}" for minor in (12, 13, 14, 15))


class Answer(TypedDict):
    """What the transform answers for one record."""

    recordId: str
    result: str
    data: str
    metadata: NotRequired[dict[str, Any]]


class Entry(NamedTuple):
    """One record of a put call. `position` is for the caller; Firehose accepts no partition key."""

    position: int
    data: bytes
    partition_key: str = ""

    @property
    def size_bytes(self) -> int:
        """The entry's size in a call, in bytes: its data before base64, and its partition key."""
        return len(self.data) + len(self.partition_key.encode())


def batches(entries: Iterable[Entry], max_records: int, max_bytes: int) -> Iterator[list[Entry]]:
    """Group entries into calls within both limits, keeping their order.

    An entry that exceeds `max_bytes` alone gets a call of its own: the service decides by its own setting.
    """
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == max_records or size + entry.size_bytes > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size_bytes
    if batch:
        yield batch


def answer_bytes(answer: Answer) -> int:
    """Return the size of one answer as the Lambda runtime serialises it, in bytes, without a separator.

    The data is base64, in which no character is escaped.
    """
    return response_bytes([answer]) - _frame_bytes(1)


def response_bytes(answers: Sequence[Answer]) -> int:
    """Return the exact size of a whole response in bytes."""
    size = _frame_bytes(len(answers)) + _FRAME * len(answers)
    size += _text_bytes("".join([answer["recordId"] for answer in answers]))
    size += sum([len(answer["result"]) + len(answer["data"]) for answer in answers])
    return size + sum([_metadata_bytes(answer) for answer in answers if "metadata" in answer])


def over_the_limit(answers: Sequence[Answer], limit: int = RESPONSE_BYTES) -> list[int]:
    """Return the positions of the answers whose data must be left out to stay within the limit.

    Each answer has room to fail without data. The remaining room goes to the answers in their order.
    """
    sizes = [answer_bytes(answer) for answer in answers]
    least = [
        min(size, answer_bytes(failed(answer["recordId"])))
        for size, answer in zip(sizes, answers, strict=True)
    ]
    room = limit - _frame_bytes(len(answers)) - sum(least)
    positions = []
    for position, (size, smallest) in enumerate(zip(sizes, least, strict=True)):
        more = size - smallest
        if 0 < more > room:
            positions.append(position)
        else:
            room -= more
    return positions


def fits_alone(answer: Answer, limit: int = RESPONSE_BYTES) -> bool:
    """Return whether a response with only this answer would be within the limit."""
    return response_bytes([answer]) <= limit


def failed(record_id: str, data: str = "") -> Answer:
    """Return the answer that sends a record to the error output prefix, with its source bytes."""
    return {"recordId": record_id, "result": "ProcessingFailed", "data": data}


def dropped(record_id: str) -> Answer:
    """Return the answer that drops a record. AWS's documents require data and its blueprints omit it."""
    return {"recordId": record_id, "result": "Dropped", "data": ""}


def _text_bytes(text: str) -> int:
    """Return the size of a JSON string without its quotes, in bytes."""
    if text.isascii() and len(_encode(text)) == len(text) + 2 and "\x7f" not in text:
        return len(text)  # nothing is escaped; only json, not msgspec, escapes DEL
    return len(_dumps(text).encode("utf-8", "backslashreplace")) - 2


def _metadata_bytes(answer: Answer) -> int:
    return _METADATA_FRAME + _partition_keys_bytes(*answer["metadata"]["partitionKeys"].items())


@lru_cache(maxsize=1024)  # a batch has few dates
def _partition_keys_bytes(*partition_keys: tuple[str, str]) -> int:
    return len(_dumps({"partitionKeys": dict(partition_keys)}).encode())


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=os.environ.get("AWS_EXECUTION_ENV") not in _ANSWERS_IN_UTF8)


def _frame_bytes(answers: int) -> int:
    return len('{"records": []}') + len(", ") * max(0, answers - 1)


_encode = Encoder().encode  # faster than json, with other escapes
_FRAME = len(json.dumps(Answer(recordId="", result="", data="")))
_METADATA_FRAME = len(', "metadata": ')
