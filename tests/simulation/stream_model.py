"""A Kinesis data stream and a delivery stream as AWS documents them; what they took is kept in order.

Source: Kinesis API Reference, PutRecords; Firehose API Reference, PutRecordBatch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes import client_error

NAME = "changes"
STREAM_ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"
DELIVERY_ARN = "arn:aws:firehose:us-east-1:123456789012:deliverystream/changes"


@dataclass
class StreamModel:
    """Both kinds of stream, each named `changes`. A put refuses the records at the positions `refused`."""

    taken: list[bytes] = field(default_factory=list)

    def describe_stream_summary(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeStreamSummary."""
        if request not in ({"StreamName": NAME}, {"StreamARN": STREAM_ARN}):
            raise client_error("ResourceNotFoundException", "DescribeStreamSummary")
        return {"StreamDescriptionSummary": {"StreamARN": STREAM_ARN, "MaxRecordSizeInKiB": 1024}}

    def describe_delivery_stream(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeDeliveryStream."""
        if request != {"DeliveryStreamName": NAME}:
            raise client_error("ResourceNotFoundException", "DescribeDeliveryStream")
        found = {"DeliveryStreamType": "DirectPut", "DeliveryStreamARN": DELIVERY_ARN}
        return {"DeliveryStreamDescription": found}

    def put_records(self, request: dict[str, Any], refused: frozenset[int] = frozenset()) -> dict[str, Any]:
        """PutRecords: at most 500 records and 5 MiB, each with a partition key."""
        assert request["StreamARN"] == STREAM_ARN
        records = request["Records"]
        size = sum(len(each["Data"]) + len(each["PartitionKey"]) for each in records)
        if not 1 <= len(records) <= 500 or size > 5_242_880 or not all(e["PartitionKey"] for e in records):
            raise client_error("InvalidArgumentException", "PutRecords")
        code = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        receipt = {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
        answers = self._take(records, refused, code, receipt)
        return {"FailedRecordCount": len(refused), "Records": answers}

    def put_record_batch(
        self, request: dict[str, Any], refused: frozenset[int] = frozenset()
    ) -> dict[str, Any]:
        """PutRecordBatch: at most 500 records and 4 MiB."""
        assert request["DeliveryStreamName"] == NAME
        records = request["Records"]
        if not 1 <= len(records) <= 500 or sum(len(each["Data"]) for each in records) > 4_194_304:
            raise client_error("InvalidArgumentException", "PutRecordBatch")
        code = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
        answers = self._take(records, refused, code, {"RecordId": "r"})
        return {"FailedPutCount": len(refused), "RequestResponses": answers}

    def _take(
        self,
        records: list[dict[str, Any]],
        refused: frozenset[int],
        code: dict[str, str],
        receipt: dict[str, str],
    ) -> list[dict[str, str]]:
        self.taken += [each["Data"] for position, each in enumerate(records) if position not in refused]
        return [code if position in refused else receipt for position in range(len(records))]
