"""Short ways to write settings, change records and Firehose events, and to run a batch."""

import base64
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from tests.strategies import DYNAMODB
from ttl_archive.transform.batch import TransformBatch, batch_transform
from ttl_archive.transform.settings import Settings, parse

STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/changes"
DELIVERY_ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/archive"
EVENT_US = 1_763_706_412_123_456  # 2025-11-21 06:26:52.123456 UTC
ARRIVAL_MS = EVENT_US // 1000 + 700

# What a shape tells apart, and what it leaves to the general way.
ITEM = {
    "deviceID": {"S": "d"},
    "N": {"N": "1.50"},
    "on": {"BOOL": True},
    "tags": {"SS": ["b", "a"]},
    "samples": {"L": [{"N": "3"}, {"N": "2.0"}]},
    "place": {"M": {"city": {"S": "Oslo"}}},
    "raw": {"B": "ZUE9PQ=="},
    "none": {"NULL": True},
}


def settings(*, columns: dict[str, str] | None = None, **keys: Any) -> Settings:
    """Settings of table `devices`, TTL attribute `ttl`; `columns` gives paths by name."""
    select = {key: keys.pop(key) for key in ("changes", "infer_replica_ttl") if key in keys}
    document: dict[str, Any] = {"table": {"name": "devices", "ttl_attribute": "ttl"}, "select": select}
    document["output"] = keys
    document["columns"] = [{"name": name, "path": path} for name, path in (columns or {}).items()]
    return parse(document)


def change(image: dict[str, Any] | None = None, kind: str = "ttl", **more: Any) -> dict[str, Any]:
    """A change record of the Kinesis feed: `kind` is ttl, user, insert or modify."""
    image = {"id": {"S": "a"}} if image is None else image
    name = {"ttl": "REMOVE", "user": "REMOVE", "insert": "INSERT", "modify": "MODIFY"}[kind]
    images = {"REMOVE": ["OldImage"], "INSERT": ["NewImage"], "MODIFY": ["NewImage", "OldImage"]}[name]
    part = {
        "ApproximateCreationDateTime": EVENT_US,
        "ApproximateCreationDateTimePrecision": "MICROSECOND",
        "Keys": {"id": {"S": "a"}},
        **dict.fromkeys(images, image),
        "SizeBytes": 10,
    }
    return {
        "awsRegion": "eu-west-1",
        "eventID": "6f3a4c0e-8b1d-4f7e-9f3a-0c8f6d1b2a34",
        "eventName": name,
        "userIdentity": DYNAMODB if kind == "ttl" else None,
        "recordFormat": "application/json",
        "tableName": "devices",
        "dynamodb": part | more.pop("dynamodb", {}),
        "eventSource": "aws:dynamodb",
    } | more


def encoded(change_record: Any) -> bytes:
    return json.dumps(change_record, ensure_ascii=False, separators=(",", ":")).encode()


def event(*data: bytes, source: str = "kinesis", arrival_ms: int = ARRIVAL_MS) -> dict[str, Any]:
    """The event that Firehose sends for these records' data. Source: FLOCI probes, aws-lambda-go events."""
    request: dict[str, Any] = {
        "invocationId": "8d6f3c1e-0000-4000-8000-000000000000",
        "deliveryStreamArn": DELIVERY_ARN,
    }
    request["region"] = "eu-west-1"
    if source == "kinesis":
        request["sourceKinesisStreamArn"] = STREAM_ARN
    request["records"] = [_record(number, each, source, arrival_ms) for number, each in enumerate(data)]
    return request


def _record(number: int, data: bytes, source: str, arrival_ms: int) -> dict[str, Any]:
    text = base64.b64encode(data).decode()
    sequence = f"4962865476523566340344690295522436271247020661918610{number:04d}"
    record = {"recordId": f"{sequence}000000", "approximateArrivalTimestamp": arrival_ms, "data": text}
    if source == "kinesis":
        record["kinesisRecordMetadata"] = {
            "sequenceNumber": sequence,
            "subsequenceNumber": 0,
            "partitionKey": f"key-{number}",
            "shardId": "shardId-000000000000",
            "approximateArrivalTimestamp": arrival_ms,
        }
    return record


@dataclass
class Result:
    """A batch's response and its log line."""

    records: list[dict[str, Any]]
    log: dict[str, Any]
    log_text: str

    @property
    def results(self) -> list[str]:
        return [record["result"] for record in self.records]

    @property
    def lines(self) -> list[bytes]:
        return [base64.b64decode(record["data"]) for record in self.records if record["result"] == "Ok"]

    @property
    def codes(self) -> list[str]:
        """The failures' codes, as the log line names them."""
        return [failure["code"] for failure in self.log.get("failures", [])]


def run(
    request: dict[str, Any], config: Settings | None = None, context: Any = None, **options: Any
) -> Result:
    """Answer one event as Lambda would, through JSON in and out.

    Without options it is answered twice: what was learned from the first time must change nothing.
    """
    transform = batch_transform(config or settings(), **options)
    response, text = _answered(transform, request, context)
    if not options:
        assert response == _answered(transform, request, context)[0]
    return Result(response["records"], json.loads(text), text)


def _answered(transform: TransformBatch, request: dict[str, Any], context: Any) -> tuple[Any, str]:
    with redirect_stdout(io.StringIO()) as out:
        response = transform(request, context)
    assert list(response) == ["records"]
    (text,) = out.getvalue().splitlines()
    return response, text


def outcome(data: bytes, config: Settings | None = None) -> str:
    """What becomes of one record: a failure's code, a drop's rule, or `row`."""
    result = run(event(data), config)
    if result.codes:
        return result.codes[0]
    if result.results == ["Ok"]:
        return "row"
    (rule,) = (name for name in _RULES if result.log[name])
    return _RULES[rule]


_RULES = {
    "DroppedNotRemoval": "not-a-removal",
    "DroppedUserRemoval": "user-removal",
    "DroppedTtlRemoval": "ttl-removal",
}


def row(image: dict[str, Any], config: Settings | None = None, **more: Any) -> dict[str, Any]:
    """The JSONL row of one kept image, its numbers as `Digits`."""
    result = run(event(encoded(change(image, **more))), config)
    (line,) = result.lines or [result.codes]
    return read_row(line)


class Digits(str):
    """A number's text, which no other string equals."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digits) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(("Digits", str(self)))


def read_row(line: bytes) -> dict[str, Any]:
    """One JSONL line with every number's digits as they stand there."""
    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    return json.loads(line, parse_int=Digits, parse_float=Digits, object_pairs_hook=_distinct)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a name stands twice in the row"
    return dict(pairs)
