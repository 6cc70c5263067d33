"""Tables with TTL, and the sweep that removes expired items by DynamoDB's own rules.

moto stores the TTL setting and removes nothing. The rules are written from the DynamoDB Developer Guide
("Using time to live (TTL)" and "Computing time to live") and share no code with the transform, so that a
mistake in one of them shows:

- The TTL attribute must be of type Number; an item with another type, or without it, never expires.
- Its value is in seconds since the epoch; an item expires when the current time has reached its value.
- A value more than five years in the past is ignored.
- An item that was updated after the scan saw it is not removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ttl_archive.infra.local.firehose.clock import Clock

AttributeValues = dict[str, Any]

# DynamoDB Developer Guide, "Computing time to live": five years, here of 365 days.
FIVE_YEARS_S = 157_680_000


@dataclass(frozen=True)
class ExpiredItem:
    """An item to remove: its key attributes, and the TTL attribute with its value as the scan saw it."""

    keys: AttributeValues
    ttl_attribute: str
    ttl_value: str

    def is_image(self, image: Mapping[str, Any]) -> bool:
        """Return whether an image of an item with these keys has the value that the scan saw."""
        value = image.get(self.ttl_attribute, {}).get("N")
        return value is not None and Fraction(value) == Fraction(self.ttl_value)


def has_expired(item: Mapping[str, Any], ttl_attribute: str, now_us: int) -> bool:
    """Return whether the TTL process removes this item at a time in microseconds since the epoch."""
    match item.get(ttl_attribute):
        case {"N": str(text)}:
            # A fraction is exact where a float would lose digits.
            age_s = Fraction(now_us, 1_000_000) - Fraction(text)
            return 0 <= age_s <= FIVE_YEARS_S
        case _:
            return False


def create_table(dynamodb: Any, name: str, *, keys: Mapping[str, str], ttl_attribute: str) -> None:
    """Create an on-demand table with TTL and a stream of both images.

    `keys` are one or two key attributes and their types, partition key first: `{"deviceID": "S", "at": "N"}`.
    """
    roles = zip(keys, ("HASH", "RANGE"), strict=False)
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": attribute, "KeyType": role} for attribute, role in roles],
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": type_} for a, type_ in keys.items()],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": ttl_attribute}
    )


class Sweeper:
    """Removes expired items, as DynamoDB's background process does.

    `on_removed` is called with each item that was removed; the streaming destination needs it to set the
    identity of the TTL process. `before_delete` is called between seeing an item and deleting it, so that a
    test can change the item then.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        ttl_attribute: str,
        clock: Clock,
        *,
        on_removed: Callable[[ExpiredItem], None] | None = None,
        before_delete: Callable[[ExpiredItem], None] | None = None,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_attribute = ttl_attribute
        self._clock = clock
        self._on_removed = on_removed
        self._before_delete = before_delete

    def sweep(self) -> list[AttributeValues]:
        """Remove all that has expired now, and return the keys of what was removed."""
        removed = []
        for expired in self._expired():
            if self._before_delete is not None:
                self._before_delete(expired)
            if self._delete(expired):
                removed.append(expired.keys)
                if self._on_removed is not None:
                    self._on_removed(expired)
        return removed

    def _expired(self) -> list[ExpiredItem]:
        """Return all expired items before any is deleted: deletes would move the pages of the scan."""
        now_us = self._clock.now_us()
        schema = self._dynamodb.describe_table(TableName=self._table)["Table"]["KeySchema"]
        keys = [key["AttributeName"] for key in schema]
        return [
            ExpiredItem({key: item[key] for key in keys}, self._ttl_attribute, item[self._ttl_attribute]["N"])
            for item in self._scan(keys, now_us // 1_000_000)
            if has_expired(item, self._ttl_attribute, now_us)
        ]

    def _scan(self, keys: list[str], now_s: int) -> Iterator[AttributeValues]:
        """Yield the key attributes and the TTL attribute of every item that may have expired.

        The filter spares the rest. It allows one second more, because an emulator may compare floats.
        """
        attributes = dict.fromkeys([self._ttl_attribute, *keys])
        names = {f"#{index}": attribute for index, attribute in enumerate(attributes)}
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            ProjectionExpression=", ".join(names),
            FilterExpression="attribute_type(#0, :number) AND #0 <= :now",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":number": {"S": "N"}, ":now": {"N": str(now_s + 1)}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _delete(self, expired: ExpiredItem) -> bool:
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=expired.keys,
                ConditionExpression="#ttl = :seen",
                ExpressionAttributeNames={"#ttl": self._ttl_attribute},
                ExpressionAttributeValues={":seen": {"N": expired.ttl_value}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True
