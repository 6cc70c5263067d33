"""A reading -> an item with its key and its TTL stamp, as DynamoDB's attribute values."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.ingest_message import ReadingNumber, member
from ttl_archive.transform.ingest_settings import Ingest, KeyTemplate

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]

# A number below 10^11 is seconds (until the year 5138), else it is milliseconds (from March 1973), and below
# 10^14. Above, it is microseconds or no time at all.
_FIRST_MILLISECOND, _TOO_LARGE = Decimal(10) ** 11, Decimal(10) ** 14
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_DAY_S = 86_400
# DynamoDB never removes what expired more than five years ago. Source: DynamoDB Developer Guide, TTL.
_NEVER_REMOVED_S = 5 * 365 * _DAY_S


class StampedItem(NamedTuple):
    """An item, its key attributes by name, and the reading's own time in seconds."""

    item: Item
    key: Item
    time_s: Decimal


def stamped_item(
    reading: Any, taken: Mapping[str, Any], ingest: Ingest, ttl_attribute: str, sent_s: int
) -> StampedItem:
    """Return the item of a reading with these members of its message. `sent_s` is when it was sent.

    Raises RecordError: BadReading, MissingMember, TwoValues, BadKey, BadTime, ExpiredTooLongAgo.
    """
    if not isinstance(reading, dict):
        raise RecordError("BadReading")
    members = _joined(reading, taken)
    time_s = _seconds(member(members, ingest.time))
    expires_s = int(time_s) + ingest.retention_days * _DAY_S
    if expires_s + _NEVER_REMOVED_S <= sent_s:
        raise RecordError("ExpiredTooLongAgo")
    item = {name: json_attribute(value) for name, value in members.items()}
    key = {name: _key_value(template, members) for name, template in ingest.keys.items()}
    stamp = {ttl_attribute: {"N": str(expires_s)}}
    return StampedItem(_joined(item, key | stamp), key, time_s)


def json_attribute(value: Any) -> AttributeValue:
    """Return a JSON value as an attribute value; a number keeps its digits."""
    if isinstance(value, dict):
        return {"M": {name: json_attribute(each) for name, each in value.items()}}
    if isinstance(value, list):
        return {"L": [json_attribute(each) for each in value]}
    if isinstance(value, ReadingNumber):
        return {"N": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"NULL": True} if value is None else {"S": value}


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return both together. Raises RecordError `TwoValues` for one name with two values."""
    if any(name in one and one[name] != value for name, value in other.items()):
        raise RecordError("TwoValues")
    return {**one, **other}


def _seconds(value: Any) -> Decimal:
    # A text of digits is accepted too. Decimal itself would accept other texts, as "1_000".
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise RecordError("BadTime")
    number = Decimal(value)
    if not 0 < number < _TOO_LARGE:
        raise RecordError("BadTime")
    return number if number < _FIRST_MILLISECOND else number / 1000


def _key_value(template: KeyTemplate, members: Mapping[str, Any]) -> AttributeValue:
    values = [part if isinstance(part, str) else member(members, part) for part in template.parts]
    if not all(isinstance(value, str) and value for value in values):
        raise RecordError("BadKey")
    if len(values) == 1 and isinstance(values[0], ReadingNumber):
        return {"N": str(values[0])}
    return {"S": "".join(values)}
