"""Change records, error lines and rows for the tests of replay."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from typing import Any

from tests.replay.bucket import Bucket
from ttl_archive.replay import replay_plan
from ttl_archive.replay.claim_document import ClaimDocument, State, read_claim
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Run
from ttl_archive.replay.replay_plan import Binding
from ttl_archive.replay.replay_run import Summary, execute
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.verdict import judge
from ttl_archive.transform.settings import Settings, parse

BUCKET = "bucket"
TABLE = "DeviceData"
TRANSFORM = "0" * 12
PREFIX = "errors/DeviceData/"
CLAIMS = "replay/table=DeviceData/claims/"
MANIFESTS = "replay/table=DeviceData/manifests/"
KEY = PREFIX + "processing-failed/dt=2026-11-20/ttl-archive-1-2026-11-20-10-15-00-0a1b2c3d-0000"
EVENT_US = 1_763_600_000_000_000  # 2025-11-20 00:53:20
DAY_US = 86_400_000_000
IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
SETTINGS = parse({"table": {"name": "DeviceData", "ttl_attribute": "expiredAt"}})
CSV_SETTINGS = parse(
    {
        "table": {"name": "DeviceData", "ttl_attribute": "expiredAt"},
        "output": {"format": "csv"},
        "columns": [{"name": "device_id", "path": "deviceID"}],
    }
)


def change(
    number: int, *, name: str = "REMOVE", table: str = "DeviceData", day: int = 0, **image: Any
) -> bytes:
    """A change record as the Kinesis feed has it; a TTL removal if not said otherwise."""
    item = {"deviceID": {"S": f"d{number}"}, "n": {"N": "1.50"}} | image
    images = {"OldImage": item} if name == "REMOVE" else {"NewImage": item}
    record = {
        "eventID": f"e{number}",
        "eventName": name,
        "tableName": table,
        "userIdentity": IDENTITY if name == "REMOVE" else None,
        "dynamodb": {
            "ApproximateCreationDateTime": EVENT_US + day * DAY_US + number,
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
            "Keys": {"deviceID": {"S": f"d{number}"}},
            **images,
        },
    }
    return json.dumps(record, separators=(",", ":")).encode()


def error_line(data: bytes, **fields: Any) -> bytes:
    """One line of an error object, without its newline."""
    line = {
        "attemptsMade": 4,
        "arrivalTimestamp": 1_763_600_001_000,
        "errorCode": "Lambda.FunctionError",
        "errorMessage": "The Lambda function was successfully invoked but it returned an error result.",
        "attemptEndingTimestamp": 1_763_600_002_000,
        "rawData": base64.b64encode(data).decode(),
        "lambdaARN": "arn:aws:lambda:us-east-1:123456789012:function:transform:$LATEST",
    } | fields
    return json.dumps({name: value for name, value in line.items() if value is not None}).encode()


def error_object(datas: Iterable[bytes], **fields: Any) -> bytes:
    """A whole error object."""
    return b"".join(error_line(data, **fields) + b"\n" for data in datas)


def claims_of(s3: Any, owner: str = "", **parts: Any) -> Claims:
    """The claims of the table in that bucket."""
    return Claims(s3, BUCKET, TABLE, owner or new_owner("test"), **parts)


def make_run(s3: Any, *, settings: Settings = SETTINGS, **parts: Any) -> Run:
    """A run with the s3 sink on that bucket, or with these parts instead."""
    transform = parts.pop("transform", TRANSFORM)
    claims = parts.pop("claims", None) or claims_of(s3)
    sink = parts.pop("sink", None) or S3Sink(s3, BUCKET, settings)
    return Run(s3, claims, sink, parts.pop("judge", judge(settings)), transform, Rate(), **parts)


def replay_all(s3: Any, *, prefix: str = PREFIX, concurrency: int = 1, **parts: Any) -> Summary:
    """Plan for everything under the prefix, and run."""
    run = make_run(s3, **parts)
    found = survey.survey(run.claims, prefix, survey.Filter(), run.transform)
    stream = None if run.sink.name == "s3" else run.sink.target
    binding = Binding(BUCKET, TABLE, prefix, run.sink.name, stream, run.transform, run.with_refused)
    planned = replay_plan.plan_for(found, binding)
    summary = execute(run, planned.objects, concurrency=concurrency)
    summary.refused_before = 0 if run.with_refused else planned.states[State.REFUSED]
    return summary


def rows(bucket: Bucket, prefix: str = "archive/") -> list[str]:
    """The event id of every row in the archive, sorted: equal lists are equal multisets."""
    found = []
    for key in bucket.keys(prefix):
        lines = gzip.decompress(bucket.objects[key].body).splitlines()
        found += [json.loads(line)["ddb_event_id"] for line in lines]
    return sorted(found)


def documents(bucket: Bucket) -> list[ClaimDocument]:
    """Every claim in the bucket, in the order of their keys."""
    return [read_claim(bucket.objects[key].body, key) for key in bucket.keys(CLAIMS)]


def states(bucket: Bucket) -> list[State]:
    """The state of every claim in the bucket."""
    return [document.state for document in documents(bucket)]


def expire_claims(bucket: Bucket) -> None:
    """End every claim that is held, as if time had passed."""
    for key in bucket.keys(CLAIMS):
        claim = json.loads(bucket.objects[key].body)
        claim["until"] = claim["until"] and "2020-01-01T00:00:00Z"
        bucket.fill(key, json.dumps(claim).encode())


def lines(bucket: Bucket, key: str) -> list[dict[str, Any]]:
    """The JSON lines of a packed object."""
    return [json.loads(line) for line in gzip.decompress(bucket.objects[key].body).splitlines()]
