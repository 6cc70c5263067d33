"""B. PutRecord and PutRecordBatch."""

from __future__ import annotations

import pytest

from tests.conformance.cases import assert_refusal, case
from tests.conformance.endpoint import Endpoint


@pytest.fixture(scope="module")
def name(aws: Endpoint) -> str:
    created = aws.create_s3()
    aws.describe(created)
    return created


def batch(aws: Endpoint, name: str, *data: bytes) -> tuple[str, str]:
    records = [{"Data": item} for item in data]
    return aws.refusal("put_record_batch", DeliveryStreamName=name, Records=records)


@case("B01", "R", "aws/aws-cli #7010")
def test_B01_a_put_on_a_kinesis_source(aws: Endpoint) -> None:
    _, arn = aws.data_stream()
    name = aws.create(
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": aws.role_arn},
        ExtendedS3DestinationConfiguration=aws.destination(),
    )
    aws.describe(name)

    assert_refusal(
        aws.refusal("put_record", DeliveryStreamName=name, Record={"Data": b"x"}),
        "InvalidArgumentException",
        "This operation is not permitted on KinesisStreamAsSource delivery stream type.",
    )


@case("B02", "R", "osquery/osquery #3568 (2017)")
def test_B02_a_record_of_1045710_bytes(aws: Endpoint, name: str) -> None:
    assert_refusal(
        batch(aws, name, bytes(1_045_710)),
        "ValidationException",
        "…at 'records.1.member.data' failed to satisfy constraint: Member must have length less than or equal"
        " to 1024000",
    )


@case("B03", "R", "osquery/osquery #3568 (2017)")
def test_B03_five_million_bytes(aws: Endpoint, name: str) -> None:
    refusal = batch(aws, name, *[bytes(1_000_000)] * 5)

    assert_refusal(refusal, "InvalidArgumentException", "Records size exceeds 4 MB limit")


@case("B04a", "D", "BC-firehose")
def test_B04a_501_records(aws: Endpoint, name: str) -> None:
    assert_refusal(batch(aws, name, *[b"x"] * 501), "ValidationException")


@case("B04b", "D", "BC-firehose")
def test_B04b_no_record(aws: Endpoint, name: str) -> None:
    assert_refusal(batch(aws, name), "ValidationException", "1 validation error detected: …")


@case("B05", "D", "BC-firehose, by analogy with A03")
def test_B05_a_record_without_data(aws: Endpoint, name: str) -> None:
    refusal = aws.refusal("put_record", DeliveryStreamName=name, Record={})

    assert_refusal(refusal, "ValidationException", "…ust not be null")
