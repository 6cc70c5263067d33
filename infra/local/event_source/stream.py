"""What a mapping reads: the shards of a stream and their records, in the form of the function's event."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

TRIM_HORIZON: Literal["TRIM_HORIZON"] = "TRIM_HORIZON"
LATEST: Literal["LATEST"] = "LATEST"
# DDB: streams. A record is trimmed, and cannot be read any more, when it is 24 hours old.
RETENTION_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class AfterSequenceNumber:
    """The position behind a record."""

    sequence_number: str


Position = Literal["TRIM_HORIZON", "LATEST"] | AfterSequenceNumber


@dataclass(frozen=True)
class Shard:
    """A shard, and the one that was split into it or closed before it."""

    shard_id: str
    parent_id: str | None = None


@dataclass(frozen=True)
class ShardRecord:
    """One record of a stream; `event` is its entry of `Records` in the event of the function."""

    event: Mapping[str, Any]

    @property
    def sequence_number(self) -> str:
        """The sequence number, which orders the records of a shard."""
        return str(self.event["dynamodb"]["SequenceNumber"])

    @property
    def arrival_ms(self) -> int:
        """ApproximateCreationDateTime in milliseconds; the record counts in seconds."""
        return int(float(self.event["dynamodb"]["ApproximateCreationDateTime"]) * 1000)

    @cached_property
    def encoded(self) -> bytes:
        """The JSON of the entry."""
        return json.dumps(self.event, separators=(",", ":"), ensure_ascii=False).encode()

    def queue_index(self, queues: int) -> int:
        """Return which of the queues of a shard takes the record, by the item's key."""
        keys = json.dumps(self.event["dynamodb"]["Keys"], sort_keys=True)
        return zlib.crc32(keys.encode()) % queues


@dataclass(frozen=True)
class Page:
    """Records in the order of the shard, and the iterator to read on with; None behind the end of a shard."""

    records: Sequence[ShardRecord]
    next_iterator: str | None


class StreamReader(Protocol):
    """Anything that has shards; MemoryStream and DynamoDbStream are two."""

    @property
    def arn(self) -> str:
        """The ARN of the stream."""
        ...

    def shards(self) -> Sequence[Shard]:
        """Return the shards that can be read, parents before their children."""
        ...

    def iterator(self, shard_id: str, position: Position) -> str:
        """Return an iterator of a shard."""
        ...

    def read(self, iterator: str) -> Page:
        """Return records behind an iterator; none when all that is there has been read."""
        ...
