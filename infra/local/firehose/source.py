"""Where a delivery stream's records come from: Direct PUT, or the shards of a Kinesis data stream."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from ttl_archive.infra.local.firehose.clock import Clock

# SEEN (aws-lambda-go, Powertools): 56 digits that begin with 49; a record id is those and six more.
_SEQUENCE_HEAD = "49628654"
_SEQUENCE_LENGTH = 56
_SHARD_DIGITS = 6
# FDG: "Firehose retries GetRecords indefinitely": the next poll reads on.
_TRY_AGAIN = ("ProvisionedThroughputExceededException", "LimitExceededException", "KMSThrottlingException")


@dataclass(frozen=True)
class KinesisMetadata:
    """What the function's event says about a record of a Kinesis data stream."""

    shard_id: str
    sequence_number: str
    partition_key: str


@dataclass(frozen=True)
class SourceRecord:
    """One record as it came; `arrival_ms` is when Firehose took it, in milliseconds since the epoch."""

    record_id: str
    data: bytes
    arrival_ms: int
    kinesis: KinesisMetadata | None = None

    @property
    def lane(self) -> str:
        """The shard, because buffers are kept per shard (FDG: buffering); empty for Direct PUT."""
        return self.kinesis.shard_id if self.kinesis else ""


class Source(Protocol):
    """What a delivery stream reads from."""

    @property
    def waiting(self) -> int:
        """Records taken and not read yet."""
        ...

    def read(self) -> Iterator[SourceRecord]:
        """The records that are there now, oldest first within a shard. What was given is not given again."""
        ...


class DirectPut:
    """Records that PutRecord and PutRecordBatch left.

    A put may come from another thread, also while `read`'s caller is at work: a function that re-ingests puts
    while it is being invoked, and its records wait for the next read.
    """

    def __init__(self, clock: Clock, uuids: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._clock = clock
        self._uuids = uuids
        self._records: deque[SourceRecord] = deque()

    @property
    def waiting(self) -> int:
        """Records put and not read yet."""
        return len(self._records)

    def put(self, data: bytes) -> str:
        """Take one record and give its id, which is opaque and unlike those of a Kinesis source."""
        record = SourceRecord(str(self._uuids()), data, self._clock.now_ms())
        self._records.append(record)
        return record.record_id

    def read(self) -> Iterator[SourceRecord]:
        """Everything put before this call."""
        for _ in range(len(self._records)):
            yield self._records.popleft()


class KinesisShards:
    """The records of a Kinesis data stream, from LATEST at creation on (FDG: basic-create).

    Each read is one GetRecords per shard, as the service does about once a second. Shards that a split or
    merge makes are read from their beginning once their parent is read to its end. Aggregated (KPL) records
    are passed on as they are; AWS takes them apart.

    `kinesis` is boto3's client, or anything with its list_shards, get_shard_iterator and get_records.
    """

    waiting = 0

    def __init__(self, kinesis: Any, stream_arn: str, clock: Clock) -> None:
        self._kinesis = kinesis
        self._stream = stream_arn.rpartition("/")[2]
        self._clock = clock
        self._last: dict[str, str] = {}
        self._iterators: dict[str, str] = {}
        self._known: set[str] = set()
        self._has_ended_shards = False
        self._open_new_shards("LATEST")

    def read(self) -> Iterator[SourceRecord]:
        """One GetRecords per shard. A throttled shard is left for the next read, other errors are raised."""
        for shard in list(self._iterators):
            yield from self._read_shard(shard)
        if self._has_ended_shards:
            self._open_new_shards("TRIM_HORIZON")

    def _read_shard(self, shard: str) -> list[SourceRecord]:
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
            self._iterators[shard] = self._iterator(
                shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=self._last[shard]
            )
        elif code not in _TRY_AGAIN:
            raise error

    def _open_new_shards(self, position: str) -> None:
        for shard in self._list_shards():
            if shard not in self._known:
                self._iterators[shard] = self._iterator(shard, position)
                self._known.add(shard)
        self._has_ended_shards = False

    def _list_shards(self) -> list[str]:
        page = self._kinesis.list_shards(StreamName=self._stream)
        shards = [shard["ShardId"] for shard in page["Shards"]]
        while token := page.get("NextToken"):
            page = self._kinesis.list_shards(NextToken=token)
            shards += [shard["ShardId"] for shard in page["Shards"]]
        return shards

    def _iterator(self, shard: str, position: str, **start: str) -> str:
        answer = self._kinesis.get_shard_iterator(
            StreamName=self._stream, ShardId=shard, ShardIteratorType=position, **start
        )
        return str(answer["ShardIterator"])


def source_record(shard: str, record: dict[str, Any], arrival_ms: int) -> SourceRecord:
    """A GetRecords record as Firehose hands it on.

    It is stamped with our clock, as an emulator stamps with the machine's. The emulator counts 1, 2, ... in
    each shard: padded to the length of a real sequence number, the shard's number inside, so that none is met
    twice.
    """
    sequence = record["SequenceNumber"]
    number = shard.rpartition("-")[2][-_SHARD_DIGITS:]
    if len(sequence) < _SEQUENCE_LENGTH:
        rest = _SEQUENCE_LENGTH - len(_SEQUENCE_HEAD) - len(number)
        sequence = f"{_SEQUENCE_HEAD}{number}{sequence.zfill(rest)}"
    metadata = KinesisMetadata(shard, sequence, record["PartitionKey"])
    return SourceRecord(sequence + number, record["Data"], arrival_ms, metadata)
