"""A limit on the records that all threads of a run take in a second."""

import time
from collections.abc import Callable
from threading import Lock


class Rate:
    """Hands out room for records at a fixed rate; without a rate there is always room."""

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

    def reserve(self, records: int) -> float:
        """Take room for that many records; return how many seconds to wait before they may go."""
        if self._per_second is None or records == 0:
            return 0.0
        with self._lock:
            now = self._clock()
            start = max(now, self._free_at)
            self._free_at = start + records / self._per_second
        return start - now

    def take(self, records: int) -> None:
        """Wait for room for that many records; what is taken now delays who comes next."""
        if (seconds := self.reserve(records)) > 0:
            self._wait(seconds)
