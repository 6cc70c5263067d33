"""The lossless image of a row: the item's DynamoDB JSON as text, on one line, with binary encoded once."""

from collections.abc import Callable

from msgspec import Raw

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import AttributeValue, decoded
from ttl_archive.transform.formats import encode_json


def image_text(image: Raw, binary: Callable[[str], str]) -> str:
    """Return an image as one line of DynamoDB JSON, the form that the API accepts; binary is base64 once.

    An image without binary values is returned unchanged. Raises RecordError for what is no attribute value.
    """
    text = str(image, "utf-8")
    if "\\u" in text or "\n" in text or "\r" in text:
        return _encoded_again(image, binary)  # a type written with escapes, or a newline between values
    try:
        if '"B"' in text:
            text = _with_binary(text, '"B"', '{"B":"', '"}', binary)
        if '"BS"' in text:
            text = _with_binary(text, '"BS"', '{"BS":["', '"]}', binary)
    except RecordError:
        return _encoded_again(image, binary)
    return text


def _with_binary(text: str, kind: str, opening: str, closing: str, binary: Callable[[str], str]) -> str:
    """Return the text with every binary value of one type changed by `binary`.

    In JSON the opening is never part of a string, in which its quotes would be escaped. Raises RecordError
    where the type's name is also an attribute or a text, or is written in another way.
    """
    first, *parts = text.split(opening)
    if len(parts) != text.count(kind):
        raise RecordError("BadBinary")
    changed = [first]
    for part in parts:
        content, end, rest = part.partition(closing)
        changed += opening, '","'.join(map(binary, content.split('","'))), end, rest
    return "".join(changed)


def _encoded_again(image: Raw, binary: Callable[[str], str]) -> str:
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
