"""From the rates of a table to its volumes, its objects, and the monthly cost of each road."""

from collections.abc import Mapping
from dataclasses import dataclass

from ttl_archive.infra import costs
from ttl_archive.infra.advise.table_rates import TableRates
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.prices import prices
from ttl_archive.infra.road_costs import road_costs
from ttl_archive.transform.setting_rules import rules_of


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
    rules, volume = rules_of(Deploy), rates.volume()
    buffer_mb, buffer_s = int(rules["buffer_mb"].most or 0), int(rules["buffer_s"].most or 0)
    days = rules["stream_retention_days"].default if retention_days is None else retention_days
    objects = costs.delivered_objects(
        volume, row_bytes=rates.row_bytes, buffer_mb=buffer_mb, buffer_s=buffer_s
    )
    roads = road_costs(prices(), volume, objects, row_bytes=rates.row_bytes, retention_days=days)
    return Advice(rates, objects, roads, costs.shards_needed(volume), buffer_mb, buffer_s)
