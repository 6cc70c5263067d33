"""The endpoint of every service: which service answers, and what an unreadable request gets."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.processes import ends
from ttl_archive.infra.local.services import LocalServices

STREAMING = "DynamoDB_20120810.DescribeKinesisStreamingDestination"


@pytest.fixture(scope="module")
def services() -> Iterator[LocalServices]:
    with LocalServices() as services:
        yield services


def client(services: LocalServices, service: str) -> Any:
    return services.emulator.client(service, endpoint_url=services.url, retries={"max_attempts": 0})


def post(services: LocalServices, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
    port = int(services.url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", body, {"X-Amz-Target": target})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_each_service_answers_at_the_one_endpoint(services: LocalServices) -> None:
    client(services, "s3").create_bucket(Bucket="bucket")
    client(services, "kinesis").create_stream(StreamName="stream", ShardCount=1)

    buckets = client(services, "s3").list_buckets()["Buckets"]
    assert "bucket" in {bucket["Name"] for bucket in buckets}
    assert client(services, "kinesis").list_streams()["StreamNames"] == ["stream"]
    assert client(services, "dynamodb").list_tables()["TableNames"] == []
    assert client(services, "firehose").list_delivery_streams()["DeliveryStreamNames"] == []


def test_s3_is_reached_through_its_proxy(services: LocalServices) -> None:
    buckets = client(services, "s3")
    buckets.create_bucket(Bucket="cold")
    buckets.put_object(Bucket="cold", Key="a", Body=b"x", StorageClass="GLACIER")
    request = {"Days": 1, "GlacierJobParameters": {"Tier": "Standard"}}
    buckets.restore_object(Bucket="cold", Key="a", RestoreRequest=request)

    # moto completes a restore at once; the proxy says that it takes hours.
    assert buckets.head_object(Bucket="cold", Key="a")["Restore"] == 'ongoing-request="true"'


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"{", "SerializationException", "cannot be read"),
        (b"[]", "SerializationException", "not a JSON object"),
        (b"{}", "ValidationException", "Value null at 'tableName'"),
        (b'{"TableName":1}', "ValidationException", "'tableName' failed to satisfy constraint"),
        (b'{"TableName":"absent"}', "ResourceNotFoundException", "Table: absent not found"),
        (b'{"TableName":"arn:aws:dynamodb:us-east-1:123456789012:table/absent"}',
         "ResourceNotFoundException", "Table: absent not found"),
    ],
)  # fmt: skip
def test_a_streaming_request_that_is_wrong_is_answered_with_an_error(
    services: LocalServices, body: bytes, code: str, message: str
) -> None:
    status, answer = post(services, STREAMING, body)

    assert (status, answer["__type"]) == (400, code)
    assert message in answer["message"]


def test_the_stream_is_required_to_enable(services: LocalServices) -> None:
    target = "DynamoDB_20120810.EnableKinesisStreamingDestination"
    _, answer = post(services, target, b'{"TableName":"t"}')

    assert "Value null at 'streamArn'" in answer["message"]


def test_an_emulator_that_has_ended_is_an_unavailable_service() -> None:
    with LocalServices() as services:
        dynamodb = boto3.client(
            "dynamodb", endpoint_url=services.url, region_name="us-east-1",
            aws_access_key_id="local", aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip
        services.emulator.stop()

        with pytest.raises(ClientError, match="does not answer") as caught:
            dynamodb.list_tables()
        dynamodb.close()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_port_that_is_taken_leaves_no_process_behind(services: LocalServices) -> None:
    second = LocalServices(port=int(services.url.rpartition(":")[2]))

    with pytest.raises(OSError, match="in use"):
        second.__enter__()
    assert ends(second.emulator.pid)
