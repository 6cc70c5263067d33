"""A record's bytes become a change record, or fail with a code that says why."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import times_us
from tests.transform import reference
from tests.transform.builders import EVENT_US, change, encoded
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.records import event_us, parse_record, timestamp_text

MS, SECONDS = EVENT_US // 1000, EVENT_US // 1_000_000


def code(data: bytes) -> str:
    with pytest.raises(RecordError) as caught:
        event_us(parse_record(data).dynamodb)
    return caught.value.code


@pytest.mark.parametrize(
    ("when", "precision", "expected"),
    [
        (EVENT_US, "MICROSECOND", EVENT_US),
        (EVENT_US, None, EVENT_US),
        (MS, "MILLISECOND", MS * 1000),
        (MS, None, MS * 1000),
        (SECONDS, None, SECONDS * 1_000_000),
        (float(SECONDS), None, SECONDS * 1_000_000),
        (1_654_699_573_622, None, 1_654_699_573_622_000),  # SEEN amazon-kinesis-client #959
    ],
)
def test_the_precision_or_the_digits_decide_the_unit_of_the_time(
    when: Any, precision: Any, expected: int
) -> None:
    more = {"ApproximateCreationDateTime": when, "ApproximateCreationDateTimePrecision": precision}

    assert expected == event_us(parse_record(encoded(change(dynamodb=more))).dynamodb)


@pytest.mark.parametrize(
    ("when", "precision"),
    [
        (MS, "MICROSECOND"),
        (EVENT_US, "MILLISECOND"),
        (SECONDS, "MILLISECOND"),
        (SECONDS, "MICROSECOND"),
        (0, None),
        (-EVENT_US, None),
        (10**11, None),
        (10**14, None),
        (10**16, None),
        (10**30, None),
    ],
)
def test_a_time_that_contradicts_its_precision_or_is_not_a_date_fails(when: int, precision: Any) -> None:
    more = {"ApproximateCreationDateTime": when, "ApproximateCreationDateTimePrecision": precision}

    assert code(encoded(change(dynamodb=more))) == "BadEventTime"


@pytest.mark.parametrize("when", ["1763706412", None, True, [], "2025-11-21T06:26:52Z"])
def test_a_time_that_is_not_a_number_fails(when: Any) -> None:
    assert code(encoded(change(dynamodb={"ApproximateCreationDateTime": when}))) == "NotAChangeRecord"


@pytest.mark.parametrize("precision", ["SECOND", "microsecond", "", 6])
def test_an_unknown_precision_fails(precision: Any) -> None:
    assert (
        code(encoded(change(dynamodb={"ApproximateCreationDateTimePrecision": precision})))
        == "NotAChangeRecord"
    )


@given(times_us)
def test_the_timestamp_text_is_utc_cut_to_milliseconds(us: int) -> None:
    assert reference.time_text(us) == timestamp_text(us)


@given(st.integers(0, 999))
def test_a_fraction_of_a_second_is_never_rounded_up_into_the_next_day(ms: int) -> None:
    last_us = int((Decimal(1_735_689_599) + Decimal(ms) / 1000) * 1_000_000) + 999

    assert f"2024-12-31 23:59:59.{ms:03d}" == timestamp_text(last_us)


@pytest.mark.parametrize("name", ["eventID", "eventName", "dynamodb"])
def test_a_record_without_a_required_field_is_not_a_change_record(name: str) -> None:
    record = change()
    del record[name]

    assert code(encoded(record)) == "NotAChangeRecord"


@pytest.mark.parametrize("name", ["Keys", "ApproximateCreationDateTime"])
def test_a_stream_record_without_a_required_field_is_not_a_change_record(name: str) -> None:
    record = change()
    del record["dynamodb"][name]

    assert code(encoded(record)) == "NotAChangeRecord"


@pytest.mark.parametrize(
    "more",
    [
        {"eventID": None},
        {"eventID": 7},
        {"eventName": "remove"},
        {"eventName": "DELETE"},
        {"eventName": None},
        {"eventName": ["REMOVE"]},
        {"dynamodb": []},
        {"tableName": 5},
        {"userIdentity": "dynamodb.amazonaws.com"},
        {"userIdentity": []},
        {"userIdentity": {"type": 1, "principalId": "dynamodb.amazonaws.com"}},
        {"eventSourceARN": {}},
    ],
)
def test_a_field_of_the_wrong_type_or_value_is_not_a_change_record(more: dict[str, Any]) -> None:
    assert code(encoded(change() | more)) == "NotAChangeRecord"


@pytest.mark.parametrize("kind", ["ttl", "user", "insert", "modify"])
@pytest.mark.parametrize("name", ["Keys", "NewImage", "OldImage"])
@pytest.mark.parametrize("value", [5, "x", [], True, ""])
def test_keys_and_images_that_are_not_objects_fail_even_when_they_are_not_read(
    kind: str, name: str, value: Any
) -> None:
    assert code(encoded(change(kind=kind, dynamodb={name: value}))) == "NotAChangeRecord"


def test_keys_may_not_be_null_and_images_may() -> None:
    assert code(encoded(change(dynamodb={"Keys": None}))) == "NotAChangeRecord"
    assert parse_record(encoded(change(dynamodb={"NewImage": None})))


def test_fields_that_aws_may_add_are_ignored() -> None:
    record = change(dynamodb={"Novelty": [{"x": 1e400}]}, novelty={"a": [None]})

    assert parse_record(encoded(record).replace(b"Infinity", b"1e400")).event_name == "REMOVE"


def test_the_table_of_a_streams_record_is_in_its_arn() -> None:
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/my.table-1/stream/2026-01-01T00:00:00.000"
    record = change(eventSourceARN=arn)
    del record["tableName"]

    assert parse_record(encoded(record)).table() == "my.table-1"


def test_the_table_is_unknown_when_no_field_names_it() -> None:
    record = change(tableName=None)

    assert parse_record(encoded(record)).table() is None
