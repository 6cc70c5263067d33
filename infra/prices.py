"""The costs that the documents state, computed from prices.toml."""

import tomllib
from decimal import Decimal
from importlib.resources import files

_HOURS = 730  # of a month, as AWS's price calculator has it
_KB_PER_GB = 1024**2
# What an object in GLACIER is billed for on top, in KB. Source: Amazon S3 User Guide, lifecycle transitions.
_OVERHEAD_STANDARD_KB, _OVERHEAD_GLACIER_KB = 8, 32
SMALL_OBJECT_KB = 100


def prices() -> dict[str, Decimal]:
    """Return every price in USD by its name in prices.toml."""
    return {name: Decimal(entry["usd"]) for name, entry in _entries().items()}


def unverified_prices() -> list[str]:
    """Return the names of the prices whose source is not certain."""
    return [name for name, entry in _entries().items() if "UNVERIFIED" in entry["source"]]


def _entries() -> dict[str, dict[str, str]]:
    text = files("ttl_archive.infra").joinpath("prices.toml").read_text(encoding="utf-8")
    return {name: entry for name, entry in tomllib.loads(text).items() if name != "region"}


def figures(*, metrics: int, alarms: int, scan_limit_gb: int) -> dict[str, str]:
    """Return every computed cost as the documents write it, by its name.

    `metrics` and `alarms` are the numbers that one archive has.
    """
    price = prices()
    saved = _saved_by_glacier(price)
    move = price["glacier_transition_1000"] / 1000
    return {
        "on-demand stream, a month": _usd(price["kinesis_on_demand_stream_hour"] * _HOURS),
        "shard, a month": _usd(price["kinesis_shard_hour"] * _HOURS),
        "shard with 7 days' retention, a month": _usd(
            (price["kinesis_shard_hour"] + price["kinesis_shard_retention_hour"]) * _HOURS
        ),
        "CloudWatch, a month": _usd(
            price["cloudwatch_metric_month"] * metrics + price["cloudwatch_alarm_month"] * alarms
        ),
        "query at the scan limit": _usd(price["athena_tb"] * scan_limit_gb / 1024),
        "small object, saved a month": f"${saved:.7f}",
        "small object, moved": f"${move:f}",
        "small object, months until it pays": f"{move / saved:.0f} months",
    }


def _saved_by_glacier(price: dict[str, Decimal]) -> Decimal:
    """Return what a small object costs less in a month in GLACIER than in STANDARD."""
    standard, glacier = price["s3_standard_gb_month"], price["glacier_gb_month"]
    kept = SMALL_OBJECT_KB * standard
    moved = (SMALL_OBJECT_KB + _OVERHEAD_GLACIER_KB) * glacier + _OVERHEAD_STANDARD_KB * standard
    return (kept - moved) / _KB_PER_GB


def _usd(amount: Decimal) -> str:
    return f"${amount:.2f}"
