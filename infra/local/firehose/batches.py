"""Records waiting to be handed to the function, grouped by the processor's buffering hints."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ttl_archive.infra.local.firehose.source import SourceRecord


@dataclass
class _OpenBatch:
    opened_ms: int
    size_bytes: int = 0
    records: list[SourceRecord] = field(default_factory=list)


class Batches:
    """One open batch per shard, and the closed batches in the order in which they closed.

    A batch closes before it would exceed BufferSizeInMBs, so only a single larger record makes a larger
    batch. Sizes are of the data before base64 (FDG: data-transformation).
    """

    def __init__(self) -> None:
        self._open: dict[str, _OpenBatch] = {}
        self.closed: deque[list[SourceRecord]] = deque()

    def __len__(self) -> int:
        """Return the number of records in open and closed batches."""
        return sum(len(batch.records) for batch in self._open.values()) + sum(map(len, self.closed))

    def add(self, record: SourceRecord, limit_bytes: int) -> None:
        """Add a record to its shard's batch; close the batch first if it has no room, then if it is full."""
        shard_id, size = record.shard_id, len(record.data)
        if shard_id in self._open and self._open[shard_id].size_bytes + size > limit_bytes:
            self._close(shard_id)
        batch = self._open.setdefault(shard_id, _OpenBatch(record.arrival_ms))
        batch.records.append(record)
        batch.size_bytes += size
        if batch.size_bytes >= limit_bytes:
            self._close(shard_id)

    def close(self, now_ms: int, interval_ms: int) -> None:
        """Close the batches that have been open for at least `interval_ms`; 0 closes all."""
        for shard_id, batch in list(self._open.items()):
            if now_ms - batch.opened_ms >= interval_ms:
                self._close(shard_id)

    def _close(self, shard_id: str) -> None:
        self.closed.append(self._open.pop(shard_id).records)
