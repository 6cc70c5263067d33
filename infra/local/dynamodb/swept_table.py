"""A table with TTL and its sweep, whose removals are announced to the roads and counted as DynamoDB does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ttl_archive.infra.local.dynamodb.ttl import AttributeValues, ExpiredItem, Sweeper, create_table
from ttl_archive.infra.local.dynamodb.ttl_metric import publish_deletions
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.roads.road import Road, RoadName


class SweptTable:
    """One table of the emulator. `roads` may get more roads at any time."""

    def __init__(
        self,
        *,
        dynamodb: Any,
        cloudwatch: Any,
        name: str,
        ttl_attribute: str,
        clock: Clock,
        roads: Mapping[RoadName, Road],
    ) -> None:
        self._dynamodb = dynamodb
        self._cloudwatch = cloudwatch
        self._name = name
        self._ttl_attribute = ttl_attribute
        self._clock = clock
        self._roads = roads
        self._sweeper = Sweeper(dynamodb, name, ttl_attribute, clock, on_removed=self._announce)

    def create(self, keys: Mapping[str, str]) -> None:
        """Create the table; see create_table."""
        create_table(self._dynamodb, self._name, keys=keys, ttl_attribute=self._ttl_attribute)

    def sweep(self) -> list[AttributeValues]:
        """Remove what has expired, and return the keys of what was removed.

        Earlier changes are taken in first, so that no user's delete is mistaken for one of the sweep.
        """
        for road in self._roads.values():
            road.receive()
        removed = self._sweeper.sweep()
        publish_deletions(self._cloudwatch, self._name, len(removed), self._clock.now())
        return removed

    def _announce(self, expired: ExpiredItem) -> None:
        for road in self._roads.values():
            road.expect(expired)
