"""The body of a queue's message -> its readings, with numbers as texts.

A body is JSON, or JSON in base64 as an IoT rule with `useBase64` sends it. The first character tells which:
JSON of an object or a list begins with { or [, which base64 does not have. Source: RFC, 4648.
"""

import json
from base64 import b64decode
from typing import Any

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.ingest_settings import Ingest
from ttl_archive.transform.nesting import is_too_deep

# DynamoDB stores 32 levels. An envelope needs some more. Source: DynamoDB Developer Guide, Constraints.
_MAX_LEVELS = 64


class ReadingNumber(str):
    """The digits of a JSON number, as they were written."""

    __slots__ = ()


def readings_of(body: str, ingest: Ingest) -> list[tuple[Any, dict[str, Any]]]:
    """Return each reading of a message, with the members of the message that it gets.

    Raises RecordError: BadBody, TooDeep, NoReadings, MissingMember.
    """
    message = _decoded(body)
    found = member(message, ingest.readings, "NoReadings")
    readings = found if isinstance(found, list) else [found]
    if not readings:
        raise RecordError("NoReadings")
    taken = {name: member(message, (name,)) for name in ingest.take}
    return [(reading, taken) for reading in readings]


def member(value: Any, path: tuple[str, ...], code: str = "MissingMember") -> Any:
    """Return what a path leads to. Raises RecordError with the code when it leads nowhere."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise RecordError(code)
        value = value[name]
    return value


def _decoded(body: str) -> Any:
    try:
        text = body.strip().encode()
        data = text if text[:1] in (b"{", b"[") else b64decode(text, validate=True)
        if is_too_deep(data, _MAX_LEVELS):
            raise RecordError("TooDeep")
        return json.loads(data, parse_int=ReadingNumber, parse_float=ReadingNumber, parse_constant=_refuse)
    except (ValueError, UnicodeError):
        raise RecordError("BadBody") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are no JSON. Source: RFC, 8259
