"""The table that items are restored into: its keys, what identifies it, and how fast it may be written to."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.replay.aws import error_code
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.items.attribute_values import Item

# What a new table in on-demand mode takes at least, in write units a second: DynamoDB Developer Guide,
# on-demand capacity mode, initial throughput (UNVERIFIED). Where a table takes less, its throttled puts are
# repeated, so a wrong number costs time only.
ON_DEMAND_UNITS = 4_000
# The other half is left to the table's own traffic.
_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class TtlChoice:
    """What becomes of the TTL attribute: removed, kept, or moved to `days` after the restore began."""

    text: str
    days: int | None = None

    def apply(self, item: Item, attribute: str, begun: datetime) -> Item:
        """Return the item with its TTL attribute changed. `begun` is when the restore began."""
        if self.text == "keep":
            return item
        rest = {name: value for name, value in item.items() if name != attribute}
        if self.days is None:
            return rest
        return rest | {attribute: {"N": str(int((begun + timedelta(days=self.days)).timestamp()))}}


@dataclass(frozen=True, slots=True)
class DestinationTable:
    """A table. `keys` are its key attributes, the partition key first; `write_units` are a second's.

    `identity` differs when the table was deleted and created again. `ttl_attribute` is what its TTL reads, or
    that of archive.toml where its TTL is off.
    """

    dynamodb: Any
    name: str
    arn: str
    identity: str
    keys: tuple[str, ...]
    ttl_attribute: str
    write_units: float
    mode: str


def parse_ttl(text: str, now: datetime) -> TtlChoice:
    """Return the choice that remove, keep, or +90d stands for. Raises MisuseError."""
    if text in ("remove", "keep"):
        return TtlChoice(text)
    found = re.fullmatch(r"\+([0-9]+)d", text)
    if not found:
        raise MisuseError(f'--ttl has value "{text}". It must be remove, keep, or +90d for 90 days from now')
    try:
        now + timedelta(days=int(found[1]))
    except (OverflowError, ValueError):
        raise MisuseError(f'--ttl has value "{text}", which is after the year 9999') from None
    return TtlChoice(text, int(found[1]))


def find_table(dynamodb: Any, name: str, archived_ttl_attribute: str) -> DestinationTable:
    """Return the table; `archived_ttl_attribute` is that of archive.toml.

    Raises MisuseError when items cannot be put into the table, and ClientError as DescribeTable and
    DescribeTimeToLive do.
    """
    try:
        description = dynamodb.describe_table(TableName=name)["Table"]
        ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            message = f"--to-table {name}: there is no such table. Check --profile and --region"
            raise MisuseError(message) from None
        raise
    status = description.get("TableStatus", "ACTIVE")
    if status not in ("ACTIVE", "UPDATING"):
        raise MisuseError(f"--to-table {name}: the table is {status}. Run again when it is ACTIVE")
    schema = sorted(description["KeySchema"], key=lambda key: str(key["KeyType"]))  # HASH, then RANGE
    keys = tuple(key["AttributeName"] for key in schema)
    ttl_attribute = str(ttl.get("AttributeName") or archived_ttl_attribute)
    if ttl_attribute in keys:
        raise MisuseError(
            f"--to-table {name}: the TTL attribute {ttl_attribute} is a key of it, so it cannot be changed"
        )
    units, mode = write_capacity(description)
    arn = str(description.get("TableArn", ""))
    return DestinationTable(
        dynamodb, name, arn, _identity(description), keys, ttl_attribute, units * _SHARE, mode
    )


def _identity(description: dict[str, Any]) -> str:
    """Return what a table that is deleted and created again does not share with the first one."""
    return f"{description.get('TableId', '')} {description.get('CreationDateTime', '')}"


def write_capacity(description: dict[str, Any]) -> tuple[float, str]:
    """Return the write units a second that a table takes, and the name of its capacity mode.

    `description` is DescribeTable's. In provisioned mode the slowest index counts, because its writes hold up
    those of the table. Source: DynamoDB API Reference, TableDescription.
    """
    mode = description.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    if mode == "PAY_PER_REQUEST":
        warm = description.get("WarmThroughput", {}).get("WriteUnitsPerSecond") or ON_DEMAND_UNITS
        limit = description.get("OnDemandThroughput", {}).get("MaxWriteRequestUnits", -1)
        return (min(warm, limit) if limit > 0 else warm), "on-demand"
    parts = [description, *description.get("GlobalSecondaryIndexes", [])]
    units = [part.get("ProvisionedThroughput", {}).get("WriteCapacityUnits") or 1 for part in parts]
    return min(units), "provisioned"
