"""The lines of an archived object -> rows, exact to the digit. A line that is not a row becomes a BadLine.

A column keeps the JSON text that the archive has for it, so that no number is ever rounded; `exact_value`
decodes one where a filter or an item needs it.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder, Encoder

from ttl_archive.replay.csv_row import csv_row
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.restore.image_items import BadImageError, check_image, image_item
from ttl_archive.replay.restore.row_lines import UnreadableLine, row_lines
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.nesting import is_too_deep
from ttl_archive.transform.numbers import number
from ttl_archive.transform.settings import IMAGE_COLUMN, METADATA_COLUMNS, REST_COLUMN, Settings

# DynamoDB allows 32 levels; a row has one bracket for each. Four times that.
# Source: DynamoDB Developer Guide, constraints, nesting depth.
MAX_BRACKETS = 128
RowColumns = dict[str, Raw]  # JSON text by column name

# Why a line is not a row, by the code that reports and the README use.
REASONS = {
    "NotUtf8": "the bytes are not UTF-8",
    "NotJson": "the line is not JSON",
    "NotARow": "the line is not a row: it is no JSON object, or its cells do not match the columns",
    "BadNumber": "a number is outside the range of numbers",
    "BadEventTime": "ddb_event_us is not a number of microseconds between the years 1970 and 9999",
    "BadImage": "ddb_image is not an item in DynamoDB JSON",
    "TooDeep": "the values are nested more deeply than DynamoDB allows",
    "TooLong": "the line is longer than twice the largest row",
    "TruncatedGzip": "the object ends within its gzip data; what follows this line is missing",
    "DamagedGzip": "the gzip data is damaged; what follows this line is missing",
}
_LAST_US = 253_402_300_799_999_999  # the end of the year 9999
_NUMBER_STARTS = frozenset(b"%c" % byte for byte in b"-0123456789")
_NUMERIC = ("bigint", "double", "decimal")
_encode = Encoder().encode
_decode_values = Decoder(dict[str, Any]).decode
_decode_texts = Decoder(RowColumns).decode
_decode_any = Decoder(Any).decode
_decode_text = Decoder(str).decode


class ArchivedRow(Struct, frozen=True, gc=False):
    """One row: its columns without the image; the text of the image, checked, or "" where it has none."""

    columns: RowColumns
    event_us: int
    image_text: str

    def decoded_image(self) -> Item | None:
        """Decode the item in the image; None where the row has no image."""
        return image_item(self.image_text) if self.image_text else None


class BadLine(NamedTuple):
    """A line that is not a row: its number, counted from 1, and a code of REASONS."""

    number: int
    code: str


class BadRowError(Exception):
    """A line is not a row; `code` is one of REASONS."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def read_rows(
    chunks: Iterable[bytes], settings: Settings, *, is_csv: bool
) -> Iterator[ArchivedRow | BadLine]:
    """Yield the row of each line of an object, or a BadLine, from the chunks of the object's bytes.

    No content of an object raises an error. Errors of reading the chunks pass through.
    """
    parse = _csv_parser(settings) if is_csv else _parse_json
    for line_number, line in enumerate(row_lines(chunks), 1):
        try:
            if isinstance(line, UnreadableLine):
                raise BadRowError(line)  # noqa: TRY301  all reasons take one way
            yield parse(line)
        except BadRowError as error:
            yield BadLine(line_number, error.code)


def is_csv(key: str, settings: Settings) -> bool:
    """Return whether an object holds CSV: by its name, else by the format in today's settings."""
    name = key.rpartition("/")[2]
    formats = [suffix for suffix in ("csv", "json") if f".{suffix}" in name]
    return formats[0] == "csv" if formats else settings.output.format == "csv"


def exact_value(text: Raw) -> Any:
    """Decode JSON text; every number becomes a Decimal. Raises BadRowError `BadNumber`."""
    source = bytes(text)
    if source.startswith(b'"'):
        return _decode_text(source)
    if source[:1] in _NUMBER_STARTS:
        return _decimal(source.decode())
    return _decode_exactly(source.decode())


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise BadRowError("BadNumber") from None


_decode_exactly = json.JSONDecoder(parse_float=_decimal, parse_int=_decimal).decode


def _parse_json(line: bytes) -> ArchivedRow:
    # msgspec checks a value that it decodes for more than one that it keeps as text: UTF-8, numbers out of
    # range. So the line is decoded both ways.
    values = _checked(_decode_values, line)
    columns = _decode_texts(line)
    columns.pop(IMAGE_COLUMN, None)
    return _row(columns, values.get("ddb_event_us"), values.get(IMAGE_COLUMN))


def _row(columns: RowColumns, event_us: Any, image_text: Any) -> ArchivedRow:
    if type(event_us) is not int or not 0 <= event_us <= _LAST_US:
        raise BadRowError("BadEventTime")
    if image_text is None or image_text == "":
        return ArchivedRow(columns, event_us, "")
    try:
        check_image(image_text)
    except BadImageError:
        raise BadRowError("BadImage") from None
    return ArchivedRow(columns, event_us, image_text)


def _checked(decode: Callable[[bytes], Any], text: bytes) -> Any:
    try:
        values = decode(text)
    except UnicodeDecodeError:
        raise BadRowError("NotUtf8") from None
    except RecursionError:
        raise BadRowError("TooDeep") from None
    except DecodeError as error:
        raise BadRowError(_code_of(error)) from None
    if is_too_deep(text, MAX_BRACKETS):
        raise BadRowError("TooDeep")
    return values


def _code_of(error: DecodeError) -> str:
    """Return the code for what msgspec says; only its text tells these errors apart."""
    if "out of range" in str(error):
        return "BadNumber"
    return "NotARow" if str(error).startswith("Expected `object`") else "NotJson"


def _csv_parser(settings: Settings) -> Callable[[bytes], ArchivedRow]:
    """Return the function that parses a line of CSV.

    A column that ddb_rest has too takes its value from there. An empty cell is no value, but NULL in a
    metadata column.
    """
    types = {column.name: column.type for column in settings.columns}

    def parse(line: bytes) -> ArchivedRow:
        cells = _cells(line, settings)
        rest, image_text = cells.pop(REST_COLUMN), cells.pop(IMAGE_COLUMN)
        event_us = cells["ddb_event_us"]
        columns = {
            name: _typed(cell, types.get(name, "string"))
            for name, cell in cells.items()
            if cell or name in METADATA_COLUMNS
        }
        if rest:
            _checked(_decode_values, rest.encode())
            columns |= _decode_texts(rest)
        is_whole = event_us.isascii() and event_us.isdigit() and len(event_us) <= len(str(_LAST_US))
        return _row(columns, int(event_us) if is_whole else None, image_text)

    return parse


def _cells(line: bytes, settings: Settings) -> dict[str, str]:
    try:
        return csv_row(line, settings)
    except UnicodeDecodeError:
        raise BadRowError("NotUtf8") from None
    except (ValueError, csv.Error):
        raise BadRowError("NotARow") from None


def _typed(cell: str, column_type: str) -> Raw:
    """Return the JSON text of a cell in the column's type; a cell that does not fit the type is text."""
    if not cell:
        return Raw(b"null")
    try:
        if column_type.startswith(_NUMERIC):
            return Raw(bytes(number(cell)))
        if column_type == "json":
            _checked(_decode_any, cell.encode())
            return Raw(cell.encode())
    except (RecordError, BadRowError):
        pass
    if column_type == "boolean" and cell in ("true", "false"):
        return Raw(cell.encode())
    return Raw(_encode(cell))
