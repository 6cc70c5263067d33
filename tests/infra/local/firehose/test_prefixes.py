"""The S3 prefix expression language: every rule of FDG s3-prefixes, and what prefixes evaluate to."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.infra.local.firehose.prefixes import Prefix, Surroundings
from ttl_archive.infra.local.firehose.service_error import ServiceError

AT = datetime(2026, 9, 10, 23, 2, 11, tzinfo=UTC)
ERRORS = "errors/!{firehose:error-output-type}/"


def parsed(prefix: str, error_output_prefix: str = "") -> tuple[Prefix, Prefix]:
    return prefixes.parse_prefix(prefix, "Prefix"), prefixes.parse_prefix(
        error_output_prefix, "ErrorOutputPrefix"
    )


def check(prefix: str, error_output_prefix: str = "", *, dynamic_partitioning: bool = False) -> None:
    pair = parsed(prefix, error_output_prefix)
    prefixes.check_prefixes(*pair, dynamic_partitioning=dynamic_partitioning)


def data_folder(prefix: str, **surroundings: object) -> str:
    effective = prefixes.with_date(prefixes.parse_prefix(prefix, "Prefix"))
    return prefixes.evaluate_prefix(effective, Surroundings(AT, **surroundings))  # type: ignore[arg-type]


def error_folder(prefix: str, error_output_prefix: str) -> str:
    effective = prefixes.error_prefix(*parsed(prefix, error_output_prefix))
    return prefixes.evaluate_prefix(effective, Surroundings(AT, error_output_type="processing-failed"))


@pytest.mark.parametrize(
    ("expected", "prefix"),
    [
        ("2026/09/10/23/", ""),
        ("raw2026/09/10/23/", "raw"),
        ("raw/2026/09/10/23/", "raw/"),
        ("raw/dt=2026-09-10/", "raw/dt=!{timestamp:yyyy-MM-dd}/"),
        ("2026/09", "!{timestamp:yyyy}/!{timestamp:MM}"),
        ("year=2026/month=09", "!{timestamp:'year='yyyy'/month='MM}"),
        ("!/x{y}2026/09/10/23/", "!/x{y}"),
    ],
)
def test_a_prefix_evaluates(expected: str, prefix: str) -> None:
    check(prefix, ERRORS)

    assert data_folder(prefix) == expected


def test_timestamps_are_in_the_custom_time_zone() -> None:
    assert data_folder("!{timestamp:yyyy-MM-dd-HH}/", zone=ZoneInfo("Asia/Tokyo")) == "2026-09-11-08/"


def test_the_default_date_path_is_in_the_custom_time_zone() -> None:
    assert data_folder("", zone=ZoneInfo("America/New_York")) == "2026/09/10/19/"


def test_a_random_string_has_11_characters_and_is_new_at_each_occurrence() -> None:
    first, second = data_folder("!{firehose:random-string}/!{firehose:random-string}").split("/")

    assert (len(first), len(second), first != second) == (11, 11, True)


def test_a_random_string_comes_from_the_given_uuids() -> None:
    assert data_folder("!{firehose:random-string}", uuids=lambda: uuid.UUID(int=0)) == "00000000-00"


def test_partition_keys_stand_where_they_are_asked_for() -> None:
    folder = data_folder(
        "dt=!{partitionKeyFromLambda:dt}/", partition_keys={"dt": "2026-01-02", "other": "x"}
    )

    assert folder == "dt=2026-01-02/"


@pytest.mark.parametrize(
    ("expected", "date_after_expressions"), [("x=1/", False), ("x=1/2026/09/10/23/", True)]
)
def test_the_date_after_expressions_without_a_timestamp_is_a_choice(
    expected: str, date_after_expressions: bool
) -> None:
    prefix = prefixes.parse_prefix("x=!{partitionKeyFromLambda:x}/", "Prefix")
    effective = prefixes.with_date(prefix, date_after_expressions=date_after_expressions)

    assert prefixes.evaluate_prefix(effective, Surroundings(AT, partition_keys={"x": "1"})) == expected


@pytest.mark.parametrize(
    ("expected", "prefix", "error_output_prefix"),
    [
        ("errors/processing-failed/", "", ERRORS),
        ("errors/processing-failed/dt=2026-09-10/", "", ERRORS + "dt=!{timestamp:yyyy-MM-dd}/"),
        ("processing-failed/2026/09/10/23/", "", ""),
        ("rawprocessing-failed/2026/09/10/23/", "raw", ""),
        ("errors/processing-failed/2026/09/10/23/", "raw/", "errors/"),
        ("errors/processing-failed/2026/09/10/23/", "!{timestamp:yyyy}/", "errors/"),
    ],
)
def test_an_error_output_prefix_evaluates(expected: str, prefix: str, error_output_prefix: str) -> None:
    check(prefix, error_output_prefix)

    assert error_folder(prefix, error_output_prefix) == expected


def test_the_error_output_type_is_the_same_at_each_occurrence() -> None:
    twice = "!{firehose:error-output-type}/!{firehose:error-output-type}"

    assert error_folder("", twice) == "processing-failed/processing-failed"


@pytest.mark.parametrize(
    ("rule", "prefix", "error_output_prefix"),
    [
        ("ErrorOutputPrefix cannot be null or empty when Prefix contains expr", "!{timestamp:yyyy}/", ""),
        (
            "ErrorOutputPrefix cannot be null or empty when Prefix contains expr",
            "!{firehose:random-string}/",
            "",
        ),
        ("must contain !{firehose:error-output-type} at least once", "", "errors/!{timestamp:yyyy}/"),
        ("Prefix cannot contain !{firehose:error-output-type}", "!{firehose:error-output-type}/", ERRORS),
        ("Prefix cannot contain partition keys unless", "!{partitionKeyFromLambda:a}/", ERRORS),
        ("Prefix cannot contain partition keys unless", "!{partitionKeyFromQuery:a}/", ERRORS),
        ("ErrorOutputPrefix cannot contain partition keys", "", ERRORS + "!{partitionKeyFromLambda:a}"),
        ("Prefix contains !{ outside of an expression", "a!{b", ERRORS),
        ("Prefix contains !{ outside of an expression", "!{timestamp}/", ERRORS),
        ("Prefix contains !{ outside of an expression", "!{timestamp:yyyy", ERRORS),
        ("ErrorOutputPrefix contains !{ outside of an expression", "", "!{}"),
        ("uses the namespace 'kinesis'", "!{kinesis:shard}/", ERRORS),
        ("uses the namespace 'Timestamp'", "!{Timestamp:yyyy}/", ERRORS),
        ("contains !{firehose:uuid}; the values", "!{firehose:uuid}/", ERRORS),
        ("contains !{timestamp:} without a value", "!{timestamp:}/", ERRORS),
        ("Unknown pattern letter: T", "!{timestamp:yyyyT}/", ERRORS),
        ("Prefix has 1025 characters; it can have 1024", "x" * 1025, ""),
        ("ErrorOutputPrefix has 1025 characters; it can have 1024", "", "x" * 1025),
        ("Prefix has up to 513 characters once evaluated; it can have 512", "x" * 499, "errors/"),
        (
            "ErrorOutputPrefix has up to 513 characters once evaluated",
            "",
            "x" * 487 + "!{firehose:error-output-type}",
        ),
    ],
)
def test_an_invalid_prefix_is_refused_with_its_rule(rule: str, prefix: str, error_output_prefix: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check(prefix, error_output_prefix)

    assert caught.value.code == "InvalidArgumentException"
    assert caught.value.message.startswith(
        "Ths supplied prefix(es) do not satisfy the following constraint: "
    )
    assert rule in caught.value.message


def test_a_prefix_of_exactly_512_evaluated_characters_is_accepted() -> None:
    check("x" * 498, "errors/")

    assert len(data_folder("x" * 498)) == 512


def test_the_evaluated_length_counts_the_longest_names() -> None:
    with pytest.raises(ServiceError, match="513 characters"):
        check("x" * 504 + "!{timestamp:MMMM}", "errors/")


def test_partition_keys_are_accepted_with_dynamic_partitioning() -> None:
    check("!{partitionKeyFromLambda:a}/", ERRORS, dynamic_partitioning=True)
