"""The Streams road on fakes: the forwarder between a stream's records and the strict local Firehose."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.fakes import FakeS3, client_error
from tests.streams import Bench, bench
from tests.transform.builders import DYNAMODB
from tests.transform.fakes_reingest import ENDPOINT, Clock
from ttl_archive.infra.local.firehose.service_error import ServiceError
from ttl_archive.transform.forwarder import batch_forwarder
from ttl_archive.transform.refusals import error_objects
from ttl_archive.transform.reingest import delivery_stream
from ttl_archive.transform.settings import Settings

STREAM_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/devices/stream/2026-01-01T00:00:00.000"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:forwarder"
SECOND = 1_763_706_412  # 2025-11-21 06:26:52 UTC


class Killed(BaseException):
    """The function's process ends here."""


def removal(number: int, image: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A TTL removal as Lambda delivers it, with an event id and a sequence number made of its number."""
    key = {"id": {"S": f"item-{number}"}}
    part = {
        "ApproximateCreationDateTime": float(SECOND),
        "Keys": key,
        "OldImage": key | (image or {}),
        "SequenceNumber": f"{700_000_000_000_888_747_038 + number}",
        "SizeBytes": 10,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {
        "eventID": f"event-{number}",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": part | more.pop("dynamodb", {}),
        "userIdentity": DYNAMODB,
        "eventSourceARN": STREAM_ARN,
    } | more


def poison(number: int) -> dict[str, Any]:
    """A record that the transform refuses: its item has a number that is none."""
    return removal(number, {"n": {"N": "one"}})


def oversized(number: int) -> dict[str, Any]:
    """A removal whose row exceeds 1,024,000 bytes, though the item is within DynamoDB's 400 KB."""
    return removal(number, {"list": {"L": [{"S": ""}] * 90_000}})


class Context(Clock):
    """A Lambda context whose time passes whenever it is asked for."""

    invoked_function_arn = FUNCTION_ARN
    aws_request_id = "5e7f8b6a-0000-4000-8000-000000000000"


@dataclass
class FirehoseClient:
    """The strict Firehose behind boto3's errors. `before` and `after` are called around each put."""

    made: Bench
    before: Callable[[int], None] = lambda _: None
    after: Callable[[int], None] = lambda _: None
    calls: list[list[bytes]] = field(default_factory=list)

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        number = len(self.calls)
        self.calls.append([record["Data"] for record in request["Records"]])
        self.before(number)
        try:
            answer = self.made.firehose.put_record_batch(**request)
        except ServiceError as error:
            raise client_error(error.code, "PutRecordBatch", 503) from None
        self.after(number)
        return answer


@dataclass
class Road:
    """A forwarder with its delivery stream and bucket, and the log of its batches."""

    settings: Settings
    bucket: Any = field(default_factory=FakeS3)
    made: Bench = field(default_factory=bench)
    logs: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.made.create(Prefix="archive/devices/", ErrorOutputPrefix="errors/devices/")
        self.firehose = FirehoseClient(self.made)
        self.forward = batch_forwarder(
            self.settings, delivery_stream(self.firehose, "d"), error_objects(self.bucket, "bucket")
        )

    def invoke(self, records: Sequence[Any], seconds: float = 60.0, step_s: float = 0.0) -> list[Any]:
        """Answer one event through JSON, as Lambda does; return the identifiers of what failed."""
        event = json.loads(json.dumps({"Records": records}))
        with redirect_stdout(io.StringIO()) as out:
            response = self.forward(event, Context(seconds, step_s))
        (line,) = out.getvalue().splitlines()
        self.logs.append(json.loads(line))
        assert list(response) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def consume(self, records: Sequence[Any], rounds: int = 10, **time: float) -> None:
        """Deliver a batch until it is acknowledged, as the event source mapping does."""
        waiting = list(records)
        for _ in range(rounds):
            try:
                failed = self.invoke(waiting, **time)
            except Killed:
                continue  # all of it is delivered again
            if not failed:
                return
            numbers = [record["dynamodb"]["SequenceNumber"] for record in waiting]
            waiting = waiting[min(map(numbers.index, failed)) :]
        raise AssertionError("the batch was never acknowledged")

    def delivered(self) -> Counter[str]:
        """Count the event ids of the rows in the bucket, after Firehose has delivered everything."""
        self.made.firehose.flush()
        rows = self.made.s3.bodies("archive/").splitlines()
        return Counter(json.loads(row)["ddb_event_id"] for row in rows)

    def failed(self) -> Counter[str]:
        """Count the event ids of the records in error objects."""
        return Counter(json.loads(data)["eventID"] for data in self.failed_data())

    def failed_data(self) -> list[bytes]:
        """Return the data of the records in error objects."""
        return [base64.b64decode(line["rawData"]) for line in self.error_lines()]

    def error_lines(self) -> list[dict[str, Any]]:
        """Return the lines of all error objects."""
        return [json.loads(line) for line in self.bucket.bodies("errors/").splitlines()]

    def check_ledger(self, records: Sequence[Any], *, dropped: Sequence[str] = (), copies: int = 0) -> None:
        """Check that each record is a row, a drop or an error line, with so many copies, by its event id."""
        rows, lines = self.delivered(), self.failed()
        found = set(rows) | set(lines)
        assert not set(rows) & set(lines)
        assert sorted([*found, *dropped]) == sorted(record["eventID"] for record in records)
        assert rows.total() + lines.total() - len(found) == copies


def timeout() -> BaseException:
    return ReadTimeoutError(endpoint_url=ENDPOINT)
