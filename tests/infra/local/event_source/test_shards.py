"""Shards that end, positions, and mappings that continue after a crash."""

from collections.abc import Sequence

import pytest

from tests.infra.local.event_source.mapping_world import REPORTING, TO_BUCKET, UUID, World, failures
from ttl_archive.infra.local.event_source.faults import FaultPoint
from ttl_archive.infra.local.event_source.stream import ShardRecord

ROOT, LEFT, RIGHT = "shardId-00000001", "shardId-00000002", "shardId-00000003"


class Killed(Exception):
    """The process ends here."""


def kill_once(at: FaultPoint) -> dict[str, object]:
    points = iter([True])

    def fault(point: FaultPoint, _: Sequence[ShardRecord]) -> None:
        if point == at and next(points, False):
            raise Killed

    return {"fault": fault}


def test_children_are_read_after_their_parent_is_settled(world: World) -> None:
    world.answer = lambda numbers: failures(2) if 2 in numbers else None
    world.start(**REPORTING)
    world.put(2)
    world.stream.split(ROOT, LEFT, RIGHT)
    world.put(1, shard=LEFT)
    world.put(1, shard=RIGHT)
    world.mappings.poll()
    assert world.batches == [[1, 2]]
    world.answer = lambda _: None
    world.mappings.flush()

    assert world.batches == [[1, 2], [2], [3], [4]]


def test_a_shard_that_ends_without_children_is_read_to_its_end(world: World) -> None:
    world.start()
    world.put(3)
    world.stream.split(ROOT)
    world.mappings.flush()

    assert world.counts.acknowledged == 3
    with pytest.raises(ValueError, match="is closed"):
        world.put(1, shard=ROOT)
    with pytest.raises(ValueError, match="exist"):
        world.stream.split(ROOT, ROOT)


def test_a_child_whose_parent_was_trimmed_is_read(world: World) -> None:
    world.put(1)
    world.stream.split(ROOT, LEFT)
    world.clock.advance(hours=24)
    world.put(1, shard=LEFT)
    world.start().flush()

    assert world.batches == [[2]]


def test_after_a_restart_the_children_of_a_shard_without_a_record_left_are_read(world: World) -> None:
    world.start()
    world.put(1)
    world.mappings.flush()
    world.stream.split(ROOT, LEFT)
    world.put(1, shard=LEFT)
    world.start().flush()

    assert world.batches == [[1], [2]]


def test_trim_horizon_begins_with_the_oldest_record_that_is_left(world: World) -> None:
    world.put(1)
    world.clock.advance(hours=24)
    world.put(1)
    world.start().flush()

    assert world.batches == [[2]]


def test_latest_begins_with_what_comes_after_the_creation_and_with_all_of_a_later_shard(world: World) -> None:
    world.put(2)
    world.start(StartingPosition="LATEST")
    world.put(1)
    world.stream.split(ROOT, LEFT)
    world.put(1, shard=LEFT)
    world.mappings.flush()

    assert world.batches == [[3], [4]]


@pytest.mark.parametrize("at", ["before-invoke", "after-invoke"])
def test_a_mapping_that_is_killed_repeats_what_was_not_acknowledged(world: World, at: FaultPoint) -> None:
    world.start(BatchSize=2)
    world.put(2)
    world.mappings.poll()
    world.put(3)
    world.mappings.fault = kill_once(at)["fault"]  # type: ignore[assignment]
    with pytest.raises(Killed):
        world.mappings.poll()
    world.start(BatchSize=2).flush()

    repeated = [[3, 4]] if at == "after-invoke" else []
    assert world.batches == [[1, 2], *repeated, [3, 4], [5]]


@pytest.mark.parametrize(("at", "objects"), [("before-destination", 1), ("after-destination", 2)])
def test_a_mapping_that_is_killed_at_its_destination_repeats_the_batch(
    world: World, at: FaultPoint, objects: int
) -> None:
    world.answer = lambda numbers: failures(numbers[0])
    world.start(service=kill_once(at), MaximumRetryAttempts=0, **REPORTING, **TO_BUCKET)
    world.put(1)
    with pytest.raises(Killed):
        world.mappings.poll()
    world.start(MaximumRetryAttempts=0, **REPORTING, **TO_BUCKET).flush()

    assert [document["DDBStreamBatchInfo"]["batchSize"] for document in world.documents()] == [1] * objects


def test_with_concurrent_batches_the_checkpoint_never_passes_a_record_that_failed(world: World) -> None:
    def fail_for_first(numbers: list[int]) -> None:
        if 1 in numbers:
            raise ValueError("poison")

    world.answer = fail_for_first
    world.start(ParallelizationFactor=10)
    world.put(40)
    world.mappings.poll()
    assert world.counts.acknowledged > 0
    world.answer = lambda _: None
    world.batches.clear()
    world.start(ParallelizationFactor=10).flush()

    assert sorted(number for batch in world.batches for number in batch) == list(range(1, 41))


def test_a_disabled_mapping_continues_where_it_was(world: World) -> None:
    mappings = world.start()
    world.put(1)
    mappings.flush()
    assert mappings.update_event_source_mapping(UUID=UUID, Enabled=False)["State"] == "Disabling"
    world.put(1)
    mappings.flush()
    assert world.batches == [[1]]
    assert mappings.get_event_source_mapping(UUID=UUID)["State"] == "Disabled"
    assert mappings.update_event_source_mapping(UUID=UUID, Enabled=True)["State"] == "Enabling"
    mappings.flush()

    assert world.batches == [[1], [2]]


def test_what_a_disabled_mapping_had_read_is_read_again(world: World) -> None:
    mappings = world.start(MaximumBatchingWindowInSeconds=60)
    world.put(2)
    mappings.poll()
    assert world.counts.waiting == 2
    mappings.update_event_source_mapping(UUID=UUID, Enabled=False)
    assert world.counts.waiting == 0
    mappings.update_event_source_mapping(UUID=UUID, Enabled=True)
    mappings.flush()

    assert world.batches == [[1, 2]]
    assert world.counts.polled == 2


def test_a_mapping_that_was_disabled_for_a_day_continues_with_what_is_left(world: World) -> None:
    mappings = world.start()
    mappings.update_event_source_mapping(UUID=UUID, Enabled=False)
    world.put(1)
    world.clock.advance(hours=24)
    world.put(1)
    mappings.update_event_source_mapping(UUID=UUID, Enabled=True)
    mappings.flush()

    assert world.batches == [[2]]
