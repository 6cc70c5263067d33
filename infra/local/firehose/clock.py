"""UTC clocks that tests and the demo move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock:
    """A UTC clock that stands still until it is moved, and never goes back.

    `start` must be aware, because a naive time would silently be read in the machine's zone; None is now.
    """

    def __init__(self, start: datetime | None = None) -> None:
        start = datetime.now(UTC) if start is None else start
        if start.tzinfo is None:
            raise ValueError(
                f"A clock cannot start at {start.isoformat()}: give a time zone, e.g. tzinfo=UTC."
            )
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return self._now

    def now_ms(self) -> int:
        """Whole milliseconds since the epoch, as Firehose and Kinesis stamp records."""
        return self.now_us() // 1000

    def now_us(self) -> int:
        """Whole microseconds since the epoch; integer arithmetic, a float would lose the last digit."""
        return (self.now() - _EPOCH) // _MICROSECOND

    def advance(self, delta: timedelta | None = None, **kwargs: float) -> datetime:
        """Move forward by `delta` or by timedelta's own keywords (`hours=1`), and give the new time.

        Raises ValueError for a negative step.
        """
        step = _step(delta, kwargs)
        self._now += step
        return self.now()


class SystemClock(Clock):
    """The machine's time, plus everything it was advanced by."""

    def __init__(self) -> None:
        super().__init__()
        self._offset = timedelta()

    def now(self) -> datetime:
        """The machine's time plus the offset, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, delta: timedelta | None = None, **kwargs: float) -> datetime:
        """Add to the offset; see Clock.advance."""
        self._offset += _step(delta, kwargs)
        return self.now()


def _step(delta: timedelta | None, kwargs: dict[str, float]) -> timedelta:
    step = (timedelta() if delta is None else delta) + timedelta(**kwargs)
    if step < timedelta():
        raise ValueError(f"A clock cannot be moved by {step}: it only goes forward.")
    return step
