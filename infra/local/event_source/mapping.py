"""One event source mapping: the pollers of its shards, and what it does when it is polled."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace

from ttl_archive.infra.local.event_source.batch_processor import BatchProcessor
from ttl_archive.infra.local.event_source.batch_queue import BatchQueue
from ttl_archive.infra.local.event_source.counts import MappingCounts
from ttl_archive.infra.local.event_source.mapping_configuration import MappingConfig
from ttl_archive.infra.local.event_source.shard_poller import ShardPoller
from ttl_archive.infra.local.event_source.stream import (
    TRIM_HORIZON,
    AfterSequenceNumber,
    Position,
    Shard,
    StreamReader,
)
from ttl_archive.infra.local.firehose.checkpoints import Checkpoints


class EventSourceMapping:
    """Reads a stream and hands its records to a function, in the caller's thread, when it is polled.

    `store` keeps the checkpoints, by UUID and shard: a mapping with the same UUID and store goes on behind
    what was settled, and repeats what was not. A shard without a checkpoint is then read from TRIM_HORIZON.
    """

    def __init__(
        self,
        reader: StreamReader,
        processor: BatchProcessor,
        store: MutableMapping[str, str],
    ) -> None:
        self._reader = reader
        self._processor = processor
        self._store = store
        self._pollers: dict[str, ShardPoller] = {}
        self._positions: dict[str, Position] = {}
        self._checkpoints = Checkpoints(store, processor.identity.mapping_uuid)
        self.is_enabled = False

    @property
    def config(self) -> MappingConfig:
        """The configuration; `configure` replaces it."""
        return self._processor.config

    def enable(self) -> None:
        """Go on behind what was settled; begin at the starting position when nothing ever was."""
        if self.is_enabled:
            return
        self._checkpoints = Checkpoints(self._store, self._processor.identity.mapping_uuid)
        settled = self._checkpoints.resume()
        if settled is None:
            first = self._processor.config.starting_position
            self._positions = {shard.shard_id: first for shard in self._reader.shards()}
        else:
            self._positions = {shard: AfterSequenceNumber(number) for shard, number in settled.items()}
        self._pollers = {}
        self.is_enabled = True
        self._open_shards()

    def disable(self) -> None:
        """Read no more. What was read and not settled will be read again."""
        self.is_enabled = False
        unsettled = sum(poller.unsettled for poller in self._pollers.values())
        self._processor.counts.polled -= unsettled
        self._pollers = {}

    def configure(self, config: MappingConfig) -> None:
        """Use another configuration from now on; what is not settled is read again."""
        was_enabled = self.is_enabled
        self.disable()
        self._processor.config = config
        if was_enabled:
            self.enable()

    def forget(self) -> None:
        """Forget the checkpoints, as the deletion of a mapping does."""
        self.disable()
        self._checkpoints.forget()

    def receive(self) -> None:
        """Read what is there, so that it is not trimmed because no one polled."""
        if self.is_enabled:
            self._open_shards()
            for poller in list(self._pollers.values()):
                poller.read()

    def work(self, *, everything: bool) -> int:
        """Do what is due, or everything whatever windows and pauses say.

        Return how often something changed; 0 means that nothing is left to do at this time.
        """
        if not self.is_enabled:
            return 0
        self._open_shards()
        changes = 0
        for poller in list(self._pollers.values()):
            changes += poller.read()
            for queue in poller.queues:
                changes += self._run(poller, queue, everything=everything)
        # The children of a shard that has just ended are a change, though it had no record left.
        return changes + self._open_shards()

    def counts(self) -> MappingCounts:
        """Return what became of the records so far."""
        waiting = sum(poller.unsettled for poller in self._pollers.values())
        return replace(self._processor.counts, waiting=waiting)

    def _run(self, poller: ShardPoller, queue: BatchQueue, *, everything: bool) -> int:
        changes = 0
        while batch := queue.current(self._processor.clock.now_ms(), everything=everything):
            if not self._processor.attempt(poller, queue, batch):
                break
            changes += 1
        return changes

    def _open_shards(self) -> int:
        """Begin to read each shard whose parent has been processed to its end, or is not there any more.

        Return how many these were.
        """
        shards = self._reader.shards()
        listed = {shard.shard_id for shard in shards}
        before = len(self._pollers)
        for shard in shards:
            if shard.shard_id not in self._pollers and not self._is_processed_after(shard, listed):
                self._pollers[shard.shard_id] = self._poller(shard)
        return len(self._pollers) - before

    def _is_processed_after(self, shard: Shard, listed: set[str]) -> bool:
        """Return whether a shard has to wait for its parent (LDG, with-ddb: order per item)."""
        if shard.parent_id is None or shard.parent_id not in listed:
            return False
        parent = self._pollers.get(shard.parent_id)
        return parent is None or not parent.has_ended

    def _poller(self, shard: Shard) -> ShardPoller:
        # A shard that appears later has only records that are new to the mapping.
        position = self._positions.get(shard.shard_id, TRIM_HORIZON)
        return ShardPoller(
            shard,
            self._reader,
            position,
            self._processor.config,
            self._checkpoints,
            self._processor.counts,
        )
