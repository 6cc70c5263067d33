"""Rows of each day, and the time between TTL and removal, in one query to the relation `archive_unique`."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.query.coverage import Coverage
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import QueryPlace, Question
from ttl_archive.infra.query.stored_files import date_of
from ttl_archive.infra.report.counted import NotCounted
from ttl_archive.infra.sql.dialect import literal, quoted
from ttl_archive.transform.settings import IMAGE_COLUMN, Settings

# Upper limits of the classes of lag, in seconds; a removal before the TTL has a negative lag.
LAG_LIMITS_S = (0, 600, 3600, 6 * 3600, 24 * 3600, 48 * 3600)
_LAG = "CASE WHEN ddb_removed_by IN ('ttl', 'ttl-inferred') THEN ddb_event_us / 1000000 - {ttl} END"
_SQL = """\
SELECT {date}, count(*) AS row_count,
  count(CASE WHEN ddb_removed_by = 'ttl' THEN 1 END) AS by_ttl,
  count(CASE WHEN ddb_removed_by = 'ttl-inferred' THEN 1 END) AS inferred,
  count(CASE WHEN ddb_removed_by = 'user' THEN 1 END) AS by_user,
  count(lag) AS with_lag, max(lag) AS longest,
  {classes}
FROM (SELECT {date}, ddb_removed_by, {lag} AS lag FROM archive_unique WHERE {date} BETWEEN ? AND ?) AS changes
GROUP BY {date}
ORDER BY {date}"""
_EXACT_TYPES = ("bigint", "decimal", "double")


@dataclass(frozen=True, slots=True)
class RowsOfDay:
    """The distinct changes in one date folder.

    `rows` is None when all objects of the day are in GLACIER; `frozen` is the number of such objects.
    `lags` counts the TTL removals by LAG_LIMITS_S, the last class without a limit.
    """

    day: str
    rows: int | None
    by_ttl: int = 0
    inferred: int = 0
    by_user: int = 0
    with_lag: int = 0
    longest_lag_s: int | None = None
    lags: tuple[int, ...] = ()
    frozen: int = 0

    @property
    def other(self) -> int:
        """The changes that are no removal."""
        return (self.rows or 0) - self.by_ttl - self.inferred - self.by_user


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Every day with rows, or with objects that cannot be read."""

    days: tuple[RowsOfDay, ...]
    no_lag: NotCounted | None = None

    @property
    def rows(self) -> int:
        """All rows that could be read."""
        return sum(day.rows or 0 for day in self.days)

    @property
    def frozen(self) -> int:
        """The objects in GLACIER, whose rows are not counted."""
        return sum(day.frozen for day in self.days)

    @property
    def removals(self) -> int:
        """The removals by TTL."""
        return sum(day.by_ttl + day.inferred for day in self.days)

    @property
    def with_lag(self) -> int:
        """The removals by TTL whose TTL could be read."""
        return sum(day.with_lag for day in self.days)

    @property
    def lags(self) -> tuple[int, ...]:
        """The removals by class of lag."""
        return tuple(map(sum, zip(*(day.lags for day in self.days if day.lags), strict=True)))

    @property
    def longest_lag_s(self) -> int | None:
        """The longest time between a TTL and its removal, in seconds."""
        found = [day.longest_lag_s for day in self.days if day.longest_lag_s is not None]
        return max(found, default=None)


def count_rows(place: QueryPlace, settings: Settings, dates: DateRange) -> RowCounts:
    """Count the rows of these dates. Raises QueryError and ReplayError."""
    seen: list[Coverage] = []
    ttl = _ttl_seconds(settings)
    no_lag = ttl if isinstance(ttl, NotCounted) else None
    lag = _LAG.format(ttl=ttl) if no_lag is None else "CAST(NULL AS bigint)"
    date = settings.output.date_column
    sql = _SQL.format(date=quoted(date), lag=lag, classes=", ".join(_classes()))
    result = place.ask(Question(sql, (dates.first or "", dates.last or "9999-12-31")), seen.append)
    # Without the extra [sql], the coverage of Athena is that of all dates.
    found = [date_of(each.key, settings) for coverage in seen for each in coverage.frozen]
    frozen = Counter(day for day in found if day is not None and dates.has(day))
    days = _merged((_day(row, frozen) for row in result.rows), frozen)
    return RowCounts(tuple(sorted(days, key=lambda day: day.day)), no_lag)


def _classes() -> list[str]:
    lower = [None, *LAG_LIMITS_S]
    tests = [
        " AND ".join(
            filter(
                None,
                [
                    f"lag >= {low}" if low is not None else "",
                    f"lag < {high}" if high is not None else "",
                ],
            )
        )
        for low, high in zip(lower, [*LAG_LIMITS_S, None], strict=True)
    ]
    return [f"count(CASE WHEN {test} THEN 1 END) AS lag_{n}" for n, test in enumerate(tests)]


def _day(row: tuple[Any, ...], frozen: Counter[str]) -> RowsOfDay:
    day, rows, by_ttl, inferred, by_user, with_lag, longest, *lags = row
    return RowsOfDay(day, rows, by_ttl, inferred, by_user, with_lag, longest, tuple(lags), frozen.get(day, 0))


def _merged(days: Iterable[RowsOfDay], frozen: Counter[str]) -> list[RowsOfDay]:
    """Return the days with rows, and those of which every object is in GLACIER."""
    found = list(days)
    known = {day.day for day in found}
    return found + [RowsOfDay(day, None, frozen=number) for day, number in frozen.items() if day not in known]


def _ttl_seconds(settings: Settings) -> str | NotCounted:
    """Return the expression of the TTL in epoch seconds: from the lossless image, or from its column."""
    attribute = settings.table.ttl_attribute
    if settings.output.image:
        name = attribute.replace("\\", "\\\\").replace('"', '\\"')
        path = literal(f'$["{name}"]["N"]')
        return f"TRY_CAST(json_extract_scalar(nullif({IMAGE_COLUMN}, ''), {path}) AS bigint)"
    for column in settings.columns:
        if column.path == (attribute,) and column.type.startswith((*_EXACT_TYPES, "string")):
            return f"TRY_CAST({quoted(column.name)} AS bigint)"
    return NotCounted(
        f"the rows have no image, and no column of [[columns]] has {attribute} as a number. Add one, or set "
        "[output] image = true"
    )
