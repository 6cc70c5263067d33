"""The transform once more, the plain way: stdlib json and strict checks, from the facts, not the code.

Slow, and independent of what it checks. It answers ("malformed",), ("drop", rule) or ("row", row); the row's
numbers are `Digits`.
"""

import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.transform.builders import Digits

Malformed = ("malformed",)
_NUMBER = json.JSONDecoder(parse_int=Digits, parse_float=Digits)


class _Bad(Exception):
    pass


def outcome(
    data: bytes, changes: str = "ttl-removals", infer: bool = False, image: bool = True
) -> tuple[Any, ...]:
    """What must become of one record's data, with flat JSONL rows and no columns."""
    try:
        record = _parse(data)
        by = _removed_by(record)
        if infer and by == "user" and _had_expired(record):
            by = "ttl-inferred"
        if rule := _rule(by, changes):
            return ("drop", rule)
        return ("row", _row(record, by, image))
    except (_Bad, RecursionError):
        return Malformed


def _need(claim: object) -> None:
    if not claim:
        raise _Bad


def _parse(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8")
        record = json.loads(text, parse_int=Digits, parse_float=Digits, parse_constant=_refuse)
        json.dumps(record, ensure_ascii=False).encode("utf-8")  # no lone surrogates
    except ValueError:
        raise _Bad from None
    _need(isinstance(record, dict))
    _need(_is_text(record.get("eventID")))
    _need(record.get("eventName") in ("INSERT", "MODIFY", "REMOVE"))
    _need(_is_text(record["eventName"]))
    for name in ("tableName", "eventSourceARN"):
        _need(record.get(name) is None or _is_text(record[name]))
    identity = record.get("userIdentity")
    _need(identity is None or isinstance(identity, dict))
    for name in ("type", "principalId", "Type", "PrincipalId"):
        _need((identity or {}).get(name) is None or _is_text(identity[name]))
    part = record.get("dynamodb")
    _need(isinstance(part, dict))
    _need(isinstance(part.get("Keys"), dict))
    for name in ("NewImage", "OldImage"):
        _need(part.get(name) is None or isinstance(part[name], dict))
    _time_us(part)
    _need(_table(record) in (None, "devices"))
    return record


def _refuse(_: str) -> None:
    raise ValueError


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Digits)


def _table(record: dict[str, Any]) -> str | None:
    if record.get("tableName") is not None or not record.get("eventSourceARN"):
        return record.get("tableName")
    _, _, resource = record["eventSourceARN"].partition("table/")
    return resource.split("/")[0]


def _time_us(part: dict[str, Any]) -> int:
    text, precision = (
        part.get("ApproximateCreationDateTime"),
        part.get("ApproximateCreationDateTimePrecision"),
    )
    _need(isinstance(text, Digits))
    _need(precision in (None, "MICROSECOND", "MILLISECOND"))
    when = Decimal(str(text))
    unit = {16: 1, 13: 1_000, 10: 1_000_000}.get(len(str(int(abs(when)))) if abs(when) < 10**20 else 0)
    _need(unit and when > 0)
    _need((unit, precision) not in ((1, "MILLISECOND"), (1_000, "MICROSECOND")))
    _need(unit != 1_000_000 or precision is None)
    return int(Fraction(when) * unit)


def _counts_seconds(part: dict[str, Any]) -> bool:
    return Decimal(str(part["ApproximateCreationDateTime"])) < 10**11


def _removed_by(record: dict[str, Any]) -> str | None:
    if record["eventName"] != "REMOVE":
        return None
    identity = record.get("userIdentity") or {}
    kind = identity.get("type") or identity.get("Type")
    principal = identity.get("principalId") or identity.get("PrincipalId")
    return "ttl" if (kind, principal) == ("Service", "dynamodb.amazonaws.com") else "user"


def _had_expired(record: dict[str, Any]) -> bool:
    image = record["dynamodb"].get("OldImage")
    _need(image is not None)
    _need(all(isinstance(value, dict) for value in image.values()))
    value = image.get("ttl")
    _need(value is None or len(value) == 1)
    if value is None or "N" not in value:
        return False
    at = Fraction(_time_us(record["dynamodb"]), 1_000_000)
    return at - 5 * 365 * 86_400 <= Fraction(Decimal(str(_number(value["N"])))) <= at


def _rule(by: str | None, changes: str) -> str | None:
    kept = {
        "ttl-removals": ["ttl", "ttl-inferred"],
        "removals": ["ttl", "ttl-inferred", "user"],
        "all": ["ttl", "ttl-inferred", "user", None],
        "all-but-ttl-removals": ["user", None],
    }[changes]
    rules = {"user": "user-removal", None: "not-a-removal"}
    return None if by in kept else rules.get(by, "ttl-removal")


def _row(record: dict[str, Any], by: str | None, with_image: bool) -> dict[str, Any]:
    part = record["dynamodb"]
    image = part.get("OldImage" if record["eventName"] == "REMOVE" else "NewImage")
    _need(image is not None)
    _need(len({name.lower() for name in image}) == len(image))
    _need(not any(name.lower() in _TAKEN for name in image))
    us, once = _time_us(part), _counts_seconds(part)
    row = {
        "ddb_table": "devices",
        "ddb_event_id": record["eventID"],
        "ddb_event_name": record["eventName"],
        "ddb_event_time": time_text(us),
        "ddb_event_us": Digits(us),
        "ddb_removed_by": by,
    }
    row |= {name: plain(value, once) for name, value in image.items()}
    if with_image:
        row["ddb_image"] = {name: _single(value, once) for name, value in image.items()}
    return row


_METADATA = ("table", "event_id", "event_name", "event_time", "event_us", "removed_by")
_TAKEN = {f"ddb_{name}" for name in (*_METADATA, "rest", "image")} | {"dt"}


def time_text(us: int) -> str:
    """Hive's timestamp text, UTC, to the millisecond."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"


def plain(value: Any, once: bool = False) -> Any:
    """An attribute value as JSON has it."""
    _need(isinstance(value, dict))
    _need(len(value) == 1)
    ((kind, content),) = value.items()
    _need(kind in ("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"))
    if kind in ("SS", "NS", "BS", "L"):
        _need(isinstance(content, list))
    if kind == "M":
        _need(isinstance(content, dict))
        return {name: plain(inner, once) for name, inner in content.items()}
    if kind == "L":
        return [plain(inner, once) for inner in content]
    if kind in ("SS", "NS", "BS"):
        return [plain({kind[0]: inner}, once) for inner in content]
    if kind == "N":
        return _number(content)
    if kind == "B":
        return binary(content, once)
    if kind == "S":
        _need(_is_text(content))
        return content
    _need(content is True or (kind == "BOOL" and content is False))
    return content if kind == "BOOL" else None


def _number(text: Any) -> Digits:
    _need(_is_text(text))
    try:
        digits, end = _NUMBER.raw_decode(text)
    except ValueError:
        raise _Bad from None
    _need(isinstance(digits, Digits))
    _need(end == len(text))
    _need(abs(Decimal(str(digits))) < Decimal("1E+308"))
    return digits


def binary(text: Any, once: bool) -> str:
    """Base64 once, of what the feed encoded once or twice."""
    _need(_is_text(text))
    inner = _base64(text)
    _need(inner is not None)
    if once or _base64(inner) is None:
        return text
    return inner.decode("ascii")


# RFC 4648, section 4. The strict mode of binascii takes padding where none belongs.
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def _base64(text: str | bytes) -> bytes | None:
    encoded = text.encode() if isinstance(text, str) else text
    return binascii.a2b_base64(encoded) if _BASE64.fullmatch(encoded) else None


def _single(value: dict[str, Any], once: bool) -> Any:
    ((kind, content),) = value.items()
    if kind == "M":
        return {kind: {name: _single(inner, once) for name, inner in content.items()}}
    if kind == "L":
        return {kind: [_single(inner, once) for inner in content]}
    if kind in ("B", "BS"):
        return {kind: plain(value, once)}
    return value
