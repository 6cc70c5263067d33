"""Attribute values in DynamoDB JSON: checked, inferred from plain JSON, or made ready for boto3.

plain JSON      attribute value              plain JSON      attribute value
"a"             {"S": "a"}                   null            {"NULL": true}
1.50            {"N": "1.50"}                ["a", 1]        {"L": [{"S": "a"}, {"N": "1"}]}
true            {"BOOL": true}               {"a": 1}        {"M": {"a": {"N": "1"}}}

Source: DynamoDB API Reference, AttributeValue.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]

# Twice what DynamoDB allows, so that DynamoDB, not this reader, decides what is nested too deeply for it.
# Source: DynamoDB Developer Guide, quotas: nested attributes up to 32 levels deep.
MAX_LEVELS = 64

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class NotAnAttributeValueError(ValueError):
    """The value is none that DynamoDB JSON can hold; the text says why, without the value itself."""


class NumberText(str):
    """A JSON number with the digits that it was written with: parse_int and parse_float of json.loads."""

    __slots__ = ()


def looks_like_one(value: object) -> bool:
    """Whether a JSON value has the form of an attribute value: an object with one known type."""
    return isinstance(value, dict) and len(value) == 1 and set(value) <= set(_CHECKS)


def check(value: object, level: int = 1) -> None:
    """Raise NotAnAttributeValueError unless the JSON value is a legal attribute value, at every level."""
    _check_level(level)
    if not isinstance(value, dict) or not looks_like_one(value):
        raise NotAnAttributeValueError(f"it must be an object with one type of {', '.join(_CHECKS)}")
    ((kind, content),) = value.items()
    if not _CHECKS[kind](content):
        raise NotAnAttributeValueError(f"the value of {kind} has the wrong form")
    if kind in ("M", "L"):
        for member in content.values() if kind == "M" else content:
            check(member, level + 1)


def infer(value: object, level: int = 1) -> AttributeValue:
    """Return the attribute value of a plain JSON value, whose numbers must be NumberText.

    Raises NotAnAttributeValueError for a value of more than MAX_LEVELS levels.
    """
    _check_level(level)
    if isinstance(value, NumberText):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, list):
        return {"L": [infer(member, level + 1) for member in value]}
    if isinstance(value, dict):
        return {"M": {name: infer(member, level + 1) for name, member in value.items()}}
    return {"NULL": True}


def for_boto3(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """Return the item as boto3 takes it: its binary values as bytes instead of base64."""
    return {name: _with_bytes(value) for name, value in item.items()}


def _with_bytes(value: Mapping[str, Any]) -> AttributeValue:
    ((kind, content),) = value.items()
    convert: dict[str, Callable[[Any], Any]] = {
        "B": b64decode,
        "BS": lambda members: [b64decode(member) for member in members],
        "M": for_boto3,
        "L": lambda members: [_with_bytes(member) for member in members],
    }
    return {kind: convert[kind](content) if kind in convert else content}


def _check_level(level: int) -> None:
    if level > MAX_LEVELS:
        raise NotAnAttributeValueError(f"it is nested too deeply, over {MAX_LEVELS} levels")


def _is_text(content: object) -> bool:
    return isinstance(content, str) and not isinstance(content, NumberText)


def _is_base64(content: object) -> bool:
    try:
        return isinstance(content, str) and b64decode(content, validate=True) is not None
    except ValueError:
        return False


def _is_number(content: object) -> bool:
    return _is_text(content) and _NUMBER.fullmatch(str(content)) is not None


def _is_set_of(is_member: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda content: isinstance(content, list) and bool(content) and all(map(is_member, content))


_CHECKS: dict[str, Callable[[object], bool]] = {
    "S": _is_text,
    "N": _is_number,
    "B": _is_base64,
    "BOOL": lambda content: isinstance(content, bool),
    "NULL": lambda content: content is True,
    "M": lambda content: isinstance(content, dict),
    "L": lambda content: isinstance(content, list),
    "SS": _is_set_of(_is_text),
    "NS": _is_set_of(_is_number),
    "BS": _is_set_of(_is_base64),
}
