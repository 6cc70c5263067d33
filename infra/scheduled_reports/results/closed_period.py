"""The period of a report: the closed day, week or month before a run, in UTC.

every   a run at 2026-12-01T06:00:00Z reports on     name in keys
day     2026-11-30                                   2026-11-30
week    Monday 2026-11-23 to Sunday 2026-11-29       2026-11-23_2026-11-29
month   2026-11-01 to 2026-11-30                     2026-11-01_2026-11-30

It follows from the scheduled time alone, so a run that is late or doubled has the same period.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

# The words that a parameter may have in braces.
WORDS = ("first_day", "last_day", "start", "end")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """Whole days in UTC, both ends included."""

    first: date
    last: date

    @property
    def name(self) -> str:
        """Return the dates as a part of a key. Periods of different lengths have different names."""
        return str(self.first) if self.first == self.last else f"{self.first}_{self.last}"

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"

    def days(self) -> Iterator[date]:
        """Yield every day of the period."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + number * _DAY

    def fill_in(self, text: str) -> str:
        """Replace {first_day}, {last_day}, {start} and {end}; the end is the first moment after it."""
        words = {
            "first_day": str(self.first),
            "last_day": str(self.last),
            "start": f"{self.first} 00:00:00",
            "end": f"{self.last + _DAY} 00:00:00",
        }
        return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), text)


def closed_period(every: str, scheduled: datetime) -> ClosedPeriod:
    """Return the last `day`, `week` or `month` that was over at that time, which is in UTC without a zone."""
    today = (scheduled if scheduled.tzinfo else scheduled.replace(tzinfo=UTC)).astimezone(UTC).date()
    if every == "month":
        last = today.replace(day=1) - _DAY
        return ClosedPeriod(last.replace(day=1), last)
    if every == "week":
        monday = today - today.weekday() * _DAY
        return ClosedPeriod(monday - 7 * _DAY, monday - _DAY)
    return ClosedPeriod(today - _DAY, today - _DAY)
