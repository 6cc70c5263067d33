"""An image of attribute values -> plain values under column names. Nothing is rounded, sorted or guessed.

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
from msgspec import DecodeError, Raw
from msgspec.json import Decoder, Encoder

from transform.errors import RecordError

AttributeValue = dict[str, Any]  # exactly one key, the type: {"S": "text"}
Image = dict[str, AttributeValue]
Unwrap = Callable[[dict[str, Any], Iterable[str], Iterable[AttributeValue]], None]

decode_image = Decoder(Image).decode
encode_json: Callable[[Any], bytes] = Encoder().encode
_as_number = Decoder(float).decode
_as_raw = Decoder(Raw).decode


def number(text: str) -> Raw:
    """A number's text as JSON that keeps its digits. Raises RecordError `BadNumber`."""
    try:
        _as_number(text)  # it is a JSON number ...
        if text.strip() is text:  # ... and nothing but
            return _as_raw(text)
    except (DecodeError, TypeError):
        pass
    raise RecordError("BadNumber")


def binary_once(encoded: str) -> str:
    """A value as DynamoDB Streams and the API carry it: base64 once. Raises RecordError `BadBinary`."""
    try:
        pybase64.b64decode(encoded, validate=True)
    except (ValueError, TypeError):
        raise RecordError("BadBinary") from None
    return encoded


def binary_twice(encoded: str) -> str:
    """A value as the Kinesis feed carries it: base64 of base64. One encoded once is taken as it is.

    Source: DynamoDB Developer Guide, kds. Raises RecordError `BadBinary`.
    """
    try:
        inner = pybase64.b64decode(encoded, validate=True)
    except (ValueError, TypeError):
        raise RecordError("BadBinary") from None
    try:
        pybase64.b64decode(inner, validate=True)
    except ValueError:
        return encoded
    return inner.decode("ascii")


def image_text(image: Raw, binary: Callable[[str], str]) -> str:
    """An image as one line of DynamoDB JSON, the form the API takes items in; binary is base64 once.

    Most images have no binary value: they are taken as they are.
    """
    text = str(image, "utf-8")
    if any(sign in text for sign in _MAY_HOLD_BINARY_OR_NEWLINE):
        values = decode_image(image)
        return encode_json({name: _rewritten(value, binary) for name, value in values.items()}).decode()
    return text


# A type may be written with escapes, and white space between tokens may be a newline.
_MAY_HOLD_BINARY_OR_NEWLINE = ('"B"', '"BS"', "\\u", "\n", "\r")


def _rewritten(value: AttributeValue, binary: Callable[[str], str]) -> AttributeValue:
    match value:
        case {"B": content}:
            return {"B": binary(content)}
        case {"BS": list(contents)}:
            return {"BS": [binary(content) for content in contents]}
        case {"M": dict(members)}:
            return {"M": {name: _rewritten(member, binary) for name, member in members.items()}}
        case {"L": list(members)}:
            return {"L": [_rewritten(member, binary) for member in members]}
    return value


def unwrapper(binary: Callable[[str], str]) -> Unwrap:
    """The function that puts plain values into a row by name, for a feed's encoding of binary.

    It takes the attribute values apart: an image is unwrapped once. Raises RecordError `BadAttributeValue`,
    `BadNumber` or `BadBinary`.
    """
    by_type = _by_type(binary)
    as_number, as_raw = _as_number, _as_raw

    # The same as `plain` in _by_type, with the two commonest types in the loop: most of a row's time is here.
    def unwrap(row: dict[str, Any], names: Iterable[str], values: Iterable[AttributeValue]) -> None:
        try:
            for name, value in zip(names, values):  # noqa: B905  as many of each; strict costs time
                kind, content = value.popitem()
                if value:
                    raise RecordError("BadAttributeValue")
                if kind == "S" and content.__class__ is str:
                    row[name] = content
                elif kind == "N" and content.__class__ is str and content.strip() is content:
                    as_number(content)
                    row[name] = as_raw(content)
                else:
                    row[name] = by_type[kind](content)
        except DecodeError:
            raise RecordError("BadNumber") from None
        except (KeyError, TypeError, AttributeError):
            raise RecordError("BadAttributeValue") from None

    return unwrap


def _by_type(binary: Callable[[str], str]) -> dict[str, Callable[[Any], Any]]:
    """For each of the ten types, the function that makes its content plain."""

    def plain(value: AttributeValue) -> Any:
        kind, content = value.popitem()
        if value:
            raise RecordError("BadAttributeValue")  # two types at once
        return by_type[kind](content)

    by_type: dict[str, Callable[[Any], Any]] = {
        "S": lambda content: _a(str, content),
        "N": number,
        "M": lambda content: {name: plain(value) for name, value in content.items()},
        "L": lambda content: [plain(value) for value in _a(list, content)],
        "BOOL": lambda content: _a(bool, content),
        "NULL": lambda content: None if _a(bool, content) else _refuse(),
        "B": binary,
        "SS": lambda content: [_a(str, text) for text in _a(list, content)],
        "NS": lambda content: [number(text) for text in _a(list, content)],
        "BS": lambda content: [binary(text) for text in _a(list, content)],
    }
    return by_type


def _a(kind: type, content: Any) -> Any:
    return content if content.__class__ is kind else _refuse()


def _refuse() -> None:
    raise RecordError("BadAttributeValue")
