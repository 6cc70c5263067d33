"""The four calls of the streaming destination. Expectations: LS-ddb, recorded on AWS on 2025-07-23."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ttl_archive.infra.local.dynamodb.streaming_api import StreamingDestinations
from ttl_archive.infra.local.dynamodb.ttl import Sweeper
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.service_error import ServiceError
from ttl_archive.infra.local.moto_server.emulator import Emulator

START = datetime(2026, 3, 1, tzinfo=UTC)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


class Setup:
    """A table without a stream, a data stream, and the destinations."""

    def __init__(self, emulator: Emulator, **table: Any) -> None:
        self.name = f"table-{next(_numbers)}"
        self.dynamodb, self.kinesis = emulator.client("dynamodb"), emulator.client("kinesis")
        self.dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **table,
        )
        self.kinesis.create_stream(StreamName=self.name, ShardCount=1)
        self.arn = f"arn:aws:kinesis:us-east-1:123456789012:stream/{self.name}"
        self.destinations = StreamingDestinations(
            dynamodb=self.dynamodb,
            streams=emulator.client("dynamodbstreams"),
            kinesis=self.kinesis,
            clock=Clock(START),
        )

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        method = getattr(self.destinations, f"{operation}_kinesis_streaming_destination")
        answer: dict[str, Any] = method(**{"TableName": self.name, "StreamArn": self.arn} | members)
        return answer

    def described(self) -> list[dict[str, Any]]:
        answer = self.destinations.describe_kinesis_streaming_destination(TableName=self.name)
        assert answer["TableName"] == self.name
        return answer["KinesisDataStreamDestinations"]

    def update(self, precision: str | None) -> dict[str, Any]:
        return self.call(
            "update",
            UpdateKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": precision},
        )

    def records(self) -> list[dict[str, Any]]:
        iterator = self.kinesis.get_shard_iterator(
            StreamName=self.name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return [json.loads(r["Data"]) for r in self.kinesis.get_records(ShardIterator=iterator)["Records"]]


@pytest.fixture
def setup(emulator: Emulator) -> Setup:
    return Setup(emulator)


def refusal(call: Any, *args: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        call(*args, **members)
    return caught.value.code, caught.value.message


def test_enable_without_a_configuration(setup: Setup) -> None:
    assert setup.described() == []
    assert setup.call("enable") == {
        "TableName": setup.name,
        "StreamArn": setup.arn,
        "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": {},
    }
    assert setup.described() == [{"StreamArn": setup.arn, "DestinationStatus": "ENABLING"}]
    assert setup.described() == [{"StreamArn": setup.arn, "DestinationStatus": "ACTIVE"}]


def test_a_change_is_replicated_without_a_precision(setup: Setup) -> None:
    setup.call("enable")
    setup.dynamodb.put_item(TableName=setup.name, Item={"id": {"S": "test"}})

    assert setup.destinations.run() == 1
    (record,) = setup.records()
    assert record["dynamodb"] == {
        "ApproximateCreationDateTime": 1_772_323_200_000,
        "Keys": {"id": {"S": "test"}},
        "NewImage": {"id": {"S": "test"}},
        "SizeBytes": 12,
    }


def test_the_precision_is_shown_and_can_be_updated_once(setup: Setup) -> None:
    configuration = {"ApproximateCreationDateTimePrecision": "MILLISECOND"}
    setup.call("enable", EnableKinesisStreamingConfiguration=configuration)
    assert setup.described()[0]["ApproximateCreationDateTimePrecision"] == "MILLISECOND"

    answer = setup.update("MICROSECOND")
    assert answer["DestinationStatus"] == "UPDATING"
    assert answer["UpdateKinesisStreamingConfiguration"] == {
        "ApproximateCreationDateTimePrecision": "MICROSECOND"
    }
    assert [entry["DestinationStatus"] for entry in setup.described() + setup.described()] == [
        "UPDATING",
        "ACTIVE",
    ]
    code, message = refusal(setup.update, "MICROSECOND")
    assert code == "ValidationException"
    assert message.startswith(
        "Invalid Request: Precision is already set to the desired value of MICROSECOND for tableId: "
    )
    assert message.endswith(f", kdsArn: {setup.arn}")


def test_a_change_keeps_the_precision_of_its_time(setup: Setup) -> None:
    setup.call("enable")
    setup.dynamodb.put_item(TableName=setup.name, Item={"id": {"S": "before"}})
    setup.update("MICROSECOND")
    setup.dynamodb.put_item(TableName=setup.name, Item={"id": {"S": "after"}})
    setup.destinations.run()

    times = [record["dynamodb"]["ApproximateCreationDateTime"] for record in setup.records()]
    assert times == [1_772_323_200_000, 1_772_323_200_000_001]


@pytest.mark.parametrize("configuration", [None, {}, {"ApproximateCreationDateTimePrecision": None}])
def test_an_update_of_nothing_is_refused(setup: Setup, configuration: Any) -> None:
    setup.call("enable")

    assert refusal(setup.call, "update", UpdateKinesisStreamingConfiguration=configuration) == (
        "ValidationException",
        "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration"
        " cannot be null or contain only null values",
    )


def test_another_precision_is_refused(setup: Setup) -> None:
    setup.call("enable")

    assert refusal(setup.update, "SECOND") == (
        "ValidationException",
        "1 validation error detected: Value 'SECOND' at"
        " 'updateKinesisStreamingConfiguration.approximateCreationDateTimePrecision' failed to satisfy"
        " constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]",
    )


def test_an_update_of_another_stream_is_refused(setup: Setup) -> None:
    setup.call("enable")
    other = setup.arn + "-other"
    configuration = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}

    assert refusal(
        setup.call, "update", StreamArn=other, UpdateKinesisStreamingConfiguration=configuration
    ) == (
        "ValidationException",
        "Table is not in a valid state to enable Kinesis Streaming Destination: No streaming destination with"
        f" streamArn: {other} found for table with tableName: {setup.name}",
    )


def test_disable_replicates_what_has_changed_and_then_no_more(setup: Setup) -> None:
    setup.call("enable")
    setup.dynamodb.put_item(TableName=setup.name, Item={"id": {"S": "before"}})
    assert setup.call("disable")["DestinationStatus"] == "DISABLING"
    setup.dynamodb.put_item(TableName=setup.name, Item={"id": {"S": "after"}})
    setup.destinations.run()

    assert [entry["DestinationStatus"] for entry in setup.described() + setup.described()] == [
        "DISABLING",
        "DISABLED",
    ]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in setup.records()] == ["before"]
    assert refusal(setup.call, "disable")[0] == "ValidationException"


def test_a_disabled_destination_can_be_enabled_again(setup: Setup) -> None:
    setup.call("enable")
    setup.call("disable")
    setup.call("enable")
    setup.dynamodb.put_item(TableName=setup.name, Item={"id": {"S": "a"}})

    assert setup.destinations.run() == 1


def test_a_table_has_one_destination(setup: Setup) -> None:
    setup.call("enable")

    code, message = refusal(setup.call, "enable")
    assert (code, setup.arn in message) == ("ValidationException", True)


@pytest.mark.parametrize("operation", ["enable", "disable", "describe", "update"])
def test_an_unknown_table_is_not_found(setup: Setup, operation: str) -> None:
    assert refusal(setup.call, operation, TableName="absent") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: absent not found",
    )


def test_an_unknown_data_stream_is_not_found(setup: Setup) -> None:
    code, message = refusal(setup.call, "enable", StreamArn=setup.arn + "-absent")

    assert (code, "-absent not found" in message) == ("ResourceNotFoundException", True)


def test_a_stream_with_another_view_type_cannot_be_read(emulator: Emulator) -> None:
    setup = Setup(emulator, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})

    assert "whose view type is KEYS_ONLY" in refusal(setup.call, "enable")[1]


def test_what_a_data_stream_refuses_is_kept_for_the_next_run(
    setup: Setup, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.call("enable")
    destination = setup.destinations.of(setup.name)
    assert destination is not None
    refused = {"Records": [{"ErrorCode": "InternalFailure"}], "FailedRecordCount": 1}
    monkeypatch.setattr(destination, "_pause", lambda seconds: None)
    put_records = setup.kinesis.put_records
    monkeypatch.setattr(setup.kinesis, "put_records", lambda **request: refused)
    setup.dynamodb.put_item(TableName=setup.name, Item={"id": {"S": "a"}})

    setup.destinations.run_until_refused()
    assert "refused 1 records 10 times" in caplog.text
    monkeypatch.setattr(setup.kinesis, "put_records", put_records)
    assert setup.destinations.run() == 1


def test_a_destination_that_was_enabled_before_ttl_knows_its_removals(setup: Setup) -> None:
    setup.call("enable")
    ttl = {"Enabled": True, "AttributeName": "ttl"}
    setup.dynamodb.update_time_to_live(TableName=setup.name, TimeToLiveSpecification=ttl)
    expired = {"id": {"S": "gone"}, "ttl": {"N": str(int(START.timestamp()))}}
    setup.dynamodb.put_item(TableName=setup.name, Item=expired)
    setup.destinations.run()
    destination = setup.destinations.of(setup.name)
    assert destination
    Sweeper(setup.dynamodb, setup.name, "ttl", Clock(START), on_removed=destination.expect).sweep()
    setup.destinations.run()

    assert [record["userIdentity"] for record in setup.records()] == [
        None,
        {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
    ]
