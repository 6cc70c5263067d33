"""Alarms, all to one topic. Each says what to do, and where the runbook goes on."""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.metric_names import Metrics
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

RUNBOOK = "https://github.com/ttl-archive/ttl-archive/blob/main/infra/README.md"
_Operator = cloudwatch.ComparisonOperator
_Missing = cloudwatch.TreatMissingData
_DAY_S = 86_400
_SLACK_S = 300


@dataclass(frozen=True, slots=True)
class Watch:
    """One alarm: when `metric` is over `threshold` in each of `periods` of five minutes.

    `silent`: when it is not there, or not over the threshold; a quiet table sends it all the same.
    """

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    periods: int
    action: str
    silent: bool = False


class Alarms(Construct):
    """The topic, the alarms, and the rule that sees error objects arrive."""

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
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True, display_name=f"{settings.table.name} archive")
        # A topic with a policy of its own has lost the one that lets alarms of the account publish.
        self.topic.add_to_resource_policy(roles.publishing("cloudwatch.amazonaws.com", self.topic.topic_arn))
        if deploy.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(deploy.alarm_email))
        self.rule = self._error_object_rule(settings, bucket)
        for watch in _watches(settings, deploy, metrics, self.rule):
            alarm = cloudwatch.Alarm(
                self,
                watch.name,
                metric=watch.metric,
                threshold=watch.threshold,
                evaluation_periods=watch.periods,
                comparison_operator=_Operator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
                if watch.silent
                else _Operator.GREATER_THAN_THRESHOLD,
                # A quiet table sends no metrics.
                treat_missing_data=_Missing.BREACHING if watch.silent else _Missing.NOT_BREACHING,
                alarm_description=f"{settings.table.name}: {watch.action} {RUNBOOK}#{anchor(watch.name)}",
            )
            alarm.add_alarm_action(actions.SnsAction(self.topic))
            alarm.add_ok_action(actions.SnsAction(self.topic))

    def _error_object_rule(self, settings: Settings, bucket: s3.IBucket) -> events.Rule:
        """Counts error objects. Each is told to a topic of its own, for whoever wants to act on each."""
        each = sns.Topic(self, "ErrorObjectTopic", enforce_ssl=True)
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
        rule.add_target(targets.SnsTopic(each))
        return rule


def anchor(name: str) -> str:
    """Where the runbook tells of an alarm: its heading is the alarm's name."""
    return f"alarm-{name.lower()}"


def _watches(settings: Settings, deploy: Deploy, metrics: Metrics, rule: events.Rule) -> Iterator[Watch]:
    # A partitioned delivery may take half as long again. Source: Firehose Developer Guide, buffering.
    delay = 1.5 if settings.output.partition_by == "event" else 1.0
    yield Watch(
        "DeliveryStale",
        metrics.delivery("DeliveryToS3.DataFreshness", "Maximum"),
        max(deploy.buffer_s * delay, 60) + deploy.processor_buffer_s + _SLACK_S,
        3,
        "Rows reach the bucket too late. Look into the delivery stream's log: does S3 or KMS refuse?",
    )
    yield Watch(
        "DeliveryBehind",
        metrics.delivery("KinesisMillisBehindLatest", "Maximum"),
        900_000,
        3,
        "Firehose reads the stream 15 minutes late. Look at the function's errors, throttles and duration.",
    )
    yield Watch(
        "StreamNearlyFull",
        metrics.stream("GetRecords.IteratorAgeMilliseconds", "Maximum"),
        deploy.stream_retention_days * _DAY_S * 1000 / 2,
        1,
        "Half of the stream's retention is gone: lengthen stream_retention_days now, then find out why it is "
        "read so late.",
    )
    # Where nothing reads, no metric of reading is sent, so no other alarm can tell. Firehose reads each shard
    # once a second, an empty one too. Source: Firehose Developer Guide, writing with Kinesis.
    yield Watch(
        "StreamUnread",
        metrics.stream("GetRecords.Success", "Sum"),
        0,
        3,
        "Nothing reads the stream, which keeps its records for stream_retention_days only: is the delivery "
        "stream there, and may its role read the stream and use its key?",
        silent=True,
    )
    yield Watch(
        "ReplicationLate",
        metrics.replication("AgeOfOldestUnreplicatedRecord", "MAX"),
        900_000,
        3,
        "DynamoDB has not put changes into the stream for 15 minutes; after 7 days it gives up for good. "
        "Look at the stream's throttles and its KMS key.",
    )
    yield Watch(
        "ReplicationFailed",
        metrics.replication("FailedToReplicateRecordCount", "MAX"),
        0,
        1,
        "DynamoDB could not put a change into the stream and skipped it: it is not in the archive.",
    )
    yield Watch(
        "FunctionErrors",
        metrics.function("Errors", "Sum"),
        0,
        1,
        "The transform function failed as a whole; after the retries its batch is under errors/.",
    )
    yield Watch(
        "FunctionThrottles",
        metrics.function("Throttles", "Sum"),
        0,
        3,
        "Lambda refuses invocations: raise the account's concurrency.",
    )
    yield Watch(
        "FunctionSlow",
        metrics.function("Duration", "p99"),
        deploy.timeout_s * 1000 * 0.8,
        1,
        "The function comes near its timeout: does it re-ingest into a stream that throttles?",
    )
    yield Watch(
        "ErrorObjects",
        metrics.error_objects(rule),
        0,
        1,
        "Records failed and lie under errors/. See them with: ttl-archive replay list",
    )
    yield Watch(
        "UnexpectedErrors",
        metrics.transform("UnexpectedErrors"),
        0,
        1,
        "The transform met a mistake of its own; the records are under errors/. The log has type and place.",
    )
    yield Watch(
        "ReingestLoops",
        metrics.transform("ReingestLoops"),
        0,
        1,
        "Records went round without fitting; they are under errors/. Lower processor_buffer_mb.",
    )
    if settings.output.partition_by == "event":
        yield Watch(
            "PartitionsExceeded",
            metrics.delivery("PartitionCountExceeded", "Maximum"),
            0,
            1,
            "More dates at once than Firehose takes; the rest is under errors/. Replay it, or ask for more.",
        )
    yield Watch(
        "ReplayFailed",
        metrics.replay("ExecutionsFailed"),
        0,
        1,
        "A replay of error objects ended with more failures than replay_tolerated_failure_percent.",
    )
