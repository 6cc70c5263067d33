"""The table, its TTL, and items that TTL has not deleted although they expired days ago."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from ttl_archive.infra.doctor.finding import Finding, Health
from ttl_archive.transform.selection import TTL_MAX_AGE_S

# Source: DynamoDB Developer Guide, TTL: deleted within a few days of expiry.
LATE_AFTER = timedelta(days=2)
SAMPLED_ITEMS = 1000
_TTL, _LAG = "TTL", "TTL lag"


def check_table(dynamodb: Any, table: str) -> Iterator[Finding]:
    """Check that the table is there and active."""
    found = dynamodb.describe_table(TableName=table)["Table"]
    if found["TableStatus"] in ("ACTIVE", "UPDATING"):
        yield Finding("table", Health.OK, f"{table} is {found['TableStatus']}")
    else:
        yield Finding(
            "table",
            Health.PROBLEM,
            f"{table} is {found['TableStatus']}",
            "Wait until it is ACTIVE, and check [table] name of archive.toml",
        )
    for replica in found.get("Replicas", []):
        yield Finding(
            "table",
            Health.WARNING,
            f"there is a replica in {replica['RegionName']}, where its deletions look like a user's",
            "Archive the Region that deletes, or set [select] infer_replica_ttl = true",
        )


def check_ttl(dynamodb: Any, table: str, attribute: str) -> Iterator[Finding]:
    """Check that TTL is on, on the attribute of archive.toml."""
    found = dynamodb.describe_time_to_live(TableName=table).get("TimeToLiveDescription", {})
    status, on = found.get("TimeToLiveStatus", "DISABLED"), found.get("AttributeName")
    if status not in ("ENABLED", "ENABLING"):
        remedy = (
            f"aws dynamodb update-time-to-live --table-name {table} --time-to-live-specification "
            f"Enabled=true,AttributeName={attribute}"
        )
        yield Finding(_TTL, Health.PROBLEM, f"it is {status}, so nothing expires", remedy)
    elif on != attribute:
        text = f'it is on attribute "{on}", and archive.toml has ttl_attribute = "{attribute}"'
        yield Finding(_TTL, Health.PROBLEM, text, "Correct the one that is wrong")
    else:
        yield Finding(_TTL, Health.OK, f"it is {status} on {attribute}")


def check_ttl_values(dynamodb: Any, table: str, attribute: str, now: datetime) -> Iterator[Finding]:
    """Check a sample of items: the unit of their TTL values, and values that passed days ago."""
    answer = dynamodb.scan(
        TableName=table,
        Limit=SAMPLED_ITEMS,
        ProjectionExpression="#ttl",
        ExpressionAttributeNames={"#ttl": attribute},
    )
    values = [item[attribute] for item in answer["Items"] if attribute in item]
    if not values:
        text = f"none of {len(answer['Items']):,} sampled items has {attribute}"
        yield Finding(_LAG, Health.NOT_CHECKED, text)
        return
    seconds = [found for value in values if (found := _seconds(value, now)) is not None]
    wrong = len(values) - len(seconds)
    if wrong:
        text = f"{wrong:,} of {len(values):,} sampled items never expire: it is no Number of epoch seconds"
        yield Finding(_TTL, Health.PROBLEM, text, f"See which: ttl-archive init --table {table} --dry-run")
    late = sum(value < (now - LATE_AFTER).timestamp() for value in seconds)
    if late:
        text = f"{late:,} of {len(values):,} sampled items expired more than {LATE_AFTER.days} days ago"
        yield Finding(
            _LAG, Health.WARNING, text, "DynamoDB deletes them later; expect their rows with a delay"
        )
    else:
        yield Finding(_LAG, Health.OK, f"no sampled item of {len(values):,} is late")


def _seconds(value: dict[str, Any], now: datetime) -> Decimal | None:
    """Return a TTL value that DynamoDB would delete by, now or in time; None for any other.

    A value in milliseconds lies thousands of years ahead. One over five years old is never deleted.
    """
    try:
        number = Decimal(value["N"])
    except (KeyError, InvalidOperation):
        return None
    at = Decimal(int(now.timestamp()))
    return number if at - TTL_MAX_AGE_S <= number < at * 10 else None
