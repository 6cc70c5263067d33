"""A row -> the item it was: exactly where the row has its image, as closely as columns allow where not."""

import json
from typing import Any

from msgspec import Raw

from ttl_archive.replay.items.attribute_values import Item, NotAnAttributeValueError, NumberText, infer
from ttl_archive.replay.restore.archived_rows import ArchivedRow, BadRowError, RowColumns
from ttl_archive.replay.restore.image_items import merge_items
from ttl_archive.transform.settings import ENVELOPE_COLUMNS, METADATA_COLUMNS, Settings

_decode = json.JSONDecoder(parse_float=NumberText, parse_int=NumberText).decode


def item_of(row: ArchivedRow, settings: Settings) -> tuple[Item, bool]:
    """Return the item, and whether it is exactly the archived one.

    Without an image it is rebuilt from the columns: sets become lists, binary becomes base64 text.
    Raises BadRowError `TooDeep`.
    """
    if (image := row.decoded_image()) is not None:
        return image, True
    rebuild = _from_envelope if settings.output.row == "envelope" else _from_columns
    try:
        return rebuild(row.columns, settings), False
    except NotAnAttributeValueError:
        raise BadRowError("TooDeep") from None


def inexactness(settings: Settings) -> list[str]:
    """Return what differs from the archived item where rows have no image, one phrase each."""
    differences = ["sets come back as lists", "binary comes back as base64 text"]
    if settings.output.nested == "flatten":
        differences.append("nested attributes come back flat, a.b as a_b, where no column has their path")
    if settings.output.format == "csv":
        differences.append("text in a column of numbers comes back as a number")
    return differences


def _from_envelope(columns: RowColumns, settings: Settings) -> Item:  # noqa: ARG001
    """Return the newest of the images: the old one of a removal, else the new one."""
    _, new_image, old_image = ENVELOPE_COLUMNS
    for image in (old_image, new_image) if _is_removal(columns) else (new_image, old_image):
        value = _value(columns[image]) if image in columns else None
        if isinstance(value, dict):
            return {name: infer(inner) for name, inner in value.items()}
    return {}


def _is_removal(columns: RowColumns) -> bool:
    return "ddb_event_name" in columns and _value(columns["ddb_event_name"]) == "REMOVE"


def _from_columns(columns: RowColumns, settings: Settings) -> Item:
    paths = {column.name: column.path for column in settings.columns}
    item: Item = {}
    for name, text in columns.items():
        if name in METADATA_COLUMNS or name == settings.output.date_column:
            continue
        *outer, last = paths.get(name, (name,))
        nested: Item = {last: infer(_value(text))}
        for step in reversed(outer):
            nested = {step: {"M": nested}}
        merge_items(item, nested)
    return item


def _value(text: Raw) -> Any:
    """Return the value of JSON text, every number as the text that it is."""
    return _decode(bytes(text).decode())
