"""Turns a DynamoDB Streams record, as boto3 returns it, into the change record of the Kinesis feed.

Source of the shape: DDB, kds, and LS-ddb 2024-01-30 for the order of members; captured records are in
`tests/events`. The two differ: in the Kinesis feed binary values are base64 twice, times are milliseconds or
microseconds, the keys of the identity begin in lower case, and the stream's own members (sequence number,
view type, version) are absent.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

Precision = Literal["MICROSECOND", "MILLISECOND"]
AttributeValue = Mapping[str, Any]
Image = Mapping[str, AttributeValue]
EncodeBinary = Callable[[bytes], str]

# DynamoDB Developer Guide, time-to-live-ttl-streams.
TTL_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_MAX_PLAIN_DIGITS = 38


def change_record(
    record: Mapping[str, Any],
    *,
    table: str,
    precision: Precision | None,
    created_us: int,
    identity: Mapping[str, str] | None,
) -> bytes:
    """Return the JSON of a change record, without a trailing newline.

    `created_us` is when the change was made, in microseconds since the epoch. Only MICROSECOND is named in
    the record: without a precision AWS sends none (LS-ddb 2024-01-30), and under an explicit MILLISECOND it
    is UNVERIFIED.
    """
    change = record["dynamodb"]
    images = {name: change[name] for name in ("NewImage", "OldImage") if name in change}
    in_us = precision == "MICROSECOND"
    body = {
        "ApproximateCreationDateTime": created_us if in_us else created_us // 1000,
        "Keys": encoded_image(change["Keys"]),
        **{name: encoded_image(image) for name, image in images.items()},
        "SizeBytes": sum(map(size_bytes, (change["Keys"], *images.values()))),
    }
    if in_us:
        body["ApproximateCreationDateTimePrecision"] = "MICROSECOND"
    document = {
        "awsRegion": record["awsRegion"],
        "eventID": str(uuid.UUID(record["eventID"])),
        "eventName": record["eventName"],
        "userIdentity": identity,
        "recordFormat": "application/json",
        "tableName": table,
        "dynamodb": body,
        "eventSource": "aws:dynamodb",
    }
    return msgspec.json.encode(document)


def is_unchanged(record: Mapping[str, Any]) -> bool:
    """Return whether a write changed nothing. Sets have no order; numbers are equal when their values are.

    DynamoDB Streams emits nothing then (DDB: streams); for the Kinesis feed this is UNVERIFIED.
    """
    change = record["dynamodb"]
    if record["eventName"] != "MODIFY":
        return False
    return _comparable(change["OldImage"]) == _comparable(change["NewImage"])


def kinesis_partition_key(keys: Image) -> str:
    """Return 32 upper-case hexadecimal digits, equal for the same item. AWS's algorithm is not published."""
    return hashlib.md5(canonical(keys), usedforsecurity=False).hexdigest().upper()


def canonical(image: Image) -> bytes:
    """Return the same bytes for equal attributes, whatever their order or the spelling of their numbers."""
    return msgspec.json.encode(_comparable(image), order="sorted")


def base64_once(content: bytes) -> str:
    """Return a binary value as the event of DynamoDB Streams has it."""
    return base64.b64encode(content).decode()


def base64_twice(content: bytes) -> str:
    """Return a binary value as the Kinesis feed has it."""
    return base64_once(base64.b64encode(content))


def encoded_image(image: Image, binary: EncodeBinary = base64_twice) -> dict[str, Any]:
    """Return an image as the record's JSON has it."""
    return {name: _encoded(value, binary) for name, value in image.items()}


def number_text(text: str) -> str:
    """Return a number as DynamoDB returns it: without superfluous zeros, and plain when it is ordinary.

    Where DynamoDB begins to use an exponent is UNVERIFIED; here it is beyond 38 digits of plain notation.
    """
    sign, digits, exponent = Decimal(text).as_tuple()
    significant = "".join(map(str, digits)).lstrip("0")
    if not significant:
        return "0"
    stripped = significant.rstrip("0")
    number = Decimal(f"{'-' if sign else ''}{stripped}E{int(exponent) + len(significant) - len(stripped)}")
    # The exponent is checked first: the plain text of 1E999999999 would not fit into memory.
    if -_MAX_PLAIN_DIGITS < number.adjusted() < _MAX_PLAIN_DIGITS:
        plain = f"{number:f}"
        if len(plain.lstrip("-0.").replace(".", "")) <= _MAX_PLAIN_DIGITS:
            return plain
    return str(number)


def size_bytes(image: Image) -> int:
    """Return an image's size by DynamoDB's rules: names and values in UTF-8, numbers half a byte a digit.

    Source: DynamoDB Developer Guide, item sizes; LS has 35 records whose SizeBytes agree.
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in image.items())


def _encoded(value: AttributeValue, binary: EncodeBinary) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return {kind: number_text(content)}
        case "NS":
            return {kind: [number_text(number) for number in content]}
        case "B":
            return {kind: binary(content)}
        case "BS":
            return {kind: [binary(blob) for blob in content]}
        case "M":
            return {kind: encoded_image(content, binary)}
        case "L":
            return {kind: [_encoded(member, binary) for member in content]}
        case _:
            return {kind: content}


def _comparable(image: Image) -> dict[str, Any]:
    return {name: _sorted_sets(_encoded(value, base64_twice)) for name, value in image.items()}


def _sorted_sets(value: AttributeValue) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind in ("SS", "NS", "BS"):
        return {kind: sorted(content)}
    if kind == "M":
        return {kind: {name: _sorted_sets(member) for name, member in content.items()}}
    if kind == "L":
        return {kind: [_sorted_sets(member) for member in content]}
    return {kind: content}


def _value_size(value: AttributeValue) -> int:
    ((kind, content),) = value.items()
    return _SIZE[kind](content)


def _number_size(text: str) -> int:
    _, digits, _ = Decimal(text).as_tuple()
    significant = "".join(map(str, digits)).strip("0")
    return (len(significant) + 1) // 2 + 1 + text.startswith("-")


_SIZE: dict[str, Callable[[Any], int]] = {
    "S": lambda text: len(text.encode()),
    "N": _number_size,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda texts: sum(len(text.encode()) for text in texts),
    "NS": lambda numbers: sum(map(_number_size, numbers)),
    "BS": lambda blobs: sum(map(len, blobs)),
    "M": lambda members: 3 + size_bytes(members) + len(members),
    "L": lambda values: 3 + sum(map(_value_size, values)) + len(values),
}
