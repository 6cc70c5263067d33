"""UTC clocks that tests and the demo advance by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock:
    """A UTC clock that stands still until it is advanced, and never goes back.

    `start` must have a time zone, because a naive time would silently be read in the machine's; None is now.
    Raises ValueError for a naive start.
    """

    def __init__(self, start: datetime | None = None) -> None:
        start = datetime.now(UTC) if start is None else start
        if start.tzinfo is None:
            raise ValueError(
                f"A clock cannot start at {start.isoformat()}: give a time zone, e.g. tzinfo=UTC."
            )
        self._now = start.astimezone(UTC)
        self._listeners: list[Callable[[], object]] = []

    def now(self) -> datetime:
        """Return the time, with its zone, in UTC."""
        return self._now

    def now_ms(self) -> int:
        """Return whole milliseconds since the epoch, as Firehose and Kinesis stamp records."""
        return self.now_us() // 1000

    def now_us(self) -> int:
        """Return whole microseconds since the epoch, by integers: a float would lose the last digit."""
        return (self.now() - _EPOCH) // _MICROSECOND

    def advance(self, delta: timedelta | None = None, **kwargs: float) -> datetime:
        """Move forward by `delta` or by timedelta's own keywords (`hours=1`), and return the new time.

        Calls what before_advance registered first. Raises ValueError for a negative step.
        """
        step = _step(delta, kwargs)
        self._notify()
        self._now += step
        return self.now()

    def before_advance(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` each time before the clock advances, and return a function that ends this.

        What happened at this instant can so be read and stamped while the clock still shows it.
        """
        self._listeners.append(listener)

        def forget() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return forget

    def _notify(self) -> None:
        for listener in list(self._listeners):
            listener()


class SystemClock(Clock):
    """The machine's time plus everything that the clock was advanced by."""

    def __init__(self) -> None:
        super().__init__()
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the machine's time plus the offset, with its zone, in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, delta: timedelta | None = None, **kwargs: float) -> datetime:
        """Add to the offset; see Clock.advance."""
        step = _step(delta, kwargs)
        self._notify()
        self._offset += step
        return self.now()


def _step(delta: timedelta | None, kwargs: dict[str, float]) -> timedelta:
    step = (timedelta() if delta is None else delta) + timedelta(**kwargs)
    if step < timedelta():
        raise ValueError(f"A clock cannot be moved by {step}: it only goes forward.")
    return step
