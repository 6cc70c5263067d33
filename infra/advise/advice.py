"""From the rates of a table to its volumes, its objects, and the monthly cost of each road."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ttl_archive.infra import costs
from ttl_archive.infra.advise.table_rates import TableRates
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.prices import prices
from ttl_archive.transform.forward_tally import ForwardTally
from ttl_archive.transform.metrics import BatchTally
from ttl_archive.transform.setting_rules import rules_of

ON_DEMAND, PROVISIONED, STREAMS = "kinesis, on demand", "kinesis, provisioned", "streams"
# The metrics that the alarms of an archive with one of the roads watch: infra/alarms.py. An alarm on an
# expression is billed for each metric in it: UNVERIFIED, from memory.
KINESIS_ALARMS, STREAMS_ALARMS = 13, 16
CLOUDWATCH = "CloudWatch, metrics and alarms"


@dataclass(frozen=True, slots=True)
class Advice:
    """What follows from the rates; `roads` has the cost of a month by road. `shards` are provisioned ones."""

    rates: TableRates
    objects: costs.BufferedObjects
    roads: Mapping[str, costs.MonthlyCost]
    shards: int
    buffer_mb: int
    buffer_s: int

    @property
    def cheapest(self) -> str:
        """The road that costs the least."""
        return min(self.roads, key=lambda road: self.roads[road].total)


def advise_on(rates: TableRates, retention_days: int | None = None) -> Advice:
    """Return the advice for a table, with the largest buffers and the default retention of the stream."""
    rules, price, volume = rules_of(Deploy), prices(), rates.volume()
    buffer_mb, buffer_s = int(rules["buffer_mb"].most or 0), int(rules["buffer_s"].most or 0)
    days = rules["stream_retention_days"].default if retention_days is None else retention_days
    objects = costs.delivered_objects(
        volume, row_bytes=rates.row_bytes, buffer_mb=buffer_mb, buffer_s=buffer_s
    )

    def kinesis(stream: Decimal) -> costs.MonthlyCost:
        return costs.kinesis_road_cost(price, volume, objects, stream)

    roads = {
        ON_DEMAND: kinesis(costs.on_demand_stream(price, volume, days)),
        PROVISIONED: kinesis(costs.provisioned_stream(price, volume, days)),
        STREAMS: costs.streams_road_cost(price, volume, objects, rates.row_bytes),
    }
    watched = {road: _with_cloudwatch(price, road, cost) for road, cost in roads.items()}
    return Advice(rates, objects, watched, costs.shards_needed(volume), buffer_mb, buffer_s)


def _with_cloudwatch(price: Mapping[str, Decimal], road: str, cost: costs.MonthlyCost) -> costs.MonthlyCost:
    tally, alarms = (ForwardTally(), STREAMS_ALARMS) if road == STREAMS else (BatchTally(), KINESIS_ALARMS)
    metrics = len(tally.metrics())
    watch = price["cloudwatch_metric_month"] * metrics + price["cloudwatch_alarm_month"] * alarms
    return costs.MonthlyCost({**cost.parts, CLOUDWATCH: watch}, cost.stored)
