"""The unmodified AWS command line against the endpoints that our commands print."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.processes import ends

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
ITEM = {"deviceID": {"S": "a"}, "readingTime": {"S": "2011-01-07"}, "expiredAt": {"N": "1767225600"}}
ROLE = "arn:aws:iam::123456789012:role/r"


class Served:
    """A command that serves, and the variables that it printed."""

    def __init__(self, *arguments: str, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ttl_archive.infra.cli", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=cwd,
        )
        self.environment: dict[str, str] = {}
        self.examples: list[list[str]] = []  # the commands `aws …` that it printed
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = shlex.split(line, comments=True) if line.startswith(("export ", "aws ")) else []
            if words[:1] == ["export"]:
                name, _, value = words[1].partition("=")
                self.environment[name] = value
            elif words:
                self.examples.append(words[1:])
            elif self.environment:
                return
        raise AssertionError("it ended before it served")

    def aws(self, *arguments: str) -> Any:
        """Run the AWS command line and return its JSON output, None for none."""
        done = subprocess.run(
            [str(BIN / "aws"), *arguments, "--output", "json"],
            env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "AWS_PAGER": "", **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise AwsError(done.stderr.strip())
        is_json = done.stdout.lstrip()[:1] in ("{", "[")
        return json.loads(done.stdout) if is_json else done.stdout

    def wait_for_object(self, bucket: str, prefix: str = "") -> str:
        """Return the key of the one object, once it is there."""
        with closing(self._s3()) as s3:
            for _ in range(300):
                listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
                if keys := [entry["Key"] for entry in listed.get("Contents", [])]:
                    (key,) = keys
                    return str(key)
                time.sleep(0.1)
        raise AssertionError(f"nothing below {prefix} of {bucket}")

    def _s3(self) -> Any:
        """Return a client, because a second of CPU time for each look by the AWS command line adds up."""
        return boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )


class AwsError(Exception):
    """What the AWS command line wrote to standard error."""


@contextmanager
def serving(*arguments: str, cwd: Path | None = None) -> Iterator[Served]:
    served = Served(*arguments, cwd=cwd)
    try:
        yield served
    finally:
        served.process.send_signal(signal.SIGINT)
        served.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One item: test_demo.py runs the demo with its own 17,521."""
    items = tmp_path_factory.mktemp("demo") / "items.jsonl"
    items.write_text(json.dumps(ITEM) + "\n")
    arguments = ["--table-file", str(items), "--config", str(ROOT / "archive.toml"), "--key", "deviceID"]
    with serving("demo", "--serve", *arguments) as served:
        yield served


@pytest.fixture(scope="module")
def local() -> Iterator[Served]:
    with serving("firehose") as served:
        yield served


def destination(bucket: str, **members: Any) -> str:
    required = {"BucketARN": f"arn:aws:s3:::{bucket}", "RoleARN": ROLE}
    return json.dumps(required | members)


def create(served: Served, name: str, bucket: str = "ttl-archive", **members: Any) -> None:
    served.aws(
        "firehose", "create-delivery-stream", "--delivery-stream-name", name,
        "--extended-s3-destination-configuration", destination(bucket, **members),
    )  # fmt: skip


def test_the_demos_delivery_stream_is_listed_and_described(demo: Served) -> None:
    assert "ttl-archive" in demo.aws("firehose", "list-delivery-streams")["DeliveryStreamNames"]
    described = demo.aws("firehose", "describe-delivery-stream", "--delivery-stream-name", "ttl-archive")
    assert described["DeliveryStreamDescription"]["DeliveryStreamType"] == "KinesisStreamAsSource"


def test_the_demos_streaming_destination_is_described(demo: Served) -> None:
    described = demo.aws("dynamodb", "describe-kinesis-streaming-destination", "--table-name", "DeviceData")

    (found,) = described["KinesisDataStreamDestinations"]
    assert found["StreamArn"].endswith(":stream/ttl-archive")
    assert found["ApproximateCreationDateTimePrecision"] == "MICROSECOND"


def test_every_example_that_the_demo_prints_runs_as_printed(demo: Served) -> None:
    answers = {" ".join(words[:2]): demo.aws(*words) for words in demo.examples}

    assert set(answers) == {
        "dynamodb put-item",
        "s3 ls",
        "firehose describe-delivery-stream",
        "dynamodb describe-kinesis-streaming-destination",
        "firehose create-delivery-stream",
        "firehose put-record",
    }
    found = demo.wait_for_object("ttl-archive", "mine/")
    assert found.startswith("mine/")


def test_a_delivery_stream_is_created_tagged_and_given_a_record(demo: Served) -> None:
    create(demo, "tagged", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 60}, Prefix="tagged/")
    name = ["--delivery-stream-name", "tagged"]
    demo.aws("firehose", "tag-delivery-stream", *name, "--tags", "Key=a,Value=b")
    tags = demo.aws("firehose", "list-tags-for-delivery-stream", *name)
    put = demo.aws("firehose", "put-record", *name, "--record", '{"Data":"aGVsbG8="}')

    assert tags == {"Tags": [{"Key": "a", "Value": "b"}], "HasMoreTags": False}
    assert put["RecordId"]


def test_a_streaming_destination_is_enabled_and_described(demo: Served) -> None:
    demo.aws("kinesis", "create-stream", "--stream-name", "other", "--shard-count", "1")
    demo.aws(
        "dynamodb", "create-table", "--table-name", "Other", "--billing-mode", "PAY_PER_REQUEST",
        "--key-schema", "AttributeName=id,KeyType=HASH",
        "--attribute-definitions", "AttributeName=id,AttributeType=S",
    )  # fmt: skip
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/other"
    demo.aws("dynamodb", "enable-kinesis-streaming-destination", "--table-name", "Other", "--stream-arn", arn)

    described = demo.aws("dynamodb", "describe-kinesis-streaming-destination", "--table-name", "Other")
    (found,) = described["KinesisDataStreamDestinations"]
    assert found["StreamArn"] == arn


def test_what_aws_refuses_is_refused(demo: Served) -> None:
    with pytest.raises(AwsError, match="ErrorOutputPrefix cannot be null or empty when Prefix contains"):
        create(demo, "refused", Prefix="!{timestamp:yyyy}/")


def test_an_outside_stack_sees_its_records_land(local: Served) -> None:
    local.aws("s3api", "create-bucket", "--bucket", "orders")
    local.aws("kinesis", "create-stream", "--stream-name", "changes", "--shard-count", "1")
    local.aws(
        "dynamodb", "create-table", "--table-name", "Orders", "--billing-mode", "PAY_PER_REQUEST",
        "--key-schema", "AttributeName=id,KeyType=HASH",
        "--attribute-definitions", "AttributeName=id,AttributeType=S",
    )  # fmt: skip
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"
    local.aws(
        "firehose", "create-delivery-stream", "--delivery-stream-name", "changes",
        "--delivery-stream-type", "KinesisStreamAsSource",
        "--kinesis-stream-source-configuration", f"KinesisStreamARN={arn},RoleARN={ROLE}",
        "--extended-s3-destination-configuration",
        destination("orders", Prefix="changes/", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 1}),
    )  # fmt: skip
    enabled = local.aws(
        "dynamodb", "enable-kinesis-streaming-destination", "--table-name", "Orders", "--stream-arn", arn
    )
    local.aws("dynamodb", "put-item", "--table-name", "Orders", "--item", '{"id":{"S":"1"}}')

    assert enabled["DestinationStatus"] == "ENABLING"
    assert local.wait_for_object("orders").startswith("changes/")


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
@pytest.mark.parametrize("path", ["/", "/moto-api/reset"])
def test_a_page_of_another_site_is_refused(local: Served, header: dict[str, str], path: str) -> None:
    url = local.environment["AWS_ENDPOINT_URL"]
    request = urllib.request.Request(url + path, b"{}", header, method="POST")

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 403
    caught.value.close()


def test_a_function_of_the_user_transforms(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n"
        "    return {'records': [{'recordId': r['recordId'], 'result': 'Ok', 'data': 'aGk='}"
        " for r in event['records']]}\n"
    )
    parameters = [{"ParameterName": "LambdaArn",
                   "ParameterValue": "arn:aws:lambda:us-east-1:123456789012:function:mine"},
                  {"ParameterName": "BufferSizeInMBs", "ParameterValue": "1"},
                  {"ParameterName": "BufferIntervalInSeconds", "ParameterValue": "0"}]  # fmt: skip
    processing = {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": parameters}]}
    with serving("firehose", "--function", "mine=app.handler", cwd=tmp_path) as served:
        served.aws("s3api", "create-bucket", "--bucket", "mine")
        create(
            served, "d", "mine", ProcessingConfiguration=processing,
            BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0},
        )  # fmt: skip
        served.aws("firehose", "put-record", "--delivery-stream-name", "d", "--record", '{"Data":"eA=="}')
        key, body = served.wait_for_object("mine"), tmp_path / "body"
        served.aws("s3api", "get-object", "--bucket", "mine", "--key", key, str(body))

    assert body.read_bytes() == b"hi"


def test_a_function_that_cannot_be_imported_is_reported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ttl_archive.infra.cli", "firehose", "--function", "f=absent.handler"],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "The function f does not start" in done.stderr


@pytest.mark.parametrize("text", ["f", "f=handler", "=app.handler"])
def test_a_function_is_a_name_and_a_handler(text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ttl_archive.infra.cli", "firehose", "--function", text],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert f"--function has value '{text}'. Use NAME=MODULE.HANDLER" in done.stderr


def test_ctrl_c_leaves_no_process_behind() -> None:
    served = Served("firehose")
    children = subprocess.run(
        ["pgrep", "-P", str(served.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    served.process.send_signal(signal.SIGINT)
    output, _ = served.process.communicate(timeout=60)

    assert output.endswith("Stopped.\n")
    assert children
    assert all(ends(int(pid)) for pid in children)
