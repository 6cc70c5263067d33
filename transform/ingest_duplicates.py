"""Two readings of one key in a batch: BatchWriteItem refuses both, so the settings say which is written.

Source: DynamoDB API Reference, BatchWriteItem. Equal items are one, whatever the settings say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from ttl_archive.transform.ingest_item import Item, StampedItem

Policy = Literal["newest", "last", "refuse"]
KeyValue = tuple[tuple[str, str, str | Decimal], ...]


def same_key(items: Iterable[StampedItem]) -> dict[KeyValue, list[int]]:
    """Return the positions of the items of each key, in their order."""
    groups: dict[KeyValue, list[int]] = {}
    for position, found in enumerate(items):
        groups.setdefault(key_value(found.key), []).append(position)
    return groups


def key_value(key: Item) -> KeyValue:
    """Return the same value for the same key, however its numbers are written."""
    return tuple((name, *_comparable(value)) for name, value in sorted(key.items()))


def chosen(items: Sequence[StampedItem], positions: Sequence[int], policy: Policy) -> int | None:
    """Return the position of the item to write, or None when the items differ and are to be refused."""
    first = items[positions[0]].item
    if all(items[position].item == first for position in positions):
        return positions[-1]
    return _POLICIES[policy](items, positions)


def _newest(items: Sequence[StampedItem], positions: Sequence[int]) -> int:
    """Return the position with the greatest time; of equal times, the last."""
    return max(positions, key=lambda position: (items[position].time_s, position))


def _last(_items: Sequence[StampedItem], positions: Sequence[int]) -> int:
    return positions[-1]


def _refuse(_items: Sequence[StampedItem], _positions: Sequence[int]) -> None:
    return None


_POLICIES: Mapping[Policy, Callable[[Sequence[StampedItem], Sequence[int]], int | None]] = {
    "newest": _newest,
    "last": _last,
    "refuse": _refuse,
}


def _comparable(value: dict[str, str]) -> tuple[str, str | Decimal]:
    ((kind, text),) = value.items()
    return kind, Decimal(text) if kind == "N" else text
