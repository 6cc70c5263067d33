"""A set of line numbers as ranges: what a claim says about an object of any size stays small."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class LineRanges:
    """Line numbers, kept as sorted, disjoint ranges [first, last] that do not touch.

    >>> LineRanges([[1, 3]]).ranges(), 2 in LineRanges([[1, 3]]), len(LineRanges([[1, 3], [7, 7]]))
    (((1, 3),), True, 4)
    """

    def __init__(self, ranges: Iterable[Iterable[int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted((first, last) for first, last in ranges):
            if last >= first:
                self._append(first, last)

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges, in order."""
        return tuple(zip(self._firsts, self._lasts, strict=True))

    def with_lines(self, lines: Iterable[int]) -> "LineRanges":
        """Return these lines and those."""
        return LineRanges([*self.ranges(), *_runs(lines)])

    def __contains__(self, line: int) -> bool:
        position = bisect_right(self._firsts, line) - 1
        return position >= 0 and line <= self._lasts[position]

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges():
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges())

    def _append(self, first: int, last: int) -> None:
        if self._lasts and first <= self._lasts[-1] + 1:
            self._lasts[-1] = max(self._lasts[-1], last)
        else:
            self._firsts.append(first)
            self._lasts.append(last)


def _runs(lines: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Group line numbers into ranges of consecutive ones."""
    first = last = 0
    for line in sorted(lines):
        if line == last + 1 and last:
            last = line
            continue
        if last:
            yield first, last
        first = last = line
    if last:
        yield first, last
