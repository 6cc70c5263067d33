"""Attribute values -> plain values. Nothing is rounded or guessed, and a set keeps the order it came in.

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
from msgspec.json import Decoder, Encoder

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.numbers import SMALL_NUMBERS, number

AttributeValue = dict[str, Any]  # exactly one key, the type: {"S": "text"}
Image = dict[str, AttributeValue]
Unwrap = Callable[[Any, Iterable[tuple[Any, AttributeValue]]], None]

encode_json: Callable[[Any], bytes] = Encoder().encode
_decode_image, _decode_value = Decoder(Image).decode, Decoder(AttributeValue).decode
_decode_raws = Decoder(dict[str, Raw]).decode


def decoded(image: Raw) -> Image:
    """The attribute values of a raw image by name. Raises RecordError `BadAttributeValue`.

    Of a name that stands twice the last value counts, and no other: it may be anything that is JSON.
    """
    try:
        return _decode_image(image)
    except ValidationError:
        return {name: attribute_value(value) for name, value in _decode_raws(image).items()}


def attribute_value(raw: Raw) -> AttributeValue:
    """A raw attribute value. Raises RecordError `BadAttributeValue`."""
    try:
        return _decode_value(raw)
    except ValidationError:
        raise RecordError("BadAttributeValue") from None


def binary_once(encoded: str) -> str:
    """A value as DynamoDB Streams and the API carry it: base64 once. Raises RecordError `BadBinary`."""
    try:
        pybase64.b64decode(encoded, None, True)
    except (ValueError, TypeError):
        raise RecordError("BadBinary") from None
    return encoded


def binary_twice(encoded: str) -> str:
    """A value as the Kinesis feed carries it: base64 of base64. One encoded once is taken as it is.

    Source: DynamoDB Developer Guide, kds. Raises RecordError `BadBinary`.
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


def image_text(image: Raw, binary: Callable[[str], str]) -> str:
    """An image as one line of DynamoDB JSON, the form the API takes items in; binary is base64 once.

    Most images have no binary value: they are taken as they are.
    """
    text = str(image, "utf-8")
    if "\\u" in text or "\n" in text or "\r" in text:
        return _encoded_anew(image, binary)  # a type written with escapes, white space that is a newline
    try:
        if '"B"' in text:
            text = _with_binary(text, '"B"', '{"B":"', '"}', binary)
        if '"BS"' in text:
            text = _with_binary(text, '"BS"', '{"BS":["', '"]}', binary)
    except RecordError:
        return _encoded_anew(image, binary)
    return text


def _with_binary(text: str, kind: str, opening: str, closing: str, binary: Callable[[str], str]) -> str:
    """The text with every binary value of one type changed by `binary`.

    In JSON the opening is never part of a string: its second quote would be escaped there. Raises RecordError
    where the type's name stands for something else, or is written otherwise.
    """
    first, *parts = text.split(opening)
    if len(parts) != text.count(kind):
        raise RecordError("BadBinary")
    changed = [first]
    for part in parts:
        content, end, rest = part.partition(closing)
        changed += opening, '","'.join(map(binary, content.split('","'))), end, rest
    return "".join(changed)


def _encoded_anew(image: Raw, binary: Callable[[str], str]) -> str:
    values = decoded(image)
    return encode_json({name: _rewritten(value, binary) for name, value in values.items()}).decode()


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
    """The function that puts plain values into a row by name, or into a list by position.

    `binary` is the feed's encoding. The attribute values are taken apart: an image is unwrapped once. Raises
    RecordError `BadAttributeValue`, `BadNumber` or `BadBinary`.
    """
    plain = _unwrapping(
        {
            "N": number,
            "NULL": lambda content: None if _a(bool, content) else _refuse(),
            "B": binary,
            "SS": lambda content: [_a(str, text) for text in _a(list, content)],
            "NS": lambda content: [number(text) for text in _a(list, content)],
            "BS": lambda content: [binary(text) for text in _a(list, content)],
        }
    )

    def unwrap(into: Any, pairs: Iterable[tuple[Any, AttributeValue]]) -> None:
        try:
            plain(into, pairs)
        except (KeyError, TypeError, AttributeError):
            raise RecordError("BadAttributeValue") from None

    return unwrap


def _unwrapping(others: dict[str, Callable[[Any], Any]]) -> Callable[[Any, Any], Any]:
    """The loop of `unwrapper`, with the functions for the less common types."""
    small = SMALL_NUMBERS.get

    # `into` may be the very map or list that the pairs come from: values are replaced where they are.
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


def _a(kind: type, content: Any) -> Any:
    return content if content.__class__ is kind else _refuse()


def _refuse() -> None:
    raise RecordError("BadAttributeValue")
