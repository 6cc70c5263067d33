"""A data stream and a delivery stream in memory that refuse, throttle and time out as a script says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.fakes import client_error

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"
THROTTLED = "ProvisionedThroughputExceededException"
# What a call does: nothing special, an error code for the whole call, "lost" (accepted, the answer lost), or
# the positions of the entries that are refused.
Step = None | str | Sequence[int]


@dataclass
class Streams:
    """boto3's Kinesis and Firehose clients in one; `script` tells what the next calls do."""

    script: list[Step] = field(default_factory=list)
    kind: str = "DirectPut"
    max_record_kib: int | None = None
    taken: list[bytes] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def describe_stream_summary(self, **named: str) -> dict[str, Any]:
        if named not in ({"StreamName": "changes"}, {"StreamARN": ARN}):
            raise client_error("ResourceNotFoundException", "DescribeStreamSummary")
        summary: dict[str, Any] = {"StreamARN": ARN}
        if self.max_record_kib:
            summary["MaxRecordSizeInKiB"] = self.max_record_kib
        return {"StreamDescriptionSummary": summary}

    def describe_delivery_stream(self, *, DeliveryStreamName: str) -> dict[str, Any]:
        if DeliveryStreamName != "delivery":
            raise client_error("ResourceNotFoundException", "DescribeDeliveryStream")
        source = {"KinesisStreamSourceDescription": {"KinesisStreamARN": ARN}}
        return {
            "DeliveryStreamDescription": {
                "DeliveryStreamType": self.kind,
                "DeliveryStreamARN": "arn:aws:firehose:us-east-1:123456789012:deliverystream/delivery",
                **({"Source": source} if self.kind != "DirectPut" else {}),
            }
        }

    def put_records(self, *, StreamARN: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert StreamARN == ARN
        refused = self._put([record["Data"] for record in Records])
        self.keys += [record["PartitionKey"] for record in Records]
        results = [
            {"ErrorCode": THROTTLED, "ErrorMessage": "Rate exceeded"} if position in refused
            else {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
            for position in range(len(Records))
        ]  # fmt: skip
        return {"FailedRecordCount": len(refused), "Records": results}

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        refused = self._put([record["Data"] for record in Records])
        results = [
            {"ErrorCode": "ServiceUnavailableException"} if position in refused else {"RecordId": "r"}
            for position in range(len(Records))
        ]
        return {"FailedPutCount": len(refused), "RequestResponses": results}

    def _put(self, datas: list[bytes]) -> Sequence[int]:
        assert len(datas) <= 500
        self.before()
        self.calls.append(len(datas))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, str) and step != "lost":
            raise client_error(step, "PutRecords")
        refused = step if step is not None and step != "lost" else []
        self.taken += [data for position, data in enumerate(datas) if position not in refused]
        self.after()
        if step == "lost":
            raise ReadTimeoutError(endpoint_url="http://kinesis")
        return [int(position) for position in refused]
