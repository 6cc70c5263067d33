"""Objects in GLACIER, which Athena skips without an error: a report says how many its period has.

Source: Athena User Guide, querying-glacier.
"""

from typing import Any

from ttl_archive.infra.scheduled_reports.results.closed_period import ClosedPeriod

_UNREADABLE = ("GLACIER", "DEEP_ARCHIVE")


def count_unread(s3: Any, bucket: str, day_folder: str, period: ClosedPeriod) -> int:
    """Return the number of objects of the period's folders that are in GLACIER and not retrieved.

    `day_folder` is a folder up to its date, as archive/devices/dt=. Raises ClientError.
    """
    pages = s3.get_paginator("list_objects_v2")
    return sum(
        _is_unread(found)
        for day in period.days()
        for page in pages.paginate(
            Bucket=bucket, Prefix=f"{day_folder}{day}/", OptionalObjectAttributes=["RestoreStatus"]
        )
        for found in page.get("Contents", [])
    )


def _is_unread(found: dict[str, Any]) -> bool:
    """Whether a listed object is in GLACIER without a copy. A copy has an expiry date (BC-s3)."""
    return found.get("StorageClass") in _UNREADABLE and "RestoreExpiryDate" not in found.get(
        "RestoreStatus", {}
    )
