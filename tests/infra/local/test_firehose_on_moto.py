"""The Firehose with boto3's own S3 and Kinesis clients, whose calls moto answers in this process."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.streams import FUNCTION_ARN, START, answer_all, kinesis_source, lambda_processing, s3
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.function import InProcess
from ttl_archive.infra.local.firehose.service import Firehose


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def test_records_of_a_kinesis_stream_with_two_shards_arrive_in_s3(aws: None) -> None:
    buckets = boto3.client("s3", region_name="us-east-1")
    kinesis = boto3.client("kinesis", region_name="us-east-1")
    buckets.create_bucket(Bucket="bucket")
    kinesis.create_stream(StreamName="changes", ShardCount=2)
    kinesis.put_record(StreamName="changes", Data=b"before", PartitionKey="0")
    firehose = Firehose(
        s3=buckets,
        kinesis=kinesis,
        functions={FUNCTION_ARN: InProcess(lambda event, _: answer_all(event))},
        clock=Clock(START),
    )
    firehose.create_delivery_stream(
        DeliveryStreamName="d",
        ExtendedS3DestinationConfiguration=s3(
            ProcessingConfiguration=lambda_processing(), CompressionFormat="GZIP", Prefix="archive/"
        ),
        **kinesis_source(),
    )
    records = [{"Data": b"%02d\n" % n, "PartitionKey": str(n)} for n in range(20)]
    shards = {r["ShardId"] for r in kinesis.put_records(StreamName="changes", Records=records)["Records"]}

    firehose.flush()

    keys = [o["Key"] for o in buckets.list_objects_v2(Bucket="bucket")["Contents"]]
    objects = [buckets.get_object(Bucket="bucket", Key=key) for key in keys]
    lines = b"".join(gzip.decompress(o["Body"].read()) for o in objects).splitlines()
    assert (len(shards), len(keys)) == (2, 2)
    assert sorted(lines) == [b"%02d" % n for n in range(20)]
    assert {(o["ContentType"], o["ContentEncoding"]) for o in objects} == {
        ("application/octet-stream", "gzip")
    }
    assert all(key.startswith("archive/2026/09/10/14/d-1-2026-09-10-14-02-11-") for key in keys)


def test_a_bucket_that_does_not_exist_keeps_everything_buffered(aws: None) -> None:
    buckets = boto3.client("s3", region_name="us-east-1")
    firehose = Firehose(s3=buckets, functions={}, clock=Clock(START))
    firehose.create_delivery_stream(DeliveryStreamName="d", ExtendedS3DestinationConfiguration=s3())
    firehose.put_record(DeliveryStreamName="d", Record={"Data": b"x"})

    firehose.flush()
    assert firehose.counts("d").buffered == 1

    buckets.create_bucket(Bucket="bucket")
    firehose.flush()
    assert firehose.counts("d").delivered == 1


def test_a_split_shard_is_read_on(aws: None) -> None:
    buckets = boto3.client("s3", region_name="us-east-1")
    kinesis = boto3.client("kinesis", region_name="us-east-1")
    buckets.create_bucket(Bucket="bucket")
    kinesis.create_stream(StreamName="changes", ShardCount=1)
    firehose = Firehose(s3=buckets, kinesis=kinesis, functions={}, clock=Clock(START))
    firehose.create_delivery_stream(
        DeliveryStreamName="d", ExtendedS3DestinationConfiguration=s3(), **kinesis_source()
    )
    kinesis.put_record(StreamName="changes", Data=b"a", PartitionKey="a")
    kinesis.split_shard(
        StreamName="changes", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    for n in range(4):
        kinesis.put_record(StreamName="changes", Data=b"b", PartitionKey=str(n))

    firehose.flush()

    assert firehose.counts("d").delivered == 5
