"""How much a table changes and how much of it expires in a month: given, or read from CloudWatch.

Writes are read from ConsumedWriteCapacityUnits, one unit for each KB that is written, so they are an estimate
where items have different sizes. TTL deletions consume none. The size of an item is the table's size by its
number of items, which DynamoDB updates about every six hours.
Source: DynamoDB Developer Guide, metrics-dimensions; time-to-live; BC-dynamodb, DescribeTable.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ttl_archive.infra import costs
from ttl_archive.infra.verify.deletion_metrics import consumed_write_units, ttl_deletions
from ttl_archive.replay.errors import NothingFoundError

_DAYS = 30
_WRITE_UNIT_BYTES = 1024
# For an item of 1,000 bytes; tests/infra/advise measures them with the transform itself.
_ENVELOPE_BYTES = 450  # of a change record, beside its images
_ROW_BYTES = 200  # of a row, beside the columns and the image
_COMPRESSION = 4  # of rows with images, by gzip; it depends on the items: `init` measures it on yours


@dataclass(frozen=True, slots=True)
class TableRates:
    """Changes of a table in a month, expiries among them, and the size of an item in bytes."""

    changes: int
    expiries: int
    item_bytes: int

    def volume(self) -> costs.Volume:
        """Return the month as the arithmetic of costs needs it. Most changes have one image or two."""
        return costs.Volume(self.changes, self.item_bytes + _ENVELOPE_BYTES, self.expiries, self._stored())

    @property
    def row_bytes(self) -> int:
        """A row has the item twice: as columns, and as the lossless image."""
        return 2 * self.item_bytes + _ROW_BYTES

    def _stored(self) -> float:
        return self.row_bytes / _COMPRESSION


def live_rates(cloudwatch: Any, dynamodb: Any, table: str, now: datetime) -> TableRates:
    """Return the rates of the last 30 days.

    Raises NothingFoundError where CloudWatch has no count of the table, and the errors of the calls.
    """
    described = dynamodb.describe_table(TableName=table)["Table"]
    items = described.get("ItemCount", 0)
    item_bytes = math.ceil(described.get("TableSizeBytes", 0) / items) if items else 1000
    end = now.astimezone(UTC).date()
    days = end - timedelta(days=_DAYS), end
    deletions, units = ttl_deletions(cloudwatch, table, *days), consumed_write_units(cloudwatch, table, *days)
    if not deletions and not units:
        raise NothingFoundError(
            f"CloudWatch has no write and no TTL deletion of the table {table} in the last {_DAYS} days. "
            "Give the rates: --changes and --expiries"
        )
    expiries = sum(deletions.values())
    writes = sum(units.values()) // math.ceil(item_bytes / _WRITE_UNIT_BYTES)
    return TableRates(writes + expiries, expiries, item_bytes)
