"""A kept change -> its row, in the format and shape the settings ask for."""

from collections.abc import Callable
from typing import Any

from msgspec import Raw, ValidationError

from transform.columns import spreader
from transform.errors import RecordError
from transform.flatten import Image, Unwrap, binary_once, binary_twice, decode_image, image_text, unwrapper
from transform.formats import csv_cells, csv_line, jsonl_line
from transform.records import ChangeRecord, EventTime, is_there, timestamp_text
from transform.selection import RemovedBy
from transform.settings import ENVELOPE_COLUMNS, IMAGE_COLUMN, Settings

WriteRow = Callable[[ChangeRecord, EventTime, RemovedBy | None], bytes]

# By whether the record counts in whole seconds: DynamoDB Streams does, and encodes binary once.
_BINARY = {True: binary_once, False: binary_twice}
_UNWRAP: dict[bool, Unwrap] = {in_seconds: unwrapper(binary) for in_seconds, binary in _BINARY.items()}


def row_writer(settings: Settings) -> WriteRow:
    """The function that writes a row's line. It raises RecordError for an image that cannot be a row."""
    output = settings.output
    return _WRITERS[output.format, output.row](settings)


def decoded(image: Raw) -> Image:
    """The attribute values of a raw image by name. Raises RecordError `BadAttributeValue`."""
    try:
        return decode_image(image)
    except ValidationError:
        raise RecordError("BadAttributeValue") from None


def _jsonl_writer(settings: Settings) -> WriteRow:
    table, with_image = settings.table.name, settings.output.image
    spread = spreader(settings)

    def write(change: ChangeRecord, time: EventTime, by: RemovedBy | None) -> bytes:
        raw = change.image()
        row = _metadata(table, change, time, by)
        _UNWRAP[time.in_seconds](row, *spread(decoded(raw)))
        if with_image:
            row[IMAGE_COLUMN] = image_text(raw, _BINARY[time.in_seconds])
        return jsonl_line(row)

    return write


def _csv_writer(settings: Settings) -> WriteRow:
    table, with_image = settings.table.name, settings.output.image
    columns = tuple(column.name for column in settings.columns)
    spread = spreader(settings)

    def write(change: ChangeRecord, time: EventTime, by: RemovedBy | None) -> bytes:
        raw = change.image()
        values: dict[str, Any] = {}
        _UNWRAP[time.in_seconds](values, *spread(decoded(raw)))
        when = timestamp_text(time.us)
        cells = [table, change.event_id, change.event_name, when, str(time.us), by or ""]  # METADATA_COLUMNS
        cells += csv_cells(columns, values)
        if with_image:
            cells.append(image_text(raw, _BINARY[time.in_seconds]))
        return csv_line(cells)

    return write


def _envelope_writer(settings: Settings) -> WriteRow:
    table, with_image = settings.table.name, settings.output.image

    def write(change: ChangeRecord, time: EventTime, by: RemovedBy | None) -> bytes:
        raw = change.image()
        images = change.dynamodb.keys, change.dynamodb.new_image, change.dynamodb.old_image
        row = _metadata(table, change, time, by)
        row |= zip(
            ENVELOPE_COLUMNS, (_plain(image, _UNWRAP[time.in_seconds]) for image in images), strict=True
        )
        if with_image:
            row[IMAGE_COLUMN] = image_text(raw, _BINARY[time.in_seconds])
        return jsonl_line(row)

    return write


_WRITERS: dict[tuple[str, str], Callable[[Settings], WriteRow]] = {
    ("jsonl", "flat"): _jsonl_writer,
    ("csv", "flat"): _csv_writer,
    ("jsonl", "envelope"): _envelope_writer,
}


def _plain(image: Raw, unwrap: Unwrap) -> dict[str, Any] | None:
    if not is_there(image):
        return None
    values: dict[str, Any] = {}
    members = decoded(image)
    unwrap(values, members, members.values())
    return values


def _metadata(table: str, change: ChangeRecord, time: EventTime, by: RemovedBy | None) -> dict[str, Any]:
    """The values of METADATA_COLUMNS, in their order."""
    return {
        "ddb_table": table,
        "ddb_event_id": change.event_id,
        "ddb_event_name": change.event_name,
        "ddb_event_time": timestamp_text(time.us),
        "ddb_event_us": time.us,
        "ddb_removed_by": by,
    }
