"""A table's stream as an event source mapping reads it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ttl_archive.infra.local.dynamodb.table_stream import TableStream
from ttl_archive.infra.local.dynamodb.ttl import Sweeper, create_table
from ttl_archive.infra.local.event_source.stream import TRIM_HORIZON
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.moto_server.emulator import Emulator

START = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
START_S = int(START.timestamp())


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def records(stream: TableStream) -> list[dict[str, Any]]:
    stream.receive()
    (shard,) = stream.shards()
    page = stream.read(stream.iterator(shard.shard_id, TRIM_HORIZON))
    return [dict(record.event) for record in page.records]


def test_records_have_awss_form_the_clocks_time_and_the_identity_of_a_removal(emulator: Emulator) -> None:
    dynamodb, clock = emulator.client("dynamodb"), Clock(START)
    create_table(dynamodb, "devices", keys={"pk": "S"}, ttl_attribute="ttl")
    dynamodb.put_item(TableName="devices", Item={"pk": {"S": "before the stream"}})
    stream = TableStream(streams=emulator.client("dynamodbstreams"), table="devices", clock=clock)
    sweeper = Sweeper(dynamodb, "devices", "ttl", clock, on_removed=stream.expect)
    item = {"pk": {"S": "a"}, "ttl": {"N": str(START_S)}, "n": {"N": "1.50"}, "b": {"BS": [b"\x00"]}}
    for _ in range(2):
        dynamodb.put_item(TableName="devices", Item=item)
    dynamodb.put_item(TableName="devices", Item={"pk": {"S": "user"}})
    dynamodb.delete_item(TableName="devices", Key={"pk": {"S": "user"}})
    assert stream.receive() == 3
    clock.advance(seconds=10)
    sweeper.sweep()

    inserted, *_, removed = records(stream)
    image = {"pk": {"S": "a"}, "ttl": {"N": str(START_S)}, "n": {"N": "1.5"}, "b": {"BS": ["AA=="]}}
    assert stream.changes == {"inserted": 2, "unchanged": 1, "deleted": 1, "expired": 1}
    assert "userIdentity" not in inserted
    assert inserted["dynamodb"]["ApproximateCreationDateTime"] == float(START_S)
    assert {name: removed[name] for name in ("eventName", "eventVersion", "eventSource", "userIdentity")} == {
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
    }
    assert removed["eventSourceARN"] == stream.arn
    assert removed["dynamodb"] | {"SequenceNumber": ""} == {
        "ApproximateCreationDateTime": float(START_S + 10),
        "Keys": {"pk": {"S": "a"}},
        "OldImage": image,
        "SequenceNumber": "",
        "SizeBytes": 3 + 3 + 8 + 3 + 2,  # the keys; then pk, ttl, n and b with their names
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }


def test_records_are_trimmed_after_24_hours(emulator: Emulator) -> None:
    dynamodb, clock = emulator.client("dynamodb"), Clock(START)
    create_table(dynamodb, "trimmed", keys={"pk": "S"}, ttl_attribute="ttl")
    stream = TableStream(streams=emulator.client("dynamodbstreams"), table="trimmed", clock=clock)
    dynamodb.put_item(TableName="trimmed", Item={"pk": {"S": "old"}})
    assert len(records(stream)) == 1
    clock.advance(hours=24)
    dynamodb.put_item(TableName="trimmed", Item={"pk": {"S": "new"}})

    assert [record["dynamodb"]["Keys"] for record in records(stream)] == [{"pk": {"S": "new"}}]
