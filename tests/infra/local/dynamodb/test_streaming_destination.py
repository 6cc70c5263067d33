from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ttl_archive.infra.local.dynamodb.change_record import TTL_IDENTITY
from ttl_archive.infra.local.dynamodb.streaming_destination import Bridge, NotReplicated
from ttl_archive.infra.local.dynamodb.ttl import Expired, Sweeper, create_table
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.moto_server.emulator import Emulator

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_S, NOW_US = int(NOW.timestamp()), int(NOW.timestamp()) * 1_000_000
_names = itertools.count()


class Kinesis:
    """One stream; takes entries until the answers, one list of codes for each call, say otherwise."""

    def __init__(self, *answers: list[str | None]) -> None:
        self.answers = iter(answers)
        self.calls: list[int] = []
        self.taken: list[dict[str, Any]] = []

    def put_records(self, *, StreamName: str, Records: list[dict]) -> dict:
        codes = next(self.answers, [])
        results = list(itertools.zip_longest(Records, codes[: len(Records)]))
        self.calls.append(len(Records))
        self.taken += [entry for entry, code in results if code is None]
        answered = [{"ErrorCode": code} if code else {"SequenceNumber": "1"} for _, code in results]
        return {"Records": answered, "FailedRecordCount": sum(code is not None for _, code in results)}

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Data"]) for entry in self.taken]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def table(emulator: Emulator) -> str:
    name = f"table-{next(_names)}"
    create_table(emulator.client("dynamodb"), name, keys={"pk": "S"}, ttl_attribute="ttl")
    return name


@pytest.fixture
def dynamodb(emulator: Emulator) -> Any:
    return emulator.client("dynamodb")


@pytest.fixture
def kinesis() -> Kinesis:
    return Kinesis()


@pytest.fixture
def bridge(emulator: Emulator, table: str, kinesis: Kinesis) -> Bridge:
    return bridge_to(kinesis, emulator, table)


def bridge_to(kinesis: Any, emulator: Emulator, table: str, **options: Any) -> Bridge:
    bridge = Bridge(
        streams=emulator.client("dynamodbstreams"),
        kinesis=kinesis,
        table=table,
        stream_name="changes",
        ttl_attribute="ttl",
        clock=Clock(NOW),
        **{"pause": lambda seconds: None} | options,
    )
    bridge.start()
    return bridge


def put(dynamodb: Any, table: str, pk: str, **attributes: Any) -> None:
    dynamodb.put_item(TableName=table, Item={"pk": {"S": pk}, **attributes})


def delete(dynamodb: Any, table: str, pk: str) -> None:
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": pk}})


def test_each_kind_of_change_has_the_images_of_the_feed(
    dynamodb: Any, table: str, bridge: Bridge, kinesis: Kinesis
) -> None:
    put(dynamodb, table, "a", n={"N": "1.50"}, b={"B": b"\x12\x02\x08\x7b"})
    put(dynamodb, table, "a", n={"N": "2"})
    delete(dynamodb, table, "a")

    assert bridge.run() == 3
    changes = [(r["eventName"], r["userIdentity"], set(r["dynamodb"])) for r in kinesis.records()]
    always = {"ApproximateCreationDateTime", "ApproximateCreationDateTimePrecision", "Keys", "SizeBytes"}
    assert [
        ("INSERT", None, always | {"NewImage"}),
        ("MODIFY", None, always | {"NewImage", "OldImage"}),
        ("REMOVE", None, always | {"OldImage"}),
    ] == changes
    image = kinesis.records()[0]["dynamodb"]["NewImage"]
    assert image == {"pk": {"S": "a"}, "n": {"N": "1.5"}, "b": {"B": "RWdJSWV3PT0="}}
    assert bridge.changes == {"inserted": 1, "modified": 1, "deleted": 1}


def test_the_records_of_one_run_are_a_microsecond_apart_and_never_before_the_clock(
    dynamodb: Any, table: str, bridge: Bridge, kinesis: Kinesis
) -> None:
    for pk in "abc":
        put(dynamodb, table, pk)
    bridge.run()
    put(dynamodb, table, "d")
    bridge.run()

    times = [record["dynamodb"]["ApproximateCreationDateTime"] for record in kinesis.records()]
    assert times == [NOW_US, NOW_US + 1, NOW_US + 2, NOW_US + 3]


def test_what_was_carried_is_not_carried_again(dynamodb: Any, table: str, bridge: Bridge) -> None:
    put(dynamodb, table, "a")

    assert [bridge.run(), bridge.run()] == [1, 0]


def test_nothing_is_carried_for_writes_that_change_nothing(
    dynamodb: Any, table: str, bridge: Bridge, kinesis: Kinesis
) -> None:
    put(dynamodb, table, "a", n={"N": "1"})
    put(dynamodb, table, "a", n={"N": "1.0"})
    delete(dynamodb, table, "never-there")

    assert bridge.run() == 1
    assert [record["eventName"] for record in kinesis.records()] == ["INSERT"]
    assert bridge.changes["unchanged"] == 1


def test_a_sweeps_removal_carries_the_services_identity_and_a_users_does_not(
    dynamodb: Any, table: str, bridge: Bridge, kinesis: Kinesis
) -> None:
    for pk in ("user", "swept"):
        put(dynamodb, table, pk, ttl={"N": f"{NOW_S}.0"})
    delete(dynamodb, table, "user")
    sweeper = Sweeper(dynamodb, table, "ttl", Clock(NOW), on_removed=bridge.expect)

    assert sweeper.sweep() == [{"pk": {"S": "swept"}}]
    bridge.run()

    removed = {
        record["dynamodb"]["Keys"]["pk"]["S"]: record["userIdentity"]
        for record in kinesis.records()
        if record["eventName"] == "REMOVE"
    }
    assert removed == {"user": None, "swept": TTL_IDENTITY}
    assert bridge.changes == {"inserted": 2, "deleted": 1, "expired": 1}


def test_one_announced_removal_explains_one_removal_only(
    dynamodb: Any, table: str, bridge: Bridge, kinesis: Kinesis
) -> None:
    for _ in range(2):
        put(dynamodb, table, "a", ttl={"N": str(NOW_S)})
        delete(dynamodb, table, "a")
    bridge.expect(Expired({"pk": {"S": "a"}}, str(NOW_S)))
    bridge.run()

    assert bridge.changes == {"inserted": 2, "expired": 1, "deleted": 1}


def test_a_removal_that_was_announced_while_nothing_was_carried_explains_no_later_one(
    dynamodb: Any, table: str, bridge: Bridge
) -> None:
    bridge.expect(Expired({"pk": {"S": "a"}}, str(NOW_S)))
    bridge.run()
    put(dynamodb, table, "a", ttl={"N": str(NOW_S)})
    delete(dynamodb, table, "a")
    bridge.run()

    assert bridge.changes == {"inserted": 1, "deleted": 1}


def test_a_bridge_begins_with_what_changes_after_its_start(
    emulator: Emulator, dynamodb: Any, table: str, kinesis: Kinesis
) -> None:
    put(dynamodb, table, "before")
    bridge = bridge_to(kinesis, emulator, table)
    put(dynamodb, table, "after")

    assert bridge.run() == 1
    bridge.stop()
    put(dynamodb, table, "while stopped")
    assert bridge.run() == 0
    bridge.start("TRIM_HORIZON")
    assert bridge.run() == 3


def test_calls_hold_500_records_and_5_mib(
    emulator: Emulator, dynamodb: Any, table: str, bridge: Bridge, kinesis: Kinesis
) -> None:
    def load(count: int, size: int) -> None:
        for n in range(count):
            put(dynamodb, table, f"{size}-{n}", x={"S": "x" * size})

    load(501, 1)
    bridge.run()
    assert kinesis.calls == [500, 1]
    load(16, 380_000)
    bridge.run()
    assert kinesis.calls == [500, 1, 13, 3]


def test_only_refused_entries_are_put_again_after_a_pause(
    emulator: Emulator, dynamodb: Any, table: str
) -> None:
    pauses: list[float] = []
    slow = "ProvisionedThroughputExceededException"
    kinesis = Kinesis([None, slow, None], [slow])
    bridge = bridge_to(kinesis, emulator, table, pause=pauses.append)
    for pk in "abc":
        put(dynamodb, table, pk)

    assert bridge.run() == 3
    assert kinesis.calls == [3, 1, 1]
    assert pauses == [0.02, 0.04]
    assert [r["dynamodb"]["Keys"]["pk"]["S"] for r in kinesis.records()] == ["a", "c", "b"]


def test_records_refused_again_and_again_are_kept_for_the_next_run(
    emulator: Emulator, dynamodb: Any, table: str
) -> None:
    kinesis = Kinesis(*[["InternalFailure"]] * 10)
    bridge = bridge_to(kinesis, emulator, table)
    put(dynamodb, table, "a")

    with pytest.raises(NotReplicated, match=r"changes refused 1 records 10 times \(InternalFailure\)"):
        bridge.run()
    assert kinesis.taken == []
    assert bridge.run() == 1
    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in kinesis.records()] == ["a"]


def test_a_record_over_one_mebibyte_is_skipped_and_counted(
    emulator: Emulator, dynamodb: Any, table: str, bridge: Bridge, kinesis: Kinesis
) -> None:
    put(dynamodb, table, "small")
    put(dynamodb, table, "wide", text={"S": "\x01" * 200_000})  # six bytes each, as JSON

    assert bridge.run() == 1
    assert bridge.changes == {"inserted": 1, "too-large": 1}


def test_the_emulators_kinesis_takes_what_the_bridge_puts(
    emulator: Emulator, dynamodb: Any, table: str
) -> None:
    client = emulator.client("kinesis")
    client.create_stream(StreamName="changes", ShardCount=1)
    bridge = bridge_to(client, emulator, table)
    put(dynamodb, table, "a")
    bridge.run()

    iterator = client.get_shard_iterator(
        StreamName="changes", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (record,) = client.get_records(ShardIterator=iterator)["Records"]
    assert json.loads(record["Data"])["eventName"] == "INSERT"
    assert len(record["PartitionKey"]) == 32
