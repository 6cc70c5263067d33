"""Which amounts are computed with a price that is UNVERIFIED; they are marked with an asterisk."""

from collections.abc import Collection

from ttl_archive.infra.advise.alternatives import BACKUPS, EXPORTS
from ttl_archive.infra.prices import unverified_prices
from ttl_archive.infra.road_costs import CLOUDWATCH, ON_DEMAND, PROVISIONED, STREAMS

_ALWAYS = {"firehose_gb", "cloudwatch_metric_month", "cloudwatch_alarm_month"}
# The prices, of those that may be UNVERIFIED, which an amount uses, by its name in the tables.
_PRICES: dict[str, Collection[str]] = {
    "DynamoDB, changes to the data stream": {"dynamodb_change_capture_million"},
    "data stream": {"kinesis_shard_retention_hour"},
    "Firehose": {"firehose_gb"},
    CLOUDWATCH: {"cloudwatch_metric_month", "cloudwatch_alarm_month"},
    "total": _ALWAYS,
    STREAMS: _ALWAYS,
    ON_DEMAND: {*_ALWAYS, "dynamodb_change_capture_million"},
    PROVISIONED: {*_ALWAYS, "dynamodb_change_capture_million", "kinesis_shard_retention_hour"},
    BACKUPS: {"dynamodb_backup_gb_month"},
    EXPORTS: {"dynamodb_export_gb"},
}


def marked(name: str) -> str:
    """Return the name of an amount, with an asterisk where one of its prices is UNVERIFIED."""
    return f"{name} *" if set(_PRICES.get(name, ())) & set(unverified_prices()) else name
