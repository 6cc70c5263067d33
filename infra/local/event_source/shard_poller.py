"""Reads one shard, filters its records, and keeps its queues."""

from __future__ import annotations

from ttl_archive.infra.local.event_source.batch_queue import BatchQueue
from ttl_archive.infra.local.event_source.counts import MappingCounts
from ttl_archive.infra.local.event_source.mapping_configuration import MappingConfig
from ttl_archive.infra.local.event_source.stream import Position, Shard, ShardRecord, StreamReader
from ttl_archive.infra.local.firehose.checkpoints import Checkpoints


class ShardPoller:
    """A shard from a position on. `has_ended` when its end was read and all its records are settled."""

    def __init__(
        self,
        shard: Shard,
        reader: StreamReader,
        position: Position,
        config: MappingConfig,
        checkpoints: Checkpoints,
        counts: MappingCounts,
    ) -> None:
        self.shard = shard
        self.queues = [
            BatchQueue(batch_size=config.batch_size, window_ms=config.window_ms)
            for _ in range(config.parallelization_factor)
        ]
        self._reader = reader
        self._config = config
        self._checkpoints = checkpoints
        self._counts = counts
        self._iterator: str | None = reader.iterator(shard.shard_id, position)

    @property
    def unsettled(self) -> int:
        """The number of records that were read and are not settled."""
        return sum(map(len, self.queues))

    @property
    def has_ended(self) -> bool:
        """Whether nothing will come from this shard any more."""
        return self._iterator is None and not self.unsettled

    def read(self) -> int:
        """Read all that is there, and return how many records that was."""
        before = self._counts.polled
        while self._iterator is not None:
            page = self._reader.read(self._iterator)
            self._iterator = page.next_iterator
            for record in page.records:
                self._take(record)
            if not page.records:
                break
        return self._counts.polled - before

    def settle(self, records: list[ShardRecord]) -> None:
        """Move the checkpoint behind what is settled without a gap."""
        self._checkpoints.settle((self.shard.shard_id, record.sequence_number) for record in records)

    def _take(self, record: ShardRecord) -> None:
        self._counts.polled += 1
        self._checkpoints.expect((self.shard.shard_id, record.sequence_number), copies=1)
        if self._config.record_filter.passes(record.event):
            self.queues[record.queue_index(len(self.queues))].add(record)
        else:
            self._counts.filtered_out += 1
            self.settle([record])
