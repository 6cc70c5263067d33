"""The dashboard: the flow from the table to the bucket, from top to bottom."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from ttl_archive.infra.metric_names import Metrics, RoadMetrics

_WIDTH = 8  # three widgets in a row of 24


Graphs = dict[str, list[cloudwatch.IMetric]]


def dashboard(
    scope: Construct,
    id: str,  # noqa: A002
    *,
    metrics: Metrics,
    roads: list[RoadMetrics],
    rule: events.Rule,
) -> cloudwatch.Dashboard:
    """Create the dashboard: one row for each of table, records, failures, and the parts of each road."""
    board = cloudwatch.Dashboard(scope, id)
    rows = {"Table": _table(metrics, roads), "Records": _records(metrics)}
    for road in roads:
        rows |= (_kinesis_rows if road.kinesis_stream else _streams_rows)(road, metrics)
    rows["Failed"] = {
        "Error objects": [metrics.error_objects(rule)],
        "Records failed": [metrics.transform("RecordsFailed")],
        "Replays": [metrics.replay("ExecutionsSucceeded"), metrics.replay("ExecutionsFailed")],
    }
    for title, graphs in rows.items():
        board.add_widgets(cloudwatch.TextWidget(markdown=f"## {title}", width=24, height=1))
        board.add_widgets(
            *(cloudwatch.GraphWidget(title=name, left=left, width=_WIDTH) for name, left in graphs.items())
        )
    return board


def _table(metrics: Metrics, roads: list[RoadMetrics]) -> Graphs:
    found: Graphs = {"Items removed by TTL": [metrics.table("TimeToLiveDeletedItemCount", "Sum")]}
    if any(road.kinesis_stream for road in roads):
        oldest = metrics.replication("AgeOfOldestUnreplicatedRecord", "MAX")
        found |= {
            "Changes written to the stream": [metrics.replication("ConsumedChangeDataCaptureUnits", "SUM")],
            "Age of the oldest change not yet written": [oldest],
        }
    return found


def _records(metrics: Metrics) -> Graphs:
    outcomes = ("RecordsReceived", "RecordsDelivered", "RecordsDropped", "RecordsFailed")
    rules = ("DroppedNotRemoval", "DroppedUserRemoval", "DroppedTtlRemoval")
    transform = metrics.transform
    return {
        "Records by outcome": [transform(name) for name in outcomes],
        "Dropped, by rule": [transform(name) for name in rules],
        "Duration of a batch": [transform("Duration", "p50"), transform("Duration", "p99")],
        "Unexpected errors": [transform("UnexpectedErrors")],
    }


def _kinesis_rows(road: RoadMetrics, metrics: Metrics) -> dict[str, Graphs]:
    return {
        "Stream": {
            "Records in": [road.stream("IncomingRecords", "Sum")],
            "Age of the records read": [road.stream("GetRecords.IteratorAgeMilliseconds", "Maximum")],
            "Throttled": [
                road.stream("WriteProvisionedThroughputExceeded", "Sum"),
                road.stream("ReadProvisionedThroughputExceeded", "Sum"),
            ],
        },
        "Transform": _calls(road)
        | {
            "Records put back into the stream": [metrics.transform("RecordsReingested")],
            "Bytes in and out": [metrics.transform("BytesReceived"), metrics.transform("BytesReturned")],
            "Loops": [metrics.transform("ReingestLoops")],
        },
        "Bucket": _delivery(road),
    }


def _streams_rows(road: RoadMetrics, metrics: Metrics) -> dict[str, Graphs]:
    return {
        "Forwarder": _calls(road)
        | {
            "Age of the changes read": [road.function("IteratorAge", "Maximum")],
            "Records returned for another delivery": [metrics.transform("RecordsReturned")],
            "Bytes put, and bytes billed": [metrics.transform("BytesPut"), metrics.transform("BytesBilled")],
        },
        "Bucket (Streams road)": _delivery(road),
    }


def _calls(road: RoadMetrics) -> Graphs:
    names = ("Invocations", "Errors", "Throttles")
    return {"Invocations, errors, throttles": [road.function(name, "Sum") for name in names]}


def _delivery(road: RoadMetrics) -> Graphs:
    return {
        "Rows delivered": [road.delivery("DeliveryToS3.Records", "Sum")],
        "Bytes and objects": [
            road.delivery("DeliveryToS3.Bytes", "Sum"),
            road.delivery("DeliveryToS3.ObjectCount", "Sum"),
        ],
        "Age of the oldest undelivered record": [road.delivery("DeliveryToS3.DataFreshness", "Maximum")],
    }
