from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttl_archive.infra.local.dynamodb.change_record import (
    TTL_IDENTITY,
    Precision,
    change_record,
    is_unchanged,
    kinesis_partition_key,
    number_text,
    size_bytes,
)
from ttl_archive.transform.records import parse_record

US = 1719347890250647
KEYS = {"pk": {"S": "a"}}


def stream_record(name: str, **images: Any) -> dict[str, Any]:
    return {
        "eventID": "6f3a4c0e8b1d4f7e9f3a0c8f6d1b2a34",
        "eventName": name,
        "awsRegion": "us-east-1",
        "dynamodb": {"Keys": KEYS, "SequenceNumber": "1", "StreamViewType": "NEW_AND_OLD_IMAGES", **images},
    }


def encoded(
    record: dict[str, Any], precision: Precision | None = "MICROSECOND", identity: Any = None
) -> bytes:
    return change_record(record, table="orders", precision=precision, created_us=US, identity=identity)


def made(record: dict[str, Any], **options: Any) -> dict[str, Any]:
    return json.loads(encoded(record, **options))


def test_a_modification_has_the_fields_of_the_kinesis_feed_and_no_others() -> None:
    old, new = {**KEYS, "n": {"N": "1"}}, {**KEYS, "n": {"N": "2"}}
    expected = {
        "awsRegion": "us-east-1",
        "eventID": "6f3a4c0e-8b1d-4f7e-9f3a-0c8f6d1b2a34",
        "eventName": "MODIFY",
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": "orders",
        "dynamodb": {
            "ApproximateCreationDateTime": US,
            "Keys": KEYS,
            "NewImage": new,
            "OldImage": old,
            "SizeBytes": 3 + 6 + 6,
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    }

    assert made(stream_record("MODIFY", OldImage=old, NewImage=new)) == expected


def test_members_are_in_the_order_recorded_on_aws() -> None:
    """LS-ddb 2024-01-30, a destination without a precision: SizeBytes 12 for this item."""
    image = {"id": {"S": "test"}}
    record = stream_record("INSERT", NewImage=image)
    record["dynamodb"]["Keys"] = image
    change = made(record, precision=None)

    assert " ".join(change) == (
        "awsRegion eventID eventName userIdentity recordFormat tableName dynamodb eventSource"
    )
    assert list(change["dynamodb"]) == ["ApproximateCreationDateTime", "Keys", "NewImage", "SizeBytes"]
    assert change["dynamodb"]["SizeBytes"] == 12


def test_the_json_is_one_line_without_a_newline_and_keeps_non_ascii_text() -> None:
    image = {**KEYS, "name": {"S": "下野\n"}}

    data = encoded(stream_record("INSERT", NewImage=image))

    assert b"\n" not in data
    assert "下野".encode() in data


def test_the_captured_records_size_comes_out() -> None:
    """Captured in ap-northeast-1, 2022-05: SizeBytes 104 for these keys and two images."""
    keys = {"key": {"S": "t0926"}}
    image = {
        "population": {"N": "54148"},
        "key": {"S": "t0926"},
        "name": {"S": "下野"},
        "date_mod": {"S": "1950-9-7"},
    }

    assert size_bytes(keys) + 2 * size_bytes(image) == 104


@pytest.mark.parametrize(
    ("precision", "time", "named"),
    [
        ("MICROSECOND", 1719347890250647, "MICROSECOND"),
        ("MILLISECOND", 1719347890250, None),
        (None, 1719347890250, None),
    ],
)
def test_time_is_in_the_chosen_precision_and_only_microseconds_are_named(
    precision: Precision | None, time: int, named: str | None
) -> None:
    change = made(stream_record("REMOVE", OldImage=KEYS), precision=precision)["dynamodb"]

    assert (time, named) == (
        change["ApproximateCreationDateTime"],
        change.get("ApproximateCreationDateTimePrecision"),
    )


def test_a_ttl_removal_has_the_services_identity_in_lower_case() -> None:
    record = made(stream_record("REMOVE", OldImage=KEYS), identity=TTL_IDENTITY)

    assert record["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert {"Keys", "OldImage"} == {key for key in record["dynamodb"] if key.endswith(("s", "Image"))} - {
        "SizeBytes"
    }


def test_binary_is_base64_twice_at_every_depth() -> None:
    """Bytes 12 02 08 7B are "RWdJSWV3PT0=" in a captured record (amazon-kinesis-client #959)."""
    blob, twice = b"\x12\x02\x08\x7b", "RWdJSWV3PT0="
    image = {
        "b": {"B": blob},
        "bs": {"BS": [blob]},
        "m": {"M": {"b": {"B": blob}}},
        "l": {"L": [{"B": blob}]},
        "empty": {"B": b""},
    }

    expected = {
        "b": {"B": twice},
        "bs": {"BS": [twice]},
        "m": {"M": {"b": {"B": twice}}},
        "l": {"L": [{"B": twice}]},
        "empty": {"B": ""},
    }
    assert made(stream_record("REMOVE", OldImage=image))["dynamodb"]["OldImage"] == expected
    assert blob == base64.b64decode(base64.b64decode(twice))


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("1.50", "1.5"),
        ("1.5E+3", "1500"),
        ("0.00", "0"),
        ("-0", "0"),
        ("-007.10", "-7.1"),
        ("1E-7", "0.0000001"),
        ("100", "100"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("9.9999999999999999999999999999999999999E+125", "9.9999999999999999999999999999999999999E+125"),
        ("1E-130", "1E-130"),
    ],
)
def test_numbers_are_spelled_as_dynamodb_spells_them(given_text: str, text: str) -> None:
    assert number_text(given_text) == text


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
        lambda d: len(d.as_tuple()[1]) <= 38
    )
)
def test_spelling_a_number_never_changes_its_value(number: Decimal) -> None:
    text = number_text(str(number))

    assert Decimal(text) == number
    assert number_text(text) == text


@pytest.mark.parametrize(
    ("old", "new", "unchanged"),
    [
        ({"n": {"N": "1.50"}}, {"n": {"N": "1.5"}}, True),
        ({"s": {"SS": ["a", "b"]}}, {"s": {"SS": ["b", "a"]}}, True),
        ({"l": {"L": [{"NS": ["1", "2"]}]}}, {"l": {"L": [{"NS": ["2", "1"]}]}}, True),
        ({"l": {"L": [{"S": "a"}, {"S": "b"}]}}, {"l": {"L": [{"S": "b"}, {"S": "a"}]}}, False),
        ({"m": {"M": {"a": {"S": "1"}}}}, {"m": {"M": {"a": {"N": "1"}}}}, False),
        ({}, {"a": {"NULL": True}}, False),
    ],
)
def test_a_write_that_changes_nothing_is_seen_through_order_and_spelling(
    old: dict, new: dict, unchanged: bool
) -> None:
    assert unchanged is is_unchanged(stream_record("MODIFY", OldImage=old, NewImage=new))


def test_the_partition_key_is_the_items_own_32_upper_case_hex_digits() -> None:
    key = kinesis_partition_key({"a": {"S": "x"}, "b": {"N": "1.0"}})

    assert len(key) == 32
    assert set(key) <= set("0123456789ABCDEF")
    assert kinesis_partition_key({"b": {"N": "1"}, "a": {"S": "x"}}) == key
    assert key != kinesis_partition_key({"a": {"S": "y"}, "b": {"N": "1"}})


VALUES = st.recursive(
    st.one_of(
        st.text().map(lambda text: {"S": text}),
        st.integers(-(10**37), 10**37).map(lambda number: {"N": str(number)}),
        st.binary().map(lambda blob: {"B": blob}),
        st.booleans().map(lambda flag: {"BOOL": flag}),
        st.just({"NULL": True}),
        st.lists(st.text(), min_size=1, unique=True).map(lambda texts: {"SS": texts}),
    ),
    lambda inner: (
        st.lists(inner).map(lambda values: {"L": values})
        | st.dictionaries(st.text(), inner).map(lambda members: {"M": members})
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), VALUES))
def test_every_image_makes_a_record_that_the_transform_reads(image: dict) -> None:
    data = encoded(stream_record("REMOVE", OldImage=image))

    record = parse_record(data)

    assert (record.event_name, record.table_name) == ("REMOVE", "orders")
    assert set(json.loads(bytes(record.dynamodb.old_image))) == set(image)
