"""Alarms, all sent to one topic. Each says what to do and links to the runbook."""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.deploy_settings import Deploy, shorten
from ttl_archive.infra.ingest.queue_ingestion import QueueIngestion
from ttl_archive.infra.metric_names import Metrics
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

RUNBOOK = "https://github.com/ttl-archive/ttl-archive/blob/main/infra/README.md"
_Operator = cloudwatch.ComparisonOperator
_Missing = cloudwatch.TreatMissingData
_DAY_S = 86_400
_SLACK_S = 300


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One alarm: `metric` is above `threshold` in each of `periods` of five minutes.

    With `on_absence`: the metric is missing, or at or below the threshold.
    """

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    periods: int
    action: str
    on_absence: bool = False


class Alarms(Construct):
    """The topic, the alarms, and the rule that counts new error objects."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
        metrics: Metrics,
    ) -> None:
        super().__init__(scope, id)
        arn = deploy.operations_key_arn
        self._key = kms.Key.from_key_arn(self, "Key", arn) if arn else None
        self.topic = sns.Topic(
            self,
            "Topic",
            enforce_ssl=True,
            master_key=self._key,
            # At most 100 characters. Source: Amazon SNS API Reference, CreateTopic.
            display_name=f"{shorten(settings.table.name, 92)} archive",
        )
        # A topic policy replaces the default policy, which lets alarms of the account publish.
        self.topic.add_to_resource_policy(roles.publishing("cloudwatch.amazonaws.com", self.topic.topic_arn))
        if deploy.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(deploy.alarm_email))
        self.rule = self._error_object_rule(settings, deploy, bucket)
        for rule in alarm_rules(settings, deploy, metrics, self.rule):
            alarm = cloudwatch.Alarm(
                self,
                rule.name,
                metric=rule.metric,
                threshold=rule.threshold,
                evaluation_periods=rule.periods,
                comparison_operator=_Operator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
                if rule.on_absence
                else _Operator.GREATER_THAN_THRESHOLD,
                # A quiet table emits no metrics.
                treat_missing_data=_Missing.BREACHING if rule.on_absence else _Missing.NOT_BREACHING,
                alarm_description=f"{settings.table.name}: {rule.action} {RUNBOOK}#{anchor(rule.name)}",
            )
            alarm.add_alarm_action(actions.SnsAction(self.topic))
            alarm.add_ok_action(actions.SnsAction(self.topic))

    def _error_object_rule(self, settings: Settings, deploy: Deploy, bucket: s3.IBucket) -> events.Rule:
        """Create the rule that counts error objects and publishes each to a topic of its own.

        EventBridge publishes with a role, because it supports no conditions in the policy of a topic: a
        statement for the service would let rules of every account publish.
        Source: Amazon EventBridge User Guide, resource-based policies for Amazon SNS.
        """
        each = sns.Topic(self, "ErrorObjectTopic", enforce_ssl=True, master_key=self._key)
        key_use = (
            [roles.allow(["kms:Decrypt", "kms:GenerateDataKey"], [deploy.operations_key_arn])]
            if deploy.operations_key_arn
            else []
        )
        role = roles.service_role(
            self, "events.amazonaws.com", [roles.allow(["sns:Publish"], [each.topic_arn]), *key_use]
        )
        rule = events.Rule(
            self,
            "ErrorObjectRule",
            description=f"Error objects of {settings.table.name}",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"prefix": layout.errors_folder(settings)}]},
                },
            ),
        )
        # Its policy is complete; CDK would add actions with wildcards.
        rule.add_target(targets.SnsTopic(each, role=role.without_policy_updates()))
        return rule


def anchor(name: str) -> str:
    """Return the anchor of an alarm's section in the runbook; its heading is the alarm's name."""
    return f"alarm-{name.lower()}"


def alarm_rules(
    settings: Settings, deploy: Deploy, metrics: Metrics, error_rule: events.Rule
) -> Iterator[AlarmRule]:
    """Yield every alarm of one archive."""
    # With partitioning, delivery can take 1.5 times the interval.
    # Source: Firehose Developer Guide, buffering.
    delay = 1.5 if settings.output.partition_by == "event" else 1.0
    yield AlarmRule(
        "DeliveryStale",
        metrics.delivery("DeliveryToS3.DataFreshness", "Maximum"),
        max(deploy.buffer_s * delay, 60) + deploy.processor_buffer_s + _SLACK_S,
        3,
        "Rows reach the bucket too late. Look in the delivery stream's log for errors of S3 or KMS.",
    )
    yield AlarmRule(
        "DeliveryBehind",
        metrics.delivery("KinesisMillisBehindLatest", "Maximum"),
        900_000,
        3,
        "Firehose reads the stream 15 minutes late. Look at the function's errors, throttles and duration.",
    )
    yield AlarmRule(
        "StreamNearlyFull",
        metrics.stream("GetRecords.IteratorAgeMilliseconds", "Maximum"),
        deploy.stream_retention_days * _DAY_S * 1000 / 2,
        1,
        "Half of the stream's retention has passed: increase stream_retention_days now, then find out why "
        "Firehose reads so late.",
    )
    # Without a reader, no metric of reading exists, so no other alarm can fire. Firehose reads each shard
    # once a second, even an empty one. Source: Firehose Developer Guide, writing with Kinesis.
    yield AlarmRule(
        "StreamUnread",
        metrics.stream("GetRecords.Success", "Sum"),
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
        metrics.function("Errors", "Sum"),
        0,
        1,
        "The transform function failed as a whole; after the retries its batch is under errors/.",
    )
    yield AlarmRule(
        "FunctionThrottles",
        metrics.function("Throttles", "Sum"),
        0,
        3,
        "Lambda refuses invocations: raise the account's concurrency.",
    )
    yield AlarmRule(
        "FunctionSlow",
        metrics.function("Duration", "p99"),
        deploy.timeout_s * 1000 * 0.8,
        1,
        "The function approaches its timeout. Check whether it re-ingests into a stream that throttles.",
    )
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
        "ReingestLoops",
        metrics.transform("ReingestLoops"),
        0,
        1,
        "Records were re-ingested in a loop; they are under errors/. Lower processor_buffer_mb.",
    )
    if settings.output.partition_by == "event":
        yield AlarmRule(
            "PartitionsExceeded",
            metrics.delivery("PartitionCountExceeded", "Maximum"),
            0,
            1,
            "More dates at once than Firehose allows; others are under errors/. Replay or raise the quota.",
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
