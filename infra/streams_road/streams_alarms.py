"""The alarms of the Streams road, but for those of its mapping: see mapping_alarms."""

from collections.abc import Iterator

from aws_cdk import aws_events as events

from ttl_archive.infra.alarm_rules import AlarmRule
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.metric_names import Metrics, RoadMetrics
from ttl_archive.transform.settings import Settings

_HOUR_S = 3_600


def streams_alarms(_: Settings, deploy: Deploy, metrics: Metrics, road: RoadMetrics) -> Iterator[AlarmRule]:
    """Yield the alarms of the Streams road; they do not depend on the settings."""
    yield AlarmRule(
        "RowsNotDelivered",
        road.delivery("DeliveryToS3.DataFreshness", "Maximum"),
        _HOUR_S,
        1,
        "Rows have been in the delivery stream for an hour; Firehose discards them after 24 hours. Look in "
        "its log for errors of S3 or KMS.",
    )
    yield AlarmRule(
        "ForwarderBehind",
        road.function("IteratorAge", "Maximum"),
        _HOUR_S * 1000,
        1,
        "Changes reach the forwarder an hour late; after record_age_s they go to the bucket of discarded "
        "batches. Look at its errors, and at RecordsReturned and putErrors in its log.",
    )
    yield AlarmRule(
        "ForwarderErrors",
        road.function("Errors", "Sum"),
        0,
        1,
        "The forwarder failed as a whole; Lambda retries the batch until record_age_s.",
    )
    yield AlarmRule(
        "ForwarderThrottles",
        road.function("Throttles", "Sum"),
        0,
        3,
        "Lambda refuses invocations of the forwarder: raise the account's concurrency.",
    )
    yield AlarmRule(
        "ForwarderSlow",
        road.function("Duration", "p99"),
        deploy.timeout_s * 1000 * 0.8,
        1,
        "The forwarder approaches its timeout. Lower batch_records, or raise the delivery stream's quota.",
    )
    yield AlarmRule(
        "RowsReturned",
        metrics.transform("RecordsReturned"),
        0,
        3,
        "The delivery stream or the bucket does not confirm what is put, so Lambda delivers it again. The "
        "forwarder's log has the service's error codes in putErrors.",
    )
    yield AlarmRule(
        "DiscardedBatchLost",
        road.function("DestinationDeliveryFailures", "Sum"),
        0,
        1,
        "Lambda could not write a discarded batch to its bucket. The changes are in the table's stream for "
        "24 hours after they were made: correct the bucket, and create the mapping again.",
    )


def discarded_batches(metrics: Metrics, rule: events.Rule) -> AlarmRule:
    """Return the alarm for a new object in the bucket of discarded batches."""
    return AlarmRule(
        "DiscardedBatches",
        metrics.error_objects(rule),
        0,
        1,
        "Lambda gave up batches of changes and wrote them to a bucket. List them with: "
        "ttl-archive replay list --on-failure BUCKET",
    )
