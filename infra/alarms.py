"""Alarms, all sent to one topic. Each says what to do and links to the runbook."""

from collections.abc import Iterable

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
from ttl_archive.infra.alarm_rules import AlarmRule, common_alarms, kinesis_alarms
from ttl_archive.infra.deploy_settings import Deploy, shorten
from ttl_archive.infra.metric_names import Metrics, RoadMetrics
from ttl_archive.infra.streams_road.streams_alarms import discarded_batches, streams_alarms
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

RUNBOOK = "https://github.com/ttl-archive/ttl-archive/blob/main/infra/README.md"
_Operator = cloudwatch.ComparisonOperator
_Missing = cloudwatch.TreatMissingData


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
        failures: s3.IBucket | None,
        metrics: Metrics,
        roads: list[RoadMetrics],
    ) -> None:
        super().__init__(scope, id)
        self._table = settings.table.name
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
        failed = f"Error objects of {self._table}"
        self.rule = self._object_rule("ErrorObject", failed, bucket, layout.errors_folder(settings))
        rules = [*common_alarms(metrics, self.rule)]
        for road in roads:
            alarms = kinesis_alarms if road.kinesis_stream else streams_alarms
            rules += alarms(settings, deploy, metrics, road)
        if failures:
            lost = f"Batches of {self._table} that Lambda gave up"
            discarded = self._object_rule("DiscardedBatch", lost, failures, layout.ON_FAILURE)
            rules.append(discarded_batches(metrics, discarded))
        self.add(self, rules)

    def add(self, scope: Construct, rules: Iterable[AlarmRule]) -> None:
        """Create the alarms in a scope; they notify the topic."""
        for rule in rules:
            alarm = cloudwatch.Alarm(
                scope,
                rule.name,
                metric=rule.metric,
                threshold=rule.threshold,
                evaluation_periods=rule.periods,
                comparison_operator=_Operator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
                if rule.on_absence
                else _Operator.GREATER_THAN_THRESHOLD,
                # A quiet table emits no metrics.
                treat_missing_data=_Missing.BREACHING if rule.on_absence else _Missing.NOT_BREACHING,
                alarm_description=f"{self._table}: {rule.action} {RUNBOOK}#{anchor(rule.name)}",
            )
            alarm.add_alarm_action(actions.SnsAction(self.topic))
            alarm.add_ok_action(actions.SnsAction(self.topic))

    def _object_rule(self, id: str, description: str, bucket: s3.IBucket, prefix: str) -> events.Rule:  # noqa: A002
        """Create a rule that counts new objects and publishes each to a topic of its own.

        EventBridge publishes with a role, because it supports no conditions in the policy of a topic: a
        statement for the service would let rules of every account publish.
        Source: Amazon EventBridge User Guide, resource-based policies for Amazon SNS.
        """
        scope = Construct(self, id)
        each = sns.Topic(scope, "Topic", enforce_ssl=True, master_key=self._key)
        key_use = (
            [roles.allow(["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn])] if self._key else []
        )
        role = roles.service_role(
            scope, "events.amazonaws.com", [roles.allow(["sns:Publish"], [each.topic_arn]), *key_use]
        )
        rule = events.Rule(
            scope,
            "Rule",
            description=shorten(description, 512),  # Source: Amazon EventBridge API Reference, PutRule
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"prefix": prefix}]},
                },
            ),
        )
        # Its policy is complete; CDK would add actions with wildcards.
        rule.add_target(targets.SnsTopic(each, role=role.without_policy_updates()))
        return rule


def anchor(name: str) -> str:
    """Return the anchor of an alarm's section in the runbook; its heading is the alarm's name."""
    return f"alarm-{name.lower()}"
