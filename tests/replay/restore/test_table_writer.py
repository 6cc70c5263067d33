"""Items into a table: never over a newer one, at a rate that the table takes, resumed after any end."""

import itertools
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.fakes import client_error
from tests.replay.samples import BUCKET
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.restore import table_writer
from ttl_archive.replay.restore.archive_listing import ArchivedObject
from ttl_archive.replay.restore.destination_table import (
    DestinationTable,
    TtlChoice,
    find_table,
    parse_ttl,
    write_capacity,
)
from ttl_archive.replay.restore.image_items import table_key
from ttl_archive.replay.restore.item_extraction import StagedItem
from ttl_archive.replay.restore.stage import Stage
from ttl_archive.replay.restore.table_writer import TableWriter, write_items
from ttl_archive.replay.restore.write_steps import describe_duration

BEGUN = datetime(2025, 11, 20, tzinfo=UTC)
SOURCE = ArchivedObject(BUCKET, "a", "1", 1, "STANDARD")


class Dynamo:
    """A table in memory, with the condition that restore sets."""

    def __init__(self, *existing: str, fail: dict[str, Exception] | None = None, **described: Any) -> None:
        self.items: dict[str, dict[str, Any]] = {name: {} for name in existing}
        self.fail = fail or {}
        self.ttl = described.pop("ttl", {"TimeToLiveStatus": "DISABLED"})
        self.described = described

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        if TableName != "DeviceData":
            raise client_error("ResourceNotFoundException", "DescribeTable")
        keys = [("readingTime", "RANGE"), ("deviceID", "HASH")]
        schema = [{"AttributeName": name, "KeyType": kind} for name, kind in keys]
        return {
            "Table": {"KeySchema": schema, "TableArn": "arn", "TableId": "id", "CreationDateTime": "then"}
            | self.described
        }

    def describe_time_to_live(self, *, TableName: str) -> dict[str, Any]:
        return {"TimeToLiveDescription": self.ttl}

    def put_item(self, **request: Any) -> dict[str, Any]:
        assert request["ConditionExpression"] == "attribute_not_exists(#key)"
        assert request["ExpressionAttributeNames"] == {"#key": "deviceID"}
        key = request["Item"]["deviceID"]["S"]
        if error := self.fail.pop(key, None):
            raise error
        if key in self.items:
            raise client_error("ConditionalCheckFailedException", "PutItem")
        self.items[key] = request["Item"]
        return {}


class Rows:
    """What an extraction returns, given beforehand."""

    first_us = last_us = 1

    def __init__(self, *names: str) -> None:
        self._items = [{"deviceID": {"S": name}, "expiredAt": {"N": "1"}} for name in names]
        self.lines = self.wanted = len(names)
        self.names = {"deviceID"}

    def __iter__(self) -> Iterator[StagedItem]:
        for item in self._items:
            yield StagedItem(item["deviceID"]["S"].encode(), 1, json.dumps(item), True)


def stage_items(stage: Stage, *names: str) -> None:
    stage.add_object(SOURCE, Rows(*names))  # type: ignore[arg-type]


def writer_to(dynamo: Any, ttl: str = "remove") -> TableWriter:
    table = DestinationTable(dynamo, "DeviceData", "arn", "id", ("deviceID",), "expiredAt", 100, "on-demand")
    return TableWriter(table, parse_ttl(ttl, BEGUN), BEGUN)


def write(stage: Stage, dynamo: Any, stop: Event | None = None) -> None:
    write_items(stage, writer_to(dynamo), Rate(), stop or Event(), 2)


def test_an_existing_item_stays_as_it_is(tmp_path: Path) -> None:
    dynamo = Dynamo("b")
    with Stage(tmp_path / "s.sqlite") as stage:
        stage_items(stage, "a", "b", "c")
        write(stage, dynamo)

        assert stage.counts().outcomes == {table_writer.PUT: 2, table_writer.ALREADY_THERE: 1}
    assert dynamo.items == {"a": {"deviceID": {"S": "a"}}, "b": {}, "c": {"deviceID": {"S": "c"}}}


@pytest.mark.parametrize(
    "error",
    [
        client_error("ProvisionedThroughputExceededException", "PutItem"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
)
def test_after_an_error_what_was_put_is_noted_and_the_next_run_puts_the_rest(
    tmp_path: Path, error: Exception
) -> None:
    names = [f"item{number:03}" for number in range(50)]
    dynamo = Dynamo(fail={"item020": error})
    with Stage(tmp_path / "s.sqlite") as stage:
        stage_items(stage, *names)
        with pytest.raises(ReplayError, match=r"DeviceData.*Run again to resume"):
            write(stage, dynamo)
        assert stage.counts().outcomes == {table_writer.PUT: len(dynamo.items)}
        assert len(dynamo.items) < 30  # items go in order, and none is begun after the error
        write(stage, dynamo)

        assert stage.counts().outcomes == {table_writer.PUT: 50}
    assert set(dynamo.items) == set(names)


def test_an_item_that_the_table_refuses_does_not_stop_the_others(tmp_path: Path) -> None:
    dynamo = Dynamo(fail={"b": client_error("ValidationException", "PutItem")})
    with Stage(tmp_path / "s.sqlite") as stage:
        stage_items(stage, "a", "b", "c")
        write(stage, dynamo)

        assert stage.counts().outcomes == {table_writer.PUT: 2, table_writer.REFUSED: 1}


def test_ctrl_c_ends_before_the_next_put(tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    with Stage(tmp_path / "s.sqlite") as stage:
        stage_items(stage, "a")
        write(stage, Dynamo(), stop)

        assert stage.counts().outcomes == {}


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [("remove", None), ("keep", {"N": "1"}), ("+90d", {"N": str(int(BEGUN.timestamp()) + 90 * 86_400)})],
)
def test_the_ttl_attribute_is_removed_kept_or_moved_from_when_the_restore_began(
    ttl: str, expected: Any
) -> None:
    dynamo = Dynamo()
    writer_to(dynamo, ttl).put({"deviceID": {"S": "a"}, "expiredAt": {"N": "1"}})

    assert dynamo.items["a"].get("expiredAt") == expected


@pytest.mark.parametrize(
    ("ttl", "message"),
    [("+99999999999d", "after the year 9999"), ("90", "must be remove, keep"), ("+9¹d", "must be remove")],
)
def test_a_wrong_ttl_is_reported(ttl: str, message: str) -> None:
    with pytest.raises(MisuseError, match=message):
        parse_ttl(ttl, BEGUN)
    assert parse_ttl("+90d", BEGUN) == TtlChoice("+90d", 90)


def test_a_table_is_found_with_its_keys_and_identity() -> None:
    table = find_table(Dynamo(), "DeviceData", "expiredAt")

    assert (table.keys, table.arn, table.identity) == (("deviceID", "readingTime"), "arn", "id then")


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        ({"TimeToLiveStatus": "DISABLED"}, "expiredAt"),
        ({"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}, "ttl"),
        ({"TimeToLiveStatus": "ENABLING", "AttributeName": "ttl"}, "ttl"),
    ],
)
def test_the_ttl_attribute_is_the_one_that_the_table_reads(ttl: dict[str, str], expected: str) -> None:
    assert find_table(Dynamo(ttl=ttl), "DeviceData", "expiredAt").ttl_attribute == expected


@pytest.mark.parametrize(
    ("table", "ttl_attribute", "described", "message"),
    [
        ("Nowhere", "expiredAt", {}, "no such table"),
        ("DeviceData", "readingTime", {}, "is a key of it"),
        ("DeviceData", "expiredAt", {"TableStatus": "DELETING"}, "is DELETING"),
    ],
)
def test_a_table_that_cannot_be_written_to_is_reported(
    table: str, ttl_attribute: str, described: dict[str, Any], message: str
) -> None:
    with pytest.raises(MisuseError, match=message):
        find_table(Dynamo(**described), table, ttl_attribute)


ON_DEMAND = {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (ON_DEMAND, (4000, "on-demand")),
        (ON_DEMAND | {"WarmThroughput": {"WriteUnitsPerSecond": 20_000}}, (20_000, "on-demand")),
        (ON_DEMAND | {"OnDemandThroughput": {"MaxWriteRequestUnits": 300}}, (300, "on-demand")),
        (ON_DEMAND | {"OnDemandThroughput": {"MaxWriteRequestUnits": -1}}, (4000, "on-demand")),
        ({"ProvisionedThroughput": {"WriteCapacityUnits": 50}}, (50, "provisioned")),
        (
            {
                "ProvisionedThroughput": {"WriteCapacityUnits": 50},
                "GlobalSecondaryIndexes": [{"ProvisionedThroughput": {"WriteCapacityUnits": 10}}],
            },
            (10, "provisioned"),
        ),
        ({}, (1, "provisioned")),
    ],
)
def test_the_rate_comes_from_the_mode_of_the_table(description: Any, expected: tuple[float, str]) -> None:
    assert write_capacity(description) == expected


def test_half_of_the_capacity_is_left_to_others() -> None:
    assert find_table(Dynamo(**ON_DEMAND), "DeviceData", "expiredAt").write_units == 2000


def test_a_write_unit_is_a_kilobyte_and_an_item_takes_at_least_one() -> None:
    sizes = (0, 1, 1024, 1025, 409_600)

    assert [table_writer.write_units(size) for size in sizes] == [1, 1, 1, 2, 400]


def test_the_rate_counts_write_units(tmp_path: Path) -> None:
    taken: list[int] = []

    class Units(Rate):
        def take(self, records: int) -> None:
            taken.append(records)

    with Stage(tmp_path / "s.sqlite") as stage:
        stage_items(stage, "a", "b" * 5_000)
        units = stage.counts().units
        write_items(stage, writer_to(Dynamo()), Units(), Event(), 1)

    assert sorted(taken) == [1, 5]
    assert units == 6


def test_a_duration_is_written_for_people() -> None:
    assert [describe_duration(s) for s in (0, 45, 720, 12_600)] == ["0 s", "45 s", "12 min", "3.5 h"]


def test_two_ways_to_write_a_number_are_one_key_and_38_digits_are_not_rounded() -> None:
    def key(number: str) -> str | None:
        return table_key({"k": {"N": number}}, ("k",))

    assert key("1.50") == key("1.5E0")
    assert key("0.0") == key("-0")
    assert key("12345678901234567890123456789012345678") != key("12345678901234567890123456789012345679")
    assert table_key({}, ("k",)) is None


# --- killed


class FolderTable:
    """A table of files, so that it outlives the process, with the condition that restore sets."""

    def __init__(self, folder: Path, kill_at: int) -> None:
        self._folder = folder
        self._left = itertools.count(kill_at, -1)

    def put_item(self, **request: Any) -> dict[str, Any]:
        try:
            with (self._folder / request["Item"]["deviceID"]["S"]).open("x") as file:
                file.write("restored")
        except FileExistsError:
            raise client_error("ConditionalCheckFailedException", "PutItem") from None
        if next(self._left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return {}


def write_and_die(stage_file: Path, folder: Path, kill_at: int) -> None:
    """What a child process does."""
    with Stage(stage_file) as stage:
        if not stage.staged_objects():
            stage_items(stage, *(f"item{number}" for number in range(250)))
        write_items(stage, writer_to(FolderTable(folder, kill_at)), Rate(), Event(), 4)


def test_killed_at_any_put_the_next_run_puts_the_rest_and_overwrites_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.replay.restore.test_table_writer"])
    for kill_at in (0, 1, 99, 100, 150, 248):
        folder, stage_file = tmp_path / str(kill_at), tmp_path / f"{kill_at}.sqlite"
        folder.mkdir()
        (folder / "item7").write_text("newer")
        child = context.Process(target=write_and_die, args=(stage_file, folder, kill_at))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        child.close()

        write_and_die(stage_file, folder, -1)

        assert len(list(folder.iterdir())) == 250
        assert (folder / "item7").read_text() == "newer"
        with Stage(stage_file) as stage:
            assert sum(stage.counts().outcomes.values()) == 250


def test_a_moved_ttl_is_days_after_the_beginning() -> None:
    item = TtlChoice("+1d", 1).apply({"expiredAt": {"N": "1"}}, "expiredAt", BEGUN)

    assert item["expiredAt"] == {"N": str(int((BEGUN + timedelta(days=1)).timestamp()))}
