"""The period of a report: a month in UTC, or every date that the archive has."""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.replay.errors import MisuseError

ALL = "all"


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """Dates with a name; `is_running` when the period has not ended."""

    name: str
    dates: DateRange
    is_running: bool
    is_all: bool = False

    @property
    def times(self) -> DateRange:
        """The dates on which objects were written and runs ended; with `all`, also those without a row."""
        return DateRange() if self.is_all else self.dates


def period_of(month: str | None, days: Sequence[str], now: datetime) -> ReportPeriod:
    """Return the period of the option --month; `days` are the dates of the archive, sorted.

    Raises MisuseError for a text that is no month.
    """
    today = f"{now:%Y-%m-%d}"
    if month == ALL:
        dates = DateRange(days[0], days[-1]) if days else DateRange(today, today)
        return ReportPeriod(f"{dates.first} to {dates.last}", dates, dates.last == today, is_all=True)
    name = month or (days[-1] if days else today)[:7]
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", name)
    if not found:
        raise MisuseError(f'"{name}" is no month. Write --month 2026-11, or --month all')
    last = monthrange(int(found[1]), int(found[2]))[1]
    dates = DateRange(f"{name}-01", f"{name}-{last}")
    return ReportPeriod(name, dates, f"{name}-01" <= today <= f"{name}-{last}")
