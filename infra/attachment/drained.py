"""Whether a delivery stream holds records that deleting it would lose, on the Kinesis road.

Firehose has no call that shows its buffers, so that this is concluded from metrics. All of these must hold:

1. the table is detached (DescribeKinesisStreamingDestination), so that no new change arrives;
2. for longer than every buffer can last, nothing entered the stream (IncomingRecords, which counts
   re-ingestion as well) and Firehose read nothing from it (DataReadFromKinesisStream.Records);
3. Firehose reads up to the end of the stream (KinesisMillisBehindLatest is 0);
4. Firehose has no delivery in progress: DeliveryToS3.DataFreshness is emitted only while there is one, so a
   delivery that S3 refuses shows here.

Source: Amazon Data Firehose Developer Guide, monitoring-with-cloudwatch-metrics; Kinesis Data Streams
Developer Guide, monitoring-with-cloudwatch.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import (
    Destination,
    NoTableError,
    Waiter,
    client_error_code,
    destinations,
    detach,
)
from ttl_archive.infra.attachment.metric_series import MetricName, Series, read_series

# CloudWatch shows a metric some minutes late.
METRIC_DELAY_S = 300

Clients = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class PausingClock:
    """The time, and how to wait for some seconds."""

    now: Callable[[], datetime]
    pause: Callable[[float], None]


SYSTEM_CLOCK = PausingClock(lambda: datetime.now(UTC), time.sleep)


class DeployedRoad(Protocol):
    """The parts of one road, from the table to its delivery stream."""

    @property
    def table(self) -> str:
        """Return the name of the table."""

    @property
    def delivery_stream(self) -> str:
        """Return the name of the delivery stream."""

    def is_attached(self, clients: Clients) -> bool:
        """Return whether changes of the table can still arrive."""

    def detach(self, clients: Clients, waiter: Waiter) -> None:
        """Let no more changes in, and wait until AWS reports it. Raises DestinationError on timeout."""

    def reasons_to_wait(self, clients: Clients, now: datetime) -> list[str]:
        """Return why the road may still hold records; an empty list when it is drained."""


def confirmed_reasons(clients: Clients, pipeline: DeployedRoad, clock: PausingClock) -> list[str]:
    """Return why the delivery stream may still hold records, after looking twice.

    The second look, METRIC_DELAY_S later, sees the records that arrived shortly before the first one.
    """
    waits = pipeline.reasons_to_wait(clients, clock.now())
    if waits:
        return waits
    clock.pause(METRIC_DELAY_S)
    return pipeline.reasons_to_wait(clients, clock.now())


@dataclass(frozen=True, slots=True)
class KinesisPipeline:
    """The names of one Kinesis road, and the longest time in seconds that its buffers keep a record."""

    table: str
    stream_arn: str
    delivery_stream: str
    buffers_s: int

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

    def reasons_to_wait(self, clients: Clients, now: datetime) -> list[str]:
        """Return why the road may still hold records; an empty list when it is drained."""
        if not delivery_stream_exists(clients("firehose"), self.delivery_stream):
            return []
        quiet_s = self.buffers_s + METRIC_DELAY_S
        found = self._metrics(clients("cloudwatch"), now - timedelta(seconds=quiet_s), now)
        recent = self._metrics(clients("cloudwatch"), now - timedelta(seconds=2 * METRIC_DELAY_S), now)
        incoming = found["IncomingRecords"].total or 0
        read = found["DataReadFromKinesisStream.Records"].total or 0
        behind_ms = recent["KinesisMillisBehindLatest"].maximum or 0
        freshness_s = recent["DeliveryToS3.DataFreshness"].maximum
        rules = [
            (self.is_attached(clients), f"the table {self.table} still streams into it"),
            (incoming > 0, f"{incoming:.0f} records entered the stream within the last {quiet_s} seconds"),
            (read > 0, f"Firehose read {read:.0f} records within the last {quiet_s} seconds"),
            (behind_ms > 0, f"Firehose is {behind_ms / 1000:.0f} seconds behind the end of the stream"),
            (
                freshness_s is not None,
                f"a delivery is in progress; its oldest record is {freshness_s or 0:.0f} seconds old",
            ),
            (
                not recent["GetRecords.Success"].total,
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

    def _metrics(self, cloudwatch: Any, start: datetime, end: datetime) -> dict[str, Series]:
        """Read every metric in one call. Raises ClientError."""
        dimensions = {
            "AWS/Kinesis": {"StreamName": self.stream},
            "AWS/Firehose": {"DeliveryStreamName": self.delivery_stream},
        }
        names = [
            MetricName(space, name, statistic, dimensions[space])
            for name, (space, statistic) in _METRICS.items()
        ]
        return dict(zip(_METRICS, read_series(cloudwatch, names, start, end), strict=True))


def delivery_stream_exists(firehose: Any, name: str) -> bool:
    """Return whether the delivery stream is there. Raises ClientError."""
    try:
        firehose.describe_delivery_stream(DeliveryStreamName=name)
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            return False
        raise
    return True


_METRICS = {
    "IncomingRecords": ("AWS/Kinesis", "Sum"),
    "GetRecords.Success": ("AWS/Kinesis", "Sum"),
    "DataReadFromKinesisStream.Records": ("AWS/Firehose", "Sum"),
    "KinesisMillisBehindLatest": ("AWS/Firehose", "Maximum"),
    "DeliveryToS3.DataFreshness": ("AWS/Firehose", "Maximum"),
}
