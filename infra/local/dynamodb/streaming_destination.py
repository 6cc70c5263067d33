"""Carries a table's changes to its Kinesis data stream, as DynamoDB's streaming destination does.

Read from the emulator's DynamoDB Streams, because it has no streaming destination of its own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from ttl_archive.infra.local.dynamodb.change_record import (
    TTL_IDENTITY,
    Precision,
    Style,
    canonical,
    change_record,
    is_unchanged,
    partition_key,
)
from ttl_archive.infra.local.dynamodb.ttl import Expired
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.transform.limits import KINESIS_CALL_BYTES, KINESIS_CALL_RECORDS, Entry, batches

Kind = Literal["inserted", "modified", "expired", "deleted", "unchanged", "too-large"]

# KDS: large-records, a stream's MaxRecordSizeInKiB by default, partition key included.
MAX_RECORD_BYTES = 1024 * 1024
# DynamoDB itself goes on for 168 hours; nobody waits for that here, and the next run goes on from there.
ATTEMPTS = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5
_KINDS: Mapping[str, Kind] = {"INSERT": "inserted", "MODIFY": "modified", "REMOVE": "deleted"}


class NotReplicated(Exception):  # noqa: N818 - a state, which the next run may end
    """The Kinesis data stream refused records again and again; they are kept for the next run."""


class Bridge:
    """One table's streaming destination; `run` carries what has changed since the last time.

    `changes` counts what was read, by kind, and `carried` what the stream confirmed. `unchanged` writes are
    not carried, nor are `too-large` records: DynamoDB skips those too (metric FailedToReplicateRecordCount).
    A removal is `expired`, and carries the service's identity, when `expect` announced it; so let the sweep
    that announces begin after `run`, with nothing of the same item in between.
    """

    def __init__(
        self,
        *,
        streams: Any,
        kinesis: Any,
        table: str,
        stream_name: str,
        ttl_attribute: str,
        clock: Clock,
        precision: Precision = "MICROSECOND",
        tells_precision: bool = True,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.changes: Counter[str] = Counter()
        self.carried = 0
        self._streams = streams
        self._kinesis = kinesis
        self._stream_name = stream_name
        self._ttl_attribute = ttl_attribute
        self._clock = clock
        self._style = Style(table, precision, tells_precision)
        self._pause = pause
        self._expected: Counter[tuple[bytes, bytes]] = Counter()
        self._waiting: list[Entry] = []
        self._last_us = 0
        self._iterator: str | None = None

    def start(self, position: Literal["TRIM_HORIZON", "LATEST"] = "LATEST") -> None:
        """Begin with what changes from now on, as enabling does (DDB: kds); or with all that was."""
        stream = self._streams.list_streams(TableName=self._style.table)["Streams"][-1]["StreamArn"]
        shard = self._streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
        self._iterator = self._streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard, ShardIteratorType=position
        )["ShardIterator"]

    def stop(self) -> None:
        """Carry nothing until started again; what changes in between never reaches the stream."""
        self._iterator = None

    def expect(self, expired: Expired) -> None:
        """Announce a removal that a TTL sweep has made since the last run."""
        self._expected[canonical(expired.keys), _ttl(expired.ttl_value)] += 1

    def run(self) -> int:
        """Carry all changes there are; gives the number of records put.

        Raises NotReplicated when the data stream goes on refusing.
        """
        self._waiting += self._entries()
        self._expected.clear()  # all that was announced has been read, or was made while nothing was carried
        before = self.carried
        for batch in list(batches(self._waiting, KINESIS_CALL_RECORDS, KINESIS_CALL_BYTES)):
            self._put(batch)
        return self.carried - before

    def _entries(self) -> Iterator[Entry]:
        for record in self._records():
            kind = self._kind(record)
            if kind != "unchanged":
                identity = TTL_IDENTITY if kind == "expired" else None
                data = change_record(record, self._style, created_us=self._next_us(), identity=identity)
                entry = Entry(self._last_us, data, partition_key(record["dynamodb"]["Keys"]))
                if entry.size_bytes <= MAX_RECORD_BYTES:
                    yield entry
                else:
                    kind = "too-large"
            self.changes[kind] += 1

    def _records(self) -> Iterator[Mapping[str, Any]]:
        while self._iterator is not None:
            page = self._streams.get_records(ShardIterator=self._iterator, Limit=1000)
            yield from page["Records"]
            self._iterator = page.get("NextShardIterator")
            if not page["Records"]:
                return

    def _kind(self, record: Mapping[str, Any]) -> Kind:
        if is_unchanged(record):
            return "unchanged"
        change = record["dynamodb"]
        if record["eventName"] == "REMOVE" and self._expected:
            removal = (
                canonical(change["Keys"]),
                _ttl(change["OldImage"].get(self._ttl_attribute, {}).get("N")),
            )
            if self._expected[removal] > 0:
                self._expected[removal] -= 1
                return "expired"
        return _KINDS[record["eventName"]]

    def _next_us(self) -> int:
        """Each change a microsecond after the one before, because readers order by it."""
        self._last_us = max(self._clock.now_us(), self._last_us + 1)
        return self._last_us

    def _put(self, batch: Sequence[Entry]) -> None:
        pause_s = _FIRST_PAUSE_S
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            answer = self._kinesis.put_records(
                StreamName=self._stream_name,
                Records=[{"Data": entry.data, "PartitionKey": entry.partition_key} for entry in batch],
            )
            codes = [result.get("ErrorCode") for result in answer["Records"]]
            refused = [entry for entry, code in zip(batch, codes, strict=True) if code]
            confirmed = {entry.position for entry, code in zip(batch, codes, strict=True) if not code}
            self._waiting = [entry for entry in self._waiting if entry.position not in confirmed]
            self.carried += len(confirmed)
            if not refused:
                return
            batch = refused
        raise NotReplicated(
            f"Kinesis stream {self._stream_name} refused {len(batch)} records {ATTEMPTS} times"
            f" ({', '.join(sorted({code for code in codes if code}))}). They are kept: run again."
        )


def _ttl(number: str | None) -> bytes:
    return b"" if number is None else canonical({"ttl": {"N": number}})
