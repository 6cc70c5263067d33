"""A Kinesis data stream or a delivery stream as the sink: the source records go in again, as they came.

After each call the claim says which lines are sent, so a kill costs one batch of duplicates at most. A batch
that is refused to the end ends the object, and the next run begins with what was refused.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from threading import Event
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, HTTPClientError

from ttl_archive.replay.aws import error_code
from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects.error_lines import FailedRecord
from ttl_archive.replay.errors import MisuseError, ObjectError, StoppedError, UnsentError
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform.convert import Row
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.limits import FIREHOSE_RECORD_BYTES, Entry
from ttl_archive.transform.records import images, parse
from ttl_archive.transform.reingest import Target, delivery_stream, kinesis_stream, reingest

# A stream's own setting is MaxRecordSizeInKiB. Source: Kinesis API Reference, UpdateMaxRecordSize.
_KINESIS_RECORD_KIB = 1024
_PARTITION_KEY_BYTES = 32
# Errors that the same call would meet again: no matter of trying later.
# Source: Kinesis API Reference, PutRecords; Firehose API Reference, PutRecordBatch.
_LASTING = frozenset(
    {
        "AccessDeniedException",
        "InvalidArgumentException",
        "InvalidKMSResourceException",
        "InvalidSourceException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
        "ValidationException",
    }
)


# Without an answer, or without a receipt in it, the service may have taken what is then sent again.
_UNANSWERED = frozenset(
    {"NoReceipt", *(kind.__name__ for kind in (HTTPClientError, *HTTPClientError.__subclasses__()))}
)


class Stream(NamedTuple):
    """A stream that takes puts, and the largest record it takes: data and partition key, in bytes."""

    target: Target
    max_record_bytes: int


@dataclass
class StreamSink:
    """Records go into the stream that `find` gives, once it has seen that puts are allowed there."""

    name: str
    stream: str
    find: Callable[[str], Stream]
    attempts: int
    stop: Event

    @cached_property
    def found(self) -> Stream:
        """The stream as it was found at the first look."""
        return self.find(self.stream)

    def check(self) -> None:
        """Raise MisuseError when the stream is not there or takes no puts."""
        _ = self.found

    def open(self, claim: Claim) -> "StreamDelivery":
        """Begin, or go on with, one object."""
        return StreamDelivery(self, claim)

    def put(self, batch: Sequence[Entry]) -> tuple[set[int], Counter[str]]:
        """Send one batch, refused entries again; the lines confirmed, and the errors met on the way."""
        target, tried = self.found.target, 0

        def counted(entries: Sequence[Entry]) -> Sequence[str | None]:
            nonlocal tried
            tried += 1
            return target.put(entries)

        def time_left() -> float:
            return inf if tried < self.attempts and not (tried and self.stop.is_set()) else 0

        limited = Target(counted, target.max_records, target.max_bytes)
        return reingest(limited, batch, time_left, self._pause)

    def _pause(self, seconds: float) -> None:
        self.stop.wait(seconds)


class StreamDelivery:
    """One object's records on their way."""

    def __init__(self, sink: StreamSink, claim: Claim) -> None:
        self._sink = sink
        self._claim = claim
        self._unsent = set(claim.progress.unsent)
        self._batch: list[Entry] = []
        self._batch_bytes = 0
        self._sent = 0

    def add(self, record: FailedRecord, row: Row) -> Refused | None:  # noqa: ARG002  not the row goes in
        """Take one record; send a batch when it is full. A row or a giant is not for this sink."""
        data = record.data()
        try:
            entry = Entry(record.number, data, partition_key(data))
        except RecordError:
            return self._refuse(record, "NotASourceRecord")
        stream = self._sink.found
        if entry.size_bytes > stream.max_record_bytes:
            return self._refuse(record, "TooLargeForStream")
        full = len(self._batch) == stream.target.max_records
        if full or self._batch_bytes + entry.size_bytes > stream.target.max_bytes:
            self._send()
        self._batch.append(entry)
        self._batch_bytes += entry.size_bytes
        return None

    def _refuse(self, record: FailedRecord, code: str) -> Refused:
        """Another sink may take the record, so its line is noted as unsent."""
        self._unsent.add(record.number)
        return Refused(code)

    def finish(self) -> list[dict[str, Any]]:
        """Send what is left; how many records went where. Raises UnsentError."""
        self._send()
        return [{"stream": self._sink.stream, "records": self._sent}]

    def close(self) -> None:
        """Nothing to give back; what was not sent is not marked as sent."""

    def _send(self) -> None:
        if not self._batch:
            return
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        self._claim.keep()
        confirmed, errors = self._sink.put(batch)
        lines = {entry.position for entry in batch}
        self._sent += len(confirmed)
        self._unsent = (self._unsent - lines) | (lines - confirmed)
        next_line = max(self._claim.progress.next_line, batch[-1].position + 1)
        duplicates = self._claim.progress.possible_duplicates
        duplicates += sum(number for code, number in errors.items() if code in _UNANSWERED)
        self._claim.record(
            next_line=next_line, unsent=frozenset(self._unsent), possible_duplicates=duplicates
        )
        if lines - confirmed:
            self._give_up(len(lines - confirmed), errors)

    def _give_up(self, refused: int, errors: Counter[str]) -> None:
        what = (
            f"{self._claim.error_object.url}: {self._sink.name} {self._sink.stream} refused {refused} records"
        )
        codes = ", ".join(f"{code} ({number} times)" for code, number in sorted(errors.items()))
        if _LASTING & set(errors):
            raise ObjectError(f"{what}: {codes}. This does not pass by itself")
        if self._sink.stop.is_set():
            raise StoppedError("stopped on request; run again to go on")
        raise UnsentError(f"{what} to the end: {codes}. What was sent is noted; run again for the rest")


def kinesis_sink(kinesis: Any, stream: str, attempts: int, stop: Event) -> StreamSink:
    """A Kinesis data stream, by name or ARN."""

    def find(stream: str) -> Stream:
        named = {"StreamARN": stream} if stream.startswith("arn:") else {"StreamName": stream}
        summary = _described(kinesis.describe_stream_summary, f"data stream {stream}", **named)
        described = summary["StreamDescriptionSummary"]
        largest = described.get("MaxRecordSizeInKiB", _KINESIS_RECORD_KIB) * 1024
        return Stream(kinesis_stream(kinesis, described["StreamARN"]), largest)

    return StreamSink("kinesis", stream, find, attempts, stop)


def firehose_sink(firehose: Any, stream: str, attempts: int, stop: Event) -> StreamSink:
    """A delivery stream that takes direct puts."""

    def find(stream: str) -> Stream:
        what = f"delivery stream {stream}"
        found = _described(firehose.describe_delivery_stream, what, DeliveryStreamName=stream)
        description = found["DeliveryStreamDescription"]
        if (kind := description["DeliveryStreamType"]) != "DirectPut":
            # AWS: "This operation is not permitted on KinesisStreamAsSource delivery stream type."
            source = description.get("Source", {}).get("KinesisStreamSourceDescription", {})
            hint = source.get("KinesisStreamARN", "its source")
            raise MisuseError(
                f"{what} has the type {kind}: Firehose refuses puts to it. Use --sink s3, or send the "
                f"records into its source, where every consumer sees them: --sink kinesis --stream {hint}"
            )
        target = delivery_stream(firehose, description["DeliveryStreamARN"])
        return Stream(target, FIREHOSE_RECORD_BYTES + _PARTITION_KEY_BYTES)  # which Firehose does not take

    return StreamSink("firehose", stream, find, attempts, stop)


def partition_key(data: bytes) -> str:
    """The same key for every change of an item, in the form of DynamoDB's own: 32 hex digits.

    The key with which DynamoDB put the record is not in an error line, and how it makes it is not published.
    """
    parse(data)  # refuses what is no change record
    keys = json.dumps(json.loads(bytes(images(data).keys)), sort_keys=True)
    return hashlib.sha256(keys.encode()).hexdigest()[:_PARTITION_KEY_BYTES].upper()


def _described(describe: Callable[..., Any], what: str, **request: str) -> Any:
    try:
        return describe(**request)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise MisuseError(f"{what}: there is none. Check --stream, --profile and --region") from None
        raise
