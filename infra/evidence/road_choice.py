"""How changes reach the bucket, which buffers that takes, and what it costs in a month."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ttl_archive.infra import costs
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.evidence.refusal_forecast import RefusalForecast
from ttl_archive.infra.prices import prices
from ttl_archive.transform.setting_rules import rules_of

# Rows are not measured without a sample; a table without items still needs sizes to estimate with.
_UNKNOWN_BYTES = 1000
# A stream on demand adapts by itself. Provisioned shards are proposed where they save a quarter or more.
_WORTH_SHARDS = Decimal("0.75")


@dataclass(frozen=True, slots=True)
class MonthlyRates:
    """Items that expire in a month, and how many writes each of them had before."""

    expiries: int
    writes_per_item: int


@dataclass(frozen=True, slots=True)
class RoadChoice:
    """How changes reach the bucket, and what that costs in a month."""

    stream_mode: str
    shards: int
    objects: costs.BufferedObjects
    cost: costs.MonthlyCost
    deploy: tuple[tuple[str, Any, str], ...]  # key, value, reason


def choose_road(monthly: MonthlyRates, forecast: RefusalForecast, deploy: Deploy) -> RoadChoice:
    """Return the road for a table whose items have the sizes of the forecast; `deploy` has the buffers."""
    volume, row_bytes = volume_of(monthly, forecast)
    objects = costs.delivered_objects(
        volume, row_bytes=row_bytes, buffer_mb=deploy.buffer_mb, buffer_s=deploy.buffer_s
    )
    price = prices()
    on_demand = costs.on_demand_stream(price, volume, deploy.stream_retention_days)
    provisioned = costs.provisioned_stream(price, volume, deploy.stream_retention_days)
    by_shards = provisioned <= on_demand * _WORTH_SHARDS
    shards = costs.shards_needed(volume)
    cost = costs.kinesis_road_cost(price, volume, objects, provisioned if by_shards else on_demand)
    mode = "provisioned" if by_shards else "on-demand"
    compared = (
        f"For {volume.changes:,} changes a month: on-demand ${on_demand:,.2f}, {shards} provisioned "
        f"{'shard' if shards == 1 else 'shards'} ${provisioned:,.2f} (list prices of us-east-1)."
    )
    chosen: list[tuple[str, Any, str]] = [("stream_mode", mode, compared)]
    if by_shards and shards > 1:
        chosen.append(("shards", shards, f"For {costs.PEAK_FACTOR} times the average rate."))
    chosen += _buffers(objects)
    return RoadChoice(mode, shards, objects, cost, tuple(chosen))


def _buffers(objects: costs.BufferedObjects) -> list[tuple[str, Any, str]]:
    rules = rules_of(Deploy)
    size = f"about {objects.size_bytes / 1024:,.0f} KiB each"
    reason = f"Firehose's largest buffers: {objects.count:,} objects a month, {size}."
    if objects.count and not objects.are_moved:
        reason += (
            " The lifecycle rule moves no object under 128 KiB, so they stay in STANDARD, unless you set "
            "glacier_small_objects = true."
        )
    return [
        ("buffer_mb", rules["buffer_mb"].most, reason),
        ("buffer_s", rules["buffer_s"].most, "Seconds; the other buffer limit."),
    ]


def volume_of(monthly: MonthlyRates, forecast: RefusalForecast) -> tuple[costs.Volume, float]:
    """Return a month's volume by the sizes of the sample, and the size of a row before compression."""
    tried = max(1, forecast.items)
    record_bytes = forecast.record_bytes // tried or _UNKNOWN_BYTES
    row_bytes = forecast.row_bytes / forecast.rows if forecast.rows else float(_UNKNOWN_BYTES)
    stored = forecast.gzip_bytes / forecast.rows if forecast.rows else float(_UNKNOWN_BYTES)
    changes = monthly.expiries * (monthly.writes_per_item + 1)  # each write, and the removal
    return costs.Volume(changes, record_bytes, monthly.expiries, stored), row_bytes
