"""What DynamoDB says about a table: its keys, the state of its TTL, and how many items it holds."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.replay.errors import MisuseError


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table. `keys` are its key attributes, the partition key first.

    `item_count` and `size_bytes` are DynamoDB's own counts, about six hours old. `ttl_attribute` is None
    where TTL is off. `replica_regions` are those of a global table. `view_type` is that of the table's
    stream, None where it is off.
    """

    name: str
    keys: tuple[str, ...]
    item_count: int
    size_bytes: int
    ttl_attribute: str | None
    ttl_status: str
    replica_regions: tuple[str, ...] = ()
    view_type: str | None = None


def describe_live_table(dynamodb: Any, name: str) -> LiveTable:
    """Ask DynamoDB about a table. Source: DynamoDB API Reference, DescribeTable, DescribeTimeToLive.

    Raises MisuseError for a table that does not exist, AccessDeniedError that names the missing permission,
    and ObjectError for any other error of DynamoDB.
    """
    table = _ask(dynamodb.describe_table, name, "dynamodb:DescribeTable")["Table"]
    ttl = _ask(dynamodb.describe_time_to_live, name, "dynamodb:DescribeTimeToLive")
    found = ttl.get("TimeToLiveDescription", {})
    status = found.get("TimeToLiveStatus", "DISABLED")
    schema = sorted(table["KeySchema"], key=lambda key: str(key["KeyType"]))  # HASH, then RANGE
    return LiveTable(
        name=name,
        keys=tuple(key["AttributeName"] for key in schema),
        item_count=table.get("ItemCount", 0),
        size_bytes=table.get("TableSizeBytes", 0),
        ttl_attribute=found.get("AttributeName") if status in ("ENABLED", "ENABLING") else None,
        ttl_status=status,
        replica_regions=tuple(replica["RegionName"] for replica in table.get("Replicas", [])),
        view_type=table.get("StreamSpecification", {}).get("StreamViewType"),
    )


def _ask(call: Any, name: str, action: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = call(TableName=name)
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and error_code(error) == "ResourceNotFoundException":
            raise MisuseError(
                f"--table {name}: there is no such table in this account and Region. Check --profile and "
                "--region, or name files of items to read instead"
            ) from None
        raise translate_error(error, f"table {name}", action) from error
    return answer
