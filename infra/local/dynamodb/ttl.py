"""Tables with TTL, and the sweep that removes expired items by DynamoDB's own rules.

moto stores the TTL setting and expires nothing. The rules, from the DynamoDB Developer Guide, "Time to Live":
the TTL attribute must be a Number, in seconds since the epoch; one more than five years in the past is
ignored, as is any other type. An item whose attribute changed after it was seen survives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.transform.selection import ttl_had_passed

AttributeValues = dict[str, Any]


@dataclass(frozen=True)
class Expired:
    """An item to remove: its key attributes and the TTL attribute's value as they were seen."""

    keys: AttributeValues
    ttl_value: str


def create_table(dynamodb: Any, name: str, *, keys: Mapping[str, str], ttl_attribute: str) -> None:
    """Make an on-demand table with TTL and a stream of both images.

    `keys`: one or two key attributes and their types, partition key first: `{"deviceID": "S", "at": "N"}`.
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

    `on_removed` hears of each item when its delete was accepted, which is how the change gets the service's
    identity. `before_delete` is called between seeing an item and deleting it: a test can renew it there.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        ttl_attribute: str,
        clock: Clock,
        *,
        on_removed: Callable[[Expired], None] | None = None,
        before_delete: Callable[[Expired], None] | None = None,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_attribute = ttl_attribute
        self._clock = clock
        self._on_removed = on_removed
        self._before_delete = before_delete

    def sweep(self) -> list[AttributeValues]:
        """Remove all that is expired now; gives the keys of what was removed."""
        removed = []
        for expired in self._expired():
            if self._before_delete is not None:
                self._before_delete(expired)
            if self._delete(expired):
                removed.append(expired.keys)
                if self._on_removed is not None:
                    self._on_removed(expired)
        return removed

    def _expired(self) -> list[Expired]:
        """Seen first, deleted later: the scan must not run over pages that the deletes move."""
        now_us = self._clock.now_us()
        schema = self._dynamodb.describe_table(TableName=self._table)["Table"]["KeySchema"]
        keys = [key["AttributeName"] for key in schema]
        return [
            Expired({key: item[key] for key in keys}, item[self._ttl_attribute]["N"])
            for item in self._scan(keys, now_us // 1_000_000)
            if ttl_had_passed(item, self._ttl_attribute, now_us)  # the rule that the transform has, too
        ]

    def _scan(self, keys: list[str], now_s: int) -> Iterator[AttributeValues]:
        """Key attributes and TTL of every item that may be expired.

        The filter saves reading the rest; it is a second generous, because an emulator may compare floats.
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

    def _delete(self, expired: Expired) -> bool:
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
