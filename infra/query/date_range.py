"""Dates of folders, as the filters of a query select them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DateRange:
    """Dates from the first to the last, both inclusive; None is an open end."""

    first: str | None = None
    last: str | None = None

    def has(self, date: str) -> bool:
        """Whether the date is in the range."""
        return (self.first is None or self.first <= date) and (self.last is None or date <= self.last)

    @property
    def is_filtered(self) -> bool:
        """Whether any end is given."""
        return self.first is not None or self.last is not None

    def within(self, other: "DateRange") -> "DateRange":
        """Return the dates that are in both."""
        firsts = [each for each in (self.first, other.first) if each is not None]
        lasts = [each for each in (self.last, other.last) if each is not None]
        return DateRange(max(firsts, default=None), min(lasts, default=None))

    def together(self, other: "DateRange") -> "DateRange":
        """Return the shortest range that has the dates of both."""
        firsts, lasts = (self.first, other.first), (self.last, other.last)
        return DateRange(
            None if None in firsts else min(each for each in firsts if each is not None),
            None if None in lasts else max(each for each in lasts if each is not None),
        )
