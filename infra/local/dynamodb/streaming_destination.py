"""Replicates a table's changes to a Kinesis data stream, as DynamoDB's streaming destination does.

The changes are read from the emulator's DynamoDB Streams, because it has no streaming destination of its own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from botocore.exceptions import ClientError

from ttl_archive.infra.local.dynamodb.change_record import (
    TTL_IDENTITY,
    Precision,
    change_record,
    kinesis_partition_key,
)
from ttl_archive.infra.local.dynamodb.table_changes import ChangeKind, TableChanges
from ttl_archive.infra.local.dynamodb.ttl import ExpiredItem
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.transform.limits import KINESIS_CALL_BYTES, KINESIS_CALL_RECORDS, Entry, batches

# KDS-l: MaxRecordSizeInKiB of a data stream by default; the size includes the partition key.
DEFAULT_MAX_RECORD_KIB = 1024
# DynamoDB itself retries for 168 hours. A local program should not wait for that: the next run continues.
ATTEMPTS = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


class NotReplicated(Exception):  # noqa: N818 - a state, which the next run may end
    """The Kinesis data stream refused records repeatedly; they are kept for the next run."""


class StreamingDestination:
    """The streaming destination of one table; `run` replicates what has changed since the last run.

    `changes` counts what was read, by kind, and `replicated` what the data stream confirmed; `sizes` says how
    many of these have a size in bytes, with the partition key. `unchanged`
    writes are not replicated, nor are `too-large` records: DynamoDB skips these too, and counts them in the
    metric FailedToReplicateRecordCount (DDB26). A record is too large by the MaxRecordSizeInKiB of the data
    stream, or by `max_record_kib` where the emulator does not know that setting.

    `precision` None is a destination that was enabled without one: milliseconds, and records without the
    member (LS-ddb 2024-01-30).

    A removal is `expired`, and has the identity of the TTL process, when `expect` announced it, see
    TableChanges.
    """

    def __init__(
        self,
        *,
        streams: Any,
        kinesis: Any,
        table: str,
        stream_name: str,
        clock: Clock,
        precision: Precision | None = "MICROSECOND",
        max_record_kib: int = DEFAULT_MAX_RECORD_KIB,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.changes: Counter[str] = Counter()
        self.replicated = 0
        self.sizes: Counter[int] = Counter()
        self.precision = precision
        self._changes = TableChanges(streams, table)
        self._kinesis = kinesis
        self._table = table
        self._stream_name = stream_name
        self._clock = clock
        self._max_record_kib = max_record_kib
        self._pause = pause
        self._waiting: list[Entry] = []
        self._last_us = 0

    @property
    def is_running(self) -> bool:
        """Whether changes are replicated."""
        return self._changes.is_running

    def start(self, position: Literal["TRIM_HORIZON", "LATEST"] = "LATEST") -> None:
        """Begin with what changes from now on, as enabling does (DDB: kds), or with all that was kept."""
        self._changes.start(position)

    def stop(self) -> None:
        """Stop. What changes until the next start never reaches the data stream."""
        self._changes.stop()

    def expect(self, expired: ExpiredItem) -> None:
        """Announce a removal that a TTL sweep has made since the last run."""
        self._changes.expect(expired)

    def run(self) -> int:
        """Replicate all pending changes and return the number of records put.

        Raises NotReplicated when the data stream keeps refusing; the records are kept for the next run.
        """
        self._waiting += self._entries()
        before = self.replicated
        for batch in list(batches(self._waiting, KINESIS_CALL_RECORDS, KINESIS_CALL_BYTES)):
            self._put(batch)
        return self.replicated - before

    def _entries(self) -> Iterator[Entry]:
        max_bytes: int | None = None
        for record, kind in self._changes.read():
            if kind == "unchanged":
                self.changes[kind] += 1
                continue
            entry = self._entry(record, kind)
            max_bytes = self._max_record_bytes() if max_bytes is None else max_bytes
            if entry.size_bytes <= max_bytes:
                self.changes[kind] += 1
                yield entry
            else:
                self.changes["too-large"] += 1

    def _entry(self, record: Mapping[str, Any], kind: ChangeKind) -> Entry:
        data = change_record(
            record,
            table=self._table,
            precision=self.precision,
            created_us=self._next_us(),
            identity=TTL_IDENTITY if kind == "expired" else None,
        )
        return Entry(self._last_us, data, kinesis_partition_key(record["dynamodb"]["Keys"]))

    def _max_record_bytes(self) -> int:
        """Return the largest record that the data stream accepts, in bytes."""
        try:
            answer = self._kinesis.describe_stream_summary(StreamName=self._stream_name)
        except ClientError:
            return self._max_record_kib * 1024  # the put reports a data stream that is gone
        summary = answer["StreamDescriptionSummary"]
        return int(summary.get("MaxRecordSizeInKiB", self._max_record_kib)) * 1024

    def _next_us(self) -> int:
        """Return the time of a change: a microsecond after the one before, because readers order by it."""
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
            self.replicated += len(confirmed)
            self.sizes.update(entry.size_bytes for entry in batch if entry.position in confirmed)
            if not refused:
                return
            batch = refused
        raise NotReplicated(
            f"Kinesis stream {self._stream_name} refused {len(batch)} records {ATTEMPTS} times"
            f" ({', '.join(sorted({code for code in codes if code}))}). They are kept: run again."
        )
