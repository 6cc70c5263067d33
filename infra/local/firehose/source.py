"""Where a delivery stream's records come from: Direct PUT, or the shards of a Kinesis data stream."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from ttl_archive.infra.local.firehose.clock import Clock

# SEEN (aws-lambda-go, Powertools): 56 digits that begin with 49; a record id is those and six more.
_SEQUENCE_HEAD = "49628654"
_SEQUENCE_LENGTH = 56
_SHARD_DIGITS = 6
# FDG: "Firehose retries GetRecords indefinitely", so the next read tries again.
_TRY_AGAIN = ("ProvisionedThroughputExceededException", "LimitExceededException", "KMSThrottlingException")


Place = tuple[str, str]  # a record's shard and its position in it


@dataclass(frozen=True)
class KinesisMetadata:
    """What the function's event says about a record of a Kinesis data stream."""

    shard_id: str
    sequence_number: str
    partition_key: str


@dataclass(frozen=True)
class SourceRecord:
    """One record as it arrived.

    `arrival_ms` is when it arrived, in milliseconds since the epoch. `position` is the sequence number by
    which the shard can be read on; it is empty for Direct PUT.
    """

    record_id: str
    data: bytes
    arrival_ms: int
    kinesis: KinesisMetadata | None = None
    position: str = ""

    @property
    def shard_id(self) -> str:
        """The shard, because buffers are kept per shard (FDG: buffering); empty for Direct PUT."""
        return self.kinesis.shard_id if self.kinesis else ""

    @property
    def place(self) -> Place:
        """Where the record is in its source."""
        return self.shard_id, self.position


class Source(Protocol):
    """What a delivery stream reads from."""

    @property
    def waiting(self) -> int:
        """The number of records that have arrived and were not read."""
        ...

    def receive(self) -> None:
        """Take in what has arrived until now, and stamp it with the time of the clock."""
        ...

    def read(self) -> Iterator[SourceRecord]:
        """Yield each record that has arrived once, oldest first within a shard."""
        ...


class DirectPut:
    """Records that PutRecord and PutRecordBatch left.

    Puts may come from another thread while `read` is being consumed: a function that re-ingests puts records
    while it is being invoked. They wait for the next read.
    """

    def __init__(self, clock: Clock, uuids: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._clock = clock
        self._uuids = uuids
        self._records: deque[SourceRecord] = deque()

    @property
    def waiting(self) -> int:
        """The number of records put and not read."""
        return len(self._records)

    def put(self, data: bytes) -> str:
        """Take one record and return its id, which is opaque and unlike those of a Kinesis source."""
        record = SourceRecord(str(self._uuids()), data, self._clock.now_ms())
        self._records.append(record)
        return record.record_id

    def receive(self) -> None:
        """Do nothing: `put` stamps a record when it arrives."""

    def read(self) -> Iterator[SourceRecord]:
        """Yield everything that was put before this call."""
        for _ in range(len(self._records)):
            yield self._records.popleft()


class KinesisShards:
    """The records of a Kinesis data stream, from LATEST at creation on (FDG: basic-create).

    With `positions` a shard is read from after that sequence number, and from its beginning without one: what
    another Firehose has stored is not read again.
    `read` does one GetRecords per shard, as the service does about once a second. The children of a split
    or merged shard are read from their beginning, after their parent has been read to its end. Aggregated
    (KPL) records are passed on as they are; AWS takes them apart.

    `kinesis` is boto3's client, or anything with its list_shards, get_shard_iterator and get_records.
    """

    def __init__(
        self, kinesis: Any, stream_arn: str, clock: Clock, positions: Mapping[str, str] | None = None
    ) -> None:
        self._kinesis = kinesis
        self._stream = stream_arn.rpartition("/")[2]
        self._clock = clock
        self._last = {**(positions or {})}
        self._records: deque[SourceRecord] = deque()
        self._iterators: dict[str, str] = {}
        self._known: set[str] = set()
        self._has_ended_shards = False
        self._open_new_shards("LATEST" if positions is None else "TRIM_HORIZON")

    @property
    def waiting(self) -> int:
        """The number of records received and not read."""
        return len(self._records)

    def receive(self) -> None:
        """Receive all that has arrived until now.

        A throttled shard is left for the next time. Raises botocore's ClientError for any other error.
        """
        while self._get_records_of_all():
            pass

    def read(self) -> Iterator[SourceRecord]:
        """Do one GetRecords per shard, and yield all that was received. Raises what `receive` raises."""
        self._get_records_of_all()
        for _ in range(len(self._records)):
            yield self._records.popleft()

    def _get_records_of_all(self) -> bool:
        """Do one GetRecords per shard, and return whether there were records or shards ended."""
        before = len(self._records)
        for shard in list(self._iterators):
            self._records.extend(self._get_records(shard))
        has_ended_shards = self._has_ended_shards
        if has_ended_shards:
            self._open_new_shards("TRIM_HORIZON")
        return has_ended_shards or len(self._records) > before

    def _get_records(self, shard: str) -> list[SourceRecord]:
        try:
            page = self._kinesis.get_records(ShardIterator=self._iterators[shard])
        except ClientError as error:
            self._recover(shard, error)
            return []
        if iterator := page.get("NextShardIterator"):
            self._iterators[shard] = iterator
        else:
            del self._iterators[shard]
            self._has_ended_shards = True
        if page["Records"]:
            self._last[shard] = page["Records"][-1]["SequenceNumber"]
        now = self._clock.now_ms()
        return [source_record(shard, record, now) for record in page["Records"]]

    def _recover(self, shard: str, error: ClientError) -> None:
        code = error.response["Error"]["Code"]
        if code == "ExpiredIteratorException" and shard in self._last:
            self._iterators[shard] = self._iterator_after(shard)
        elif code not in _TRY_AGAIN:
            raise error

    def _open_new_shards(self, position: str) -> None:
        for shard in self._list_shards():
            if shard not in self._known:
                is_known_position = shard in self._last
                self._iterators[shard] = (
                    self._iterator_after(shard) if is_known_position else self._iterator(shard, position)
                )
                self._known.add(shard)
        self._has_ended_shards = False

    def _list_shards(self) -> list[str]:
        page = self._kinesis.list_shards(StreamName=self._stream)
        shards = [shard["ShardId"] for shard in page["Shards"]]
        while token := page.get("NextToken"):
            page = self._kinesis.list_shards(NextToken=token)
            shards += [shard["ShardId"] for shard in page["Shards"]]
        return shards

    def _iterator_after(self, shard: str) -> str:
        return self._iterator(shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=self._last[shard])

    def _iterator(self, shard: str, position: str, **start: str) -> str:
        answer = self._kinesis.get_shard_iterator(
            StreamName=self._stream, ShardId=shard, ShardIteratorType=position, **start
        )
        return str(answer["ShardIterator"])


def source_record(shard: str, record: dict[str, Any], arrival_ms: int) -> SourceRecord:
    """Return a record of GetRecords as Firehose hands it on.

    It gets the arrival time of our clock, because an emulator stamps it with the machine's. An emulator
    numbers the records of each shard 1, 2, ...: such a number is padded to the length of a real sequence
    number, with the number of the shard inside, so that no two records have the same.
    """
    position = sequence = record["SequenceNumber"]
    number = shard.rpartition("-")[2][-_SHARD_DIGITS:]
    if len(sequence) < _SEQUENCE_LENGTH:
        rest = _SEQUENCE_LENGTH - len(_SEQUENCE_HEAD) - len(number)
        sequence = f"{_SEQUENCE_HEAD}{number}{sequence.zfill(rest)}"
    metadata = KinesisMetadata(shard, sequence, record["PartitionKey"])
    return SourceRecord(sequence + number, record["Data"], arrival_ms, metadata, position)
