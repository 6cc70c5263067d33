"""What the kept rows cost in a month, by storage class and retention, once the retention is full."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from ttl_archive.infra import costs

StorageClass = Literal["STANDARD", "GLACIER", "DEEP_ARCHIVE"]
CLASSES: tuple[StorageClass, ...] = ("STANDARD", "GLACIER", "DEEP_ARCHIVE")
RETENTION_YEARS = (1, 7, 10)
_GB_MONTH = {"GLACIER": "glacier_gb_month", "DEEP_ARCHIVE": "deep_archive_gb_month"}


def kept_cost(
    price: Mapping[str, Decimal], objects: costs.BufferedObjects, storage_class: StorageClass, years: int
) -> Decimal:
    """Return the cost of a month of what was delivered in so many years.

    Objects that the lifecycle rule does not move cost what they cost in STANDARD.
    """
    count = 12 * years * objects.count
    size = count * objects.size_bytes
    if storage_class == "STANDARD" or not objects.are_moved:
        return costs.standard_month(price, count, size)
    return costs.glacier_month(price, count, size, _GB_MONTH[storage_class])
