"""When a mapping invokes its function, and with which records."""

import pytest

from tests.infra.local.event_source.mapping_world import World
from ttl_archive.infra.local.event_source.batch_processor import Unverified


def test_without_a_window_records_are_handed_over_as_soon_as_they_are_there(world: World) -> None:
    mappings = world.start()
    world.put(2)
    mappings.poll()
    world.put(1)
    mappings.poll()

    assert world.batches == [[1, 2], [3]]
    assert mappings.poll() == 0


def test_a_batch_has_100_records_by_default(world: World) -> None:
    world.put(250)
    world.start().poll()

    assert [len(batch) for batch in world.batches] == [100, 100, 50]


def test_a_window_gathers_records_until_it_ends(world: World) -> None:
    world.start(MaximumBatchingWindowInSeconds=60)
    world.put()
    world.advance(59)
    world.put()
    world.mappings.poll()
    assert world.batches == []
    world.advance(1)

    assert world.batches == [[1, 2]]


def test_the_next_window_begins_with_the_end_of_the_invocation(world: World) -> None:
    world.start(MaximumBatchingWindowInSeconds=60, BatchSize=2)
    world.put(3)
    world.mappings.poll()
    assert world.batches == [[1, 2]]
    world.advance(59)
    assert world.batches == [[1, 2]]
    world.advance(1)

    assert world.batches == [[1, 2], [3]]


def test_a_full_batch_does_not_wait_for_its_window(world: World) -> None:
    world.start(MaximumBatchingWindowInSeconds=300, BatchSize=3)
    world.put(7)
    world.mappings.poll()

    assert world.batches == [[1, 2, 3], [4, 5, 6]]
    assert world.counts.waiting == 1


def test_a_payload_has_at_most_6291456_bytes(world: World) -> None:
    world.start(MaximumBatchingWindowInSeconds=300, BatchSize=10_000)
    world.put(20, pad=400_000)
    world.mappings.poll()

    assert [len(batch) for batch in world.batches] == [15]  # 16 records have 6.4 MB
    assert 6_000_000 < world.counts.payload_bytes <= 6_291_456
    assert world.counts.waiting == 5


def test_flush_hands_over_everything_whatever_the_window_says(world: World) -> None:
    mappings = world.start(MaximumBatchingWindowInSeconds=300)
    world.put(3)
    mappings.flush()

    assert world.batches == [[1, 2, 3]]


@pytest.mark.parametrize("factor", [1, 2, 10])
def test_records_of_one_item_keep_their_order_in_each_concurrent_batch(world: World, factor: int) -> None:
    world.start(ParallelizationFactor=factor, BatchSize=7)
    keys = {number: f"item-{number % 13}" for number in range(1, 201)}
    for key in keys.values():
        world.put(key=key)
    world.mappings.poll()

    assert sorted(number for batch in world.batches for number in batch) == list(keys)
    for key in set(keys.values()):
        order = [number for batch in world.batches for number in batch if keys[number] == key]
        assert order == sorted(order)


def test_parallelisation_separates_items_so_that_one_that_fails_does_not_stop_all(world: World) -> None:
    def fail_for_first(numbers: list[int]) -> None:
        if 1 in numbers:
            raise ValueError("poison")

    world.answer = fail_for_first
    world.start(ParallelizationFactor=10)
    world.put(50)
    world.mappings.poll()

    assert 0 < world.counts.waiting < 50
    assert world.counts.acknowledged == 50 - world.counts.waiting


def test_a_record_over_6_mb_is_discarded_unless_the_option_says_that_it_stops_its_shard(world: World) -> None:
    world.start(BatchSize=1)
    world.put(pad=6_291_456)
    world.put()
    world.mappings.flush()
    assert (world.batches, world.counts.dropped) == ([[2]], 1)

    blocked = World()
    blocked.start(service={"unverified": Unverified(oversized_record="blocks")}, BatchSize=1)
    blocked.put(pad=6_291_456)
    blocked.put()
    blocked.mappings.flush()
    assert (blocked.batches, blocked.counts.waiting) == ([], 2)
