"""What a row holds: the metadata of the change, its image, and the envelope of both images."""

import json
from typing import Any

import pytest
from hypothesis import given

from tests.strategies import images, twice
from tests.transform import reference
from tests.transform.builders import (
    EVENT_US,
    Digits,
    change,
    encoded,
    event,
    outcome,
    read_row,
    row,
    run,
    settings,
)

OLD, NEW = {"v": {"N": "1"}}, {"v": {"N": "2"}}
ALL = settings(changes="all")
ENVELOPE = settings(changes="all", row="envelope")
METADATA = {
    "ddb_table": "devices",
    "ddb_event_id": "6f3a4c0e-8b1d-4f7e-9f3a-0c8f6d1b2a34",
    "ddb_event_name": "REMOVE",
    "ddb_event_time": "2025-11-21 06:26:52.123",
    "ddb_event_us": Digits("1763706412123456"),
    "ddb_removed_by": "ttl",
}


def test_the_metadata_comes_first_and_the_image_last() -> None:
    found = row({"zz": {"S": "x"}, "aa": {"N": "1"}})

    assert list(found.items()) == [
        *METADATA.items(),
        ("aa", Digits("1")),
        ("zz", "x"),
        ("ddb_image", '{"zz":{"S":"x"},"aa":{"N":"1"}}'),
    ]


def test_the_image_may_be_left_out() -> None:
    assert list(row({"x": {"S": "y"}}, settings(image=False))) == [*METADATA, "x"]


@pytest.mark.parametrize(
    ("kind", "expected"), [("ttl", "1"), ("user", "1"), ("insert", "2"), ("modify", "2")]
)
def test_a_row_has_the_old_image_of_a_removal_and_else_the_new_one(kind: str, expected: str) -> None:
    found = row({}, ALL, kind=kind, dynamodb={"OldImage": OLD, "NewImage": NEW})

    assert found["v"] == Digits(expected)


@pytest.mark.parametrize(
    ("kind", "name"), [("ttl", "OldImage"), ("insert", "NewImage"), ("modify", "NewImage")]
)
@pytest.mark.parametrize("config", [ALL, ENVELOPE, settings(changes="all", format="csv", columns={"x": "x"})])
def test_a_kept_change_without_its_image_fails(kind: str, name: str, config: Any) -> None:
    missing = change(kind=kind)
    del missing["dynamodb"][name]

    assert outcome(encoded(missing), config) == "MissingImage"
    assert outcome(encoded(change(kind=kind, dynamodb={name: None})), config) == "MissingImage"


def test_an_empty_image_is_an_image() -> None:
    assert row({}) == METADATA | {"ddb_image": "{}"}


def test_an_envelope_has_keys_and_both_images() -> None:
    found = row(
        {},
        ENVELOPE,
        kind="modify",
        dynamodb={"OldImage": OLD, "NewImage": NEW, "Keys": {"id": {"B": "ZUE9PQ=="}}},
    )

    assert list(found) == [*METADATA, "keys", "new_image", "old_image", "ddb_image"]
    assert (found["keys"], found["new_image"], found["old_image"]) == (
        {"id": "eA=="},
        {"v": Digits("2")},
        {"v": Digits("1")},
    )
    assert found["ddb_image"] == '{"v":{"N":"2"}}'


@pytest.mark.parametrize(("kind", "absent"), [("ttl", "new_image"), ("insert", "old_image")])
def test_an_envelope_shows_null_where_there_is_no_image(kind: str, absent: str) -> None:
    assert row({}, ENVELOPE, kind=kind)[absent] is None


@given(images, images)
def test_an_envelope_keeps_every_value_of_both_images(new: dict[str, Any], old: dict[str, Any]) -> None:
    found = row({}, ENVELOPE, kind="modify", dynamodb={"NewImage": twice(new), "OldImage": twice(old)})

    assert found["new_image"] == {name: reference.plain(value, once=True) for name, value in new.items()}
    assert found["old_image"] == {name: reference.plain(value, once=True) for name, value in old.items()}
    assert json.loads(found["ddb_image"]) == new


@pytest.mark.parametrize("name", ["Keys", "OldImage", "NewImage"])
def test_an_envelope_with_one_bad_image_fails(name: str) -> None:
    assert (
        outcome(encoded(change(kind="modify", dynamodb={name: {"x": {"N": "1_0"}}})), ENVELOPE) == "BadNumber"
    )


def test_a_streams_record_says_seconds() -> None:
    more = {
        "ApproximateCreationDateTime": EVENT_US // 1_000_000,
        "ApproximateCreationDateTimePrecision": None,
    }

    found = row({}, dynamodb=more)

    assert (found["ddb_event_time"], found["ddb_event_us"]) == (
        "2025-11-21 06:26:52.000",
        Digits("1763706412000000"),
    )


def test_the_partition_is_the_utc_date_of_the_change() -> None:
    last_us = 1_767_225_599_999_999  # 2025-12-31 23:59:59.999999
    times = [last_us, last_us + 1]
    data = [encoded(change(dynamodb={"ApproximateCreationDateTime": us})) for us in times]

    result = run(event(*data), settings(partition_by="event"))

    assert [record["metadata"] for record in result.records] == [
        {"partitionKeys": {"dt": "2025-12-31"}},
        {"partitionKeys": {"dt": "2026-01-01"}},
    ]
    assert read_row(result.lines[0])["ddb_event_time"] == "2025-12-31 23:59:59.999"


def test_the_partition_key_has_the_date_columns_name() -> None:
    result = run(event(encoded(change())), settings(partition_by="event", date_column="day"))

    assert result.records[0]["metadata"] == {"partitionKeys": {"day": "2025-11-21"}}


def test_only_delivered_rows_partitioned_by_event_have_partition_keys() -> None:
    assert "metadata" not in run(event(encoded(change()))).records[0]
    by_event = run(event(encoded(change(kind="user")), b"{"), settings(partition_by="event"))
    assert all("metadata" not in record for record in by_event.records)


def test_a_record_of_another_table_fails() -> None:
    assert outcome(encoded(change(tableName="other"))) == "OtherTable"
    assert outcome(encoded(change(kind="user", tableName="devices2"))) == "OtherTable"
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/other/stream/x"
    assert outcome(encoded(change(tableName=None, eventSourceARN=arn))) == "OtherTable"
    assert outcome(encoded(change(tableName=None))) == "row"
