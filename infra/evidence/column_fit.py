"""Whether an attribute value fits the type of a column, by the rules by which the relations read it.

The rules in SQL: `infra/sql/archive_relation.py` (the text of a value) and `grammar.py` (the texts that fit).
A value that does not fit is NULL in its column and counted by the saved query misfits.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from ttl_archive.infra.sql.grammar import NUMBER, is_decimal, pattern_of
from ttl_archive.replay.items.attribute_values import Item

_TEXT_KINDS = ("S", "N", "BOOL")
_is_number = re.compile(NUMBER).fullmatch


def fits(value: dict[str, Any], column_type: str) -> bool:
    """Return whether a value is shown in a column of that type. NULL fits every type."""
    pattern = _pattern(column_type)
    ((kind, content),) = value.items()
    if pattern is None or kind == "NULL":
        return True
    if kind not in _TEXT_KINDS:
        return False
    text = str(content).lower() if kind == "BOOL" else str(content)
    if is_decimal(column_type):
        return pattern.search(_without_exponent(text)) is not None and any(map(str.isdigit, text))
    return pattern.search(text) is not None and _CASTS[column_type](text)


def value_at(item: Item, path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the attribute value at a path into maps, or None when the item has none."""
    *outer, last = path
    for name in outer:
        item = item.get(name, {}).get("M", {})
    return item.get(last)


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False


# What the cast refuses among the texts of a type's pattern: the pattern bounds digits, not values.
_CASTS: dict[str, Callable[[str], bool]] = {
    "bigint": lambda text: -(2**63) <= int(text) < 2**63,
    "double": lambda _: True,  # beyond its range it is Infinity in both engines
    "boolean": lambda _: True,
    "timestamp": _is_date,
}


@lru_cache(maxsize=256)
def _pattern(column_type: str) -> re.Pattern[str] | None:
    pattern = pattern_of(column_type)
    return re.compile(pattern.replace(r"\z", r"\Z")) if pattern else None


def _without_exponent(text: str) -> str:
    if not _is_number(text) or "e" not in text.lower():
        return text
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation:
        return text
