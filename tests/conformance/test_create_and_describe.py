"""A. CreateDeliveryStream, DescribeDeliveryStream, tags and encryption."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cases import assert_refusal, case, members
from tests.conformance.endpoint import Endpoint

ONE_DESTINATION = "Exactly one destination configuration is supported for a Firehose"
SNAPPY = (
    "1 validation error detected: Value at '{}.compressionFormat' failed to satisfy constraint:"
    " Member must satisfy enum value set: [ZIP, HADOOP_SNAPPY, Snappy, GZIP, UNCOMPRESSED]"
)


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"ParameterName": name, "ParameterValue": value} for name, value in values.items()]


@pytest.fixture(scope="module")
def recorded(aws: Endpoint) -> dict[str, Any]:
    """The description of the set-up that LS-cfn recorded on 2022-09-14."""
    _, arn = aws.data_stream()
    query = parameters(MetadataExtractionQuery="{s3Prefix: .tableName}", JsonParsingEngine="JQ-1.6")
    name = aws.create(
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": aws.role_arn},
        ExtendedS3DestinationConfiguration=aws.destination(
            BufferingHints={"IntervalInSeconds": 60, "SizeInMBs": 64},
            DynamicPartitioningConfiguration={"Enabled": True},
            DataFormatConversionConfiguration={"Enabled": False},
            ProcessingConfiguration={
                "Enabled": True,
                "Processors": [{"Type": "MetadataExtraction", "Parameters": query}],
            },
            Prefix="firehoseTest/!{partitionKeyFromQuery:s3Prefix}",
            ErrorOutputPrefix="firehoseTest-errors/!{firehose:error-output-type}/",
        ),
    )
    return aws.describe(name)


@pytest.fixture(scope="module")
def minimal(aws: Endpoint) -> dict[str, Any]:
    """The description of a Direct PUT stream with only what is required."""
    return aws.describe(aws.create_s3())


def extended(description: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = description["Destinations"][0]["ExtendedS3DestinationDescription"]
    return shown


@case("A01", "R", "FLOCI docs, MOTO")
def test_A01_no_destination(aws: Endpoint) -> None:
    refusal = aws.refusal("create_delivery_stream", DeliveryStreamName=aws.name())

    assert_refusal(refusal, "InvalidArgumentException", ONE_DESTINATION)


@case("A02", "S", "MOTO")
def test_A02_two_destinations(aws: Endpoint) -> None:
    refusal = aws.refusal(
        "create_delivery_stream",
        DeliveryStreamName=aws.name(),
        S3DestinationConfiguration=aws.destination(),
        ExtendedS3DestinationConfiguration=aws.destination(),
    )

    assert_refusal(refusal, "InvalidArgumentException", ONE_DESTINATION)


@case("A03", "R", "FLOCI docs")
def test_A03_no_bucket(aws: Endpoint) -> None:
    assert_refusal(aws.create_refusal(BucketARN=None), "ValidationException", "…Member must not be null")


@case("A04", "R", "FLOCI-v")
def test_A04_snappy_in_capitals(aws: Endpoint) -> None:
    refusal = aws.create_refusal(CompressionFormat="SNAPPY")

    assert_refusal(refusal, "ValidationException", SNAPPY.format("extendedS3DestinationConfiguration"))


@case("A05a", "R", "FLOCI-v")
def test_A05a_the_same_in_the_plain_destination(aws: Endpoint) -> None:
    refusal = aws.refusal(
        "create_delivery_stream",
        DeliveryStreamName=aws.name(),
        S3DestinationConfiguration=aws.destination(CompressionFormat="SNAPPY"),
    )

    assert_refusal(refusal, "ValidationException", SNAPPY.format("s3DestinationConfiguration"))


@case("A05b", "R", "FLOCI-v")
def test_A05b_the_same_in_an_update(aws: Endpoint) -> None:
    name = aws.create_s3()
    aws.describe(name)
    refusal = aws.refusal(
        "update_destination",
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"CompressionFormat": "SNAPPY"},
    )

    assert_refusal(refusal, "ValidationException", SNAPPY.format("extendedS3DestinationUpdate"))


@case("A06", "R", "FLOCI-v")
def test_A06_an_extension_without_a_dot(aws: Endpoint) -> None:
    assert_refusal(
        aws.create_refusal(FileExtension="gz"),
        "ValidationException",
        "…at 'extendedS3DestinationConfiguration.fileExtension' failed to satisfy constraint:"
        r" Member must satisfy regular expression pattern: ^(|\.[0-9a-z!\-_.*'()]+)$",
    )


@case("A07", "R", "FLOCI-v")
def test_A07_an_extension_of_129_characters(aws: Endpoint) -> None:
    extension = "." + "x" * 128
    refusal = aws.create_refusal(FileExtension=extension)

    assert_refusal(refusal, "ValidationException", "…Member must have length less than or equal to 128")
    assert extension not in refusal[1]


@case("A08", "R", "FLOCI-v, FLOCI docs")
def test_A08_an_empty_extension_is_not_given(aws: Endpoint) -> None:
    bucket = aws.bucket()
    name = aws.create_s3(bucket, FileExtension="", CompressionFormat="GZIP", BufferingHints=SOON)
    aws.put(name, b"x")

    (key,) = aws.objects(bucket)
    assert key.endswith(".gz")


SOON = {"SizeInMBs": 1, "IntervalInSeconds": 0}


@case("A09", "S", "awslabs/lambda-streams-to-firehose #23 (2016)")
def test_A09_a_name_of_65_characters(aws: Endpoint) -> None:
    name = "n" * 65
    refusal = aws.refusal(
        "create_delivery_stream",
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration=aws.destination(),
    )

    assert_refusal(
        refusal,
        "ValidationException",
        f"1 validation error detected: Value '{name}' at 'deliveryStreamName' failed to satisfy constraint:"
        " Member must have length less than or equal to 64",
    )


@case("A10", "S", "MOTO")
def test_A10_an_existing_name(aws: Endpoint) -> None:
    name = aws.create_s3()
    refusal = aws.refusal(
        "create_delivery_stream",
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration=aws.destination(),
    )

    assert_refusal(refusal, "ResourceInUseException", f"Firehose {name} under accountId … already exists")


@case("A11", "R", "STP #759")
def test_A11_an_unknown_name(aws: Endpoint) -> None:
    refusal = aws.refusal("describe_delivery_stream", DeliveryStreamName="absent")

    assert_refusal(refusal, "ResourceNotFoundException", "Firehose absent under account … not found.")


@case("A12", "?", "MOTO for the text")
def test_A12_a_kinesis_source_with_direct_put(aws: Endpoint) -> None:
    refusal = aws.refusal(
        "create_delivery_stream",
        DeliveryStreamName=aws.name(),
        DeliveryStreamType="DirectPut",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
            "RoleARN": aws.role_arn,
        },
        ExtendedS3DestinationConfiguration=aws.destination(),
    )

    assert_refusal(
        refusal,
        "InvalidArgumentException",
        "KinesisSourceStreamConfig is only applicable for KinesisStreamAsSource stream type",
    )


@case("A13", "R", "LS-cfn")
def test_A13_the_recorded_set_up_is_accepted(recorded: dict[str, Any]) -> None:
    assert recorded["DeliveryStreamStatus"] == "ACTIVE"


@case("A14", "R", "LS-cfn")
def test_A14_dynamic_partitioning_shows_its_retry_options(recorded: dict[str, Any]) -> None:
    assert extended(recorded)["DynamicPartitioningConfiguration"] == {
        "Enabled": True,
        "RetryOptions": {"DurationInSeconds": 300},
    }


@case("A15", "R", "LS-cfn")
def test_A15_a_disabled_conversion_is_echoed(recorded: dict[str, Any]) -> None:
    assert extended(recorded)["DataFormatConversionConfiguration"] == {"Enabled": False}


@case("A16", "R", "LS-cfn")
def test_A16_the_members_of_the_description(recorded: dict[str, Any]) -> None:
    assert members(recorded) == {
        "CreateTimestamp",
        "DeliveryStreamARN",
        "DeliveryStreamName",
        "DeliveryStreamStatus",
        "DeliveryStreamType",
        "Destinations",
        "HasMoreDestinations",
        "Source",
        "VersionId",
    }


PLAIN = {
    "BucketARN",
    "BufferingHints",
    "CloudWatchLoggingOptions",
    "CompressionFormat",
    "EncryptionConfiguration",
    "ErrorOutputPrefix",
    "Prefix",
    "RoleARN",
}


@case("A17a", "R", "LS-cfn")
def test_A17a_the_members_of_the_plain_destination(recorded: dict[str, Any]) -> None:
    assert members(recorded["Destinations"][0]["S3DestinationDescription"]) == PLAIN


@case("A17b", "R", "LS-cfn")
def test_A17b_the_members_of_the_extended_destination(recorded: dict[str, Any]) -> None:
    assert members(extended(recorded)) == PLAIN | {
        "DataFormatConversionConfiguration",
        "DynamicPartitioningConfiguration",
        "ProcessingConfiguration",
        "S3BackupMode",
    }


@case("A18", "R", "STP #769")
def test_A18_encryption_is_disabled(minimal: dict[str, Any]) -> None:
    assert minimal["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}


@case("A19", "R", "STP #769")
def test_A19_no_processing_is_shown(minimal: dict[str, Any]) -> None:
    assert "ProcessingConfiguration" not in extended(minimal)


@case("A20", "R", "STP #769, LS-cfn")
def test_A20_defaults(minimal: dict[str, Any]) -> None:
    shown = extended(minimal)

    assert shown["BufferingHints"] == {"IntervalInSeconds": 300, "SizeInMBs": 5}
    assert shown["CompressionFormat"] == "UNCOMPRESSED"
    assert shown["EncryptionConfiguration"] == {"NoEncryptionConfig": "NoEncryption"}
    assert shown["CloudWatchLoggingOptions"] == {"Enabled": False}
    assert shown["S3BackupMode"] == "Disabled"


def tagged(aws: Endpoint) -> str:
    return aws.create(ExtendedS3DestinationConfiguration=aws.destination(), Tags=[{"Key": "a", "Value": "1"}])


def tags(aws: Endpoint, name: str) -> dict[str, Any]:
    answer = aws.firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)
    return {key: answer[key] for key in members(answer)}


@case("A21a", "R", "LS-fh 2026-03-05")
def test_A21a_the_tags_of_the_creation_are_listed(aws: Endpoint) -> None:
    assert tags(aws, tagged(aws)) == {"HasMoreTags": False, "Tags": [{"Key": "a", "Value": "1"}]}


@case("A21b", "R", "LS-fh 2026-03-05")
def test_A21b_an_absent_key_can_be_untagged(aws: Endpoint) -> None:
    name = tagged(aws)
    aws.firehose.untag_delivery_stream(DeliveryStreamName=name, TagKeys=["a", "absent"])

    assert tags(aws, name)["Tags"] == []


@case("A21c", "R", "LS-fh 2026-03-05")
def test_A21c_a_tag_is_added(aws: Endpoint) -> None:
    name = tagged(aws)
    aws.firehose.untag_delivery_stream(DeliveryStreamName=name, TagKeys=["a"])
    aws.firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=[{"Key": "b", "Value": "2"}])

    assert tags(aws, name)["Tags"] == [{"Key": "b", "Value": "2"}]


@case("A22a", "D", "BC-firehose, MOTO")
def test_A22a_encryption_is_started(aws: Endpoint) -> None:
    name = aws.create_s3()
    aws.describe(name)

    answer = aws.firehose.start_delivery_stream_encryption(DeliveryStreamName=name)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@case("A22b", "D", "BC-firehose, MOTO")
def test_A22b_encryption_is_stopped(aws: Endpoint) -> None:
    name = aws.create_s3()
    aws.describe(name)
    aws.firehose.start_delivery_stream_encryption(DeliveryStreamName=name)

    def enabled() -> bool:
        shown = aws.describe(name).get("DeliveryStreamEncryptionConfiguration", {})
        return bool(shown.get("Status") == "ENABLED")

    aws.wait(enabled)
    answer = aws.firehose.stop_delivery_stream_encryption(DeliveryStreamName=name)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@case("A22c", "D", "BC-firehose, MOTO")
def test_A22c_encryption_of_an_unknown_name(aws: Endpoint) -> None:
    for operation in ("start_delivery_stream_encryption", "stop_delivery_stream_encryption"):
        assert_refusal(aws.refusal(operation, DeliveryStreamName="absent"), "ResourceNotFoundException")


@case("A23", "D", "LS-fh, BC-firehose")
def test_A23_creating_comes_before_active(aws: Endpoint) -> None:
    # The first look: a delivery stream that has been polled is active.
    statuses = []
    for _ in range(5):
        name = aws.create_s3()
        statuses.append(aws.describe_at_once(name)["DeliveryStreamStatus"])
        assert aws.describe(name)["DeliveryStreamStatus"] == "ACTIVE"

    assert "CREATING" in statuses


@case("A24", "S", "PRW, FDG: limits")
def test_A24_six_describes_in_a_second(aws: Endpoint) -> None:
    name = aws.create_s3()
    with aws.control_limit():
        for _ in range(5):
            aws.describe_at_once(name)
        refusal = aws.refusal("describe_delivery_stream", DeliveryStreamName=name)

    assert_refusal(refusal, "ThrottlingException", "Please slow down. Max limit of 5 RPS has breached for …")


@case("A25", "S", "hashicorp/terraform-provider-aws #13416 (2020)")
def test_A25_an_expression_without_an_error_output_prefix(aws: Endpoint) -> None:
    assert_refusal(
        aws.create_refusal(Prefix="!{timestamp:yyyy}/"),
        "InvalidArgumentException",
        "Ths supplied prefix(es) do not satisfy the following constraint: ErrorOutputPrefix cannot be null or"
        " empty when Prefix contains expressions",
    )


@case("A26", "D", "FDG: s3-prefixes")
def test_A26_the_error_output_type_in_the_prefix(aws: Endpoint) -> None:
    refusal = aws.create_refusal(
        Prefix="!{firehose:error-output-type}/", ErrorOutputPrefix="!{firehose:error-output-type}/"
    )

    assert_refusal(refusal, "InvalidArgumentException")


@case("A27", "R", "LS-fh 2024-05-22")
def test_A27_a_static_error_output_prefix_without_a_prefix(aws: Endpoint) -> None:
    name = aws.create_s3(ErrorOutputPrefix="errors")

    assert extended(aws.describe(name))["ErrorOutputPrefix"] == "errors"


@case("A28", "D", "logs of all SDKs")
def test_A28_every_response_has_a_request_id(aws: Endpoint) -> None:
    answer = aws.firehose.list_delivery_streams()

    assert answer["ResponseMetadata"]["HTTPHeaders"].get("x-amzn-requestid")


@case("A29", "D", "BC-firehose")
def test_A29_one_of_the_two_hints(aws: Endpoint) -> None:
    assert aws.create_refusal(BufferingHints={"SizeInMBs": 5})
    assert aws.create_refusal(BufferingHints={"IntervalInSeconds": 60})


@case("A30", "R", "CDK")
def test_A30_dynamic_partitioning_of_63_mb(aws: Endpoint) -> None:
    query = parameters(MetadataExtractionQuery="{k: .k}", JsonParsingEngine="JQ-1.6")
    refusal = aws.create_refusal(
        BufferingHints={"IntervalInSeconds": 60, "SizeInMBs": 63},
        DynamicPartitioningConfiguration={"Enabled": True},
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [{"Type": "MetadataExtraction", "Parameters": query}],
        },
        Prefix="!{partitionKeyFromQuery:k}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
    )

    assert_refusal(
        refusal,
        "InvalidArgumentException",
        "BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled.",
    )
