"""What a request to create a delivery stream configures, and which rules it must keep."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from tests.streams import (
    FUNCTION_ARN,
    KINESIS_ARN,
    ROLE,
    extraction,
    kinesis_source,
    lambda_processing,
    partitioned,
    s3,
)
from ttl_archive.infra.local.firehose import configuration_rules as rules
from ttl_archive.infra.local.firehose.configuration import (
    BufferingLimits,
    DeliveryStreamConfig,
    LambdaProcessor,
    check_delivery_stream,
    require_local,
)
from ttl_archive.infra.local.firehose.service_error import ServiceError

MIB = 1024 * 1024
ERRORS = "errors/!{firehose:error-output-type}/"
CONVERSION = {
    "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "archive", "TableName": "items"},
    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {"CaseInsensitive": False}}},
    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
}
BACKUP = {"BucketARN": "arn:aws:s3:::backup", "RoleARN": ROLE, "Prefix": "source/"}
README = Path(rules.__file__).with_name("README.md")
MSK = {
    "MSKClusterARN": "arn:aws:kafka:us-east-1:123456789012:cluster/c/1",
    "TopicName": "t",
    "AuthenticationConfiguration": {"RoleARN": ROLE, "Connectivity": "PRIVATE"},
}


def checked(destination: dict[str, Any], **request: Any) -> DeliveryStreamConfig:
    return check_delivery_stream({"ExtendedS3DestinationConfiguration": destination} | request)


def refusal(destination: dict[str, Any], **request: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        checked(destination, **request)
    assert caught.value.code == "InvalidArgumentException"
    return caught.value.message


def test_defaults_are_those_of_aws() -> None:
    config = checked(s3())

    assert config.stream_type == "DirectPut"
    assert config.processor is None
    assert config.destination.bucket == "bucket"
    assert config.destination.buffering == BufferingLimits(5 * MIB, 300_000)
    assert (config.destination.compression, config.destination.file_extension) == ("UNCOMPRESSED", "")
    assert config.destination.time_zone is UTC


def test_a_lambda_processor_has_defaults() -> None:
    config = checked(s3(ProcessingConfiguration=lambda_processing()))

    assert config.processor == LambdaProcessor(FUNCTION_ARN, 3, BufferingLimits(MIB, 60_000))


def test_a_lambda_processor_is_as_configured() -> None:
    processing = lambda_processing(NumberOfRetries="0", BufferSizeInMBs="0.2", BufferIntervalInSeconds="0")

    assert checked(s3(ProcessingConfiguration=processing)).processor == LambdaProcessor(
        FUNCTION_ARN, 0, BufferingLimits(209_715, 0)
    )


@pytest.mark.parametrize("enabled", [{}, {"Enabled": False}])
def test_nothing_is_transformed_unless_processing_says_enabled(enabled: dict[str, bool]) -> None:
    processing = {"Processors": lambda_processing()["Processors"]} | enabled

    assert checked(s3(ProcessingConfiguration=processing)).processor is None


@pytest.mark.parametrize(
    ("extension", "members"),
    [
        ("", {}),
        (".gz", {"CompressionFormat": "GZIP"}),
        (".zip", {"CompressionFormat": "ZIP"}),
        (".jsonl.gz", {"CompressionFormat": "GZIP", "FileExtension": ".jsonl.gz"}),
        (".jsonl", {"CompressionFormat": "GZIP", "FileExtension": ".jsonl"}),
        (".gz", {"CompressionFormat": "GZIP", "FileExtension": ""}),
    ],
)
def test_a_file_extension_replaces_that_of_the_compression(extension: str, members: dict[str, str]) -> None:
    assert checked(s3(**members)).destination.file_extension == extension


def test_a_kinesis_source_is_read_from_the_request() -> None:
    assert checked(s3(), **kinesis_source()).kinesis_stream_arn == KINESIS_ARN


def test_everything_legal_in_a_template_is_accepted() -> None:
    destination = partitioned(
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60},
        CloudWatchLoggingOptions={
            "Enabled": True,
            "LogGroupName": "/aws/kinesisfirehose/d",
            "LogStreamName": "d",
        },
        CompressionFormat="GZIP",
        CustomTimeZone="Europe/Berlin",
        EncryptionConfiguration={
            "KMSEncryptionConfig": {"AWSKMSKeyARN": "arn:aws:kms:us-east-1:123456789012:key/k"}
        },
        FileExtension=".jsonl.gz",
        S3BackupMode="Enabled",
        S3BackupConfiguration=BACKUP,
        DataFormatConversionConfiguration=CONVERSION | {"Enabled": False},
    )

    config = checked(
        destination,
        DeliveryStreamName="d",
        Tags=[{"Key": "team", "Value": "archive"}],
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"},
    )

    assert config.dynamic_partitioning
    assert config.not_local == ()


@pytest.mark.parametrize(
    ("message", "members"),
    [
        (rules.LAMBDA_ARN_REQUIRED, {"LambdaArn": None}),
        (rules.INVALID_LAMBDA_ARN, {"LambdaArn": "transform"}),
        (rules.INVALID_LAMBDA_ARN, {"LambdaArn": FUNCTION_ARN + "/x"}),
        (rules.LAMBDA_BUFFER_PAIR, {"BufferSizeInMBs": "1"}),
        (rules.LAMBDA_BUFFER_PAIR, {"BufferIntervalInSeconds": "1"}),
        ("BufferSizeInMBs has value '0.1'. Use a number from 0.2 to 3.",
         {"BufferSizeInMBs": "0.1", "BufferIntervalInSeconds": "1"}),
        ("BufferSizeInMBs has value '3.1'. Use a number from 0.2 to 3.",
         {"BufferSizeInMBs": "3.1", "BufferIntervalInSeconds": "1"}),
        ("BufferIntervalInSeconds has value '901'. Use a number from 0 to 900.",
         {"BufferSizeInMBs": "1", "BufferIntervalInSeconds": "901"}),
        ("BufferIntervalInSeconds has value '1.5'. Use a number from 0 to 900.",
         {"BufferSizeInMBs": "1", "BufferIntervalInSeconds": "1.5"}),
        ("NumberOfRetries has value 'three'. Use a number from 0 to 100.", {"NumberOfRetries": "three"}),
        ("NumberOfRetries has value '101'. Use a number from 0 to 100.", {"NumberOfRetries": "101"}),
    ],
)  # fmt: skip
def test_a_lambda_processor_that_breaks_a_rule_is_refused(message: str, members: dict[str, Any]) -> None:
    processing = lambda_processing(**members)
    parameters = processing["Processors"][0]["Parameters"]
    parameters[:] = [p for p in parameters if p["ParameterValue"] is not None]

    assert refusal(s3(ProcessingConfiguration=processing)) == message


@pytest.mark.parametrize("qualifier", ["", ":$LATEST", ":7", ":live"])
def test_a_lambda_arn_may_have_a_qualifier(qualifier: str) -> None:
    config = checked(s3(ProcessingConfiguration=lambda_processing(LambdaArn=FUNCTION_ARN + qualifier)))

    assert config.processor
    assert config.processor.arn == FUNCTION_ARN + qualifier


@pytest.mark.parametrize("retries", ["0", "9"])
def test_number_of_retries_is_not_held_to_the_documented_range(retries: str) -> None:
    config = checked(s3(ProcessingConfiguration=lambda_processing(NumberOfRetries=retries)))

    assert config.processor
    assert config.processor.number_of_retries == int(retries)


def test_a_repeated_parameter_is_reported_before_a_missing_one() -> None:
    processing = lambda_processing()
    processing["Processors"][0]["Parameters"] = [
        {"ParameterName": "NumberOfRetries", "ParameterValue": value} for value in "12"
    ]

    assert refusal(s3(ProcessingConfiguration=processing)) == rules.DUPLICATE_PARAMETER


def test_two_lambda_processors_are_refused() -> None:
    processing = lambda_processing()
    processing["Processors"] *= 2

    assert refusal(s3(ProcessingConfiguration=processing)) == rules.ONE_LAMBDA_PROCESSOR


def test_enabled_processing_without_a_processor_is_refused() -> None:
    assert "has no processor" in refusal(s3(ProcessingConfiguration={"Enabled": True, "Processors": []}))


@pytest.mark.parametrize(
    ("message", "members"),
    [
        (rules.PARTITION_NAMESPACES, {"Prefix": "archive/!{timestamp:yyyy}/"}),
        (rules.PARTITION_NAMESPACES, {"Prefix": "archive/"}),
        (rules.PARTITION_PROCESSING, {"ProcessingConfiguration": {"Enabled": False}}),
        (rules.PARTITION_PROCESSING, {"ProcessingConfiguration": {}}),
        (rules.PARTITION_LAMBDA, {"ProcessingConfiguration": {
            "Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}}),
        ("Prefix contains keys from partitionKeyFromQuery: add a MetadataExtraction processor.",
         {"Prefix": "!{partitionKeyFromQuery:dt}/"}),
        ("A MetadataExtraction processor needs MetadataExtractionQuery.",
         {"ProcessingConfiguration": {"Enabled": True, "Processors": [
             *lambda_processing()["Processors"], {"Type": "MetadataExtraction"}]}}),
        ("JsonParsingEngine has value 'JQ-1.7'. Use JQ-1.6.",
         {"ProcessingConfiguration": {"Enabled": True, "Processors": [
             *lambda_processing()["Processors"], extraction("{a: .a}", "JQ-1.7")]}}),
        (rules.PARTITION_SIZE, {"BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60}}),
        (rules.PARTITION_INTERVAL, {"BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 59}}),
    ],
)  # fmt: skip
def test_dynamic_partitioning_that_breaks_a_rule_is_refused(message: str, members: dict[str, Any]) -> None:
    assert refusal(partitioned(**members)) == message


def test_dynamic_partitioning_needs_an_error_output_prefix() -> None:
    assert "ErrorOutputPrefix cannot be null or empty" in refusal(partitioned(ErrorOutputPrefix=""))


def test_dynamic_partitioning_buffers_128_mib_by_default() -> None:
    assert checked(partitioned()).destination.buffering == BufferingLimits(128 * MIB, 300_000)


def test_the_exact_rejections_of_dynamic_partitioning() -> None:
    assert rules.PARTITION_NAMESPACES == (
        "S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is enabled"
    )
    assert (
        rules.PARTITION_SIZE
        == "BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled."
    )


@pytest.mark.parametrize(
    ("message", "members"),
    [
        ("BufferingHints has SizeInMBs alone", {"BufferingHints": {"SizeInMBs": 5}}),
        ("BufferingHints has IntervalInSeconds alone", {"BufferingHints": {"IntervalInSeconds": 60}}),
        ("CloudWatchLoggingOptions is enabled: give both", {"CloudWatchLoggingOptions": {"Enabled": True}}),
        ("CustomTimeZone has value 'Moon/Sea'", {"CustomTimeZone": "Moon/Sea"}),
        ("CustomTimeZone has value '/etc'", {"CustomTimeZone": "/etc"}),
        ("cannot be null or empty when Prefix contains expressions", {"Prefix": "!{timestamp:yyyy}/"}),
        ("S3BackupMode is Enabled and needs S3BackupConfiguration", {"S3BackupMode": "Enabled"}),
        ("S3BackupConfiguration.BufferingHints has SizeInMBs alone",
         {"S3BackupConfiguration": BACKUP | {"BufferingHints": {"SizeInMBs": 5}}}),
        ("S3BackupConfiguration.BufferingHints.IntervalInSeconds has value 59",
         {"S3BackupConfiguration": BACKUP | {"BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 59}}}),
        ("cannot be null or empty when Prefix contains expressions",
         {"S3BackupMode": "Enabled", "S3BackupConfiguration": BACKUP | {"Prefix": "!{timestamp:yyyy}/"}}),
        ("S3BackupConfiguration.Prefix uses the namespace 'x'",
         {"S3BackupMode": "Enabled", "S3BackupConfiguration": BACKUP | {"Prefix": "!{x:y}/"}}),
    ],
)  # fmt: skip
def test_an_s3_destination_that_breaks_a_rule_is_refused(message: str, members: dict[str, Any]) -> None:
    assert message in refusal(s3(**members))


@pytest.mark.parametrize(
    ("message", "members"),
    [
        ("CompressionFormat has value 'GZIP'. Use UNCOMPRESSED", {"CompressionFormat": "GZIP"}),
        ("BufferingHints.SizeInMBs has value 63. Use at least 64",
         {"BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60}}),
        ("needs SchemaConfiguration.RoleARN", {"DataFormatConversionConfiguration": {
            key: CONVERSION[key] for key in ("InputFormatConfiguration", "OutputFormatConfiguration")}}),
        ("needs InputFormatConfiguration.Deserializer", {
            "DataFormatConversionConfiguration": CONVERSION | {"InputFormatConfiguration": {}}}),
        ("needs OutputFormatConfiguration.Serializer", {
            "DataFormatConversionConfiguration":
                CONVERSION | {"OutputFormatConfiguration": {"Serializer": {}}}}),
        ("needs SchemaConfiguration.TableName", {
            "DataFormatConversionConfiguration": CONVERSION
            | {"SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "archive"}}}),
    ],
)  # fmt: skip
def test_format_conversion_that_breaks_a_rule_is_refused(message: str, members: dict[str, Any]) -> None:
    assert message in refusal(s3(**{"DataFormatConversionConfiguration": CONVERSION} | members))


def test_format_conversion_buffers_128_mib_by_default() -> None:
    config = checked(s3(DataFormatConversionConfiguration=CONVERSION))

    assert config.destination.buffering.size_bytes == 128 * MIB


@pytest.mark.parametrize(
    ("message", "request_members"),
    [
        ("DeliveryStreamType KinesisStreamAsSource needs KinesisStreamSourceConfiguration.",
         {"DeliveryStreamType": "KinesisStreamAsSource"}),
        ("KinesisSourceStreamConfig is only applicable for KinesisStreamAsSource stream type",
         {"KinesisStreamSourceConfiguration": kinesis_source()["KinesisStreamSourceConfiguration"]}),
        ("MSKSourceConfiguration is for DeliveryStreamType MSKAsSource, not for DirectPut.",
         {"MSKSourceConfiguration": MSK}),
        ("DeliveryStreamEncryptionConfigurationInput is for DeliveryStreamType DirectPut",
         kinesis_source() | {"DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"}}),
        ("KeyType CUSTOMER_MANAGED_CMK needs KeyARN",
         {"DeliveryStreamEncryptionConfigurationInput": {"KeyType": "CUSTOMER_MANAGED_CMK"}}),
        (rules.ONE_DESTINATION, {"S3DestinationConfiguration": s3()}),
    ],
)  # fmt: skip
def test_a_source_that_breaks_a_rule_is_refused(message: str, request_members: dict[str, Any]) -> None:
    assert message in refusal(s3(), **request_members)


def test_a_request_without_a_destination_is_refused() -> None:
    with pytest.raises(ServiceError, match="Exactly one destination configuration"):
        check_delivery_stream({})


def test_the_older_s3_destination_is_accepted() -> None:
    config = check_delivery_stream({"S3DestinationConfiguration": s3(Prefix="raw/")})

    assert config.destination.bucket == "bucket"


@pytest.mark.parametrize(
    ("what", "request_members", "members"),
    [
        ("record format conversion", {}, {"DataFormatConversionConfiguration": CONVERSION}),
        ("the partition key day from the function and from the query at once", {},
         partitioned(Prefix="!{partitionKeyFromLambda:day}/!{partitionKeyFromQuery:day}/",
                     ProcessingConfiguration={"Enabled": True, "Processors": [
                         *lambda_processing()["Processors"], extraction("{day: .day}")]})),
        ("the processor type AppendDelimiterToRecord", {},
         {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}}),
        ("a delivery stream of type MSKAsSource",
         {"DeliveryStreamType": "MSKAsSource", "MSKSourceConfiguration": MSK}, {}),
    ],
)  # fmt: skip
def test_what_is_legal_and_not_emulated_is_refused_plainly(
    what: str, request_members: dict[str, Any], members: dict[str, Any]
) -> None:
    config = checked(s3(**members), **request_members)

    with pytest.raises(ServiceError, match=f"The local Firehose does not emulate {what}"):
        require_local(config)


@pytest.mark.parametrize(
    "kind", ["AppendDelimiterToRecord", "CloudWatchLogProcessing", "Decompression", "RecordDeAggregation"]
)
def test_a_processor_that_is_not_emulated_is_named_in_the_refusal_and_in_the_readme(kind: str) -> None:
    config = checked(s3(ProcessingConfiguration={"Enabled": True, "Processors": [{"Type": kind}]}))

    with pytest.raises(ServiceError) as caught:
        require_local(config)
    assert caught.value.message == (
        f"The local Firehose does not emulate the processor type {kind}. AWS accepts it:"
        " test this part there, or leave it out here."
    )
    assert kind in README.read_text(encoding="utf-8").partition("## What it refuses")[2].partition("##")[0]


def test_another_kind_of_destination_is_refused_plainly() -> None:
    splunk = {
        "HECEndpoint": "https://splunk.example",
        "HECEndpointType": "Raw",
        "S3Configuration": {"BucketARN": "arn:aws:s3:::bucket", "RoleARN": ROLE},
    }

    with pytest.raises(ServiceError, match="does not emulate a delivery stream with SplunkDest"):
        check_delivery_stream({"SplunkDestinationConfiguration": splunk})
