"""Records waiting for the function, grouped by size, age and shard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ttl_archive.infra.local.firehose.batches import Batches
from ttl_archive.infra.local.firehose.source import KinesisMetadata, SourceRecord


def record(size: int, arrival_ms: int = 0, shard: str = "") -> SourceRecord:
    metadata = KinesisMetadata(shard, "1", "key") if shard else None
    return SourceRecord("id", bytes(size), arrival_ms, metadata)


def sizes(batches: Batches) -> list[list[int]]:
    return [[len(r.data) for r in batch] for batch in batches.closed]


def test_a_batch_closes_before_it_would_pass_the_size() -> None:
    batches = Batches()
    for size in (60, 30, 20):
        batches.add(record(size), 100)

    assert sizes(batches) == [[60, 30]]
    assert len(batches) == 3


def test_a_batch_that_is_exactly_full_closes_at_once() -> None:
    batches = Batches()
    for size in (60, 40):
        batches.add(record(size), 100)

    assert sizes(batches) == [[60, 40]]


def test_a_record_larger_than_the_size_is_a_batch_of_its_own() -> None:
    batches = Batches()
    for size in (10, 500, 10):
        batches.add(record(size), 100)

    assert sizes(batches) == [[10], [500]]


def test_a_batch_closes_when_its_first_record_is_old_enough() -> None:
    batches = Batches()
    batches.add(record(1, arrival_ms=1000), 100)
    batches.add(record(2, arrival_ms=5000), 100)

    batches.close(60_999, 60_000)
    assert sizes(batches) == []

    batches.close(61_000, 60_000)
    assert sizes(batches) == [[1, 2]]


def test_an_interval_of_0_closes_everything() -> None:
    batches = Batches()
    batches.add(record(1), 100)

    batches.close(0, 0)

    assert sizes(batches) == [[1]]


def test_each_shard_has_its_own_batch() -> None:
    batches = Batches()
    for shard in ("a", "b", "a"):
        batches.add(record(40, shard=shard), 100)
    batches.close(0, 0)

    assert sizes(batches) == [[40, 40], [40]]


@given(st.lists(st.integers(min_value=0, max_value=150)), st.integers(min_value=1, max_value=200))
def test_batches_joined_are_the_records_and_only_a_single_one_is_too_large(
    given_sizes: list[int], limit: int
) -> None:
    batches = Batches()
    for size in given_sizes:
        batches.add(record(size), limit)
    batches.close(0, 0)

    assert [size for batch in sizes(batches) for size in batch] == given_sizes
    assert all(sum(batch) <= limit or len(batch) == 1 for batch in sizes(batches))
