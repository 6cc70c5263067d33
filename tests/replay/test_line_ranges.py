"""Line numbers as ranges: the same set as a set of numbers, and small."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ttl_archive.replay.line_ranges import LineRanges

LINES = st.sets(st.integers(1, 60))


@given(LINES, LINES)
def test_it_holds_the_lines_that_were_put_in(first: set[int], second: set[int]) -> None:
    ranges = LineRanges().with_lines(first).with_lines(second)

    assert set(ranges) == first | second
    assert len(ranges) == len(first | second)
    assert [line for line in range(70) if line in ranges] == sorted(first | second)


@given(LINES)
def test_ranges_are_sorted_and_do_not_touch(lines: set[int]) -> None:
    ranges = LineRanges().with_lines(lines).ranges()

    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
    assert set(LineRanges(ranges)) == lines


def test_lines_without_a_gap_are_one_range() -> None:
    assert LineRanges().with_lines(range(1, 100_001)).ranges() == ((1, 100_000),)
