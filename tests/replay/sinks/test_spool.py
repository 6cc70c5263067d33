"""Rows by date in bounded memory: nothing lost between memory and disk, equal rows make equal bytes."""

import gzip
import hashlib
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttl_archive.replay.rate import Rate
from ttl_archive.replay.sinks.spool import Part, Spool


def spooled(rows: list[tuple[str, bytes]], limit: int) -> list[tuple[Part, bytes]]:
    spool = Spool(buffer_bytes=limit)
    try:
        for date, line in rows:
            spool.add(date, line)
        found = []
        for part in spool.parts():
            content = part.payload.content
            found.append((part, content if isinstance(content, bytes) else content.read_bytes()))
        return found
    finally:
        spool.close()


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.binary(max_size=30).map(lambda line: line + b"\n"))
    ),
    st.integers(1, 100),
)
def test_every_row_comes_out_once_in_order_under_its_date(rows: list[tuple[str, bytes]], limit: int) -> None:
    expected = defaultdict(bytes)
    for date, line in rows:
        expected[date] += line

    found = spooled(rows, limit)

    assert {part.date: gzip.decompress(packed) for part, packed in found} == expected
    for part, packed in found:
        assert part.rows == sum(1 for date, _ in rows if date == part.date)
        assert (part.payload.size, part.payload.sha256) == (len(packed), hashlib.sha256(packed).hexdigest())
    assert [packed for _, packed in spooled(rows, limit)] == [packed for _, packed in found]


def test_thousands_of_dates_need_no_thousands_of_open_files() -> None:
    rows = [(str(number % 3000), b"x" * 10) for number in range(9000)]

    assert len(spooled(rows, 1000)) == 3000


@pytest.mark.parametrize(("per_second", "expected"), [(None, 0.0), (100.0, 9.99)])
def test_a_rate_is_kept_over_all_takers(per_second: float | None, expected: float) -> None:
    now = [0.0]
    rate = Rate(per_second, clock=lambda: now[0], wait=lambda seconds: now.__setitem__(0, now[0] + seconds))

    for _ in range(1000):
        rate.take(1)

    assert now[0] == pytest.approx(expected)
