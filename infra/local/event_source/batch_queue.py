"""A queue of a shard: records that wait, and the batches that are being tried.

A shard has as many queues as its mapping has concurrent batches (ParallelizationFactor).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ttl_archive.infra.local.event_source.stream import ShardRecord
from ttl_archive.infra.local.firehose.function import MAX_REQUEST_BYTES

# AWS does not publish how long a mapping waits before it tries a batch again. Ours doubles up to a minute.
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 1_000, 60_000
_HEAD, _TAIL = b'{"Records":[', b"]}"
_EMPTY_BYTES = len(_HEAD) + len(_TAIL)


@dataclass
class Batch:
    """Records that are handed to the function together, and how often they were, as retries are counted.

    `due_ms` is when a batch that was never tried was due. It lies before now when no one polled since,
    and that makes no record too old: AWS polls all the time.
    """

    records: list[ShardRecord]
    invocations: int = 0
    due_ms: int | None = None

    @property
    def payload(self) -> bytes:
        """The event of the function."""
        return _HEAD + b",".join(record.encoded for record in self.records) + _TAIL

    @property
    def sequence_numbers(self) -> list[str]:
        """The sequence numbers of the records, in order."""
        return [record.sequence_number for record in self.records]


def event_bytes(record: ShardRecord) -> int:
    """Return the size of the event that has this record alone."""
    return _EMPTY_BYTES + len(record.encoded)


class BatchQueue:
    """The records of some items of a shard, in order: a batch is tried again before the next one is made.

    A batch is made when it has `batch_size` records, when one more would not fit the payload of 6 MB, or when
    the window has ended. The window begins with the end of the last invocation (LDG,
    invocation-eventsourcemapping), or with the first record that waits if that is later: UNVERIFIED.
    """

    def __init__(self, *, batch_size: int, window_ms: int) -> None:
        self._batch_size = batch_size
        self._window_ms = window_ms
        self._waiting: deque[ShardRecord] = deque()
        self._waiting_bytes = _EMPTY_BYTES
        self._tried: deque[Batch] = deque()
        self._free_since_ms = 0
        self._pause_ms = 0
        self._due_ms = 0

    def __len__(self) -> int:
        """Return the number of records that are not settled."""
        return len(self._waiting) + sum(len(batch.records) for batch in self._tried)

    def add(self, record: ShardRecord) -> None:
        """Let a record wait for a batch."""
        self._waiting.append(record)
        self._waiting_bytes += len(record.encoded) + 1

    def current(self, now_ms: int, *, everything: bool) -> Batch | None:
        """Return the batch to try now, or None. `everything` ignores windows and pauses."""
        if self._tried:
            return self._tried[0] if everything or now_ms >= self._due_ms else None
        if not self._waiting:
            return None
        due_ms = self._free_since_ms if self._is_full() else self._window_end_ms(now_ms)
        if not everything and due_ms > now_ms:
            return None
        self._tried.append(self._take(min(max(due_ms, self._free_since_ms), now_ms)))
        return self._tried[0]

    def replace_current(self, *batches: Batch, now_ms: int) -> None:
        """Replace the current batch by others, or by none, and continue without a pause."""
        self._tried.popleft()
        self._tried.extendleft(reversed(batches))
        self._free_since_ms, self._pause_ms, self._due_ms = now_ms, 0, now_ms

    def pause(self, now_ms: int) -> None:
        """Try the current batch again later."""
        self._tried[0].due_ms = None
        self._pause_ms = min(2 * self._pause_ms, _LONGEST_PAUSE_MS) or _FIRST_PAUSE_MS
        self._free_since_ms, self._due_ms = now_ms, now_ms + self._pause_ms

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._batch_size or self._waiting_bytes > MAX_REQUEST_BYTES

    def _window_end_ms(self, now_ms: int) -> int:
        return max(self._free_since_ms, min(self._waiting[0].arrival_ms, now_ms)) + self._window_ms

    def _take(self, due_ms: int) -> Batch:
        batch = Batch([], due_ms=due_ms)
        size = _EMPTY_BYTES
        while self._waiting and len(batch.records) < self._batch_size:
            size += len(self._waiting[0].encoded) + bool(batch.records)
            if size > MAX_REQUEST_BYTES and batch.records:
                break
            batch.records.append(self._waiting.popleft())
            self._waiting_bytes -= len(batch.records[-1].encoded) + 1
        return batch
