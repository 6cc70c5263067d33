"""What a mapping does with a batch that fails."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.infra.local.event_source.mapping_world import REPORTING, TO_BUCKET, World, failures
from ttl_archive.infra.local.event_source.batch_processor import Unverified
from ttl_archive.infra.local.event_source.faults import FaultPoint, Throttled
from ttl_archive.infra.local.event_source.stream import ShardRecord
from ttl_archive.infra.local.firehose.function import FunctionTimedOut


def fail(_: list[int]) -> None:
    raise ValueError("it fails")


def test_a_batch_that_fails_is_tried_again_until_it_succeeds(world: World) -> None:
    world.answer = fail
    world.start()
    world.put(2)
    world.mappings.poll()
    world.advance(1)
    world.answer = lambda _: None
    world.advance(60)

    assert world.batches == [[1, 2]] * 3
    assert (world.counts.acknowledged, world.counts.failed) == (2, 4)


def test_a_batch_that_fails_stops_those_behind_it(world: World) -> None:
    world.answer = lambda numbers: fail(numbers) if 1 in numbers else None
    world.start(BatchSize=1)
    world.put(3)
    world.mappings.flush()

    assert {number for batch in world.batches for number in batch} == {1}
    assert world.counts.waiting == 3


def test_after_three_retries_the_batch_is_discarded_and_the_next_one_is_tried(world: World) -> None:
    """LS-esm: 4 invocations with MaximumRetryAttempts 3."""
    world.answer = lambda numbers: fail(numbers) if 1 in numbers else None
    world.start(BatchSize=2, MaximumRetryAttempts=3)
    world.put(3)
    world.mappings.flush()

    assert world.batches == [[1, 2]] * 4 + [[3]]
    assert (world.counts.dropped, world.counts.acknowledged) == (2, 1)


def test_without_retries_a_batch_is_tried_once(world: World) -> None:
    world.answer = fail
    world.start(MaximumRetryAttempts=0)
    world.put()
    world.mappings.flush()

    assert world.batches == [[1]]


def test_the_recorded_partial_failure_leaves_only_the_record_that_failed(world: World) -> None:
    """LS-esm, test_dynamodb_report_batch_item_failures: 6 records, the last is bad, 4 invocations with it."""
    world.answer = lambda numbers: failures(6) if 6 in numbers else None
    world.start(BatchSize=3, MaximumRetryAttempts=3, **REPORTING, **TO_BUCKET)
    world.put(6)
    world.mappings.flush()

    assert world.batches == [[1, 2, 3], [4, 5, 6], [6], [6], [6]]
    (document,) = world.documents()
    info = document["DDBStreamBatchInfo"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"], info["batchSize"]) == ("6", "6", 1)
    assert document["requestContext"]["approximateInvokeCount"] == 4
    assert document["responseContext"]["functionError"] is None


def test_everything_from_the_lowest_reported_number_on_is_tried_again(world: World) -> None:
    answers = iter([failures(4, 2), None])
    world.answer = lambda _: next(answers)
    world.start(**REPORTING)
    world.put(5)
    world.mappings.flush()

    assert world.batches == [[1, 2, 3, 4, 5], [2, 3, 4, 5]]


@pytest.mark.parametrize(
    "response",
    [
        failures(123),
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"foo": "2"}]},
        {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "123"}]},
        {"batchItemFailures": ["2"]},
        {"batchItemFailures": 1},
    ],
)
def test_an_identifier_that_the_batch_has_not_fails_all_of_it(world: World, response: Any) -> None:
    answers = iter([response, None])
    world.answer = lambda _: next(answers)
    world.start(**REPORTING)
    world.put(3)
    world.mappings.flush()
    world.advance(1)

    assert world.batches == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    "response", [None, "", [], {}, {"batchItemFailures": []}, {"batchItemFailures": None}]
)
def test_an_empty_response_is_a_success(world: World, response: Any) -> None:
    world.answer = lambda _: response
    world.start(**REPORTING)
    world.put(2)
    world.mappings.flush()

    assert world.batches == [[1, 2]]
    assert world.counts.acknowledged == 2


def test_a_failure_that_is_reported_without_the_setting_is_a_success(world: World) -> None:
    world.answer = lambda _: failures(1)
    world.start()
    world.put(2)
    world.mappings.flush()

    assert world.counts.acknowledged == 2


@pytest.mark.parametrize(("option", "acknowledged"), [("failure", 0), ("success", 1)])
def test_a_misspelt_key_is_what_the_option_says(world: World, option: Any, acknowledged: int) -> None:
    world.answer = lambda _: {"BatchItemFailures": [{"ItemIdentifier": "1"}]}
    world.start(service={"unverified": Unverified(unknown_response=option)}, **REPORTING)
    world.put()
    world.mappings.flush()

    assert world.counts.acknowledged == acknowledged


def test_bisecting_isolates_the_record_that_fails_and_uses_no_retry(world: World) -> None:
    world.answer = lambda numbers: fail(numbers) if 3 in numbers else None
    world.start(BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, **TO_BUCKET)
    world.put(8)
    world.mappings.flush()

    assert world.batches == [
        [1, 2, 3, 4, 5, 6, 7, 8],
        [1, 2, 3, 4],
        [1, 2],
        [3, 4],
        [3],
        [3],
        [4],
        [5, 6, 7, 8],
    ]
    assert [document["DDBStreamBatchInfo"]["startSequenceNumber"] for document in world.documents()] == ["3"]
    assert world.documents()[0]["requestContext"]["approximateInvokeCount"] == 2


def test_with_bisecting_a_reported_failure_cuts_the_batch_there(world: World) -> None:
    world.answer = lambda numbers: failures(4) if 4 in numbers else None
    world.start(BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, **REPORTING)
    world.put(6)
    world.mappings.flush()

    # The cut is no retry. Then the first record is the one that fails, and both attempts are counted.
    assert world.batches == [[1, 2, 3, 4, 5, 6], [4, 5, 6], [4, 5, 6]]
    assert (world.counts.acknowledged, world.counts.dropped) == (3, 3)


def test_throttling_uses_no_retries(world: World) -> None:
    throttled = 5

    def fault(point: FaultPoint, _: Sequence[ShardRecord]) -> None:
        nonlocal throttled
        if point == "before-invoke" and throttled:
            throttled -= 1
            raise Throttled

    world.start(service={"fault": fault}, MaximumRetryAttempts=0)
    world.put(2)
    for _ in range(6):
        world.advance(60)

    assert world.batches == [[1, 2]]
    assert (world.counts.throttles, world.counts.invocations, world.counts.acknowledged) == (5, 1, 2)


def test_a_timeout_after_the_function_has_run_hands_the_batch_over_again(world: World) -> None:
    timeouts = iter([True, False])

    def fault(point: FaultPoint, _: Sequence[ShardRecord]) -> None:
        if point == "after-invoke" and next(timeouts):
            raise FunctionTimedOut

    world.start(service={"fault": fault})
    world.put()
    world.mappings.poll()
    world.advance(1)

    assert world.batches == [[1], [1]]
    assert world.counts.acknowledged == 1


def test_pauses_grow_to_a_minute(world: World) -> None:
    world.answer = fail
    world.start()
    world.put()
    world.mappings.poll()
    tried = []
    for second in range(1, 200):
        before = len(world.batches)
        world.advance(1)
        tried += [second] * (len(world.batches) - before)

    assert tried == [1, 3, 7, 15, 31, 63, 123, 183]


@pytest.mark.parametrize("to_bucket", [True, False])
def test_a_record_that_is_too_old_is_discarded_and_the_rest_is_tried(world: World, to_bucket: bool) -> None:
    world.answer = fail
    world.start(MaximumRecordAgeInSeconds=3600, **(TO_BUCKET if to_bucket else {}))
    world.put(2)
    world.mappings.poll()
    world.clock.advance(seconds=1800)
    world.put(1)
    world.clock.advance(seconds=1800)
    world.answer = lambda _: None
    world.mappings.flush()

    assert world.batches[-1] == [3]
    assert world.counts.acknowledged == 1
    assert (world.counts.to_destination, world.counts.dropped) == ((2, 0) if to_bucket else (0, 2))
    if to_bucket:
        (document,) = world.documents()
        assert document["requestContext"]["condition"] == "RecordAgeExceeded"
        assert "responseContext" not in document
        assert document["DDBStreamBatchInfo"]["batchSize"] == 2


def test_a_record_in_a_stopped_shard_is_lost_after_24_hours_or_sent_as_the_option_says(world: World) -> None:
    world.answer = fail
    world.start(**TO_BUCKET)
    world.put(2)
    world.mappings.poll()
    world.advance(24 * 3600)
    assert (world.counts.trimmed, world.counts.dropped, world.documents()) == (2, 0, [])

    other = World()
    other.answer = fail
    other.start(service={"unverified": Unverified(trimmed_record="to-destination")}, **TO_BUCKET)
    other.put(2)
    other.mappings.poll()
    other.advance(24 * 3600)
    assert (other.counts.trimmed, other.counts.to_destination) == (0, 2)


def test_a_record_does_not_become_too_old_because_no_one_polled(world: World) -> None:
    world.start(MaximumRecordAgeInSeconds=60, MaximumBatchingWindowInSeconds=30)
    world.put(2)
    world.clock.advance(days=30)
    world.mappings.poll()

    assert world.batches == [[1, 2]]
    assert world.counts.acknowledged == 2


def test_a_record_becomes_too_old_behind_one_that_fails(world: World) -> None:
    world.answer = lambda numbers: fail(numbers) if 1 in numbers else None
    world.start(MaximumRecordAgeInSeconds=3600, BatchSize=1)
    world.put(2)
    world.mappings.poll()
    world.advance(3600)

    assert (world.batches, world.counts.dropped) == ([[1]], 2)


def test_a_filter_passes_records_over_and_invokes_for_none_of_them(world: World) -> None:
    pattern = '{"userIdentity": {"type": ["Service"]}}'
    world.start(FilterCriteria={"Filters": [{"Pattern": pattern}]})
    world.put(5)
    world.mappings.flush()
    assert (world.counts.invocations, world.counts.filtered_out) == (0, 5)
    world.put(1, userIdentity={"type": "Service"})
    world.put(1)
    world.mappings.flush()

    assert world.batches == [[6]]
    assert (world.counts.polled, world.counts.filtered_out, world.counts.invoked) == (7, 6, 1)
