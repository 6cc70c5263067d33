"""The reader over the DynamoDB Streams API of the emulator."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ttl_archive.infra.local.dynamodb.ttl import create_table
from ttl_archive.infra.local.event_source.dynamodb_stream import DynamoDbStream, event_record
from ttl_archive.infra.local.event_source.stream import LATEST, TRIM_HORIZON, AfterSequenceNumber
from ttl_archive.infra.local.moto_server.emulator import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def test_records_are_read_from_any_position_in_the_form_of_the_event(emulator: Emulator) -> None:
    dynamodb, streams = emulator.client("dynamodb"), emulator.client("dynamodbstreams")
    create_table(dynamodb, "devices", keys={"pk": "S"}, ttl_attribute="ttl")
    for number in range(3):
        dynamodb.put_item(TableName="devices", Item={"pk": {"S": f"{number}"}, "b": {"B": b"\x00\xff"}})
    (listed,) = streams.list_streams(TableName="devices")["Streams"]
    stream = DynamoDbStream(streams, listed["StreamArn"])
    (shard,) = stream.shards()

    everything = stream.read(stream.iterator(shard.shard_id, TRIM_HORIZON)).records
    second = AfterSequenceNumber(everything[1].sequence_number)
    latest = stream.iterator(shard.shard_id, LATEST)
    assert [record.event["dynamodb"]["Keys"] for record in everything] == [
        {"pk": {"S": f"{number}"}} for number in range(3)
    ]
    assert everything[0].event["dynamodb"]["NewImage"]["b"] == {"B": "AP8="}
    assert everything[0].event["eventSourceARN"] == listed["StreamArn"]
    assert stream.read(stream.iterator(shard.shard_id, second)).records == everything[2:]
    assert (stream.read(latest).records, stream.requests) == ([], 3)


def test_an_identity_of_the_sdk_becomes_that_of_the_event() -> None:
    created = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    every_type = {"l": {"L": [{"B": b"a"}, {"N": "1.50"}]}, "m": {"M": {"x": {"BS": [b"a", b"b"]}}}}
    record: dict[str, Any] = {
        "eventID": "1",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {"ApproximateCreationDateTime": created, "Keys": {}, "OldImage": every_type},
        "userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
    }

    event = event_record(record, "arn")
    assert event["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert event["dynamodb"]["ApproximateCreationDateTime"] == 1_772_366_400.0
    assert event["dynamodb"]["OldImage"] == {
        "l": {"L": [{"B": "YQ=="}, {"N": "1.50"}]},
        "m": {"M": {"x": {"BS": ["YQ==", "Yg=="]}}},
    }
    assert "userIdentity" not in event_record({**record, "userIdentity": None}, "arn")
