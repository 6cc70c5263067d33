"""The alarms of every archive and of the Kinesis road: which metric, which threshold, and what to do.

Those of the Streams road are in streams_road/streams_alarms.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.ingest.queue_ingestion import QueueIngestion
from ttl_archive.infra.metric_names import Metrics, RoadMetrics
from ttl_archive.infra.scheduled_reports.scheduled_reports import ScheduledReports
from ttl_archive.transform.settings import Settings

_DAY_S = 86_400
_SLACK_S = 300


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One alarm: `metric` is above `threshold` in each of `periods`, which are as long as the metric's own.

    With `on_absence`: the metric is missing, or at or below the threshold.
    """

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    periods: int
    action: str
    on_absence: bool = False


def common_alarms(metrics: Metrics, error_rule: events.Rule) -> Iterator[AlarmRule]:
    """Yield the alarms that do not depend on the road."""
    yield AlarmRule(
        "ErrorObjects",
        metrics.error_objects(error_rule),
        0,
        1,
        "Records failed and are under errors/. List them with: ttl-archive replay list",
    )
    yield AlarmRule(
        "UnexpectedErrors",
        metrics.transform("UnexpectedErrors"),
        0,
        1,
        "The transform raised an unexpected error; the records are under errors/. Its log has the details.",
    )
    yield AlarmRule(
        "ReplayFailed",
        metrics.replay("ExecutionsFailed"),
        0,
        1,
        "A replay of error objects ended with more failures than replay_tolerated_failure_percent.",
    )
    if metrics.backfill_machine:
        yield AlarmRule(
            "BackfillFailed",
            metrics.execution(metrics.backfill_machine, "ExecutionsFailed"),
            0,
            1,
            "A backfill ended before every data file of its export was archived. Start it again.",
        )
    if metrics.export_machine:
        yield AlarmRule(
            "ExportFailed",
            metrics.execution(metrics.export_machine, "ExecutionsFailed"),
            0,
            1,
            "An export of the table failed, and its window is exported by no later run until it succeeds. "
            "Look at the cause of the execution.",
        )
    if metrics.ingestion:
        yield from _ingest_rules(metrics, metrics.ingestion)


def report_alarms(metrics: Metrics, reports: ScheduledReports) -> Iterator[AlarmRule]:
    """Yield the alarms for a report that failed, or was not started."""
    yield AlarmRule(
        "ReportFailed",
        metrics.execution(reports.machine, "ExecutionsFailed"),
        0,
        1,
        "A report on a schedule failed. Its topic has Athena's own reason: correct it, and start the report.",
    )
    yield AlarmRule(
        "ReportNotStarted",
        metrics.schedules(reports.group, "InvocationDroppedCount"),
        0,
        1,
        "EventBridge Scheduler could not start a report for a day, and gave up. Start the state machine with "
        "the report and its scheduled time.",
    )


def _ingest_rules(metrics: Metrics, ingestion: QueueIngestion) -> Iterator[AlarmRule]:
    yield AlarmRule(
        "IngestDeadLetters",
        metrics.queue(ingestion.dead_letters, "ApproximateNumberOfMessagesVisible"),
        0,
        1,
        "Messages could not be stored. Their attribute ErrorCode, or failedByCode in the log, says why.",
    )
    yield AlarmRule(
        "IngestLate",
        metrics.queue(ingestion.queue, "ApproximateAgeOfOldestMessage"),
        900,
        3,
        "Readings wait for 15 minutes. Look at the function's errors and the table's throttles.",
    )
    yield AlarmRule(
        "IngestErrors",
        metrics.errors_of(ingestion.function.function),
        0,
        1,
        "The ingestion failed as a whole; its messages stay in the queue. Its log has the reason.",
    )


def kinesis_alarms(
    settings: Settings, deploy: Deploy, metrics: Metrics, road: RoadMetrics
) -> Iterator[AlarmRule]:
    """Yield the alarms of the Kinesis road."""
    # With partitioning, delivery can take 1.5 times the interval.
    # Source: Firehose Developer Guide, buffering.
    delay = 1.5 if settings.output.partition_by == "event" else 1.0
    yield AlarmRule(
        "DeliveryStale",
        road.delivery("DeliveryToS3.DataFreshness", "Maximum"),
        max(deploy.buffer_s * delay, 60) + deploy.processor_buffer_s + _SLACK_S,
        3,
        "Rows reach the bucket too late. Look in the delivery stream's log for errors of S3 or KMS.",
    )
    yield AlarmRule(
        "DeliveryBehind",
        road.delivery("KinesisMillisBehindLatest", "Maximum"),
        900_000,
        3,
        "Firehose reads the stream 15 minutes late. Look at the function's errors, throttles and duration.",
    )
    yield AlarmRule(
        "StreamNearlyFull",
        road.stream("GetRecords.IteratorAgeMilliseconds", "Maximum"),
        deploy.stream_retention_days * _DAY_S * 1000 / 2,
        1,
        "Half of the stream's retention has passed: increase stream_retention_days now, then find out why "
        "Firehose reads so late.",
    )
    # Without a reader, no metric of reading exists, so no other alarm can fire. Firehose reads each shard
    # once a second, even an empty one. Source: Firehose Developer Guide, writing with Kinesis.
    yield AlarmRule(
        "StreamUnread",
        road.stream("GetRecords.Success", "Sum"),
        0,
        3,
        "Nothing reads the stream, which keeps its records only for stream_retention_days. Check that the "
        "delivery stream exists and that its role may read the stream and use its key.",
        on_absence=True,
    )
    yield AlarmRule(
        "ReplicationLate",
        metrics.replication("AgeOfOldestUnreplicatedRecord", "MAX"),
        900_000,
        3,
        "DynamoDB has written no changes to the stream for 15 minutes; after 7 days it turns streaming off. "
        "Look at the stream's throttles and its KMS key.",
    )
    yield AlarmRule(
        "ReplicationFailed",
        metrics.replication("FailedToReplicateRecordCount", "MAX"),
        0,
        1,
        "DynamoDB skipped a change that it could not write to the stream: it is not in the archive. "
        "Compare the item's size with max_record_kib.",
    )
    yield AlarmRule(
        "FunctionErrors",
        road.function("Errors", "Sum"),
        0,
        1,
        "The transform function failed as a whole; after the retries its batch is under errors/.",
    )
    yield AlarmRule(
        "FunctionThrottles",
        road.function("Throttles", "Sum"),
        0,
        3,
        "Lambda refuses invocations: raise the account's concurrency.",
    )
    yield AlarmRule(
        "FunctionSlow",
        road.function("Duration", "p99"),
        deploy.timeout_s * 1000 * 0.8,
        1,
        "The function approaches its timeout. Check whether it re-ingests into a stream that throttles.",
    )
    yield AlarmRule(
        "ReingestLoops",
        metrics.transform("ReingestLoops"),
        0,
        1,
        "Records were re-ingested in a loop; they are under errors/. Lower processor_buffer_mb.",
    )
    if settings.output.partition_by == "event":
        yield AlarmRule(
            "PartitionsExceeded",
            road.delivery("PartitionCountExceeded", "Maximum"),
            0,
            1,
            "More dates at once than Firehose allows; others are under errors/. Replay or raise the quota.",
        )
