"""The endpoint under test: ours, another emulator, or AWS."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conformance.cases import not_verified
from ttl_archive.infra.local.services import LocalServices

PREFIX = "ttl-archive-probe-"  # of every resource, so that a run in an account can be cleaned up
_POLL_S = 0.2


@dataclass
class Endpoint:
    """Clients of one endpoint, and resources that are removed at the end.

    `url` None is AWS. `services` are ours, None for another endpoint. `function_arns` are Lambda functions.
    """

    url: str | None
    is_ours: bool
    role_arn: str
    wait_s: float
    services: LocalServices | None = None
    function_arns: Mapping[str, str] = field(default_factory=dict)
    cleanup: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _clients: dict[str, Any] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def client(self, service: str) -> Any:
        """Return a client that validates nothing, so that the service answers."""
        if service not in self._clients:
            config = Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                proxies={},
            )
            local = {"aws_access_key_id": "local", "aws_secret_access_key": "local"} if self.url else {}
            self._clients[service] = boto3.client(
                service, endpoint_url=self.url, region_name="us-east-1", config=config, **local
            )
            self.cleanup.callback(self._clients[service].close)
        return self._clients[service]

    @property
    def firehose(self) -> Any:
        """The Firehose client."""
        return self.client("firehose")

    def now(self) -> datetime:
        """Return the time at the endpoint, in UTC; the clock of ours can be ahead of the machine's."""
        return datetime.now(UTC) if self.services is None else self.services.clock.now()

    def name(self, kind: str = "conformance") -> str:
        """Return a name that nothing else has."""
        return f"{PREFIX}{kind}-{self._run}-{next(self._numbers)}"

    def function_arn(self, name: str) -> str:
        """Return the ARN of a function of the suite. Skips the case where the endpoint has none."""
        if name not in self.function_arns:
            not_verified("it needs Lambda functions of this suite at the endpoint")
        return self.function_arns[name]

    def bucket(self) -> str:
        """Create a bucket and return its name."""
        name, s3 = self.name("bucket"), self.client("s3")
        s3.create_bucket(Bucket=name)
        self.cleanup.callback(self._remove_bucket, name)
        return name

    def data_stream(self, **members: Any) -> tuple[str, str]:
        """Create a data stream of one shard and return its name and ARN."""
        name, kinesis = self.name("stream"), self.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=1, **members)
        self.cleanup.callback(self._ignore, kinesis.delete_stream, StreamName=name)
        self.wait(lambda: self._summary(name)["StreamStatus"] == "ACTIVE")
        return name, self._summary(name)["StreamARN"]

    def table(self, key: str = "id") -> str:
        """Create a table with this key attribute, a string, and return its name."""
        name, dynamodb = self.name("table"), self.client("dynamodb")
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.cleanup.callback(self._ignore, dynamodb.delete_table, TableName=name)
        self.wait(lambda: dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
        return name

    def destination(self, bucket: str = "b", **members: Any) -> dict[str, Any]:
        """Return the members of an S3 destination: what is required, and these."""
        return {"BucketARN": f"arn:aws:s3:::{bucket}", "RoleARN": self.role_arn} | members

    def create(self, name: str | None = None, **request: Any) -> str:
        """Create a delivery stream and return its name."""
        name = name or self.name()
        self.firehose.create_delivery_stream(DeliveryStreamName=name, **request)
        self.cleanup.callback(self._ignore, self.firehose.delete_delivery_stream, DeliveryStreamName=name)
        return name

    def create_s3(self, bucket: str = "b", name: str | None = None, **members: Any) -> str:
        """Create a Direct PUT delivery stream to a bucket and return its name."""
        destination = self.destination(bucket, **members)
        return self.create(name, ExtendedS3DestinationConfiguration=destination)

    def describe(self, name: str) -> dict[str, Any]:
        """Return the description of a delivery stream once it is active."""
        self.wait(lambda: self.describe_at_once(name)["DeliveryStreamStatus"] == "ACTIVE")
        return self.describe_at_once(name)

    def put(self, name: str, *data: bytes) -> None:
        """Put records one by one, once the delivery stream is active."""
        self.describe(name)
        for item in data:
            self.firehose.put_record(DeliveryStreamName=name, Record={"Data": item})

    def objects(self, bucket: str, prefix: str = "", count: int = 1) -> dict[str, dict[str, Any]]:
        """Wait for so many objects, and return their GetObject answers with the bodies read, by key."""
        s3 = self.client("s3")
        self.wait(lambda: len(self._keys(bucket, prefix)) >= count)
        found = {key: s3.get_object(Bucket=bucket, Key=key) for key in self._keys(bucket, prefix)}
        for answer in found.values():
            answer["Body"] = answer["Body"].read()
        return found

    def records(self, stream: str, count: int) -> list[dict[str, Any]]:
        """Wait for so many records in a data stream, and return them with their data decoded."""
        kinesis = self.client("kinesis")
        shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            iterator = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            found[:] = kinesis.get_records(ShardIterator=iterator)["Records"]
            return len(found) >= count

        self.wait(arrived)
        return [{**record, "change": json.loads(record["Data"])} for record in found]

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Wait until something is so. Raises AssertionError after the time that the endpoint is given."""
        deadline = time.monotonic() + self.wait_s
        while not is_done():
            assert time.monotonic() < deadline, f"not so within {self.wait_s} s"
            time.sleep(_POLL_S)

    def refusal(self, operation: str, *, service: str = "firehose", **request: Any) -> tuple[str, str]:
        """Make a call that must be refused, and return the error's code and message."""
        try:
            getattr(self.client(service), operation)(**request)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise AssertionError(f"{operation} was accepted")

    def create_refusal(self, **members: Any) -> tuple[str, str]:
        """Return the refusal of a destination with these members; None removes a member."""
        given = {k: v for k, v in self.destination(**members).items() if v is not None}
        return self.refusal(
            "create_delivery_stream", DeliveryStreamName=self.name(), ExtendedS3DestinationConfiguration=given
        )

    @contextlib.contextmanager
    def control_limit(self) -> Iterator[None]:
        """Enforce the limit of control calls, which is a switch of ours that is off by default."""
        limit = None if self.services is None else self.services.firehose.control_limit
        if limit is not None:
            limit.is_enforced = True
        yield
        if limit is not None:
            limit.is_enforced = False

    def describe_at_once(self, name: str) -> dict[str, Any]:
        """Return the description of a delivery stream in whatever status it is."""
        answer = self.firehose.describe_delivery_stream(DeliveryStreamName=name)
        description: dict[str, Any] = answer["DeliveryStreamDescription"]
        return description

    def _summary(self, stream: str) -> dict[str, Any]:
        answer = self.client("kinesis").describe_stream_summary(StreamName=stream)
        summary: dict[str, Any] = answer["StreamDescriptionSummary"]
        return summary

    def _keys(self, bucket: str, prefix: str) -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", ())]

    def _remove_bucket(self, name: str) -> None:
        s3 = self.client("s3")
        for key in self._keys(name, ""):
            s3.delete_object(Bucket=name, Key=key)
        self._ignore(s3.delete_bucket, Bucket=name)

    @staticmethod
    def _ignore(call: Callable[..., Any], **request: Any) -> None:
        with contextlib.suppress(ClientError):  # it is gone already
            call(**request)
