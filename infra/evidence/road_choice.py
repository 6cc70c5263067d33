"""Which road a table's changes should take, which buffers that needs, and what it costs in a month.

The Kinesis road is proposed unless the Streams road saves much on a table with few removals among its
changes: the data stream keeps changes for days while nothing can be delivered, and the table's stream for 24
hours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ttl_archive.infra import costs, deploy_settings
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.evidence.live_table import LiveTable
from ttl_archive.infra.evidence.refusal_forecast import RefusalForecast
from ttl_archive.infra.prices import prices
from ttl_archive.infra.road_costs import ON_DEMAND, PROVISIONED, STREAMS, road_costs
from ttl_archive.infra.wanted_layout import view_types
from ttl_archive.replay.errors import MisuseError
from ttl_archive.transform.setting_rules import rules_of
from ttl_archive.transform.settings import Settings

# Rows are not measured without a sample; a table without items still needs sizes to estimate with.
_UNKNOWN_BYTES = 1000
# A stream on demand adapts by itself. Provisioned shards are proposed where they save a quarter or more.
_WORTH_SHARDS = Decimal("0.75")
# What six more days of buffer are worth, and up to which share of removals a filter is what saves: decisions
# of this project.
WORTH_SHORTER_BUFFER_USD, LOW_SHARE = Decimal(100), Decimal("0.1")
SURVIVES = {
    "kinesis": "keeps changes for {days} days while nothing can be delivered, and knows their microsecond",
    "streams": "keeps changes for 24 hours while nothing can be delivered, and knows their second; it has no "
    "folders by event date and no Parquet",
}


@dataclass(frozen=True, slots=True)
class MonthlyRates:
    """Items that expire in a month, and how many writes each of them had before."""

    expiries: int
    writes_per_item: int

    @property
    def changes(self) -> int:
        """Each write of an item, and its removal."""
        return self.expiries * (self.writes_per_item + 1)


@dataclass(frozen=True, slots=True)
class RoadComparison:
    """What each road costs in a month, by source; which one is recommended, and why, in a sentence.

    `by_shards`: the Kinesis road is cheaper with provisioned shards. `impossible` is why the Streams road
    cannot be used, or empty.
    """

    rates: MonthlyRates
    objects: costs.BufferedObjects
    by_source: Mapping[str, costs.MonthlyCost]
    streams_of_kinesis: Mapping[str, Decimal]  # the cost of the data stream by its mode
    shards: int
    by_shards: bool
    recommended: str
    reason: str
    impossible: str
    survives: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RoadChoice:
    """The road that was chosen, and the settings of [deploy] that follow: key, value, reason."""

    source: str
    compared: RoadComparison
    deploy: tuple[tuple[str, Any, str], ...]

    @property
    def cost(self) -> costs.MonthlyCost:
        """What the chosen road costs in a month."""
        return self.compared.by_source[self.source]


AskSource = Callable[[RoadComparison], str]


def compare_roads(
    monthly: MonthlyRates, forecast: RefusalForecast, settings: Settings, live: LiveTable | None
) -> RoadComparison:
    """Compare the roads for a table whose items have the sizes of the forecast, with the default buffers."""
    deploy = deploy_settings.parse({}, settings)
    volume, row_bytes = volume_of(monthly, forecast)
    objects = costs.delivered_objects(
        volume, row_bytes=row_bytes, buffer_mb=deploy.buffer_mb, buffer_s=deploy.buffer_s
    )
    price, days = prices(), deploy.stream_retention_days
    roads = road_costs(price, volume, objects, row_bytes=row_bytes, retention_days=days)
    modes = {mode: roads[mode].parts["data stream"] for mode in (ON_DEMAND, PROVISIONED)}
    by_shards = modes[PROVISIONED] <= modes[ON_DEMAND] * _WORTH_SHARDS
    by_source = {"kinesis": roads[PROVISIONED if by_shards else ON_DEMAND], "streams": roads[STREAMS]}
    impossible = _why_impossible(live, settings)
    recommended, reason = _recommend(monthly, by_source, impossible)
    survives = {source: text.format(days=days) for source, text in SURVIVES.items()}
    shards = costs.shards_needed(volume)
    return RoadComparison(
        monthly, objects, by_source, modes, shards, by_shards, recommended, reason, impossible, survives
    )


def choose_road(compared: RoadComparison, source: str | None) -> RoadChoice:
    """Return the settings of a road: the one that was chosen, else the recommended one.

    Raises MisuseError for the Streams road where the table does not allow it.
    """
    if source == "streams" and compared.impossible:
        raise MisuseError(f"--source streams is not possible: {compared.impossible}")
    chosen = source or compared.recommended
    settings: list[tuple[str, Any, str]] = [("source", chosen, _about_source(compared, chosen))]
    if chosen == "kinesis":
        settings += _stream_settings(compared)
    return RoadChoice(chosen, compared, (*settings, *_buffers(compared.objects)))


def _why_impossible(live: LiveTable | None, settings: Settings) -> str:
    view = live.view_type if live else None
    if view is None or view in view_types(settings):
        return ""
    return f"the table's stream has the view type {view}, without old images, and it cannot be changed"


def _recommend(
    monthly: MonthlyRates, by_source: Mapping[str, costs.MonthlyCost], impossible: str
) -> tuple[str, str]:
    saved = by_source["kinesis"].total - by_source["streams"].total
    if impossible:
        return "kinesis", f"kinesis, because {impossible}"
    if monthly.expiries > LOW_SHARE * monthly.changes:
        return "kinesis", f"kinesis, because more than {LOW_SHARE * 100:.0f} % of the changes are removals"
    if saved < WORTH_SHORTER_BUFFER_USD:
        return "kinesis", f"kinesis, because streams would save less than ${WORTH_SHORTER_BUFFER_USD} a month"
    return "streams", f"streams, because it saves ${saved:,.2f} a month"


def _about_source(compared: RoadComparison, chosen: str) -> str:
    roads = " ".join(
        f"{source}: ${cost.total:,.2f} a month; it {compared.survives[source]}."
        for source, cost in compared.by_source.items()
    )
    was_chosen = "" if chosen == compared.recommended else f" {chosen} was chosen."
    return f"{roads} Recommended: {compared.reason}.{was_chosen}"


def _stream_settings(compared: RoadComparison) -> list[tuple[str, Any, str]]:
    shards = compared.shards
    text = (
        f"For {compared.rates.changes:,} changes a month: on-demand "
        f"${compared.streams_of_kinesis[ON_DEMAND]:,.2f}, {shards} provisioned "
        f"{'shard' if shards == 1 else 'shards'} ${compared.streams_of_kinesis[PROVISIONED]:,.2f} (list "
        "prices of us-east-1)."
    )
    mode = "provisioned" if compared.by_shards else "on-demand"
    settings: list[tuple[str, Any, str]] = [("stream_mode", mode, text)]
    if compared.by_shards and shards > 1:
        settings.append(("shards", shards, f"For {costs.PEAK_FACTOR} times the average rate."))
    return settings


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
    return costs.Volume(monthly.changes, record_bytes, monthly.expiries, stored), row_bytes
