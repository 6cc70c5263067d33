"""Dynamic partitioning by a jq query. The set-up is the one that LS-cfn recorded on AWS in 2022."""

from __future__ import annotations

from typing import Any

import pytest

from tests.streams import Bench, answer_all, bench, extraction, lambda_processing, s3
from ttl_archive.infra.local.firehose.metadata_extraction import ExtractionFailed, MetadataQuery
from ttl_archive.infra.local.firehose.service_error import ServiceError

QUERY = "{s3Prefix: .tableName}"


def created(query: str = QUERY, *, processors: tuple[dict[str, Any], ...] = (), **options: Any) -> Bench:
    made = bench(**options)
    made.create(
        BufferingHints={"IntervalInSeconds": 60, "SizeInMBs": 64},
        DynamicPartitioningConfiguration={"Enabled": True},
        DataFormatConversionConfiguration={"Enabled": False},
        ProcessingConfiguration={"Enabled": True, "Processors": [*processors, extraction(query)]},
        Prefix="firehoseTest/!{partitionKeyFromQuery:s3Prefix}",
        ErrorOutputPrefix="firehoseTest-errors/!{firehose:error-output-type}/",
    )
    return made


def test_each_record_lies_under_the_key_that_the_query_returns() -> None:
    made = created()
    made.deliver(b'{"tableName":"a"}', b'{"tableName":"b"}', b'{"tableName":"a","n":1}')

    assert made.s3.bodies("firehoseTest/a") == b'{"tableName":"a"}{"tableName":"a","n":1}'
    assert made.s3.bodies("firehoseTest/b") == b'{"tableName":"b"}'


def test_describe_shows_the_set_up_and_the_default_retry_options() -> None:
    made = created()
    described = made.firehose.describe_delivery_stream(DeliveryStreamName="d")["DeliveryStreamDescription"]
    shown = described["Destinations"][0]["ExtendedS3DestinationDescription"]

    assert shown["DynamicPartitioningConfiguration"] == {
        "Enabled": True,
        "RetryOptions": {"DurationInSeconds": 300},
    }
    assert shown["ProcessingConfiguration"]["Processors"] == [extraction(QUERY)]
    assert shown["DataFormatConversionConfiguration"] == {"Enabled": False}
    assert "DeliveryStreamEncryptionConfiguration" in described


def test_the_query_reads_what_the_function_returned() -> None:
    made = created(
        function=lambda event: answer_all(event, data="eyJ0YWJsZU5hbWUiOiJ4In0="),
        processors=tuple(lambda_processing()["Processors"]),
    )
    made.deliver(b"not JSON")

    assert made.s3.bodies("firehoseTest/x") == b'{"tableName":"x"}'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "The query cannot be evaluated for this record."),
        (b"\xff", "The record is not UTF-8."),
        (b"[]", "The query cannot be evaluated for this record."),
        (b"{}", "partitionKeys values must not be null or empty"),
        (b'{"tableName":""}', "partitionKeys values must not be null or empty"),
        (b'{"tableName":{}}', "partitionKeys values must not be null or empty"),
    ],
)
def test_a_record_without_a_usable_key_is_an_error_line_that_repeats_only_the_record(
    data: bytes, message: str
) -> None:
    made = created()
    made.deliver(data)

    (line,) = made.errors("firehoseTest-errors/metadata-extraction-failed/")
    assert (line["errorCode"], line["errorMessage"]) == (
        "DynamicPartitioning.MetadataExtractionFailed",
        message,
    )


@pytest.mark.parametrize(("value", "text"), [("12", "12"), ("true", "true"), ("1.5", "1.5"), ('"x"', "x")])
def test_scalars_become_text(value: str, text: str) -> None:
    assert MetadataQuery("{k: .v}").evaluate(f'{{"v":{value}}}'.encode()) == {"k": text}


@pytest.mark.parametrize("query", [".a", ".a, .b", "empty"])
def test_a_query_that_returns_no_single_object_fails(query: str) -> None:
    with pytest.raises(ExtractionFailed, match="does not return one JSON object"):
        MetadataQuery(query).evaluate(b'{"a":1,"b":2}')


def test_a_query_returns_at_most_50_keys() -> None:
    query = MetadataQuery("[range(51)] | map({(tostring): 1}) | add")

    with pytest.raises(ExtractionFailed, match="returns 51 keys; it can return 50"):
        query.evaluate(b"{}")


def test_a_query_that_jq_cannot_compile_is_refused_at_creation() -> None:
    with pytest.raises(ServiceError, match="InvalidArgumentException: MetadataExtractionQuery cannot be"):
        created("{a: .b")


def test_without_the_package_jq_the_refusal_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jq", None)

    with pytest.raises(ServiceError, match="Run: pip install jq"):
        created()


def test_a_destination_without_a_prefix_key_needs_no_query() -> None:
    made = bench()
    made.create({"ExtendedS3DestinationConfiguration": s3()})
    made.deliver(b"x")

    assert made.s3.bodies() == b"x"
