"""Attribute values -> plain values. Nothing is rounded or guessed, and a set keeps the record's order.

attribute value              JSON value
{"S": "text"}                "text"
{"N": "1.50E+3"}             1.50E+3, the same digits
{"B": "aGk="}                "aGk=", base64 once, however often the feed encoded it
{"BOOL": true}               true
{"NULL": true}               null
{"M": {"a": {"S": "x"}}}     {"a": "x"}
{"L": [{"N": "1"}]}          [1]
{"SS" | "NS" | "BS": [...]}  an array in the record's order
"""

from collections.abc import Callable, Iterable
from typing import Any

import pybase64
from msgspec import Raw, ValidationError
from msgspec.json import Decoder

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.numbers import SMALL_NUMBERS, number

AttributeValue = dict[str, Any]  # exactly one key, the type: {"S": "text"}
Image = dict[str, AttributeValue]
Unwrap = Callable[[Any, Iterable[tuple[Any, AttributeValue]]], None]

_decode_image, _decode_value = Decoder(Image).decode, Decoder(AttributeValue).decode
_decode_raws = Decoder(dict[str, Raw]).decode


def decoded(image: Raw) -> Image:
    """Return the attribute values of a raw image by name. Raises RecordError `BadAttributeValue`.

    The last of duplicate names counts. The earlier ones may have any JSON value.
    """
    try:
        return _decode_image(image)
    except ValidationError:
        return {name: attribute_value(value) for name, value in _decode_raws(image).items()}


def attribute_value(raw: Raw) -> AttributeValue:
    """Decode a raw attribute value. Raises RecordError `BadAttributeValue`."""
    try:
        return _decode_value(raw)
    except ValidationError:
        raise RecordError("BadAttributeValue") from None


def binary_once(encoded: str) -> str:
    """Return a binary value of DynamoDB Streams, which is base64 once. Raises RecordError `BadBinary`."""
    try:
        pybase64.b64decode(encoded, None, True)
    except (ValueError, TypeError):
        raise RecordError("BadBinary") from None
    return encoded


def binary_twice(encoded: str) -> str:
    """Return a binary value of the Kinesis feed as base64 once; the feed encodes it twice.

    A value that is encoded once is returned unchanged. Raises RecordError `BadBinary`.
    Source: DynamoDB Developer Guide, kds.
    """
    try:
        inner = pybase64.b64decode(encoded, None, True)
    except (ValueError, TypeError):
        raise RecordError("BadBinary") from None
    try:
        pybase64.b64decode(inner, None, True)
    except ValueError:
        return encoded
    return inner.decode("ascii")


def unwrapper(binary: Callable[[str], str]) -> Unwrap:
    """Return the function that puts plain values into a row by name, or into a list by position.

    `binary` decodes the feed's binary values. The function empties the attribute values, so an image can be
    unwrapped once. It raises RecordError `BadAttributeValue`, `BadNumber` or `BadBinary`.
    """
    plain = _unwrapping(
        {
            "N": number,
            "NULL": lambda content: None if _checked(bool, content) else _refuse(),
            "B": binary,
            "SS": lambda content: [_checked(str, text) for text in _checked(list, content)],
            "NS": lambda content: [number(text) for text in _checked(list, content)],
            "BS": lambda content: [binary(text) for text in _checked(list, content)],
        }
    )

    def unwrap(into: Any, pairs: Iterable[tuple[Any, AttributeValue]]) -> None:
        try:
            plain(into, pairs)
        except (KeyError, TypeError, AttributeError):
            raise RecordError("BadAttributeValue") from None

    return unwrap


def _unwrapping(others: dict[str, Callable[[Any], Any]]) -> Callable[[Any, Any], Any]:
    """Return the loop of `unwrapper`; `others` has the functions for the less common types."""
    small = SMALL_NUMBERS.get

    # `into` may be the map or list that the pairs come from: each value is replaced in its place.
    def plain(into: Any, pairs: Iterable[tuple[Any, AttributeValue]]) -> Any:
        for key, value in pairs:
            kind, content = value.popitem()
            if value:
                raise RecordError("BadAttributeValue")  # two types at once
            if kind == "S" and content.__class__ is str:
                into[key] = content
            elif kind == "N" and content.__class__ is str:
                into[key] = small(content) or number(content)
            elif kind == "BOOL" and content.__class__ is bool:
                into[key] = content
            elif kind == "M" and content.__class__ is dict:
                into[key] = plain(content, content.items())
            elif kind == "L" and content.__class__ is list:
                into[key] = plain(content, enumerate(content))
            else:
                into[key] = others[kind](content)
        return into

    return plain


def _checked(kind: type, content: Any) -> Any:
    return content if content.__class__ is kind else _refuse()


def _refuse() -> None:
    raise RecordError("BadAttributeValue")
