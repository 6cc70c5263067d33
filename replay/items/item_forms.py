"""The forms in which people have items; each becomes items in DynamoDB JSON.

form                  a line, or the whole document                            items
DynamoDB JSON         {"pk": {"S": "a"}}                                       the object itself
full export           {"Item": {"pk": {"S": "a"}}}                             what Item holds
incremental export    {"Metadata": …, "Keys": …, "NewImage": {…}}              NewImage; none for a deletion
scan                  {"Items": [{"pk": {"S": "a"}}, …], "Count": 1, …}        each of Items
plain JSON            {"pk": "a", "n": 1}                                      the object, its types inferred

A document may also be a list of objects in DynamoDB JSON or plain JSON.
Source: DynamoDB Developer Guide, S3DataExport.Output; AWS CLI Command Reference, dynamodb scan.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from ttl_archive.replay.items.attribute_values import (
    Item,
    NotAnAttributeValueError,
    NumberText,
    check,
    infer,
    looks_like_one,
)
from ttl_archive.transform.nesting import is_too_deep


class Form(StrEnum):
    """What a file holds."""

    DYNAMODB_JSON = "DynamoDB JSON"
    FULL_EXPORT = "full export"
    INCREMENTAL_EXPORT = "incremental export"
    SCAN = "output of scan"
    PLAIN_JSON = "plain JSON, types inferred"


class NotAnItemError(ValueError):
    """A line or document holds no item in the form of its file; the text says why, without its values."""


def parse_item(text: str) -> Any:
    """Return a JSON value whose numbers are NumberText. Raises NotAnItemError."""
    if is_too_deep(text.encode()):
        raise NotAnItemError("it is nested too deeply")
    try:
        return json.loads(text, parse_int=NumberText, parse_float=NumberText, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise NotAnItemError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None


def form_of(document: object) -> Form:
    """Return the form of a file by its first line or its whole document. Raises NotAnItemError."""
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict) or not document:
        raise NotAnItemError("it is no JSON object with attributes")
    if isinstance(document.get("Items"), list) and not looks_like_one(document["Items"]):
        return Form.SCAN
    if _is_item(document.get("Item")) and len(document) == 1:
        return Form.FULL_EXPORT
    if {"Metadata", "Keys"} <= set(document) and _is_item(document["Keys"]):
        return Form.INCREMENTAL_EXPORT
    return Form.DYNAMODB_JSON if any(map(looks_like_one, document.values())) else Form.PLAIN_JSON


def items_of(document: Any, form: Form) -> Iterator[Item]:
    """Yield the items of a line or document in the given form. Raises NotAnItemError."""
    for found in document if isinstance(document, list) else [document]:
        if not isinstance(found, dict):
            raise NotAnItemError("it is no JSON object with attributes")
        for item in _candidates(found, form):
            yield _inferred(item) if form is Form.PLAIN_JSON else _checked(item)


def _candidates(found: dict[str, Any], form: Form) -> list[Any]:
    if form is Form.SCAN:
        return list(_member(found, "Items", list))
    if form is Form.FULL_EXPORT:
        return [_member(found, "Item", dict)]
    if form is Form.INCREMENTAL_EXPORT:  # without a new image, or with null, it is a deletion
        return [image for image in [found.get("NewImage")] if image is not None]
    return [found]


def _inferred(item: dict[str, Any]) -> Item:
    found = {}
    for name, value in _not_empty(item).items():
        with _named(name):
            found[name] = infer(value)
    return found


def _checked(item: object) -> Item:
    if not isinstance(item, dict):
        raise NotAnItemError("an item is no JSON object")
    for name, value in _not_empty(item).items():
        with _named(name):
            check(value)
    return item


@contextmanager
def _named(attribute: str) -> Iterator[None]:
    try:
        yield
    except NotAnAttributeValueError as error:
        raise NotAnItemError(f'attribute "{attribute}" is no attribute value: {error}') from None


def _not_empty(item: Item) -> Item:
    if not item:
        raise NotAnItemError("an item has no attribute")
    return item


def _member(found: dict[str, Any], name: str, kind: type) -> Any:
    if not isinstance(found.get(name), kind):
        raise NotAnItemError(f'it has no "{name}"')
    return found[name]


def _is_item(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(looks_like_one, value.values()))


def _refuse_constant(name: str) -> Any:
    raise NotAnItemError(f"{name} is no JSON number")
