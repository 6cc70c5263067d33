"""The numbers of one day, and whether they balance: DynamoDB's count against the rows of the archive.

verdict         meaning
closed          the unique rows are exactly as many as the items that TTL deleted
explained       they differ, and the reasons account for the whole difference
open            they differ, or an object is damaged, was changed, or waits to be replayed
not countable   rows may be in objects that cannot be read, or there is no count to compare with

A day's edge is approximate: DynamoDB counts a deletion in the minute in which it reports it, and the row has
the time of the change. So rows within `edge_s` of midnight may count for either day. The check of the whole
range allows this at its two outer edges only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ttl_archive.infra.verify.row_index import DayRows
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.commands.show import plural


class DayVerdict(StrEnum):
    """Whether a day closes; see the table above."""

    CLOSED = "closed"
    EXPLAINED = "explained"
    OPEN = "open"
    NOT_COUNTABLE = "not countable"

    @property
    def closes(self) -> bool:
        """Whether nothing of the day is missing or in doubt."""
        return self in (DayVerdict.CLOSED, DayVerdict.EXPLAINED)


@dataclass(frozen=True, slots=True)
class DayNumbers:
    """What was counted for one day, or for a range of days.

    `deleted` has the possible counts of DynamoDB: one, or several for a global table, none where there is
    no count. `could_gain` and `could_lose` are rows on both sides of its edges. `failed` are TTL removals in
    error objects that have no row, by state; `faults` and `blind` are reasons from the objects.
    """

    label: str
    deleted: tuple[int, ...]
    rows: DayRows
    could_gain: int = 0
    could_lose: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    unknown_failures: int = 0
    faults: Sequence[str] = ()
    blind: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DayBalance:
    """The numbers, the verdict, and the reasons for it, one sentence each."""

    numbers: DayNumbers
    verdict: DayVerdict
    reasons: tuple[str, ...]

    @property
    def difference(self) -> int | None:
        """Deleted items without a row; negative when there are more rows; None without a count."""
        return self.numbers.deleted[0] - self.numbers.rows.unique if self.numbers.deleted else None


def balance(numbers: DayNumbers) -> DayBalance:
    """Return the verdict on the numbers of a day."""
    compared, reasons = _compare(numbers)
    if numbers.blind and compared is not DayVerdict.NOT_COUNTABLE:
        # Rows that could not be read are not missing. More rows than deletions are too many in any case.
        reasons = [] if numbers.rows.unique <= max(numbers.deleted) else reasons
    if numbers.rows.rows > numbers.rows.unique:
        copies = numbers.rows.rows - numbers.rows.unique
        reasons.append(f"{plural(copies, 'row')} delivered again: delivery is at least once")
    verdict = compared
    if numbers.faults:
        verdict = DayVerdict.OPEN
    if numbers.blind or not numbers.deleted:
        verdict = DayVerdict.NOT_COUNTABLE
    return DayBalance(numbers, verdict, (*numbers.blind, *numbers.faults, *reasons, *numbers.notes))


def _compare(numbers: DayNumbers) -> tuple[DayVerdict, list[str]]:
    if not numbers.deleted:
        return DayVerdict.NOT_COUNTABLE, []
    results = [_compare_count(numbers, deleted) for deleted in numbers.deleted]
    return min(results, key=lambda result: list(DayVerdict).index(result[0]))


def _compare_count(numbers: DayNumbers, deleted: int) -> tuple[DayVerdict, list[str]]:
    unique = numbers.rows.unique
    if deleted == unique:
        return DayVerdict.CLOSED, _failed_notes(numbers.failed)
    if unique - numbers.could_lose <= deleted <= unique + numbers.could_gain:
        text = f"{abs(deleted - unique):,} of the difference is at the edges of the day"
        return DayVerdict.EXPLAINED, [text, *_failed_notes(numbers.failed)]
    if deleted < unique:
        return DayVerdict.OPEN, [f"{plural(unique - deleted, 'row')} more than items that DynamoDB deleted"]
    return _missing(numbers, deleted - unique)


def _missing(numbers: DayNumbers, missing: int) -> tuple[DayVerdict, list[str]]:
    reasons = [f"{plural(missing, 'deleted item')} without a row", *_failed_notes(numbers.failed)]
    if numbers.unknown_failures:
        reasons.append(
            f"{numbers.unknown_failures:,} records in error objects cannot be parsed; they may be among them"
        )
    unexplained = missing - sum(numbers.failed.values()) - numbers.could_gain
    if unexplained > 0:
        reasons.append(f"{unexplained:,} of them not explained")
        return DayVerdict.OPEN, reasons
    to_replay = missing - numbers.failed.get(State.WAIVED, 0) - numbers.could_gain
    return (DayVerdict.EXPLAINED if to_replay <= 0 else DayVerdict.OPEN), reasons


def _failed_notes(failed: Mapping[str, int]) -> list[str]:
    return [
        f"{plural(count, 'TTL removal')} without a row in error objects that are {state}"
        for state, count in failed.items()
    ]


def range_numbers(days: Sequence[DayNumbers], label: str, could_gain: int) -> DayNumbers:
    """Return the numbers of the whole range, whose tolerance is that of its outer edges.

    `could_gain` are the rows just before the first day and just after the last one.
    """
    failed: dict[str, int] = {}
    for day in days:
        for state, count in day.failed.items():
            failed[state] = failed.get(state, 0) + count
    counts = zip(*(day.deleted for day in days), strict=True) if all(day.deleted for day in days) else ()
    return DayNumbers(
        label=label,
        deleted=tuple(map(sum, counts)),
        rows=DayRows(
            sum(day.rows.rows for day in days),
            sum(day.rows.unique for day in days),
            days[0].rows.near_start,
            days[-1].rows.near_end,
        ),
        could_gain=could_gain,
        could_lose=days[0].rows.near_start + days[-1].rows.near_end,
        failed=failed,
        unknown_failures=sum(day.unknown_failures for day in days),
        blind=_uncountable(days),
    )


def _uncountable(days: Sequence[DayNumbers]) -> tuple[str, ...]:
    count = sum(bool(day.blind) or not day.deleted for day in days)
    return (f"{plural(count, 'day')} of them not countable",) if count else ()
