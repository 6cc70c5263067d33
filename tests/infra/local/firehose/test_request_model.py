"""Requests checked against AWS's service model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.streams import s3
from ttl_archive.infra.local.firehose.request_model import check_request
from ttl_archive.infra.local.firehose.service_error import ServiceError


def create(**members: Any) -> None:
    request = {"DeliveryStreamName": "d", "ExtendedS3DestinationConfiguration": s3()}
    check_request("CreateDeliveryStream", request | members)


def refusal(**members: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        create(**members)
    assert caught.value.code == "ValidationException"
    return caught.value.message


def test_an_enum_is_refused_in_aws_words() -> None:
    destination = s3(ProcessingConfiguration={"Processors": [{"Type": "NotLambda"}]})

    assert refusal(ExtendedS3DestinationConfiguration=destination).startswith(
        "1 validation error detected: Value at 'extendedS3DestinationConfiguration."
        "processingConfiguration.processors.1.member.type' failed to satisfy constraint:"
        " Member must satisfy enum value set: ["
    )


# FLOCI-v, captured on AWS in 2026-08.
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"CompressionFormat": "SNAPPY"},
         "1 validation error detected: Value at 'extendedS3DestinationConfiguration.compressionFormat' failed"
         " to satisfy constraint: Member must satisfy enum value set:"
         " [ZIP, HADOOP_SNAPPY, Snappy, GZIP, UNCOMPRESSED]"),
        ({"FileExtension": "gz"},
         "1 validation error detected: Value at 'extendedS3DestinationConfiguration.fileExtension' failed to"
         r" satisfy constraint: Member must satisfy regular expression pattern: ^(|\.[0-9a-z!\-_.*'()]+)$"),
    ],
)  # fmt: skip
def test_messages_about_an_s3_destination_are_as_captured(members: dict[str, str], message: str) -> None:
    assert refusal(ExtendedS3DestinationConfiguration=s3(**members)) == message


def test_a_member_that_must_be_there_must_not_be_null() -> None:
    assert refusal(ExtendedS3DestinationConfiguration={"RoleARN": s3()["RoleARN"]}) == (
        "1 validation error detected: Value at 'extendedS3DestinationConfiguration.bucketARN'"
        " failed to satisfy constraint: Member must not be null"
    )


def test_a_batch_has_at_least_one_record() -> None:
    with pytest.raises(ServiceError, match=r"at 'records' failed .* length greater than or equal to 1"):
        check_request("PutRecordBatch", {"DeliveryStreamName": "d", "Records": []})


@pytest.mark.parametrize(
    ("message", "members"),
    [
        ("'deliveryStreamName' failed to satisfy constraint: Member must have length less than",
         {"DeliveryStreamName": "d" * 65}),
        ("Member must have length greater than or equal to 1", {"DeliveryStreamName": ""}),
        ("Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+", {"DeliveryStreamName": "a b"}),
        ("enum value set: [DirectPut, Kinesis", {"DeliveryStreamType": "directput"}),
        ("'tags.1.member.key'", {"Tags": [{"Key": "aws:x", "Value": ""}]}),
        ("'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
         {"Tags": [{"Key": str(n)} for n in range(51)]}),
        ("Value null at 'deliveryStreamName' failed to satisfy constraint: Member must not be null",
         {"DeliveryStreamName": None}),
        ('Unknown parameter in input: "Name"', {"Name": "d"}),
        ("Invalid type for parameter DeliveryStreamName", {"DeliveryStreamName": 1}),
    ],
)  # fmt: skip
def test_a_member_that_is_not_of_the_shape_is_named(message: str, members: dict[str, Any]) -> None:
    if members == {"DeliveryStreamName": None}:
        with pytest.raises(ServiceError) as caught:
            check_request("CreateDeliveryStream", {})
        assert message in caught.value.message
    else:
        assert message in refusal(**members)


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("roleARN", {"RoleARN": "role"}),
        ("bucketARN", {"BucketARN": "bucket"}),
        ("fileExtension", {"FileExtension": "gz"}),
        ("fileExtension", {"FileExtension": ".GZ"}),
        ("fileExtension", {"FileExtension": "." + "x" * 128}),
        ("customTimeZone", {"CustomTimeZone": "UTC+1"}),
        ("prefix", {"Prefix": "x" * 1025}),
        ("errorOutputPrefix", {"ErrorOutputPrefix": "x" * 1025}),
        ("bufferingHints.sizeInMBs", {"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 60}}),
        ("bufferingHints.intervalInSeconds", {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 901}}),
        (
            "dynamicPartitioningConfiguration.retryOptions.durationInSeconds",
            {"DynamicPartitioningConfiguration": {"RetryOptions": {"DurationInSeconds": 7201}}},
        ),
        (
            "encryptionConfiguration.kMSEncryptionConfig.aWSKMSKeyARN",
            {"EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": "key"}}},
        ),
        (
            "dataFormatConversionConfiguration.outputFormatConfiguration.serializer.orcSerDe.paddingTolerance",
            {"DataFormatConversionConfiguration": {
                "OutputFormatConfiguration": {"Serializer": {"OrcSerDe": {"PaddingTolerance": 1.5}}}}},
        ),
        (
            "dataFormatConversionConfiguration.inputFormatConfiguration.deserializer.openXJsonSerDe"
            ".columnToJsonKeyMappings",
            {"DataFormatConversionConfiguration": {"InputFormatConfiguration": {"Deserializer": {
                "OpenXJsonSerDe": {"ColumnToJsonKeyMappings": {"a b": "c"}}}}}},
        ),
    ],
)  # fmt: skip
def test_a_nested_constraint_is_refused_with_its_path(path: str, members: dict[str, Any]) -> None:
    message = refusal(ExtendedS3DestinationConfiguration=s3(**members))

    assert f"at 'extendedS3DestinationConfiguration.{path}' failed to satisfy constraint" in message


def test_every_violation_is_reported_at_once() -> None:
    destination = s3(CompressionFormat="zip", FileExtension="gz")

    assert refusal(ExtendedS3DestinationConfiguration=destination).startswith(
        "2 validation errors detected: "
    )


def test_parameter_values_are_strings() -> None:
    parameters = [{"ParameterName": "NumberOfRetries", "ParameterValue": 3}]
    destination = s3(ProcessingConfiguration={"Processors": [{"Type": "Lambda", "Parameters": parameters}]})

    assert "Parameters[0].ParameterValue" in refusal(ExtendedS3DestinationConfiguration=destination)


def test_a_blank_parameter_value_is_refused() -> None:
    parameters = [{"ParameterName": "LambdaArn", "ParameterValue": "  "}]
    destination = s3(ProcessingConfiguration={"Processors": [{"Type": "Lambda", "Parameters": parameters}]})

    assert r"pattern: ^(?!\s*$).+" in refusal(ExtendedS3DestinationConfiguration=destination)


@pytest.mark.parametrize("tag", ["team", "Équipe", "cost center", "数", "a/b=c+d-e@f%g:h_i."])
def test_tags_take_letters_and_spaces_of_any_script(tag: str) -> None:
    create(Tags=[{"Key": tag, "Value": tag}])


def test_a_record_too_large_is_refused_without_repeating_it() -> None:
    with pytest.raises(ServiceError) as caught:
        check_request("PutRecord", {"DeliveryStreamName": "d", "Record": {"Data": b"x" * 1_024_001}})

    assert caught.value.message == (
        "1 validation error detected: Value at 'record.data' failed to satisfy constraint:"
        " Member must have length less than or equal to 1024000"
    )
