"""The expected rows, made independently of the transform with the standard library's json.

A value is compared with its type, and a number by its digits: 1.50 is not 1.5.
"""

import csv
import json
from base64 import b64decode
from typing import Any, NamedTuple

from formats import Format
from workloads import Workload

METADATA = ("ddb_table", "ddb_event_id", "ddb_event_name", "ddb_event_time", "ddb_event_us", "ddb_removed_by")


class Number(NamedTuple):
    """A number as it was written."""

    text: str


def is_exact(workload: Workload, lines: list[bytes | None], fmt: Format) -> bool:
    """Return whether every TTL removal became the expected row, and no other change became one.

    `lines` has an entry for every change: the row's bytes, or None where the change was dropped.
    """
    expected = (
        _row(json.loads(change)) if is_ttl else None
        for change, is_ttl in zip(workload.changes, workload.is_ttl_removal, strict=True)
    )
    return len(lines) == len(workload.changes) and all(
        _is_same(row, line, fmt) for row, line in zip(expected, lines, strict=True)
    )


def _is_same(row: dict[str, Any] | None, line: bytes | None, fmt: Format) -> bool:
    if row is None or line is None:
        return row is line
    image = row.pop("ddb_image")
    columns = {path: column for column, path in fmt.columns}
    row = {columns.get(name, name): value for name, value in row.items()}
    if not line.endswith(b"\n") or line.count(b"\n") > 1:
        return False
    if fmt.is_csv:
        return _is_same_csv(row, line, [*METADATA, "ddb_image", "ddb_rest", *columns.values()])
    found = _parse(line)
    return (not fmt.has_image or json.loads(found.pop("ddb_image")) == image) and bool(found == row)


def _row(change: dict[str, Any]) -> dict[str, Any]:
    image = change["dynamodb"]["OldImage"]
    us = change["dynamodb"]["ApproximateCreationDateTime"]
    return {
        "ddb_table": change["tableName"],
        "ddb_event_id": change["eventID"],
        "ddb_event_name": "REMOVE",
        "ddb_event_time": _hive_time(us),
        "ddb_event_us": Number(str(us)),
        "ddb_removed_by": "ttl",
        **{name: _plain(value) for name, value in image.items()},
        "ddb_image": {name: _once(value) for name, value in image.items()},
    }


def _hive_time(us: int) -> str:
    """Return the timestamp text; the workloads stay within the first day of 2026."""
    second, fraction = divmod(us - 1_767_225_600_000_000, 1_000_000)
    assert second < 86_400, "workloads.py has left the day this is written for"
    return f"2026-01-01 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{fraction // 1000:03d}"


def _plain(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return {
        "S": lambda: content,
        "N": lambda: Number(content),
        "B": lambda: b64decode(content).decode(),
        "BOOL": lambda: content,
        "NULL": lambda: None,
        "M": lambda: {name: _plain(member) for name, member in content.items()},
        "L": lambda: [_plain(member) for member in content],
        "SS": lambda: content,
        "NS": lambda: [Number(text) for text in content],
        "BS": lambda: [b64decode(text).decode() for text in content],
    }[kind]()


def _once(value: dict[str, Any]) -> dict[str, Any]:
    """Return the attribute value with its binary in base64 once."""
    ((kind, content),) = value.items()
    if kind == "B":
        return {"B": b64decode(content).decode()}
    if kind == "BS":
        return {"BS": [b64decode(text).decode() for text in content]}
    if kind == "M":
        return {"M": {name: _once(member) for name, member in content.items()}}
    return {"L": [_once(member) for member in content]} if kind == "L" else value


def _parse(text: str | bytes) -> Any:
    return json.loads(text, parse_int=Number, parse_float=Number)


def _is_same_csv(row: dict[str, Any], line: bytes, columns: list[str]) -> bool:
    """Compare the values of the rest column there, with their types, and the others by their cells."""
    (cells,) = csv.reader([line.decode()], escapechar="\\", doublequote=False, strict=True)
    texts = dict(zip(columns, cells, strict=True))
    rest = _parse(texts.pop("ddb_rest") or "{}")
    if texts.pop("ddb_image"):
        return False  # image is off
    return row.keys() == texts.keys() | rest.keys() and all(
        rest[name] == value if name in rest else _shows(texts[name], value) for name, value in row.items()
    )


def _shows(cell: str, value: Any) -> bool:
    if isinstance(value, str):
        return cell == value
    return bool(_parse(cell) == value)
