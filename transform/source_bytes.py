"""A record of a DynamoDB Streams event, which Lambda has decoded -> the bytes that the transform reads."""

import json
import re
from typing import Any

from msgspec.json import Encoder

_encode = Encoder().encode
_TIME = "ApproximateCreationDateTime"
_DECIMAL = re.compile(r"\d+(\.\d+)?", re.ASCII)


def source_bytes(record: Any) -> bytes:
    """Return the record as JSON text."""
    record = _with_numeric_time(record)
    try:
        return _encode(record)
    except ValueError:  # half a surrogate pair, which only `json` can write
        return json.dumps(record).encode()


def stream_record(record: Any) -> dict[str, Any]:
    """Return the part of a record that DynamoDB Streams calls StreamRecord; {} when it is missing."""
    part = record.get("dynamodb") if isinstance(record, dict) else None
    return part if isinstance(part, dict) else {}


def _with_numeric_time(record: Any) -> Any:
    """Return the record with its time as a number. AWS documents it as a number and shows it as a text too.

    Source: AWS Lambda Developer Guide, event filtering for DynamoDB.
    """
    part = stream_record(record)
    when = part.get(_TIME)
    if isinstance(when, str) and _DECIMAL.fullmatch(when):
        return record | {"dynamodb": part | {_TIME: float(when)}}
    return record  # the transform refuses a time that is no number
