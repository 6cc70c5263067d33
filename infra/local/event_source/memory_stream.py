"""A stream in memory, whose shards can end and be split, and which trims records by the clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.infra.local.event_source.stream import (
    LATEST,
    RETENTION_MS,
    TRIM_HORIZON,
    Page,
    Position,
    Shard,
    ShardRecord,
)
from ttl_archive.infra.local.firehose.clock import Clock

_PAGE_RECORDS = 1000  # BC-dynamodbstreams: GetRecords, Limit
_DEFAULT_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/table/stream/2026-01-01T00:00:00.000"


@dataclass
class _MemoryShard:
    shard: Shard
    first: int = 0  # the position of the oldest record that is not trimmed
    records: list[ShardRecord] = field(default_factory=list)
    is_closed: bool = False

    def trim(self, now_ms: int) -> None:
        """Forget what is 24 hours old. Positions stay what they are."""
        old = bisect_right(self.records, now_ms - RETENTION_MS, key=lambda record: record.arrival_ms)
        del self.records[:old]
        self.first += old

    def position_after(self, sequence_number: str) -> int:
        """Return the position behind a record; the oldest that is left when it was trimmed."""
        number = int(sequence_number)
        return self.first + bisect_right(self.records, number, key=lambda record: int(record.sequence_number))


class MemoryStream:
    """A StreamReader that is fed by `put`.

    Records need ascending sequence numbers and times within a shard, as DynamoDB's have.
    """

    def __init__(self, clock: Clock, arn: str = _DEFAULT_ARN, shard_id: str = "shardId-00000001") -> None:
        self.arn = arn
        self._clock = clock
        self._shards = {shard_id: _MemoryShard(Shard(shard_id))}

    def put(self, event: Mapping[str, Any], shard_id: str | None = None) -> None:
        """Append a record to a shard, by default to the newest. Raises ValueError for a closed one."""
        shard = self._shards[shard_id or next(reversed(self._shards))]
        if shard.is_closed:
            raise ValueError(f"{shard.shard.shard_id} is closed. Put the record into one of its children.")
        shard.records.append(ShardRecord(event))

    def split(self, shard_id: str, *children: str) -> None:
        """Close a shard and open its children; without children it only ends.

        Raises ValueError for a child that exists.
        """
        if known := self._shards.keys() & set(children):
            raise ValueError(f"The shards {sorted(known)} exist. Give the children other ids.")
        self._shards[shard_id].is_closed = True
        for child in children:
            self._shards[child] = _MemoryShard(Shard(child, parent_id=shard_id))

    def shards(self) -> Sequence[Shard]:
        """Return the shards, without those that have ended and whose records are all trimmed."""
        for shard in self._shards.values():
            shard.trim(self._clock.now_ms())
        return [each.shard for each in self._shards.values() if each.records or not each.is_closed]

    def iterator(self, shard_id: str, position: Position) -> str:
        """Return an iterator. Raises KeyError for an unknown shard."""
        shard = self._shards[shard_id]
        if position == TRIM_HORIZON:
            at = 0
        elif position == LATEST:
            at = shard.first + len(shard.records)
        else:
            at = shard.position_after(position.sequence_number)
        return f"{shard_id}|{at}"

    def read(self, iterator: str) -> Page:
        """Return up to 1,000 records; what was trimmed is passed over."""
        shard_id, _, text = iterator.rpartition("|")
        shard = self._shards[shard_id]
        shard.trim(self._clock.now_ms())
        start = max(int(text), shard.first)
        records = shard.records[start - shard.first :][:_PAGE_RECORDS]
        end = start + len(records)
        is_end = shard.is_closed and end == shard.first + len(shard.records)
        return Page(records, None if is_end else f"{shard_id}|{end}")
