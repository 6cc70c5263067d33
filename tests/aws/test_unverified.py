"""One probe for each question that no public source answers. Each asserts what the code accepts."""

from __future__ import annotations

import gzip
import json
import re
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.endpoint import Endpoint
from ttl_archive.infra.local.dynamodb.ttl import Sweeper

Observations = dict[str, Any]

SOON = {"SizeInMBs": 1, "IntervalInSeconds": 0}
KIB = 1024


def feed(probed: Endpoint, precision: str | None, **stream: Any) -> dict[str, str]:
    """A table with TTL that is replicated to a data stream: the members that name both."""
    table, (name, arn) = probed.table(), probed.data_stream(**stream)
    settings = {} if precision is None else {"ApproximateCreationDateTimePrecision": precision}
    dynamodb = probed.client("dynamodb")
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    dynamodb.enable_kinesis_streaming_destination(
        TableName=table, StreamArn=arn, EnableKinesisStreamingConfiguration=settings
    )
    probed.wait(lambda: destination(probed, table)["DestinationStatus"] == "ACTIVE")
    return {"table": table, "stream": name, "arn": arn}


def destination(probed: Endpoint, table: str) -> dict[str, Any]:
    answer = probed.client("dynamodb").describe_kinesis_streaming_destination(TableName=table)
    (found,) = answer["KinesisDataStreamDestinations"]
    return found


def put(probed: Endpoint, table: str, item: dict[str, Any]) -> None:
    probed.client("dynamodb").put_item(TableName=table, Item=item)


def on_kinesis(probed: Endpoint, arn: str, bucket: str, mode: str, **members: Any) -> str:
    parameters = {
        "LambdaArn": probed.function_arn(mode),
        "NumberOfRetries": "0",
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "0",
    }
    listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    name = probed.create(
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": probed.role_arn},
        ExtendedS3DestinationConfiguration=probed.destination(
            bucket,
            Prefix="data/!{timestamp:yyyy}/",
            ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
            BufferingHints=SOON,
            ProcessingConfiguration={
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": listed}],
            },
            **members,
        ),
    )
    probed.describe(name)
    return name


def error_object(probed: Endpoint, mode: str, data: bytes, **members: Any) -> tuple[str, bytes]:
    """The key and the body of the error object that one record of a data stream ends in."""
    stream, arn = probed.data_stream(MaxRecordSizeInKiB=4096)
    bucket = probed.bucket()
    on_kinesis(probed, arn, bucket, mode, **members)
    probed.client("kinesis").put_record(StreamName=stream, Data=data, PartitionKey="k")
    ((key, answer),) = probed.objects(bucket, "errors/").items()
    return key, answer["Body"]


def test_U1_the_precision_member_under_an_explicit_millisecond(
    probed: Endpoint, observations: Observations
) -> None:
    names = feed(probed, "MILLISECOND")
    put(probed, names["table"], {"id": {"S": "a"}})
    (record,) = probed.records(names["stream"], 1)

    seen = record["change"]["dynamodb"].get("ApproximateCreationDateTimePrecision")
    observations["U1"] = seen
    assert seen in (None, "MILLISECOND")
    assert len(str(record["change"]["dynamodb"]["ApproximateCreationDateTime"])) == 13


@pytest.fixture(scope="module", autouse=True)
def expiring(probed: Endpoint) -> dict[str, str]:
    """A table with an item that has expired, from the beginning, because its removal takes hours."""
    names = feed(probed, "MICROSECOND")
    put(probed, names["table"], {"id": {"S": "a"}, "ttl": {"N": str(int(time.time()) - 60)}})
    return names


def sweep(probed: Endpoint, table: str) -> None:
    """Do at our services what DynamoDB's TTL process does. There is no other process that removes items."""
    assert probed.services is not None
    services = probed.services
    services.destinations.run_until_refused()
    destination = services.destinations.of(table)
    assert destination is not None
    Sweeper(services.dynamodb, table, "ttl", services.clock, on_removed=destination.expect).sweep()


def test_U3_the_record_of_a_ttl_removal(
    probed: Endpoint, expiring: dict[str, str], observations: Observations, pytestconfig: pytest.Config
) -> None:
    hours = pytestconfig.getoption("--ttl-hours", default=0)
    if probed.is_ours:
        sweep(probed, expiring["table"])
    wait_s = probed.wait_s if probed.is_ours else hours * 3600
    try:
        change = replace(probed, wait_s=wait_s).records(expiring["stream"], 2)[1]["change"]
    except AssertionError:
        pytest.skip(f"not verified: nothing was removed within {hours} hours. Run it with --ttl-hours 48")

    observations["U3"] = change
    assert change["eventName"] == "REMOVE"
    assert change["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert set(change["dynamodb"]) >= {"ApproximateCreationDateTime", "Keys", "OldImage", "SizeBytes"}


def test_U4_the_members_of_an_error_line_of_a_kinesis_source(
    probed: Endpoint, observations: Observations
) -> None:
    _, body = error_object(probed, "failed", b"{}")
    line = json.loads(body.splitlines()[0])

    observations["U4"] = list(line)
    known = {"rawData", "errorCode", "errorMessage", "attemptsMade", "arrivalTimestamp"}
    assert known <= set(line)


def test_U6_error_objects_of_a_gzip_stream(probed: Endpoint, observations: Observations) -> None:
    key, body = error_object(probed, "failed", b"{}", CompressionFormat="GZIP")
    is_gzip = body.startswith(b"\x1f\x8b")

    observations["U6"] = {"key": key.rpartition("/")[2], "gzip": is_gzip}
    plain = gzip.decompress(body) if is_gzip else body
    assert json.loads(plain.splitlines()[0])["rawData"] == "e30="


def test_U7_a_prefix_with_partition_keys_only(probed: Endpoint, observations: Observations) -> None:
    parameters = {"MetadataExtractionQuery": "{kind: .kind}", "JsonParsingEngine": "JQ-1.6"}
    listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    bucket = probed.bucket()
    name = probed.create_s3(
        bucket,
        Prefix="data/!{partitionKeyFromQuery:kind}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60},
        DynamicPartitioningConfiguration={"Enabled": True},
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [{"Type": "MetadataExtraction", "Parameters": listed}],
        },
    )
    probed.put(name, b'{"kind":"a"}')
    if probed.services is not None:
        probed.services.work()  # the record is in the buffer, whose interval then passes
        probed.services.clock.advance(seconds=60)
    (found,) = probed.objects(bucket)

    observations["U7"] = found
    assert re.fullmatch(r"data/a/(\d{4}/\d\d/\d\d/\d\d/)?[^/]+", found)


def test_U8_a_response_over_6_mb(probed: Endpoint, observations: Observations) -> None:
    _, body = error_object(probed, "large", b"{}")
    line = json.loads(body.splitlines()[0])

    observations["U8"] = {name: line[name] for name in ("errorCode", "errorMessage", "attemptsMade")}
    assert line["errorCode"].startswith("Lambda.")


def test_U15_describe_after_an_update_of_the_precision(probed: Endpoint, observations: Observations) -> None:
    names = feed(probed, "MILLISECOND")
    probed.client("dynamodb").update_kinesis_streaming_destination(
        TableName=names["table"],
        StreamArn=names["arn"],
        UpdateKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"},
    )
    probed.wait(lambda: destination(probed, names["table"])["DestinationStatus"] == "ACTIVE")

    seen = destination(probed, names["table"]).get("ApproximateCreationDateTimePrecision")
    observations["U15"] = seen
    assert seen in (None, "MICROSECOND")


@pytest.mark.parametrize("kib", [1025, 2048, 3072, 4000])
def test_U16_a_record_of_one_to_four_mib_through_a_function(
    probed: Endpoint, observations: Observations, kib: int
) -> None:
    stream, arn = probed.data_stream(MaxRecordSizeInKiB=4096)
    bucket = probed.bucket()
    on_kinesis(probed, arn, bucket, "same")
    probed.client("kinesis").put_record(StreamName=stream, Data=b"x" * (kib * KIB), PartitionKey="k")
    ((key, answer),) = probed.objects(bucket).items()

    folder = key.partition("/")[0]
    observations.setdefault("U16", {})[kib] = folder if folder == "data" else answer["Body"][:200].decode()
    assert folder == "errors" or len(answer["Body"]) == kib * KIB


def test_U17_a_write_that_changes_nothing(probed: Endpoint, observations: Observations) -> None:
    names = feed(probed, "MICROSECOND")
    for item in ({"id": {"S": "a"}}, {"id": {"S": "a"}}, {"id": {"S": "next"}}):
        put(probed, names["table"], item)
    probed.wait(lambda: "next" in {key(r) for r in probed.records(names["stream"], 2)})

    seen = [key(record) for record in probed.records(names["stream"], 2)].count("a")
    observations["U17"] = f"{seen} records of two equal writes"
    assert seen in (1, 2)


def key(record: dict[str, Any]) -> str:
    text: str = record["change"]["dynamodb"]["Keys"]["id"]["S"]
    return text
