"""No more than so many records a second, over all threads of a run."""

import time
from collections.abc import Callable
from threading import Lock


class Rate:
    """`take` waits until that many records may go; without a limit it never waits."""

    def __init__(
        self,
        per_second: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._wait = wait
        self._lock = Lock()
        self._free_at = clock()

    def take(self, records: int) -> None:
        """Wait for room for that many records; what is taken now delays who comes next."""
        if self._per_second is None or records == 0:
            return
        with self._lock:
            now = self._clock()
            start = max(now, self._free_at)
            self._free_at = start + records / self._per_second
        if start > now:
            self._wait(start - now)
