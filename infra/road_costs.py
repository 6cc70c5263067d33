"""What each road costs in a month: the arithmetic that `advise` and `init` share."""

from collections.abc import Mapping
from decimal import Decimal

from ttl_archive.infra import costs
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.function_cost import FUNCTION, function_cost, transform_requests
from ttl_archive.transform.forward_tally import ForwardTally
from ttl_archive.transform.metrics import BatchTally
from ttl_archive.transform.setting_rules import rules_of

ON_DEMAND, PROVISIONED, STREAMS = "kinesis, on demand", "kinesis, provisioned", "streams"
# The metrics that the alarms of an archive with one of the roads watch: infra/alarms.py. An alarm on an
# expression is billed for each metric in it: UNVERIFIED, from memory.
KINESIS_ALARMS, STREAMS_ALARMS = 13, 16
CLOUDWATCH = "CloudWatch, metrics and alarms"


def road_costs(
    price: Mapping[str, Decimal],
    volume: costs.Volume,
    objects: costs.BufferedObjects,
    *,
    row_bytes: float,
    retention_days: int,
) -> dict[str, costs.MonthlyCost]:
    """Return the cost of a month by road. `row_bytes` is the size of a row before compression."""
    watched = {CLOUDWATCH: _cloudwatch(price, BatchTally(), KINESIS_ALARMS)}
    more = {FUNCTION: _transform(price, volume)} | watched
    kinesis = {
        ON_DEMAND: costs.on_demand_stream(price, volume, retention_days),
        PROVISIONED: costs.provisioned_stream(price, volume, retention_days),
    }
    roads = {
        road: costs.kinesis_road_cost(price, volume, objects, stream).plus(more)
        for road, stream in kinesis.items()
    }
    watched = {CLOUDWATCH: _cloudwatch(price, ForwardTally(), STREAMS_ALARMS)}
    more = {FUNCTION: _forwarder(price, volume)} | watched
    return roads | {STREAMS: costs.streams_road_cost(price, volume, objects, row_bytes).plus(more)}


def _transform(price: Mapping[str, Decimal], volume: costs.Volume) -> Decimal:
    rules = rules_of(Deploy)
    requests = transform_requests(
        volume.changes,
        volume.record_bytes,
        buffer_mb=rules["processor_buffer_mb"].default,
        buffer_s=rules["processor_buffer_s"].default,
        hours=costs.HOURS,
    )
    dropped = volume.changes - volume.rows
    record_bytes = volume.record_bytes
    return function_cost(
        price, rows=volume.rows, dropped=dropped, record_bytes=record_bytes, requests=requests
    )


def _forwarder(price: Mapping[str, Decimal], volume: costs.Volume) -> Decimal:
    """The forwarder gets the removals alone; it converts them with the code of the transform."""
    requests = costs.forwarded_batches(volume)
    record_bytes = volume.record_bytes
    return function_cost(price, rows=volume.rows, dropped=0, record_bytes=record_bytes, requests=requests)


def _cloudwatch(price: Mapping[str, Decimal], tally: BatchTally | ForwardTally, alarms: int) -> Decimal:
    metrics = len(tally.metrics())
    return price["cloudwatch_metric_month"] * metrics + price["cloudwatch_alarm_month"] * alarms
