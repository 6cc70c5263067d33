"""Strings and numbers of DynamoDB, which moto 5.2.5 casts, copies and measures slowly.

moto first asks whether the value is of one of eight other types. A scan copies, sorts and measures
every item, and the demo scans 17,500 items seven times: a scan takes a third less time in this way.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType

_STRING, _NUMBER = "S", "N"


def hasten_values(replace: Callable[[Any, str, Any], None]) -> None:
    """Replace methods of moto's class; `replace(owner, name, by)` fails for a name that moto has not."""
    for name, method in quick_methods().items():
        replace(DynamoType, name, method)


def quick_methods() -> dict[str, Any]:
    """Return the methods by their names. They do what moto's do, and leave every other type to moto."""
    cast, copy, measure = DynamoType.cast_value.fget, DynamoType.__deepcopy__, DynamoType.size  # type: ignore[attr-defined]

    def cast_value(value: DynamoType) -> Any:
        if value.type == _STRING:
            return value.value
        return Decimal(value.value) if value.type == _NUMBER else cast(value)

    def deepcopy(value: DynamoType, memo: dict[int, Any]) -> DynamoType:
        if value.type not in (_STRING, _NUMBER):
            return copy(value, memo)
        copied = DynamoType.__new__(DynamoType)
        copied.type, copied.value = value.type, value.value
        return copied

    def size(value: DynamoType) -> int:
        return len(value.value.encode()) if value.type in (_STRING, _NUMBER) else measure(value)

    return {"cast_value": property(cast_value), "__deepcopy__": deepcopy, "size": size}
