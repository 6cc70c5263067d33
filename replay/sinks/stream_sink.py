"""A Kinesis data stream or a delivery stream as the sink: the source records are sent again, unchanged.

A call that was delayed cannot be taken back. So the claim is renewed before each call, with the lines that
are confirmed so far, and each run that ends without releasing its claim costs one call of possible
duplicates. A batch that the stream refuses to the end ends the object; the next run sends the rest.
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

from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionError as NotConnectedError

from ttl_archive.replay.aws import error_code
from ttl_archive.replay.claim_document import SinkOutput
from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects.error_lines import FailedRecord
from ttl_archive.replay.errors import MisuseError, ObjectError, StoppedError, UnsentError
from ttl_archive.replay.line_ranges import LineRanges
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform.convert import Row
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.limits import FIREHOSE_RECORD_BYTES, Entry
from ttl_archive.transform.records import images, parse_record
from ttl_archive.transform.reingest import Target, delivery_stream, kinesis_stream, reingest

# A stream's own setting is MaxRecordSizeInKiB. Source: Kinesis API Reference, UpdateMaxRecordSize.
_KINESIS_RECORD_KIB = 1024
_PARTITION_KEY_BYTES = 32
# Errors that the same call would meet again.
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


_NO_RECEIPT = "NoReceipt"  # the code of an entry that the service neither confirmed nor refused


class Stream(NamedTuple):
    """A stream that takes puts, and the largest record it takes: data and partition key, in bytes."""

    target: Target
    max_record_bytes: int


@dataclass
class StreamSink:
    """Records go into the stream that `find` returns, after it has seen that puts are allowed there."""

    name: str
    target: str  # name or ARN of the stream
    find: Callable[[str], Stream]
    attempts: int
    stop: Event

    @cached_property
    def found(self) -> Stream:
        """The stream as it was when it was first looked at."""
        return self.find(self.target)

    def check(self) -> None:
        """Raise MisuseError when the stream does not exist or takes no puts."""
        _ = self.found

    def refusal(self, record: FailedRecord) -> Refused | None:
        """Return why the stream cannot take a record; None where it can."""
        found = self.entry(record)
        return found if isinstance(found, Refused) else None

    def entry(self, record: FailedRecord) -> Entry | Refused:
        """Return the entry of a put, or a refusal: a stream takes no rows and no giant records."""
        data = record.data()
        try:
            entry = Entry(record.number, data, partition_key(data))
        except RecordError:
            return Refused("NotASourceRecord")
        return Refused("TooLargeForStream") if entry.size_bytes > self.found.max_record_bytes else entry

    def open(self, claim: Claim) -> "StreamDelivery":
        """Begin, or resume, one object."""
        return StreamDelivery(self, claim)


class StreamDelivery:
    """The records of one object on their way into a stream."""

    def __init__(self, sink: StreamSink, claim: Claim) -> None:
        self._sink = sink
        self._claim = claim
        self._batch: list[Entry] = []
        self._batch_bytes = 0

    def add(self, record: FailedRecord, row: Row) -> Refused | None:  # noqa: ARG002  no row is sent
        """Take one record, or return why the stream cannot take it; send a batch when it is full."""
        entry = self._sink.entry(record)
        if isinstance(entry, Refused):
            return entry
        target = self._sink.found.target
        full = len(self._batch) == target.max_records
        if full or self._batch_bytes + entry.size_bytes > target.max_bytes:
            self._send()
        self._batch.append(entry)
        self._batch_bytes += entry.size_bytes
        return None

    def finish(self) -> tuple[SinkOutput, ...]:
        """Send what is left. The claim has what was sent; no object was written. Raises ReplayError."""
        self._send()
        return ()

    def close(self) -> None:
        """Free nothing; what was not sent is not marked as sent."""

    def _send(self) -> None:
        if not self._batch:
            return
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        self._claim.renew()
        target, calls = self._sink.found.target, 0

        def put(entries: Sequence[Entry]) -> Sequence[str | None]:
            nonlocal calls
            calls += 1
            return self._put(target, entries)

        def time_left() -> float:
            return inf if calls < self._sink.attempts and not (calls and self._sink.stop.is_set()) else 0

        def pause(seconds: float) -> None:
            self._sink.stop.wait(seconds)
            self._claim.renew()

        limited = Target(put, target.max_records, target.max_bytes)
        confirmed, errors = reingest(limited, batch, time_left, pause)
        if refused := len(batch) - len(confirmed):
            self._give_up(refused, errors)

    def _put(self, target: Target, entries: Sequence[Entry]) -> Sequence[str | None]:
        """Make one call; note in the claim what it confirmed, and what may be sent twice after it."""
        progress = self._claim.progress
        try:
            codes = target.put(entries)
        except Exception as error:
            if _may_have_arrived(error):
                self._claim.note(unanswered=progress.unanswered + len(entries))
            raise
        unanswered = sum(1 for code in codes if code == _NO_RECEIPT)
        confirmed = [entry.position for entry, code in zip(entries, codes, strict=True) if code is None]
        sent = LineRanges(progress.sent.get(self._sink.target, ())).with_lines(confirmed)
        self._claim.note(
            sent=progress.sent | {self._sink.target: sent.ranges()},
            unanswered=progress.unanswered + unanswered,
        )
        return codes

    def _give_up(self, refused: int, errors: Counter[str]) -> None:
        what = (
            f"{self._claim.error_object.url}: {self._sink.name} {self._sink.target} refused {refused} records"
        )
        codes = ", ".join(f"{code} ({number} times)" for code, number in sorted(errors.items()))
        if _LASTING & set(errors):
            raise ObjectError(f"{what}: {codes}. Trying again does not help")
        if self._sink.stop.is_set():
            raise StoppedError("stopped on request; run again to resume")
        raise UnsentError(
            f"{what} at every attempt: {codes}. The claim names what was sent; run again for the rest"
        )


def _may_have_arrived(error: Exception) -> bool:
    """Whether the service may have taken the records of a call that ended with this error."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)) >= 500
    return not isinstance(error, NotConnectedError)


def kinesis_sink(kinesis: Any, stream: str, attempts: int, stop: Event) -> StreamSink:
    """Return the sink of a Kinesis data stream, by name or ARN."""

    def find(stream: str) -> Stream:
        named = {"StreamARN": stream} if stream.startswith("arn:") else {"StreamName": stream}
        summary = _described(kinesis.describe_stream_summary, f"data stream {stream}", **named)
        described = summary["StreamDescriptionSummary"]
        largest = described.get("MaxRecordSizeInKiB", _KINESIS_RECORD_KIB) * 1024
        return Stream(kinesis_stream(kinesis, described["StreamARN"]), largest)

    return StreamSink("kinesis", stream, find, attempts, stop)


def firehose_sink(firehose: Any, stream: str, attempts: int, stop: Event) -> StreamSink:
    """Return the sink of a delivery stream that takes direct puts."""

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
    """Return the same key for every change of an item, in the form of DynamoDB's own: 32 hex digits.

    An error line does not have the key that DynamoDB used, and how DynamoDB makes it is not published.
    Raises RecordError for what is no change record.
    """
    parse_record(data)
    keys = json.dumps(json.loads(bytes(images(data).keys)), sort_keys=True)
    return hashlib.sha256(keys.encode()).hexdigest()[:_PARTITION_KEY_BYTES].upper()


def _described(describe: Callable[..., Any], what: str, **request: str) -> Any:
    try:
        return describe(**request)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise MisuseError(f"{what} does not exist. Check --stream, --profile and --region") from None
        raise
