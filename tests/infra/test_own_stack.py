"""The construct in a user's own stack: with their bucket and stream, grants and metrics."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.templates import Template, listed
from tests.infra.test_layout_guard import closure

DELIVERY = "AWS::KinesisFirehose::DeliveryStream"


@pytest.fixture
def own(synthesised: Path) -> Template:
    """The user's stack."""
    return Template(json.loads((synthesised / "own.json").read_text()))


def test_the_users_bucket_and_stream_are_used_and_none_is_created(own: Template) -> None:
    delivery = own.one(DELIVERY)
    (bucket,) = own.ids("AWS::S3::Bucket", "^Rows")
    (stream,) = own.ids("AWS::Kinesis::Stream")

    assert own.ids("AWS::S3::Bucket", "StorageBucket") == []
    assert stream.startswith("Changes")
    assert delivery["ExtendedS3DestinationConfiguration"]["BucketARN"] == f"arn:aws:s3:::{bucket.lower()}"
    source = delivery["KinesisStreamSourceConfiguration"]["KinesisStreamARN"]
    assert source.endswith(f"stream/{stream.lower()}")


def test_the_guard_precedes_our_parts_and_follows_the_users(own: Template) -> None:
    (guard,) = own.ids("Custom::LayoutGuard")
    (stream,) = own.ids("AWS::Kinesis::Stream")
    (delivery,) = own.ids(DELIVERY)

    assert stream in closure(own, guard)
    assert guard in closure(own, delivery)
    assert [name for name in own.resources if name in closure(own, name)] == []


def test_the_guard_knows_the_users_bucket_and_stream(own: Template) -> None:
    guard = own.one("Custom::LayoutGuard")
    (bucket,) = own.ids("AWS::S3::Bucket", "^Rows")

    assert json.loads(guard["Layout"])["bucket"] == bucket.lower()
    assert guard["StreamArn"].startswith("arn:aws:kinesis:us-east-1:123456789012:stream/changes")
    assert {"BucketId", "StreamId"} & set(guard) == set()


def allowed(own: Template, role: str) -> dict[str, set[Any]]:
    """Return the resources of each action that a grantee's policy allows."""
    (name,) = own.ids("AWS::IAM::Role", f"^{role}")
    found: dict[str, set[Any]] = {}
    for policy in own.every("AWS::IAM::Policy").values():
        if policy["Roles"] == [name.lower()]:
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in listed(statement["Action"]):
                    found.setdefault(action, set()).update(listed(statement["Resource"]))
    return found


def test_grant_read_allows_the_rows_and_nothing_else(own: Template) -> None:
    (bucket,) = own.ids("AWS::S3::Bucket", "^Rows")
    arn = f"arn:aws:s3:::{bucket.lower()}"

    assert allowed(own, "Reader") == {"s3:ListBucket": {arn}, "s3:GetObject": {f"{arn}/archive/defaults/*"}}


def test_grant_query_allows_queries_in_the_workgroup(own: Template) -> None:
    found = allowed(own, "Analyst")
    (results,) = own.ids("AWS::S3::Bucket", "WorkgroupResults")

    assert found["athena:StartQueryExecution"] == {
        "arn:aws:athena:us-east-1:123456789012:workgroup/ttl-archive-defaults"
    }
    assert "glue:GetTable" in found
    assert found["s3:PutObject"] == {f"arn:aws:s3:::{results.lower()[:60]}/*"}


def test_the_metrics_are_those_of_the_alarms_and_the_dashboard(own: Template) -> None:
    assert own.document["Outputs"]["Metrics"]["Value"].split(",") == [
        "AWS/Firehose/DeliveryToS3.Records",
        "AWS/Firehose/DeliveryToS3.DataFreshness",
        "AWS/Events/Invocations",
        "TtlArchive/RecordsFailed",
        "AWS/DynamoDB/TimeToLiveDeletedItemCount",
    ]


def test_a_bucket_that_is_given_twice_is_refused(synthesised: Path) -> None:
    assert (
        "refused: bucket is given to TtlArchive and in [deploy] bucket" in (synthesised / "done").read_text()
    )
