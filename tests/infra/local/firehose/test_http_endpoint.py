"""The HTTP endpoint, as boto3's own client sees it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.streams import START, Bench, answer_all, bench, kinesis_source, lambda_processing, s3
from ttl_archive.infra.local.firehose.http_endpoint import endpoint
from ttl_archive.infra.local.firehose.managed_stream import NOT_PERMITTED
from ttl_archive.infra.local.firehose.puts import throttled


@pytest.fixture
def made() -> Bench:
    return bench()


@pytest.fixture
def url(made: Bench) -> Iterator[str]:
    with endpoint(made.firehose) as served:
        yield served


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    made_client = boto3.client(
        "firehose",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield made_client
    made_client.close()


def create(client: Any, **members: Any) -> None:
    client.create_delivery_stream(DeliveryStreamName="d", ExtendedS3DestinationConfiguration=s3(**members))


def post(url: str, target: str, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """A request without a client: status, headers, JSON."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("POST", "/", body, {"X-Amz-Target": target})
        response = connection.getresponse()
        return response.status, dict(response.headers), json.loads(response.read())
    finally:
        connection.close()


def test_records_put_by_boto3_arrive_in_s3(client: Any, made: Bench) -> None:
    create(client, Prefix="raw/")
    client.put_record(DeliveryStreamName="d", Record={"Data": b"\x00\xff"})
    answer = client.put_record_batch(DeliveryStreamName="d", Records=[{"Data": b"a"}, {"Data": b""}])
    made.firehose.flush()

    assert (answer["FailedPutCount"], len(answer["RequestResponses"])) == (0, 2)
    assert made.s3.bodies("raw/") == b"\x00\xffa"


def test_boto3_describes_lists_updates_and_deletes(client: Any) -> None:
    create(client)
    description = client.describe_delivery_stream(DeliveryStreamName="d")["DeliveryStreamDescription"]

    assert description["CreateTimestamp"] == START
    assert (
        description["Destinations"][0]["ExtendedS3DestinationDescription"]["BufferingHints"]["SizeInMBs"] == 5
    )

    client.update_destination(
        DeliveryStreamName="d",
        CurrentDeliveryStreamVersionId=description["VersionId"],
        DestinationId=description["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"Prefix": "x/"},
    )
    assert client.list_delivery_streams()["DeliveryStreamNames"] == ["d"]

    client.delete_delivery_stream(DeliveryStreamName="d")
    assert client.list_delivery_streams()["DeliveryStreamNames"] == []


def test_an_error_is_the_exception_boto3_has_for_it(client: Any) -> None:
    with pytest.raises(
        client.exceptions.ResourceNotFoundException, match="Firehose x under account"
    ) as caught:
        client.put_record(DeliveryStreamName="x", Record={"Data": b"a"})

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_put_on_a_kinesis_source_fails_as_in_aws(client: Any) -> None:
    client.create_delivery_stream(
        DeliveryStreamName="d", ExtendedS3DestinationConfiguration=s3(), **kinesis_source()
    )

    with pytest.raises(client.exceptions.InvalidArgumentException) as caught:
        client.put_record_batch(DeliveryStreamName="d", Records=[{"Data": b"a"}])

    assert caught.value.response["Error"]["Message"] == NOT_PERMITTED


def test_a_configuration_that_breaks_a_constraint_is_a_validation_exception(client: Any) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*compressionFormat"):
        create(client, CompressionFormat="SNAPPY")


def test_a_throttled_call_is_a_503(client: Any, made: Bench) -> None:
    def throttle(name: str, data: Any) -> dict[int, str]:
        raise throttled()

    create(client)
    made.firehose.before_put = throttle

    with pytest.raises(client.exceptions.ServiceUnavailableException) as caught:
        client.put_record(DeliveryStreamName="d", Record={"Data": b"a"})

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_refused_entries_are_counted(client: Any, made: Bench) -> None:
    create(client)
    made.firehose.before_put = lambda name, data: {0: "InternalFailure"}
    answer = client.put_record_batch(DeliveryStreamName="d", Records=[{"Data": b"a"}, {"Data": b"b"}])

    assert answer["FailedPutCount"] == 1
    assert [entry.get("ErrorCode") for entry in answer["RequestResponses"]] == ["InternalFailure", None]


def test_a_function_may_put_through_the_endpoint_while_the_stream_is_polled() -> None:
    def reingest(event: dict[str, Any]) -> dict[str, Any]:
        if event["records"][0]["data"] == "YWdhaW4=":
            return answer_all(event)
        body = {"DeliveryStreamName": "d", "Records": [{"Data": "YWdhaW4="}]}
        assert post(served, "Firehose_20150804.PutRecordBatch", json.dumps(body).encode())[0] == 200
        return answer_all(event, result="Dropped")

    made = bench(reingest)
    made.create(ProcessingConfiguration=lambda_processing())
    with endpoint(made.firehose) as served:
        made.deliver(b"first")

    assert made.s3.bodies() == b"again"


def test_the_answer_has_the_content_type_of_the_protocol(url: str) -> None:
    status, headers, answer = post(url, "Firehose_20150804.ListDeliveryStreams", b"")

    assert (status, headers["Content-Type"]) == (200, "application/x-amz-json-1.1")
    assert answer == {"DeliveryStreamNames": [], "HasMoreDeliveryStreams": False}


def test_times_are_seconds_since_the_epoch(url: str, made: Bench) -> None:
    made.create()
    _, _, answer = post(url, "Firehose_20150804.DescribeDeliveryStream", b'{"DeliveryStreamName":"d"}')

    assert datetime.fromtimestamp(answer["DeliveryStreamDescription"]["CreateTimestamp"], UTC) == START


def test_a_null_member_is_an_absent_one(url: str) -> None:
    body = b'{"Limit":null,"ExclusiveStartDeliveryStreamName":null}'

    assert post(url, "Firehose_20150804.ListDeliveryStreams", body)[0] == 200


@pytest.mark.parametrize(
    ("code", "message", "target", "body"),
    [
        ("UnknownOperationException", "Use one of Create", "Firehose_20150804.DescribeDestination", b"{}"),
        ("UnknownOperationException", "X-Amz-Target has value ''", "", b"{}"),
        ("UnknownOperationException", "X-Amz-Target has value", "Kinesis_20131202.PutRecord", b"{}"),
        ("SerializationException", "cannot be read", "Firehose_20150804.PutRecord", b"{"),
        ("SerializationException", "not a JSON object", "Firehose_20150804.PutRecord", b"[]"),
        ("SerializationException", "a blob is not base64", "Firehose_20150804.PutRecord",
         b'{"DeliveryStreamName":"d","Record":{"Data":"?"}}'),
        ("ValidationException", "deliveryStreamName", "Firehose_20150804.PutRecord", b"{}"),
        ("ValidationException", "Unknown parameter", "Firehose_20150804.ListDeliveryStreams", b'{"limit":1}'),
        ("ValidationException", "Unknown parameter", "Firehose_20150804.ListDeliveryStreams", b'{"self":1}'),
        ("ValidationException", "Invalid type", "Firehose_20150804.PutRecord",
         b'{"DeliveryStreamName":"d","Record":2}'),
    ],
)  # fmt: skip
def test_a_request_that_is_wrong_is_answered_with_an_error(
    url: str, code: str, message: str, target: str, body: bytes
) -> None:
    status, _, answer = post(url, target, body)

    assert (status, answer["__type"]) == (400, code)
    assert message in answer["message"]


def test_the_port_is_free_again_after_the_block(made: Bench) -> None:
    with endpoint(made.firehose) as url:
        pass

    with pytest.raises(ConnectionRefusedError):
        post(url, "Firehose_20150804.ListDeliveryStreams", b"{}")
