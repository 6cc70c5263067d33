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
    """One open batch per lane (shard), and the closed ones in the order they closed.

    A batch closes before it would pass BufferSizeInMBs, so only a record that is larger alone makes a larger
    one. Sizes are of the data before base64 (FDG: data-transformation).
    """

    def __init__(self) -> None:
        self._open: dict[str, _OpenBatch] = {}
        self.closed: deque[list[SourceRecord]] = deque()

    def __len__(self) -> int:
        """Records waiting, in open and closed batches."""
        return sum(len(batch.records) for batch in self._open.values()) + sum(map(len, self.closed))

    def add(self, record: SourceRecord, limit_bytes: int) -> None:
        """Put a record in its lane's batch, closed before if it has no room, and after if it is full."""
        lane, size = record.lane, len(record.data)
        if lane in self._open and self._open[lane].size_bytes + size > limit_bytes:
            self._close(lane)
        batch = self._open.setdefault(lane, _OpenBatch(record.arrival_ms))
        batch.records.append(record)
        batch.size_bytes += size
        if batch.size_bytes >= limit_bytes:
            self._close(lane)

    def close(self, now_ms: int, interval_ms: int) -> None:
        """Close the batches that were opened at least `interval_ms` ago; 0 closes all."""
        for lane, batch in list(self._open.items()):
            if now_ms - batch.opened_ms >= interval_ms:
                self._close(lane)

    def _close(self, lane: str) -> None:
        self.closed.append(self._open.pop(lane).records)
