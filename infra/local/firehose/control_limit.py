"""The limit of five control calls a second, for each operation of an account (FDG: limits)."""

from __future__ import annotations

from collections import deque

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.service_error import ServiceError

CALLS_PER_SECOND = 5
_WINDOW_MS = 1000


class ControlLimit:
    """Refuses calls above the limit when it is enforced, by the clock."""

    def __init__(self, clock: Clock, *, is_enforced: bool) -> None:
        self.is_enforced = is_enforced
        self._clock = clock
        self._calls: dict[str, deque[int]] = {}

    def check(self, operation: str) -> None:
        """Count a call. Raises ServiceError (ThrottlingException) for the sixth within a second."""
        if not self.is_enforced:
            return
        now_ms = self._clock.now_ms()
        calls = self._calls.setdefault(operation, deque())
        while calls and now_ms - calls[0] >= _WINDOW_MS:
            calls.popleft()
        if len(calls) >= CALLS_PER_SECOND:
            # PRW quotes the sentence up to "for"; the rest is ours.
            raise ServiceError(
                "ThrottlingException",
                f"Please slow down. Max limit of {CALLS_PER_SECOND} RPS has breached for {operation}",
            )
        calls.append(now_ms)
