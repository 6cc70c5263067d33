"""The dashboard: the flow from the table to the bucket, from top to bottom."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from ttl_archive.infra.metric_names import Metrics

_WIDTH = 8  # three widgets in a row of 24


def dashboard(scope: Construct, id: str, *, metrics: Metrics, rule: events.Rule) -> cloudwatch.Dashboard:  # noqa: A002
    """Create the dashboard: one row for each of table, stream, transform, bucket and failures."""
    outcomes = ("RecordsReceived", "RecordsDelivered", "RecordsDropped", "RecordsFailed", "RecordsReingested")
    rules = ("DroppedNotRemoval", "DroppedUserRemoval", "DroppedTtlRemoval")
    transform, function, delivery = metrics.transform, metrics.function, metrics.delivery
    rows: dict[str, dict[str, list[cloudwatch.IMetric]]] = {
        "Table": {
            "Items removed by TTL": [metrics.table("TimeToLiveDeletedItemCount", "Sum")],
            "Changes written to the stream": [metrics.replication("ConsumedChangeDataCaptureUnits", "SUM")],
            "Age of the oldest change not yet written": [
                metrics.replication("AgeOfOldestUnreplicatedRecord", "MAX")
            ],
        },
        "Stream": {
            "Records in": [metrics.stream("IncomingRecords", "Sum")],
            "Age of the records read": [metrics.stream("GetRecords.IteratorAgeMilliseconds", "Maximum")],
            "Throttled": [
                metrics.stream("WriteProvisionedThroughputExceeded", "Sum"),
                metrics.stream("ReadProvisionedThroughputExceeded", "Sum"),
            ],
        },
        "Transform": {
            "Records by outcome": [transform(name) for name in outcomes],
            "Dropped, by rule": [transform(name) for name in rules],
            "Invocations, errors, throttles": [
                function(name, "Sum") for name in ("Invocations", "Errors", "Throttles")
            ],
            "Bytes in and out": [transform("BytesReceived"), transform("BytesReturned")],
            "Duration of a batch": [transform("Duration", "p50"), transform("Duration", "p99")],
            "Loops and unexpected errors": [transform("ReingestLoops"), transform("UnexpectedErrors")],
        },
        "Bucket": {
            "Rows delivered": [delivery("DeliveryToS3.Records", "Sum")],
            "Bytes and objects": [
                delivery("DeliveryToS3.Bytes", "Sum"),
                delivery("DeliveryToS3.ObjectCount", "Sum"),
            ],
            "Age of the oldest undelivered record": [delivery("DeliveryToS3.DataFreshness", "Maximum")],
        },
        "Failed": {
            "Error objects": [metrics.error_objects(rule)],
            "Records failed": [transform("RecordsFailed")],
            "Replays": [metrics.replay("ExecutionsSucceeded"), metrics.replay("ExecutionsFailed")],
        },
    }
    board = cloudwatch.Dashboard(scope, id)
    for title, graphs in rows.items():
        board.add_widgets(cloudwatch.TextWidget(markdown=f"## {title}", width=24, height=1))
        board.add_widgets(
            *(cloudwatch.GraphWidget(title=name, left=left, width=_WIDTH) for name, left in graphs.items())
        )
    return board
