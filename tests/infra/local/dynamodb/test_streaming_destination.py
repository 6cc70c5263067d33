from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ttl_archive.infra.local.dynamodb.change_record import TTL_IDENTITY
from ttl_archive.infra.local.dynamodb.streaming_destination import NotReplicated, StreamingDestination
from ttl_archive.infra.local.dynamodb.ttl import ExpiredItem, Sweeper, create_table
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.moto_server.emulator import Emulator

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_S, NOW_US = int(NOW.timestamp()), int(NOW.timestamp()) * 1_000_000
_names = itertools.count()


class Kinesis:
    """One data stream, which refuses entries as the answers say: one list of error codes for each call."""

    def __init__(self, *answers: list[str | None], max_record_kib: int | None = None) -> None:
        self.answers = iter(answers)
        self.summary = {} if max_record_kib is None else {"MaxRecordSizeInKiB": max_record_kib}
        self.calls: list[int] = []
        self.taken: list[dict[str, Any]] = []

    def describe_stream_summary(self, *, StreamName: str) -> dict:
        return {"StreamDescriptionSummary": self.summary}

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
def destination(emulator: Emulator, table: str, kinesis: Kinesis) -> StreamingDestination:
    return destination_to(kinesis, emulator, table)


def destination_to(kinesis: Any, emulator: Emulator, table: str, **options: Any) -> StreamingDestination:
    destination = StreamingDestination(
        streams=emulator.client("dynamodbstreams"),
        kinesis=kinesis,
        table=table,
        stream_name="changes",
        clock=Clock(NOW),
        **{"pause": lambda seconds: None} | options,
    )
    destination.start()
    return destination


def put(dynamodb: Any, table: str, pk: str, **attributes: Any) -> None:
    dynamodb.put_item(TableName=table, Item={"pk": {"S": pk}, **attributes})


def delete(dynamodb: Any, table: str, pk: str) -> None:
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": pk}})


def test_each_kind_of_change_has_the_images_of_the_feed(
    dynamodb: Any, table: str, destination: StreamingDestination, kinesis: Kinesis
) -> None:
    put(dynamodb, table, "a", n={"N": "1.50"}, b={"B": b"\x12\x02\x08\x7b"})
    put(dynamodb, table, "a", n={"N": "2"})
    delete(dynamodb, table, "a")

    assert destination.run() == 3
    changes = [(r["eventName"], r["userIdentity"], set(r["dynamodb"])) for r in kinesis.records()]
    always = {"ApproximateCreationDateTime", "ApproximateCreationDateTimePrecision", "Keys", "SizeBytes"}
    assert [
        ("INSERT", None, always | {"NewImage"}),
        ("MODIFY", None, always | {"NewImage", "OldImage"}),
        ("REMOVE", None, always | {"OldImage"}),
    ] == changes
    image = kinesis.records()[0]["dynamodb"]["NewImage"]
    assert image == {"pk": {"S": "a"}, "n": {"N": "1.5"}, "b": {"B": "RWdJSWV3PT0="}}
    assert destination.changes == {"inserted": 1, "modified": 1, "deleted": 1}


def test_the_records_of_one_run_are_a_microsecond_apart_and_never_before_the_clock(
    dynamodb: Any, table: str, destination: StreamingDestination, kinesis: Kinesis
) -> None:
    for pk in "abc":
        put(dynamodb, table, pk)
    destination.run()
    put(dynamodb, table, "d")
    destination.run()

    times = [record["dynamodb"]["ApproximateCreationDateTime"] for record in kinesis.records()]
    assert times == [NOW_US, NOW_US + 1, NOW_US + 2, NOW_US + 3]


def test_a_change_is_replicated_once(dynamodb: Any, table: str, destination: StreamingDestination) -> None:
    put(dynamodb, table, "a")

    assert [destination.run(), destination.run()] == [1, 0]


def test_a_write_that_changes_nothing_is_not_replicated(
    dynamodb: Any, table: str, destination: StreamingDestination, kinesis: Kinesis
) -> None:
    put(dynamodb, table, "a", n={"N": "1"})
    put(dynamodb, table, "a", n={"N": "1.0"})
    delete(dynamodb, table, "never-there")

    assert destination.run() == 1
    assert [record["eventName"] for record in kinesis.records()] == ["INSERT"]
    assert destination.changes["unchanged"] == 1


def test_a_removal_of_the_sweep_has_the_identity_of_the_service_and_a_users_has_none(
    dynamodb: Any, table: str, destination: StreamingDestination, kinesis: Kinesis
) -> None:
    for pk in ("user", "swept"):
        put(dynamodb, table, pk, ttl={"N": f"{NOW_S}.0"})
    delete(dynamodb, table, "user")
    sweeper = Sweeper(dynamodb, table, "ttl", Clock(NOW), on_removed=destination.expect)

    assert sweeper.sweep() == [{"pk": {"S": "swept"}}]
    destination.run()

    removed = {
        record["dynamodb"]["Keys"]["pk"]["S"]: record["userIdentity"]
        for record in kinesis.records()
        if record["eventName"] == "REMOVE"
    }
    assert removed == {"user": None, "swept": TTL_IDENTITY}
    assert destination.changes == {"inserted": 2, "deleted": 1, "expired": 1}


def test_one_announced_removal_explains_one_removal_only(
    dynamodb: Any, table: str, destination: StreamingDestination, kinesis: Kinesis
) -> None:
    for _ in range(2):
        put(dynamodb, table, "a", ttl={"N": str(NOW_S)})
        delete(dynamodb, table, "a")
    destination.expect(ExpiredItem({"pk": {"S": "a"}}, "ttl", str(NOW_S)))
    destination.run()

    assert destination.changes == {"inserted": 2, "expired": 1, "deleted": 1}


def test_a_removal_that_was_announced_while_it_was_stopped_explains_no_later_one(
    dynamodb: Any, table: str, destination: StreamingDestination
) -> None:
    destination.expect(ExpiredItem({"pk": {"S": "a"}}, "ttl", str(NOW_S)))
    destination.run()
    put(dynamodb, table, "a", ttl={"N": str(NOW_S)})
    delete(dynamodb, table, "a")
    destination.run()

    assert destination.changes == {"inserted": 1, "deleted": 1}


def test_a_destination_begins_with_what_changes_after_its_start(
    emulator: Emulator, dynamodb: Any, table: str, kinesis: Kinesis
) -> None:
    put(dynamodb, table, "before")
    destination = destination_to(kinesis, emulator, table)
    put(dynamodb, table, "after")

    assert destination.run() == 1
    destination.stop()
    put(dynamodb, table, "while stopped")
    assert destination.run() == 0
    destination.start("TRIM_HORIZON")
    assert destination.run() == 3


def test_calls_hold_500_records_and_5_mib(
    emulator: Emulator, dynamodb: Any, table: str, destination: StreamingDestination, kinesis: Kinesis
) -> None:
    def load(count: int, size: int) -> None:
        for n in range(count):
            put(dynamodb, table, f"{size}-{n}", x={"S": "x" * size})

    load(501, 1)
    destination.run()
    assert kinesis.calls == [500, 1]
    load(16, 380_000)
    destination.run()
    assert kinesis.calls == [500, 1, 13, 3]


def test_only_refused_entries_are_put_again_after_a_pause(
    emulator: Emulator, dynamodb: Any, table: str
) -> None:
    pauses: list[float] = []
    slow = "ProvisionedThroughputExceededException"
    kinesis = Kinesis([None, slow, None], [slow])
    destination = destination_to(kinesis, emulator, table, pause=pauses.append)
    for pk in "abc":
        put(dynamodb, table, pk)

    assert destination.run() == 3
    assert kinesis.calls == [3, 1, 1]
    assert pauses == [0.02, 0.04]
    assert [r["dynamodb"]["Keys"]["pk"]["S"] for r in kinesis.records()] == ["a", "c", "b"]


def test_records_refused_repeatedly_are_kept_for_the_next_run(
    emulator: Emulator, dynamodb: Any, table: str
) -> None:
    kinesis = Kinesis(*[["InternalFailure"]] * 10)
    destination = destination_to(kinesis, emulator, table)
    put(dynamodb, table, "a")

    with pytest.raises(NotReplicated, match=r"changes refused 1 records 10 times \(InternalFailure\)"):
        destination.run()
    assert kinesis.taken == []
    assert destination.run() == 1
    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in kinesis.records()] == ["a"]


@pytest.mark.parametrize(("max_record_kib", "replicated"), [(None, 1), (1024, 1), (1280, 2)])
def test_a_record_over_the_maximum_of_the_data_stream_is_skipped_and_counted(
    emulator: Emulator, dynamodb: Any, table: str, max_record_kib: int | None, replicated: int
) -> None:
    destination = destination_to(Kinesis(max_record_kib=max_record_kib), emulator, table)
    put(dynamodb, table, "wide", text={"S": "\x01" * 200_000})  # six bytes each, as JSON
    put(dynamodb, table, "behind")

    assert destination.run() == replicated
    assert destination.changes["too-large"] == 2 - replicated


def test_the_maximum_that_is_given_counts_where_the_data_stream_has_none(
    emulator: Emulator, dynamodb: Any, table: str, kinesis: Kinesis
) -> None:
    destination = destination_to(kinesis, emulator, table, max_record_kib=10)
    put(dynamodb, table, "wide", text={"S": "x" * 11_000})

    assert destination.run() == 0
    assert destination.changes == {"too-large": 1}


def test_the_emulators_kinesis_accepts_what_the_destination_puts(
    emulator: Emulator, dynamodb: Any, table: str
) -> None:
    client = emulator.client("kinesis")
    client.create_stream(StreamName="changes", ShardCount=1)
    destination = destination_to(client, emulator, table)
    put(dynamodb, table, "a")
    destination.run()

    iterator = client.get_shard_iterator(
        StreamName="changes", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (record,) = client.get_records(ShardIterator=iterator)["Records"]
    assert json.loads(record["Data"])["eventName"] == "INSERT"
    assert len(record["PartitionKey"]) == 32
