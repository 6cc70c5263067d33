"""A change of an item as the archive has it, and what it changed in the attributes.

Values are DynamoDB JSON: {"N":"21.5"}.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Image = Mapping[str, Mapping[str, Any]]
_SETS = ("SS", "NS", "BS")


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One change; `image` is the item after it, or before it where it is a removal.

    The change happened from `first_us` to `last_us`, both inclusive. `image` is None where the row has none.
    `step_changes` changes share the step, because no time orders them.
    """

    event_name: str
    removed_by: str | None
    first_us: int
    last_us: int
    step: int
    step_changes: int
    image: Image | None

    @property
    def is_removal(self) -> bool:
        """Whether the item was not in the table after the change."""
        return self.event_name == "REMOVE"

    @property
    def state(self) -> Image | None:
        """The item after the change."""
        return None if self.is_removal else self.image


@dataclass(frozen=True, slots=True)
class ValueChange:
    """An attribute with its value before and after a change, None where it had none."""

    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def read_change(row: Mapping[str, Any]) -> ItemChange:
    """Return the change in a row of `archive_history`, or of a saved query on it that has no steps."""
    first_us, image = row["ddb_event_us"], row["ddb_image"]
    return ItemChange(
        row["ddb_event_name"],
        row["ddb_removed_by"],
        first_us,
        row.get("ddb_latest_us", first_us),
        row.get("ddb_step", 0),
        row.get("ddb_step_changes", 1),
        json.loads(image) if image else None,
    )


def value_changes(before: ItemChange | None, change: ItemChange) -> list[ValueChange] | None:
    """Return what the change did to the attributes, or None where the state before it is not known.

    `before` is the change on the step before, or None when there is none.
    """
    if change.event_name == "INSERT":
        earlier: Image | None = {}
    elif change.step_changes > 1 or before is None or before.step_changes > 1:
        earlier = None
    else:
        earlier = before.state
    if change.is_removal or earlier is None or change.image is None:
        return None
    names = [*change.image, *(name for name in earlier if name not in change.image)]
    found = (ValueChange(name, earlier.get(name), change.image.get(name)) for name in names)
    return [each for each in found if without_order(each.before) != without_order(each.after)]


def misses_change(before: ItemChange, change: ItemChange) -> bool:
    """Return whether another change must have happened between two whose order is known.

    It is not in the archive: an item is inserted only when it is not in the table, it is updated or removed
    only when it is, and a removal has the item as the change before left it.
    """
    if change.event_name == "EXPORT":
        return False
    if (change.event_name == "INSERT") != before.is_removal:
        return True
    if not change.is_removal or before.image is None or change.image is None:
        return False
    return bool(without_order(before.image) != without_order(change.image))


def missing_before(changes: Sequence[ItemChange]) -> list[ItemChange]:
    """Return the changes before which the archive lacks one."""
    pairs = itertools.pairwise(changes)
    return [
        later
        for earlier, later in pairs
        if earlier.step_changes == later.step_changes == 1 and misses_change(earlier, later)
    ]


def without_order(value: Any) -> Any:
    """Return a value in which equal attribute values are equal: the members of a set have no order."""
    if isinstance(value, Mapping):
        return {
            name: sorted(inner) if name in _SETS and isinstance(inner, list) and _are_texts(inner)
            else without_order(inner)
            for name, inner in value.items()
        }  # fmt: skip
    return [without_order(each) for each in value] if isinstance(value, list) else value


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
