"""The alarms for an event source mapping that is disabled, cannot read the stream, or forwards nothing.

Such a mapping emits no age and no error, so the table's own metrics are compared with those of the mapping:

alarm                   why a healthy mapping never raises it
TableStreamUnread       it emits PolledEventCount, which is 0 for an empty poll; a disabled one emits nothing
ExpiriesNotForwarded    an expiry is forwarded within the batch window, of at most five minutes; of two hours
                        with expiries, one after the other, the second has an invocation

Neither is enough alone. Whether a mapping that may not read the stream emits PolledEventCount is UNVERIFIED:
if it does, only ExpiriesNotForwarded shows it. That alarm in turn needs expiries in both hours, and a
selection that forwards them. If an empty poll emitted nothing, against the documentation, the first change
after a quiet hour would raise TableStreamUnread for some minutes.
Source: AWS Lambda Developer Guide, monitoring-metrics-types; Amazon CloudWatch User Guide, using-metric-math.
"""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from ttl_archive.infra.alarm_rules import AlarmRule
from ttl_archive.infra.metric_names import Metrics, RoadMetrics
from ttl_archive.transform.settings import Settings

_HOUR_S = 3_600


def mapping_alarms(settings: Settings, metrics: Metrics, road: RoadMetrics, uuid: str) -> Iterator[AlarmRule]:
    """Yield the alarms of the mapping with this UUID, which calls the function of the road."""
    expired = metrics.table("TimeToLiveDeletedItemCount", "Sum")
    changed = {"expired": expired, "written": metrics.table("ConsumedWriteCapacityUnits", "Sum")}
    yield AlarmRule(
        "TableStreamUnread",
        _hourly(
            "IF(FILL(polled, -1) < 0 AND FILL(expired, 0) + FILL(written, 0) > 0, 1, 0)",
            {"polled": metrics.mapping(uuid, "PolledEventCount"), **changed},
            "Changes of a table whose stream is not read",
        ),
        0,
        1,
        "The table changes, and its stream has not been read for an hour; it keeps changes for 24 hours. The "
        "event source mapping is disabled, or it may not read the stream.",
    )
    if settings.select.changes != "all-but-ttl-removals":
        yield AlarmRule(
            "ExpiriesNotForwarded",
            _hourly(
                "IF(FILL(invoked, 0) < 1 AND FILL(expired, 0) > 0, 1, 0)",
                {"invoked": road.function("Invocations", "Sum"), "expired": expired},
                "Expiries without an invocation of the forwarder",
            ),
            0,
            2,
            "Items expired in two hours, and the forwarder did not run; the table's stream keeps them for 24 "
            "hours. The mapping is disabled, may not read or invoke, or its filter matches nothing.",
        )


def _hourly(expression: str, used: dict[str, cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    """Return an expression over the sums of an hour: 1 for an hour that has the problem, else 0."""
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=used, label=label, period=Duration.seconds(_HOUR_S)
    )
