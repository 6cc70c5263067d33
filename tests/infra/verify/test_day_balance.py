"""Whether a day balances: each verdict, at its limits."""

from typing import Any

import pytest

from ttl_archive.infra.verify.day_balance import DayNumbers, DayVerdict, balance, range_numbers
from ttl_archive.infra.verify.row_identity import RemovalIdentity
from ttl_archive.infra.verify.row_index import DayRows, RowIndex

CLOSED, EXPLAINED, OPEN, NOT_COUNTABLE = DayVerdict
DAY_US = 86_400_000_000


def numbers(deleted: int | tuple[int, ...], unique: int, **more: Any) -> DayNumbers:
    counts = (deleted,) if isinstance(deleted, int) else deleted
    return DayNumbers("2026-03-01", counts, more.pop("rows", DayRows(unique, unique)), **more)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (numbers(5, 5), CLOSED),
        (numbers(0, 0), CLOSED),
        (numbers(6, 5), OPEN),
        (numbers(5, 6), OPEN),
        (numbers(7, 5, could_gain=2), EXPLAINED),
        (numbers(8, 5, could_gain=2), OPEN),
        (numbers(5, 7, could_lose=2), EXPLAINED),
        (numbers(5, 8, could_lose=2), OPEN),
        (numbers(7, 5, failed={"waived": 2}), EXPLAINED),
        (numbers(7, 5, failed={"waived": 1, "open": 1}), OPEN),
        (numbers(7, 5, failed={"waived": 1}), OPEN),
        (numbers(7, 5, failed={"refused": 2}), OPEN),
        (numbers(5, 5, faults=["damaged"]), OPEN),
        (numbers(5, 5, blind=["in GLACIER"]), NOT_COUNTABLE),
        (numbers(6, 5, faults=["damaged"], blind=["in GLACIER"]), NOT_COUNTABLE),
        (numbers((), 5), NOT_COUNTABLE),
        # of a global table: this Region's count, or the sum of all
        (numbers((0, 5), 5), CLOSED),
        (numbers((5, 10), 5), CLOSED),
        (numbers((4, 9), 5), OPEN),
    ],
)
def test_the_verdict_of_a_day(found: DayNumbers, verdict: DayVerdict) -> None:
    assert balance(found).verdict is verdict


def test_the_range_allows_a_difference_at_its_outer_edges_only() -> None:
    # A removal is missing on each day, and each day alone could have lost it to its neighbour.
    edge = DayRows(5, 5, near_start=1, near_end=1)
    days = [numbers(6, 5, rows=edge, could_gain=2), numbers(6, 5, rows=edge, could_gain=2)]

    assert [balance(day).verdict for day in days] == [EXPLAINED, EXPLAINED]
    assert balance(range_numbers(days, "both", could_gain=1)).verdict is OPEN
    assert balance(range_numbers(days, "both", could_gain=2)).verdict is EXPLAINED


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        (numbers(6, 5, blind=["in GLACIER"]), ("in GLACIER",)),
        (numbers(5, 6, blind=["in GLACIER"]), ("in GLACIER", "1 row more than items that DynamoDB deleted")),
    ],
)
def test_rows_that_were_not_counted_are_not_missing(found: DayNumbers, reasons: tuple[str, ...]) -> None:
    assert balance(found).reasons == reasons


def test_a_range_with_a_day_that_is_not_countable_is_not_countable() -> None:
    days = [numbers(6, 6), numbers(4, 0, blind=["in GLACIER"]), numbers((), 0)]

    whole = balance(range_numbers(days, "all", could_gain=0))

    assert (whole.verdict, whole.reasons) == (NOT_COUNTABLE, ("2 days of them not countable",))


def removal(change: bytes, event_us: int, removal: bytes = b"", whole: bool = False) -> RemovalIdentity:
    return RemovalIdentity(change, removal or change, event_us, whole)


def test_the_index_counts_each_change_once_and_each_removal_of_two_roads_once() -> None:
    with RowIndex() as index:
        assert index.add([removal(b"a", 5), removal(b"a", 5), removal(b"b", DAY_US - 1)]) == 2
        # one removal by Kinesis, and by the Streams road with the second alone
        assert index.add([removal(b"k", DAY_US + 7, b"same"), removal(b"s", DAY_US, b"same", True)]) == 2
        assert index.add([removal(b"a", 5)]) == 0
        first, second = index.days(edge_us=10).values()

    assert first == DayRows(rows=4, unique=2, near_start=1, near_end=1)
    assert second == DayRows(rows=2, unique=1, near_start=1, near_end=0)


def test_two_removals_of_one_item_in_a_second_are_two_on_either_road() -> None:
    with RowIndex() as index:
        index.add([removal(b"k1", 7, b"same"), removal(b"k2", 8, b"same"), removal(b"s1", 0, b"same", True)])
        (day,) = index.days(edge_us=0).values()

    assert day.unique == 2
