"""The operations of Lambda's API, and what they refuse."""

import re
from typing import Any

import pytest

from tests.infra.local.event_source.mapping_world import FUNCTION, TO_BUCKET, UUID, World
from ttl_archive.infra.local.firehose.service_error import ServiceError


def test_a_creation_shows_the_recorded_members_and_defaults(world: World) -> None:
    """LS-esm, test_dynamodb_event_source_mapping."""
    mappings = world.start()

    (shown,) = mappings.list_event_source_mappings()["EventSourceMappings"]
    assert shown == {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": world.stream.arn,
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{UUID}",
        "FunctionArn": FUNCTION,
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
        "State": "Enabled",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
        "UUID": UUID,
    }


def test_a_mapping_is_creating_before_it_is_enabled(world: World) -> None:
    mappings = world.start()
    mappings.delete_event_source_mapping(UUID=UUID)
    created = mappings.create_event_source_mapping(
        EventSourceArn=world.stream.arn, FunctionName=f"{FUNCTION}:$LATEST", StartingPosition="TRIM_HORIZON"
    )

    assert created["State"] == "Creating"
    assert mappings.get_event_source_mapping(UUID=created["UUID"])["State"] == "Enabled"
    assert mappings.list_event_source_mappings(FunctionName="other")["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"BatchSize": 0}, "ValidationException", "Value '0' at 'batchSize' .* greater than or equal to 1"),
        ({"BatchSize": 10_001}, "ValidationException", "less than or equal to 10000"),
        ({"MaximumBatchingWindowInSeconds": 301}, "ValidationException", "less than or equal to 300"),
        ({"ParallelizationFactor": 11}, "ValidationException", "less than or equal to 10"),
        ({"MaximumRetryAttempts": 10_001}, "ValidationException", "less than or equal to 10000"),
        ({"MaximumRecordAgeInSeconds": 604_801}, "ValidationException", "less than or equal to 604800"),
        ({"MaximumRecordAgeInSeconds": 59}, "InvalidParameterValueException", "has value 59"),
        ({"FunctionResponseTypes": ["ReportBatchItemFailure"]}, "ValidationException", "enum value set"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "InvalidParameterValueException", "has value AT_TIMESTAMP"),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "x"}]}},
            "InvalidParameterValueException",
            "Invalid filter",
        ),
        ({"TumblingWindowInSeconds": 30}, "InvalidParameterValueException", "no tumbling windows"),
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, "InvalidParameterValueException", "not have Scaling"),
        ({"DestinationConfig": {"OnSuccess": {}}}, "InvalidParameterValueException", "use OnFailure"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:q"}}},
            "InvalidParameterValueException",
            "to an S3 bucket, not to arn:aws:sqs",
        ),
        ({"Unknown": 1}, "ValidationException", "Unknown"),
    ],
)
def test_a_request_is_refused(world: World, request_: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ServiceError) as refused:
        world.start(**request_)

    assert refused.value.code == code
    assert re.search(message, refused.value.message)


@pytest.mark.parametrize("age", [-1, 60, 604_800])
def test_the_bounds_of_the_record_age_are_accepted(world: World, age: int) -> None:
    world.start(MaximumRecordAgeInSeconds=age)


def test_an_unknown_stream_is_refused_as_recorded(world: World) -> None:
    mappings = world.start()
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/other/stream/2026-01-01T00:00:00.000"
    with pytest.raises(ServiceError) as refused:
        mappings.create_event_source_mapping(
            EventSourceArn=arn, FunctionName="forwarder", StartingPosition="LATEST"
        )

    assert (refused.value.code, refused.value.message) == (
        "InvalidParameterValueException",
        f"Stream not found: {arn}",
    )


def test_an_unknown_function_and_an_unknown_mapping_are_refused(world: World) -> None:
    mappings = world.start()
    with pytest.raises(ServiceError, match="Function does not exist"):
        mappings.create_event_source_mapping(
            EventSourceArn=world.stream.arn, FunctionName="other", StartingPosition="LATEST"
        )
    with pytest.raises(ServiceError) as refused:
        mappings.counts("other")

    assert refused.value.code == "ResourceNotFoundException"


def test_a_second_mapping_of_the_pair_is_refused_as_recorded(world: World) -> None:
    mappings = world.start()
    with pytest.raises(ServiceError) as refused:
        mappings.create_event_source_mapping(
            EventSourceArn=world.stream.arn, FunctionName="forwarder", StartingPosition="TRIM_HORIZON"
        )

    assert refused.value.code == "ResourceConflictException"
    assert refused.value.message == (
        f'The event source arn (" {world.stream.arn} ") and function (" forwarder ") provided mapping already'
        f" exists. Please update or delete the existing mapping with UUID {UUID}"
    )


def test_a_deleted_mapping_loses_its_place(world: World) -> None:
    mappings = world.start()
    world.put(1)
    mappings.flush()
    assert mappings.delete_event_source_mapping(UUID=UUID)["State"] == "Deleting"
    assert world.checkpoints == {}
    world.start().flush()

    assert world.batches == [[1], [1]]


def test_an_update_changes_members_and_removes_filters_and_the_destination(world: World) -> None:
    mappings = world.start(FilterCriteria={"Filters": [{"Pattern": '{"a": ["b"]}'}]}, **TO_BUCKET)
    updated = mappings.update_event_source_mapping(
        UUID=UUID,
        BatchSize=1,
        MaximumRetryAttempts=0,
        FilterCriteria={},
        DestinationConfig={"OnFailure": {"Destination": ""}},
    )
    world.answer = lambda numbers: 1 / 0 if 1 in numbers else None
    world.put(2)
    mappings.flush()

    assert (updated["State"], updated["BatchSize"]) == ("Updating", 1)
    assert world.batches == [[1], [2]]
    assert (world.counts.dropped, world.documents()) == (1, [])


def test_an_update_that_is_refused_changes_nothing(world: World) -> None:
    mappings = world.start()
    with pytest.raises(ServiceError):
        mappings.update_event_source_mapping(UUID=UUID, BatchSize=1, MaximumRecordAgeInSeconds=5)

    assert mappings.get_event_source_mapping(UUID=UUID)["BatchSize"] == 100


def test_a_mapping_that_is_created_disabled_reads_nothing(world: World) -> None:
    mappings = world.start(Enabled=False)
    world.put(1)
    mappings.flush()

    assert (world.batches, mappings.get_event_source_mapping(UUID=UUID)["State"]) == ([], "Disabled")


def test_a_function_that_writes_to_its_own_table_is_reported(world: World) -> None:
    world.answer = lambda _: world.put(1) and None
    mappings = world.start()
    world.put(1)
    with pytest.raises(RuntimeError, match="own table"):
        mappings.flush()
