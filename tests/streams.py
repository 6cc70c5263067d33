"""Delivery streams on fakes: a Firehose, its clients and its clock, for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes import FakeKinesis, FakeS3
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.function import Function, InProcess
from ttl_archive.infra.local.firehose.service import Firehose

ROLE = "arn:aws:iam::123456789012:role/delivery"
KINESIS_ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:transform"
START = datetime(2026, 9, 10, 14, 2, 11, tzinfo=UTC)

Handler = Callable[[dict[str, Any]], Any]


def s3(**members: Any) -> dict[str, Any]:
    """An ExtendedS3DestinationConfiguration with what is required, and these members."""
    return {"BucketARN": "arn:aws:s3:::bucket", "RoleARN": ROLE} | members


def lambda_processing(**parameters: str) -> dict[str, Any]:
    """A ProcessingConfiguration with one Lambda processor."""
    values = {"LambdaArn": FUNCTION_ARN} | parameters
    listed = [{"ParameterName": name, "ParameterValue": value} for name, value in values.items()]
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}]}


def extraction(query: str, engine: str = "JQ-1.6") -> dict[str, Any]:
    """A MetadataExtraction processor."""
    values = {"MetadataExtractionQuery": query, "JsonParsingEngine": engine}
    parameters = [{"ParameterName": name, "ParameterValue": value} for name, value in values.items()]
    return {"Type": "MetadataExtraction", "Parameters": parameters}


def partitioned(**members: Any) -> dict[str, Any]:
    """An ExtendedS3DestinationConfiguration with dynamic partitioning by the key `dt`."""
    return s3(
        **{
            "Prefix": "archive/dt=!{partitionKeyFromLambda:dt}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "ProcessingConfiguration": lambda_processing(),
            "DynamicPartitioningConfiguration": {"Enabled": True},
        }
        | members
    )


def kinesis_source() -> dict[str, Any]:
    """The members of a request for a delivery stream on a Kinesis data stream."""
    return {
        "DeliveryStreamType": "KinesisStreamAsSource",
        "KinesisStreamSourceConfiguration": {"KinesisStreamARN": KINESIS_ARN, "RoleARN": ROLE},
    }


def answer_all(event: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A response that gives every record of an event these fields, `Ok` and its own data if not said."""
    return {
        "records": [
            {"recordId": r["recordId"], "result": "Ok", "data": r["data"]} | fields for r in event["records"]
        ]
    }


@dataclass
class Bench:
    """A Firehose on fakes. `events` are those the function was invoked with."""

    firehose: Firehose
    s3: FakeS3
    kinesis: FakeKinesis
    clock: Clock
    events: list[dict[str, Any]] = field(default_factory=list)

    def create(self, request: dict[str, Any] | None = None, **members: Any) -> None:
        """Create the delivery stream `d` with these destination members, or from a whole request."""
        request = {"ExtendedS3DestinationConfiguration": s3(**members)} if request is None else request
        self.firehose.create_delivery_stream(DeliveryStreamName="d", **request)

    def put(self, *data: bytes) -> None:
        for item in data:
            self.firehose.put_record(DeliveryStreamName="d", Record={"Data": item})

    def deliver(self, *data: bytes) -> None:
        """Put, then flush."""
        self.put(*data)
        self.firehose.flush()

    def errors(self, prefix: str = "") -> list[dict[str, Any]]:
        """The lines of all error objects under a prefix."""
        return [json.loads(line) for key in self.s3.listed(prefix) for line in self.s3.body(key).splitlines()]


def bench(
    function: Handler | Function | None = None,
    *,
    s3: FakeS3 | None = None,
    kinesis: FakeKinesis | None = None,
    function_arn: str = FUNCTION_ARN,
    **options: Any,
) -> Bench:
    """A bench whose function is a callable from event to response, or a Function; none by default."""
    made = Bench(None, s3 or FakeS3(), kinesis or FakeKinesis(), Clock(START))  # type: ignore[arg-type]

    def handler(event: dict[str, Any], _: Any) -> Any:
        made.events.append(event)
        return function(event)  # type: ignore[operator, misc]

    functions = {}
    if function is not None:
        functions[function_arn] = function if hasattr(function, "invoke") else InProcess(handler)
    made.firehose = Firehose(
        s3=made.s3,
        kinesis=made.kinesis,
        functions=functions,
        clock=made.clock,
        **options,
    )
    return made
