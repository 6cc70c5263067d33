"""The tags of a delivery stream. Source: BC-firehose, the three tag operations; LS-fh 2026-03-05."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ttl_archive.infra.local.firehose.service_error import ServiceError

MAX_TAGS = 50  # BC-firehose: TagDeliveryStream


class Tags:
    """Tags by key, in the order in which they were added."""

    def __init__(self, tags: Iterable[Mapping[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        self.add(tags)

    def add(self, tags: Iterable[Mapping[str, str]]) -> None:
        """Add or overwrite tags. Raises ServiceError (LimitExceededException) above 50."""
        merged = self._values | {tag["Key"]: tag.get("Value", "") for tag in tags}
        if len(merged) > MAX_TAGS:
            raise ServiceError(
                "LimitExceededException",
                f"The delivery stream would have {len(merged)} tags; it can have {MAX_TAGS}.",
            )
        self._values = merged

    def remove(self, keys: Iterable[str]) -> None:
        """Remove tags. A key that is absent is no error (LS-fh)."""
        for key in keys:
            self._values.pop(key, None)

    def page(self, after: str | None, limit: int) -> dict[str, Any]:
        """Return the answer of ListTagsForDeliveryStream: at most `limit` tags after a key."""
        keys = list(self._values)
        start = keys.index(after) + 1 if after in self._values else 0
        listed = keys[start : start + limit]
        return {
            "Tags": [{"Key": key, "Value": self._values[key]} for key in listed],
            "HasMoreTags": start + limit < len(keys),
        }
