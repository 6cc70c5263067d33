"""One delivery stream: it reads, transforms, partitions and delivers records, and counts their outcomes."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.infra.local.firehose import processing
from ttl_archive.infra.local.firehose.batches import Batches
from ttl_archive.infra.local.firehose.checkpoints import Checkpoints
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.configuration import DeliveryStreamConfig
from ttl_archive.infra.local.firehose.error_objects import LambdaArnField, error_line
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.firehose.metadata_extraction import MetadataQuery
from ttl_archive.infra.local.firehose.partitioning import ACTIVE_PARTITIONS_LIMIT, limit_exceeded, partition
from ttl_archive.infra.local.firehose.processing import Dropped, EventHead, Failed, Outcome, Transformed
from ttl_archive.infra.local.firehose.s3_delivery import DestinationVersion, ObjectGroup, S3Buffers
from ttl_archive.infra.local.firehose.source import Source, SourceRecord


@dataclass(frozen=True)
class DeliveryCounts:
    """What became of a delivery stream's records: received = delivered + dropped + failed + buffered, always.

    A record counts as delivered or failed once S3 has its object. `failed` is by error code. `empty` counts
    the delivered records whose result was Ok without data. `objects` counts S3 objects by role: data, error,
    backup.
    """

    received: int
    delivered: int
    dropped: int
    failed: Mapping[str, int]
    buffered: int
    empty: int
    objects: Mapping[str, int]


@dataclass(frozen=True)
class Shared:
    """What all delivery streams of one Firehose share; see Firehose."""

    s3: Any
    functions: Mapping[str, Function]
    clock: Clock
    uuids: Callable[[], uuid.UUID]
    lambda_arn_field: LambdaArnField = "lambdaARN"
    compress_error_objects: bool = False
    suffix_in_time_zone: bool = True
    active_partitions_limit: int = ACTIVE_PARTITIONS_LIMIT


@dataclass
class _Tally:
    read: int = 0
    dropped: int = 0
    empty: int = 0
    stored: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)


# The outcome of a record that is delivered; the others are error codes.
_DELIVERED = "Ok"


class DeliveryStream:
    """A delivery stream that works when it is polled, in the caller's thread.

    `record_sizes` says how many of the records that it read have a size in bytes: each is billed rounded up
    to 5 KB (FDG: limits).
    """

    def __init__(
        self,
        name: str,
        head: EventHead,
        config: DeliveryStreamConfig,
        source: Source,
        shared: Shared,
        checkpoints: Checkpoints,
    ) -> None:
        self.source = source
        self.config = config
        self.version = 1
        self.record_sizes: Counter[int] = Counter()
        self._name = name
        self._head = head
        self._shared = shared
        self._checkpoints = checkpoints
        self._batches = Batches()
        self._tally = _Tally()
        self._delivery = S3Buffers(shared.s3, self._destination_version(), shared.uuids)
        self._query = _query(config)

    def configure(self, config: DeliveryStreamConfig) -> None:
        """Use a new configuration, as the next version, from now on."""
        self.config = config
        self.version += 1
        self._query = _query(config)
        self._delivery.change_destination(self._destination_version())

    def work(self, *, everything: bool = False) -> int:
        """Do what is due, or everything whatever the hints say, and return the number of records moved.

        A record moves when it is read, when it is processed and when it is stored. So 0 means that nothing
        is left to do at this time.
        """
        read = self._read()
        processed = self._process(everything)
        self._delivery.close(self._shared.clock.now_ms(), everything=everything)
        return read + processed + self._put()

    def counts(self) -> DeliveryCounts:
        """Return what became of the records so far."""
        stored = self._tally.stored
        return DeliveryCounts(
            received=self._tally.read + self.source.waiting,
            delivered=stored[_DELIVERED] + self._tally.empty,
            dropped=self._tally.dropped,
            failed={code: n for code, n in sorted(stored.items()) if code != _DELIVERED},
            buffered=self.source.waiting + len(self._batches) + self._delivery.buffered,
            empty=self._tally.empty,
            objects={role: self._tally.objects[role] for role in ("data", "error", "backup")},
        )

    def _destination_version(self) -> DestinationVersion:
        return DestinationVersion(
            self._name,
            self.version,
            self.config.destination,
            self.config.backup,
            self._shared.compress_error_objects,
            self._shared.suffix_in_time_zone,
        )

    def _read(self) -> int:
        before = self._tally.read
        for record in self.source.read():
            self._tally.read += 1
            self.record_sizes[len(record.data)] += 1
            self._checkpoints.expect(record.place, copies=2 if self.config.backup else 1)
            if self.config.backup:
                self._deliver(record, ObjectGroup("backup", record.shard_id), record.data, _DELIVERED)
            if self.config.processor:
                self._batches.add(record, self.config.processor.buffering.size_bytes)
            else:
                self._settle_transformed(Transformed(record, record.data))
        return self._tally.read - before

    def _process(self, everything: bool) -> int:
        processor = self.config.processor
        # Without a processor only batches from before an update are left, and they do not wait.
        interval_ms = processor.buffering.interval_ms if processor and not everything else 0
        self._batches.close(self._shared.clock.now_ms(), interval_ms)
        processed = 0
        while self._batches.closed:
            # A batch leaves the queue once its outcomes are known, so an error in between loses nothing.
            outcomes = self._outcomes(self._batches.closed[0])
            processed += len(self._batches.closed.popleft())
            for outcome in outcomes:
                self._settle(outcome)
        return processed

    def _outcomes(self, batch: Sequence[SourceRecord]) -> list[Outcome]:
        processor = self.config.processor
        if processor is None:
            return [Transformed(record, record.data) for record in batch]
        function = self._function(processor.arn)
        return [
            outcome
            for payload, records in processing.requests(batch, self._head, self._invocation_ids())
            for outcome in processing.invoke(
                function, processor.arn, payload, records, processor.number_of_retries
            )
        ]

    def _function(self, arn: str) -> Function | None:
        """Return the function of an ARN. The ARNs of `functions` may omit the qualifier."""
        functions = self._shared.functions
        unqualified = ":".join(arn.split(":")[:7])
        return functions.get(arn) or functions.get(unqualified) or functions.get(f"{unqualified}:$LATEST")

    def _invocation_ids(self) -> Iterator[str]:
        while True:
            yield str(self._shared.uuids())

    def _settle(self, outcome: Outcome) -> None:
        match outcome:
            case Dropped():
                self._tally.dropped += 1
                self._checkpoints.settle([outcome.record.place])
            case Failed():
                self._settle_failed(outcome)
            case Transformed():
                self._settle_transformed(outcome)

    def _settle_transformed(self, outcome: Transformed) -> None:
        group = self._group(outcome)
        if isinstance(group, Failed):
            self._settle_failed(group)
        elif not outcome.data and self.config.processor:
            # UNVERIFIED what AWS does with Ok and empty data. Here nothing is delivered, and it is counted.
            self._tally.empty += 1
            self._checkpoints.settle([outcome.record.place])
        else:
            self._deliver(outcome.record, group, outcome.data, _DELIVERED)

    def _group(self, outcome: Transformed) -> ObjectGroup | Failed:
        if not self.config.dynamic_partitioning:
            return ObjectGroup("data", outcome.record.shard_id)
        found = partition(outcome, self.config.destination.prefix, self._query)
        if isinstance(found, Failed):
            return found
        group = ObjectGroup("data", partition_keys=found)
        limit = self._shared.active_partitions_limit
        return group if self._delivery.has_room(group, limit) else limit_exceeded(outcome, limit)

    def _settle_failed(self, failed: Failed) -> None:
        line = error_line(
            failed,
            ended_ms=self._shared.clock.now_ms(),
            lambda_arn=self.config.processor.arn if self.config.processor else "",
            lambda_arn_field=self._shared.lambda_arn_field,
        )
        group = ObjectGroup("error", error_output_type=failed.error_output_type)
        self._deliver(failed.record, group, line, failed.error_code)

    def _deliver(self, record: SourceRecord, group: ObjectGroup, data: bytes, outcome: str) -> None:
        now_ms = self._shared.clock.now_ms()
        self._delivery.add(
            group,
            data,
            arrival_ms=record.arrival_ms,
            now_ms=now_ms,
            outcome=outcome,
            place=record.place,
        )

    def _put(self) -> int:
        moved = 0
        for stored in self._delivery.put():
            moved += stored.outcomes.total()
            self._tally.objects[stored.group.role] += 1
            self._checkpoints.settle(stored.places)
            if stored.group.role != "backup":
                self._tally.stored += stored.outcomes
        return moved


def _query(config: DeliveryStreamConfig) -> MetadataQuery | None:
    return None if config.metadata_query is None else MetadataQuery(config.metadata_query)
