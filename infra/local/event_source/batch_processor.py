"""Tries batches: invokes the function, and acknowledges, splits, retries or discards by the outcome.

throttled              not counted in MaximumRetryAttempts; tried again (LDG, invocation-eventsourcemapping)
failure of the batch   counted; with bisecting a batch of several is halved, and that is not counted (LDG,
                       services-dynamodb-errors)
failure from a record  those before it are acknowledged; counted for the rest (LS-esm: 4 invocations with 3
                       retries)
... with bisecting     the same, not counted unless the first record failed: UNVERIFIED
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.local.event_source.batch_queue import Batch, BatchQueue, event_bytes
from ttl_archive.infra.local.event_source.counts import MappingCounts
from ttl_archive.infra.local.event_source.faults import Fault, Throttled, no_fault
from ttl_archive.infra.local.event_source.function_response import (
    Failure,
    UnknownResponse,
    interpret_response,
)
from ttl_archive.infra.local.event_source.mapping_configuration import MappingConfig
from ttl_archive.infra.local.event_source.on_failure import (
    Condition,
    DiscardedBatch,
    PayloadForm,
    invocation_record,
    object_key,
)
from ttl_archive.infra.local.event_source.shard_poller import ShardPoller
from ttl_archive.infra.local.event_source.stream import RETENTION_MS, ShardRecord
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.function import (
    MAX_REQUEST_BYTES,
    Function,
    FunctionError,
    FunctionTimedOut,
)


@dataclass(frozen=True)
class Unverified:
    """The choices where it is not known what AWS does.

    `unknown_response`: a response with members and without batchItemFailures. `payload_form`: the payload in
    an object of the destination. `trimmed_record`: a record that becomes 24 hours old in a blocked shard.
    `oversized_record`: a record whose event alone passes 6 MB.
    """

    unknown_response: UnknownResponse = "failure"
    payload_form: PayloadForm = "string"
    trimmed_record: Literal["lost", "to-destination"] = "lost"
    oversized_record: Literal["discarded", "blocks"] = "discarded"


@dataclass(frozen=True)
class MappingIdentity:
    """What the objects of the destination say about a mapping."""

    mapping_uuid: str
    function_arn: str
    stream_arn: str


@dataclass
class BatchProcessor:
    """Tries the current batch of a queue; `s3` is anything with boto3's `put_object`."""

    identity: MappingIdentity
    config: MappingConfig
    function: Function
    clock: Clock
    counts: MappingCounts
    s3: Any = None
    unverified: Unverified = Unverified()
    fault: Fault = no_fault
    uuids: Callable[[], uuid.UUID] = uuid.uuid4

    def attempt(self, poller: ShardPoller, queue: BatchQueue, batch: Batch) -> bool:
        """Try a batch once, and return whether that changed anything but the time of the next attempt."""
        if self._discard_old(poller, queue, batch):
            return True
        if event_bytes(batch.records[0]) > MAX_REQUEST_BYTES:
            return self._oversized(poller, queue, batch)
        request_id = str(self.uuids())
        try:
            failure = self._invoke(batch)
        except Throttled:
            self.counts.throttles += 1
            queue.pause(self.clock.now_ms())
            return False
        if failure is None:
            self._acknowledge(poller, batch.records)
            queue.replace_current(now_ms=self.clock.now_ms())
            return True
        return self._failed(poller, queue, batch, failure, request_id)

    def _invoke(self, batch: Batch) -> Failure | None:
        """Return how far the function failed. Raises Throttled."""
        try:
            self.fault("before-invoke", batch.records)
            payload = batch.payload
            self.counts.invocations += 1
            self.counts.payload_bytes += len(payload)
            self.counts.invoked += len(batch.records)
            body = self.function.invoke(payload)
            self.fault("after-invoke", batch.records)
        except (FunctionError, FunctionTimedOut):
            return Failure(error="Unhandled")
        return interpret_response(
            body,
            batch.sequence_numbers,
            reports_failures=self.config.reports_failures,
            unknown_response=self.unverified.unknown_response,
        )

    def _failed(
        self, poller: ShardPoller, queue: BatchQueue, batch: Batch, failure: Failure, request_id: str
    ) -> bool:
        rest = batch.records[failure.first :]
        self.counts.failed += len(rest)
        self._acknowledge(poller, batch.records[: failure.first])
        if self.config.bisects and (parts := _bisected(batch, failure)):
            queue.replace_current(*parts, now_ms=self.clock.now_ms())
            return True
        tried = Batch(rest, batch.invocations + 1)
        if self.config.max_retries is not None and tried.invocations > self.config.max_retries:
            self._discard(poller, tried, "RetryAttemptsExhausted", request_id, failure.error)
            queue.replace_current(now_ms=self.clock.now_ms())
            return True
        batch.records, batch.invocations = tried.records, tried.invocations
        queue.pause(self.clock.now_ms())
        return failure.first > 0 or self.config.max_retries is not None

    def _discard_old(self, poller: ShardPoller, queue: BatchQueue, batch: Batch) -> bool:
        """Discard the records at the front of a batch that are too old, and return whether there were any."""
        trimmed = self._older(batch, RETENTION_MS)
        self._trim(poller, Batch(batch.records[:trimmed], batch.invocations))
        aged = 0 if self.config.max_age_ms is None else self._older(batch, self.config.max_age_ms)
        if aged > trimmed:
            old = Batch(batch.records[trimmed:aged], batch.invocations)
            self._discard(poller, old, "RecordAgeExceeded", str(self.uuids()))
        left = batch.records[max(trimmed, aged) :]
        if len(left) == len(batch.records):
            return False
        remaining = [Batch(left, batch.invocations, batch.due_ms)] if left else []
        queue.replace_current(*remaining, now_ms=self.clock.now_ms())
        return True

    def _older(self, batch: Batch, age_ms: int) -> int:
        """Return how many records, from the front, are at least as old."""
        latest_ms = (self.clock.now_ms() if batch.due_ms is None else batch.due_ms) - age_ms
        young = (at for at, record in enumerate(batch.records) if record.arrival_ms > latest_ms)
        return next(young, len(batch.records))

    def _trim(self, poller: ShardPoller, batch: Batch) -> None:
        if not batch.records:
            return
        if self.unverified.trimmed_record == "to-destination":
            self._discard(poller, batch, "RecordAgeExceeded", str(self.uuids()))
        else:
            self.counts.trimmed += len(batch.records)
            poller.settle(batch.records)

    def _oversized(self, poller: ShardPoller, queue: BatchQueue, batch: Batch) -> bool:
        if self.unverified.oversized_record == "blocks":
            queue.pause(self.clock.now_ms())
            return False
        # No invocation took place; the condition is the one that is known. UNVERIFIED.
        self._discard(poller, batch, "RetryAttemptsExhausted", str(self.uuids()))
        queue.replace_current(now_ms=self.clock.now_ms())
        return True

    def _acknowledge(self, poller: ShardPoller, records: list[ShardRecord]) -> None:
        self.counts.acknowledged += len(records)
        poller.settle(records)

    def _discard(
        self,
        poller: ShardPoller,
        batch: Batch,
        condition: Condition,
        request_id: str,
        function_error: str | None = None,
    ) -> None:
        discarded = DiscardedBatch(
            batch.records, poller.shard.shard_id, condition, batch.invocations, request_id, function_error
        )
        self.fault("before-destination", batch.records)
        if self._put(discarded):
            self.counts.to_destination += len(batch.records)
            self.fault("after-destination", batch.records)
        else:
            self.counts.dropped += len(batch.records)
        poller.settle(batch.records)

    def _put(self, batch: DiscardedBatch) -> bool:
        """Write the object of the destination, and return whether that succeeded."""
        if self.config.failure_bucket is None:
            return False
        now = self.clock.now()
        body = invocation_record(
            batch,
            function_arn=self.identity.function_arn,
            stream_arn=self.identity.stream_arn,
            discarded_at=now,
            payload_form=self.unverified.payload_form,
        )
        key = object_key(self.identity.mapping_uuid, batch.shard_id, now, self.uuids())
        try:
            self.s3.put_object(Bucket=self.config.failure_bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError):
            self.counts.destination_failures += 1
            return False
        return True


def _bisected(batch: Batch, failure: Failure) -> list[Batch]:
    """Return the batches to go on with: cut at the failed record, or halved; none when that cuts nothing."""
    if failure.first:
        return [Batch(batch.records[failure.first :], batch.invocations)]
    if failure.is_reported or len(batch.records) == 1:
        return []
    middle = len(batch.records) // 2
    return [
        Batch(batch.records[:middle], batch.invocations),
        Batch(batch.records[middle:], batch.invocations),
    ]
