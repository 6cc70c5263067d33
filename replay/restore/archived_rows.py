"""The lines of an archived object -> rows, and a row -> the item it was: exactly, where it has its image."""

import csv
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from ttl_archive.replay.csv_row import csv_row
from ttl_archive.replay.gunzip import DamagedGzipError, inflated
from ttl_archive.replay.restore.where import Row
from ttl_archive.transform.settings import (
    ENVELOPE_COLUMNS,
    IMAGE_COLUMN,
    METADATA_COLUMNS,
    REST_COLUMN,
    Settings,
)

Item = dict[str, dict[str, Any]]  # DynamoDB JSON: {"name": {"S": "text"}}
_NUMERIC = ("bigint", "double", "decimal")


class Archived(NamedTuple):
    """One row: its columns, and the image that it has or not."""

    row: Row
    image: Item | None


class BadLine(NamedTuple):
    """A line that is no row."""

    number: int


def read_rows(chunks: Iterable[bytes], settings: Settings, *, is_csv: bool) -> Iterator[Archived | BadLine]:
    """The rows of an object from the chunks of its bytes; a damaged end is a bad line."""
    number = 0
    try:
        for number, line in enumerate(_lines(chunks), 1):
            try:
                row = _csv_row(line, settings) if is_csv else _json_row(line)
                image = row.pop(IMAGE_COLUMN, None)
                int(row["ddb_event_us"])
                yield Archived(row, json.loads(image) if image else None)
            except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
                yield BadLine(number)
    except DamagedGzipError:
        yield BadLine(number + 1)


def item_of(archived: Archived, settings: Settings) -> tuple[Item, bool]:
    """The item, and whether it is exactly the one that was archived.

    Without an image it is made of the columns: sets come back as lists, binary as base64 text.
    """
    if archived.image is not None:
        return archived.image, True
    if settings.output.row == "envelope":
        plain: Row = next(
            (archived.row[name] for name in ENVELOPE_COLUMNS[:0:-1] if archived.row.get(name)), {}
        )
        return {name: attribute_value(value) for name, value in plain.items()}, False
    return _from_columns(archived.row, settings), False


def is_csv(key: str, settings: Settings) -> bool:
    """Whether an object holds CSV: by its name, else by the settings of today."""
    name = key.rpartition("/")[2]
    by_name = [kind for kind in ("csv", "json") if f".{kind}" in name]
    return by_name[0] == "csv" if by_name else settings.output.format == "csv"


def attribute_value(value: Any) -> dict[str, Any]:
    """A plain value as an attribute value; which of two types it was, where JSON has one, nobody knows."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case Decimal():
            return {"N": str(value)}
        case dict():
            return {"M": {name: attribute_value(inner) for name, inner in value.items()}}
        case list():
            return {"L": [attribute_value(inner) for inner in value]}
    return {"S": str(value)}


def inexactness(settings: Settings) -> list[str]:
    """What does not come back as it was, where rows have no image."""
    found = ["sets come back as lists", "binary comes back as base64 text"]
    if settings.output.nested == "flatten":
        found.append("nested attributes come back flat, a.b as a_b, where no column has their path")
    if settings.output.format == "csv":
        found.append("text in a column of numbers comes back as a number")
    return found


def _from_columns(row: Row, settings: Settings) -> Item:
    paths = {column.name: column.path for column in settings.columns}
    item: Item = {}
    for name, value in row.items():
        if name in METADATA_COLUMNS or name == settings.output.date_column:
            continue
        *outer, last = paths.get(name, (name,))
        nested = {last: attribute_value(value)}
        for step in reversed(outer):
            nested = {step: {"M": nested}}
        _merge(item, nested)
    return item


def _merge(item: Item, more: Item) -> None:
    """Put names into an item; two maps of one name become one, for a column may stand for a part of a map."""
    for name, value in more.items():
        if name in item and "M" in value and "M" in item[name]:
            _merge(item[name]["M"], value["M"])
        else:
            item[name] = value


def _json_row(line: bytes) -> Row:
    row: Row = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    return row


def _csv_row(line: bytes, settings: Settings) -> Row:
    """The cells under their names. ddb_rest is JSON and wins; an empty cell without it is no value."""
    row: Row = dict(csv_row(line, settings))
    rest = row.pop(REST_COLUMN, "")
    types = {column.name: column.type for column in settings.columns}
    found = {
        name: _typed(cell, types.get(name, "string")) if name not in METADATA_COLUMNS else cell or None
        for name, cell in row.items()
        if cell != "" or name in METADATA_COLUMNS
    }
    return found | (_json_row(rest.encode()) if rest else {})


def _typed(cell: str, column_type: str) -> Any:
    """A cell as the column's type has it; what is not of the type stays text."""
    try:
        if column_type.startswith(_NUMERIC):
            return Decimal(cell)
        if column_type == "boolean" and cell in ("true", "false"):
            return cell == "true"
        if column_type == "json":
            return json.loads(cell, parse_float=Decimal, parse_int=Decimal)
    except (ArithmeticError, ValueError):
        pass
    return cell


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    tail = b""
    for chunk in inflated(chunks):
        *lines, tail = (tail + chunk).split(b"\n")
        yield from lines
    if tail:
        yield tail
