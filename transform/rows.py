"""A kept change -> its row, in the format that the settings say."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from msgspec import UNSET, Raw, Struct, defstruct
from msgspec.structs import astuple

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import Unwrap, binary_once, binary_twice, decoded, unwrapper
from ttl_archive.transform.formats import csv_cells, csv_line, jsonl_line
from ttl_archive.transform.getters import tuple_getter
from ttl_archive.transform.image_text import image_text
from ttl_archive.transform.learning import Flattener
from ttl_archive.transform.numbers import number, number_texts
from ttl_archive.transform.records import ChangeRecord, Feed, images, is_there, row_image, timestamp_text
from ttl_archive.transform.selection import RemovedBy
from ttl_archive.transform.settings import ENVELOPE_COLUMNS, IMAGE_COLUMN, METADATA_COLUMNS, Settings
from ttl_archive.transform.shape import Shape

WriteRow = Callable[[bytes, ChangeRecord, int, RemovedBy | None], bytes]
Divide = Callable[[Sequence[Any]], tuple[Sequence[Any], dict[str, Any]]]

_BINARY = {Feed.KINESIS: binary_twice, Feed.STREAMS: binary_once}
_UNWRAP: dict[Feed, Unwrap] = {feed: unwrapper(binary) for feed, binary in _BINARY.items()}


def row_writer(settings: Settings) -> WriteRow:
    """Return the function that writes a row's line. It raises RecordError for an image without a row."""
    output = settings.output
    return _WRITERS[output.format, output.row](settings)


def _jsonl_writer(settings: Settings) -> WriteRow:
    table, with_image = settings.table.name, settings.output.image
    flatteners = {feed: Flattener(settings, unwrap, _row_type) for feed, unwrap in _UNWRAP.items()}

    def write(data: bytes, change: ChangeRecord, us: int, by: RemovedBy | None) -> bytes:
        raw, feed = row_image(change, data), change.dynamodb.feed
        metadata = (table, change.event_id, change.event_name, timestamp_text(us), us, by)
        shape, row_type = flatteners[feed].find(raw)
        if (values := shape.values(raw)) is not None:
            last = image_text(raw, _BINARY[feed]) if with_image else UNSET
            return jsonl_line(row_type(*metadata, *values, last))
        row = dict(zip(METADATA_COLUMNS, metadata, strict=True))
        flatteners[feed].fallback(raw, row, shape)
        if with_image:
            row[IMAGE_COLUMN] = image_text(raw, _BINARY[feed])
        return jsonl_line(row)

    return write


def _row_type(shape: Shape) -> type[Struct]:
    """Return the type of a JSONL row whose image has this shape. Values that are UNSET are not written."""
    metadata = [(name, Any) for name in METADATA_COLUMNS]
    names = {f"f{n}": column for n, column in enumerate(shape.columns)}
    columns = [(field, Any) for field in names]
    return defstruct("Row", [*metadata, *columns, (IMAGE_COLUMN, Any)], rename=names, gc=False)


def _csv_writer(settings: Settings) -> WriteRow:
    table, with_image = settings.table.name, settings.output.image
    columns = tuple(column.name for column in settings.columns)
    divider = partial(_divider, columns)
    flatteners = {
        feed: Flattener(settings, unwrap, divider, number_texts) for feed, unwrap in _UNWRAP.items()
    }

    def write(data: bytes, change: ChangeRecord, us: int, by: RemovedBy | None) -> bytes:
        raw, feed = row_image(change, data), change.dynamodb.feed
        shape, divided = flatteners[feed].find(raw)
        if (values := shape.values(raw)) is not None:
            own, rest = divided(values)
        else:
            rest = {}
            flatteners[feed].fallback(raw, rest, shape)
            own = [rest.pop(column, UNSET) for column in columns]
        if "\n" in change.event_id or "\r" in change.event_id:  # its cell cannot show them exactly
            rest["ddb_event_id"] = change.event_id
        # METADATA_COLUMNS, as text
        cells = [table, change.event_id, change.event_name, timestamp_text(us), str(us), by or ""]
        cells.append(image_text(raw, _BINARY[feed]) if with_image else "")
        return csv_line(cells + csv_cells(columns, own, rest))

    return write


def _divider(columns: Sequence[str], shape: Shape) -> Divide:
    """Return the function that divides an image's values into those of the columns and the rest by name."""
    places = {column: place for place, column in enumerate(shape.columns)}
    own = tuple_getter(itemgetter, [places.pop(column, len(shape.columns)) for column in columns])

    def divided(values: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        if not places:
            return own((*values, UNSET)), {}
        rest = {column: values[place] for column, place in places.items() if values[place] is not UNSET}
        for column in shape.numbers & rest.keys():
            rest[column] = number(rest[column])
        return own((*values, UNSET)), rest

    return divided


def _envelope_writer(settings: Settings) -> WriteRow:
    table, with_image = settings.table.name, settings.output.image

    def write(data: bytes, change: ChangeRecord, us: int, by: RemovedBy | None) -> bytes:
        found, feed = images(data), change.dynamodb.feed
        raw = found.old_image if change.event_name == "REMOVE" else found.new_image
        if not is_there(raw):
            raise RecordError("MissingImage")
        metadata = (table, change.event_id, change.event_name, timestamp_text(us), us, by)
        row: dict[str, Any] = dict(zip(METADATA_COLUMNS, metadata, strict=True))
        for column, each in zip(ENVELOPE_COLUMNS, astuple(found), strict=True):
            row[column] = _plain(each, _UNWRAP[feed])
        if with_image:
            row[IMAGE_COLUMN] = image_text(raw, _BINARY[feed])
        return jsonl_line(row)

    return write


_WRITERS: dict[tuple[str, str], Callable[[Settings], WriteRow]] = {
    ("jsonl", "flat"): _jsonl_writer,
    ("csv", "flat"): _csv_writer,
    ("jsonl", "envelope"): _envelope_writer,
}


def _plain(raw: Raw, unwrap: Unwrap) -> dict[str, Any] | None:
    if not is_there(raw):
        return None
    values: dict[str, Any] = decoded(raw)
    unwrap(values, values.items())
    return values
