"""A StreamReader over the DynamoDB Streams API: an emulator's, or AWS's own.

GetRecords of an SDK and the event of a function are two forms of one record: the function's has the time as a
number, binary values in base64, the identity in lower case, and the ARN of the stream. Source: LS-esm;
BC-dynamodbstreams.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from ttl_archive.infra.local.event_source.stream import (
    AfterSequenceNumber,
    Page,
    Position,
    Shard,
    ShardRecord,
)

_LIMIT = 1000  # BC-dynamodbstreams: GetRecords


class DynamoDbStream:
    """The stream with this ARN; `client` is boto3's `dynamodbstreams`. `requests` counts GetRecords."""

    def __init__(self, client: Any, arn: str) -> None:
        self.arn = arn
        self.requests = 0
        self._client = client

    def shards(self) -> Sequence[Shard]:
        """Return the shards that DescribeStream lists. Raises botocore's ClientError."""
        found: list[Shard] = []
        page: dict[str, Any] = {}
        while not found or "LastEvaluatedShardId" in page:
            start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]} if page else {}
            page = self._client.describe_stream(StreamArn=self.arn, **start)["StreamDescription"]
            found += [Shard(each["ShardId"], each.get("ParentShardId")) for each in page["Shards"]]
            if not page["Shards"]:
                break
        return found

    def iterator(self, shard_id: str, position: Position) -> str:
        """Return what GetShardIterator returns. Raises botocore's ClientError."""
        if isinstance(position, AfterSequenceNumber):
            kind = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": position.sequence_number,
            }
        else:
            kind = {"ShardIteratorType": position}
        answer = self._client.get_shard_iterator(StreamArn=self.arn, ShardId=shard_id, **kind)
        return str(answer["ShardIterator"])

    def read(self, iterator: str) -> Page:
        """Return what GetRecords returns, in the form of the event. Raises botocore's ClientError."""
        self.requests += 1
        answer = self._client.get_records(ShardIterator=iterator, Limit=_LIMIT)
        records = [ShardRecord(event_record(each, self.arn)) for each in answer["Records"]]
        return Page(records, answer.get("NextShardIterator"))


def event_record(record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """Return a record of GetRecords as the event of a function has it."""
    change = dict(record["dynamodb"])
    created = change["ApproximateCreationDateTime"]
    if hasattr(created, "timestamp"):
        created = created.timestamp()
    change["ApproximateCreationDateTime"] = float(int(created))
    for name in ("Keys", "NewImage", "OldImage"):
        if name in change:
            change[name] = _image(change[name])
    identity = record.get("userIdentity")
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record["eventVersion"],
        "eventSource": record["eventSource"],
        "awsRegion": record["awsRegion"],
        "dynamodb": change,
        **({"userIdentity": _in_lower_case(identity)} if identity else {}),
        "eventSourceARN": stream_arn,
    }


def _in_lower_case(identity: Mapping[str, str]) -> dict[str, str]:
    return {f"{name[0].lower()}{name[1:]}": value for name, value in identity.items()}


def _image(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in image.items()}


def _value(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "B":
        return {kind: _base64(content)}
    if kind == "BS":
        return {kind: [_base64(each) for each in content]}
    if kind == "M":
        return {kind: _image(content)}
    if kind == "L":
        return {kind: [_value(each) for each in content]}
    return {kind: content}


def _base64(content: Any) -> str:
    return base64.b64encode(bytes(content)).decode()
