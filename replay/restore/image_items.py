"""The item in a row's image, checked when it is read, and what identifies an item in a table."""

import json
import re
from decimal import Context, Decimal
from typing import Any

from msgspec import DecodeError
from msgspec.json import Decoder

from ttl_archive.replay.items.attribute_values import Item, NotAnAttributeValueError, check

# What DynamoDB accepts as a number, with more room in the exponent than it allows (-130 to 125).
# Source: DynamoDB Developer Guide, naming rules and data types, Number.
_NUMBER = r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]{1,3})?"
_is_number = re.compile(_NUMBER).fullmatch
# Without the escape \u, of which a decoder must say whether it is half of a pair.
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\["\\/bfnrt][^"\\\x00-\x1f]*+)*+"'
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_VALUE = rf'S":{_STRING}|N":"{_NUMBER}"|BOOL":(?:true|false)|NULL":true|B":"{_BASE64}"'
# An item without sets, lists and maps. Most items are, and a match takes half the time of decoding.
_is_flat_item = re.compile(rf'\{{(?:{_STRING}:\{{"(?:{_VALUE})\}}(?:,(?=")|(?=\}}\Z)))*+\}}').fullmatch
# A number has 38 digits at most. Source: DynamoDB Developer Guide, constraints.
_EXACT = Context(prec=40)
_decode = Decoder(dict[str, dict[str, Any]]).decode


class BadImageError(Exception):
    """The text of an image is not an item in DynamoDB JSON."""


def check_image(text: Any) -> None:
    """Check the text of an image: an item in DynamoDB JSON, each attribute value of one type that it has.

    Raises BadImageError, also for more levels than `check` allows or the decoder can read.
    """
    try:
        if not _is_flat_item(text):
            _check_values(_decode(text))
    except (DecodeError, UnicodeError, RecursionError, TypeError, NotAnAttributeValueError):
        raise BadImageError from None


def image_item(text: str) -> Item:
    """Return the item of an image's text that was checked."""
    return _decode(text)


def table_key(item: Item, keys: tuple[str, ...]) -> str | None:
    """Return the text that identifies the item in the table, or None when a key attribute is missing."""
    if not all(name in item for name in keys):
        return None
    return json.dumps([_canonical(item[name]) for name in keys], ensure_ascii=False)


def merge_items(item: Item, more: Item) -> None:
    """Add attributes to an item. Two maps of one name are merged, because a column may be a part of a map."""
    for name, value in more.items():
        if name in item and "M" in value and "M" in item[name]:
            merge_items(item[name]["M"], value["M"])
        else:
            item[name] = value


def _check_values(item: Item) -> None:
    """Check each attribute value; the two common types here, because that is four times as quick."""
    for value in item.values():
        if len(value) == 1:
            for kind, content in value.items():
                if content.__class__ is str and (kind == "S" or (kind == "N" and _is_number(content))):
                    break
            else:
                _check_other(value)
        else:
            check(value)


def _check_other(value: dict[str, Any]) -> None:
    if "N" in value:  # only here is the exponent bounded
        raise BadImageError
    check(value)


def _canonical(value: dict[str, Any]) -> list[str]:
    ((kind, content),) = value.items()
    if kind == "N":  # 1.50 and 1.5 are one key
        number = Decimal(content)
        content = str(number.normalize(_EXACT)) if number else "0"
    return [kind, str(content)]
