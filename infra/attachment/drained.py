"""Whether the Kinesis road holds records that deleting its delivery stream would lose.

All of these must hold, beside what is asked of both roads (deployed_road):

1. the table is detached (DescribeKinesisStreamingDestination);
2. nothing entered the stream (IncomingRecords, which counts re-ingestion as well) and Firehose read nothing
   from it (DataReadFromKinesisStream.Records);
3. Firehose reads up to the end of the stream (KinesisMillisBehindLatest is 0), and something reads it at all.

Source: Amazon Data Firehose Developer Guide, monitoring-with-cloudwatch-metrics; Kinesis Data Streams
Developer Guide, monitoring-with-cloudwatch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from ttl_archive.infra.attachment.attach import Destination, NoTableError, Waiter, destinations, detach
from ttl_archive.infra.attachment.deployed_road import RECENT_S, Clients, DeployedRoad
from ttl_archive.infra.attachment.metric_series import MetricName, read_series


@dataclass(frozen=True, slots=True)
class DeployedKinesisRoad(DeployedRoad):
    """See DeployedRoad. `stream_arn` names the data stream."""

    stream_arn: str

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> Self:
        """Read the properties of a Custom::DrainGuard."""
        return cls(
            table=properties["TableName"],
            stream_arn=properties["StreamArn"],
            delivery_stream=properties["DeliveryStreamName"],
            buffers_s=int(properties["BuffersSeconds"]),
        )

    @property
    def stream(self) -> str:
        """Return the name of the data stream."""
        return self.stream_arn.rsplit("/", 1)[1]

    def reasons_before_delivery(self, clients: Clients, now: datetime) -> list[str]:
        """Return why the stream or a buffer may still hold changes."""
        cloudwatch = clients("cloudwatch")
        entered = [
            self._stream_metric("IncomingRecords"),
            self.delivery_metric("DataReadFromKinesisStream.Records", "Sum"),
        ]
        incoming, read = read_series(cloudwatch, entered, now - timedelta(seconds=self.quiet_s), now)
        reading = [
            self.delivery_metric("KinesisMillisBehindLatest", "Maximum"),
            self._stream_metric("GetRecords.Success"),
        ]
        behind, reads = read_series(cloudwatch, reading, now - timedelta(seconds=RECENT_S), now)
        within = f"within the last {self.quiet_s} seconds"
        rules = [
            (self.is_attached(clients), f"the table {self.table} still streams into it"),
            (incoming.total, f"{incoming.total or 0:.0f} records entered the stream {within}"),
            (read.total, f"Firehose read {read.total or 0:.0f} records {within}"),
            (
                behind.maximum,
                f"Firehose is {(behind.maximum or 0) / 1000:.0f} seconds behind the end of the stream",
            ),
            (
                not reads.total,
                "nothing reads the stream, so that records can remain in it: see the alarm StreamUnread",
            ),
        ]
        return [text for broken, text in rules if broken]

    def detach(self, clients: Clients, waiter: Waiter) -> None:
        """Turn off the table's streaming. Raises DestinationError on timeout."""
        detach(clients("dynamodb"), Destination(self.table, self.stream_arn), waiter)

    def is_attached(self, clients: Clients) -> bool:
        """Return whether changes of the table can still arrive; a deleted table sends none."""
        try:
            found = destinations(clients("dynamodb"), self.table)
        except NoTableError:
            return False
        return any(
            entry["StreamArn"] == self.stream_arn
            and entry["DestinationStatus"] not in ("DISABLED", "ENABLE_FAILED")
            for entry in found
        )

    def _stream_metric(self, name: str) -> MetricName:
        return MetricName("AWS/Kinesis", name, "Sum", {"StreamName": self.stream})
