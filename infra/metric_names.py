"""Every metric that the alarms and the dashboard use, under its AWS name.

Source: CloudWatch User Guide, services that publish metrics; transform/metrics.py.
"""

from dataclasses import dataclass
from typing import Self

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

from ttl_archive.infra.ingest.queue_ingestion import QueueIngestion
from ttl_archive.infra.kinesis_road import KinesisRoad
from ttl_archive.infra.streams_road.streams_road import StreamsRoad
from ttl_archive.transform.metrics import NAMESPACE
from ttl_archive.transform.settings import Settings

PERIOD_S = 300


@dataclass(frozen=True, slots=True)
class RoadMetrics:
    """The metrics of one road. `kinesis_stream` is None on the Streams road."""

    delivery_stream: firehose.CfnDeliveryStream
    called: lambda_.IFunction  # the transform, or the forwarder
    kinesis_stream: kinesis.IStream | None

    @classmethod
    def of(cls, road: KinesisRoad | StreamsRoad) -> Self:
        """Return the metrics of a road."""
        stream = road.stream if isinstance(road, KinesisRoad) else None
        return cls(road.delivery.delivery_stream, road.function.function, stream)

    def delivery(self, name: str, statistic: str) -> cloudwatch.Metric:
        """Return a metric of the delivery stream."""
        return _metric("AWS/Firehose", name, statistic, {"DeliveryStreamName": self.delivery_stream.ref})

    def stream(self, name: str, statistic: str) -> cloudwatch.Metric:
        """Return a metric of the data stream, which only the Kinesis road has."""
        assert self.kinesis_stream  # noqa: S101  the callers ask whether it is there
        return _metric("AWS/Kinesis", name, statistic, {"StreamName": self.kinesis_stream.stream_name})

    def function(self, name: str, statistic: str) -> cloudwatch.Metric:
        """Return a metric of the road's function, over all versions."""
        return _metric("AWS/Lambda", name, statistic, {"FunctionName": self.called.function_name})


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics that do not depend on the road, by the part that emits them."""

    settings: Settings
    replay_machine: sfn.StateMachine
    export_machine: sfn.StateMachine | None = None
    backfill_machine: sfn.StateMachine | None = None
    ingestion: QueueIngestion | None = None

    def transform(self, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
        """Return a metric that the transform and the forwarder log."""
        return _metric(NAMESPACE, name, statistic, {"Table": self.settings.table.name})

    def table(self, name: str, statistic: str) -> cloudwatch.Metric:
        """Return a metric of the table."""
        return _metric("AWS/DynamoDB", name, statistic, {"TableName": self.settings.table.name})

    def replication(self, name: str, function: str) -> cloudwatch.MathExpression:
        """Return a metric of the table's streaming.

        It is a query, because the values of the dimension DelegatedOperation are not documented.
        """
        source = 'SCHEMA("AWS/DynamoDB", TableName, DelegatedOperation)'
        where = f"TableName = '{self.settings.table.name}'"
        return cloudwatch.MathExpression(
            expression=f'SELECT {function}("{name}") FROM {source} WHERE {where}',  # noqa: S608  not a database
            using_metrics={},
            label=name,
            period=Duration.seconds(PERIOD_S),
        )

    def replay(self, name: str) -> cloudwatch.Metric:
        """Return a metric of the replay state machine."""
        return self.execution(self.replay_machine, name)

    def execution(self, machine: sfn.StateMachine, name: str) -> cloudwatch.Metric:
        """Return a metric of a state machine."""
        return _metric("AWS/States", name, "Sum", {"StateMachineArn": machine.state_machine_arn})

    def mapping(self, uuid: str, name: str) -> cloudwatch.Metric:
        """Return a metric of an event source mapping, one of its group EventCount."""
        return _metric("AWS/Lambda", name, "Sum", {"EventSourceMappingUUID": uuid})

    def schedules(self, group: scheduler.CfnScheduleGroup, name: str) -> cloudwatch.Metric:
        """Return a metric of a group of schedules."""
        return _metric("AWS/Scheduler", name, "Sum", {"ScheduleGroup": group.ref})

    def queue(self, queue: sqs.IQueue, name: str) -> cloudwatch.Metric:
        """Return a metric of a queue."""
        return _metric("AWS/SQS", name, "Maximum", {"QueueName": queue.queue_name})

    def errors_of(self, function: lambda_.IFunction) -> cloudwatch.Metric:
        """Return how often a function failed as a whole."""
        return _metric("AWS/Lambda", "Errors", "Sum", {"FunctionName": function.function_name})

    def error_objects(self, rule: events.Rule) -> cloudwatch.Metric:
        """Return the number of new objects that a rule counts: how often it called its target."""
        return _metric("AWS/Events", "Invocations", "Sum", {"RuleName": rule.rule_name})


def _metric(namespace: str, name: str, statistic: str, dimensions: dict[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        statistic=statistic,
        dimensions_map=dimensions,
        period=Duration.seconds(PERIOD_S),
    )
