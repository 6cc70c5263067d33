"""Whether a delivery stream holds records that deleting it would lose.

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
from typing import Any, Self

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import NoTableError, client_error_code, destinations

# CloudWatch shows a metric some minutes late; a period that is not complete proves nothing.
METRIC_DELAY_S = 300
PERIOD_S = 60

Clients = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class PausingClock:
    """The time, and how to wait for some seconds."""

    now: Callable[[], datetime]
    pause: Callable[[float], None]


SYSTEM_CLOCK = PausingClock(lambda: datetime.now(UTC), time.sleep)


@dataclass(frozen=True, slots=True)
class PipelineNames:
    """The names of one pipeline, and the longest time in seconds that its buffers keep a record."""

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


@dataclass(frozen=True, slots=True)
class Series:
    """One metric over the quiet time: the sum and the maximum of its datapoints; None without a datapoint."""

    total: float | None
    maximum: float | None


def confirmed_reasons(clients: Clients, pipeline: PipelineNames, clock: PausingClock) -> list[str]:
    """Return why the delivery stream may still hold records, after looking twice.

    The second look, METRIC_DELAY_S later, sees the records that arrived shortly before the first one.
    """
    waits = reasons_to_wait(clients, pipeline, clock.now())
    if waits:
        return waits
    clock.pause(METRIC_DELAY_S)
    return reasons_to_wait(clients, pipeline, clock.now())


def reasons_to_wait(clients: Clients, pipeline: PipelineNames, now: datetime) -> list[str]:
    """Return why the delivery stream may still hold records; an empty list when it is drained."""
    if not _exists(clients("firehose"), pipeline.delivery_stream):
        return []
    quiet_s = pipeline.buffers_s + METRIC_DELAY_S
    found = _metrics(clients("cloudwatch"), pipeline, now - timedelta(seconds=quiet_s), now)
    recent = _metrics(clients("cloudwatch"), pipeline, now - timedelta(seconds=2 * METRIC_DELAY_S), now)
    incoming, read = (
        found["IncomingRecords"].total or 0,
        found["DataReadFromKinesisStream.Records"].total or 0,
    )
    behind_ms = recent["KinesisMillisBehindLatest"].maximum or 0
    freshness_s = recent["DeliveryToS3.DataFreshness"].maximum
    rules = [
        (_is_attached(clients("dynamodb"), pipeline), f"the table {pipeline.table} still streams into it"),
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


def _exists(firehose: Any, name: str) -> bool:
    try:
        firehose.describe_delivery_stream(DeliveryStreamName=name)
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            return False
        raise
    return True


def _is_attached(dynamodb: Any, pipeline: PipelineNames) -> bool:
    """Return whether changes of the table can still arrive; a deleted table sends none."""
    try:
        found = destinations(dynamodb, pipeline.table)
    except NoTableError:
        return False
    return any(
        entry["StreamArn"] == pipeline.stream_arn
        and entry["DestinationStatus"] not in ("DISABLED", "ENABLE_FAILED")
        for entry in found
    )


_METRICS = {
    "IncomingRecords": ("AWS/Kinesis", "Sum"),
    "GetRecords.Success": ("AWS/Kinesis", "Sum"),
    "DataReadFromKinesisStream.Records": ("AWS/Firehose", "Sum"),
    "KinesisMillisBehindLatest": ("AWS/Firehose", "Maximum"),
    "DeliveryToS3.DataFreshness": ("AWS/Firehose", "Maximum"),
}


def _metrics(cloudwatch: Any, pipeline: PipelineNames, start: datetime, end: datetime) -> dict[str, Series]:
    """Read every metric in one call. At most 100 datapoints each, so one page. Raises ClientError."""
    dimensions = {
        "AWS/Kinesis": [{"Name": "StreamName", "Value": pipeline.stream}],
        "AWS/Firehose": [{"Name": "DeliveryStreamName", "Value": pipeline.delivery_stream}],
    }
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {"Namespace": space, "MetricName": name, "Dimensions": dimensions[space]},
                "Period": PERIOD_S,
                "Stat": statistic,
            },
        }
        for number, (name, (space, statistic)) in enumerate(_METRICS.items())
    ]
    answer = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=start, EndTime=end)
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    return {name: _series(values.get(f"m{number}", [])) for number, name in enumerate(_METRICS)}


def _series(values: list[float]) -> Series:
    return Series(sum(values), max(values)) if values else Series(None, None)
