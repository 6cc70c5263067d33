"""The staged items as text: JSONL, CSV, or the DynamoDB JSON that DynamoDB's own import from S3 takes."""

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from msgspec import Raw
from msgspec.json import Decoder, Encoder

from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.replay.restore.archived_rows import RowColumns
from ttl_archive.replay.restore.image_items import image_item
from ttl_archive.transform.settings import REST_COLUMN

FORMATS = ("jsonl", "csv", "dynamodb-json")
# Text that a spreadsheet takes for a formula. Source: OWASP, CSV Injection.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_encode = Encoder().encode
_decode_columns = Decoder(RowColumns).decode
_decode_text = Decoder(str).decode


def staged_row(columns: RowColumns) -> str:
    """Return a row as the text that is staged. Every value keeps the text of the archive."""
    return _encode(columns).decode()


def staged_item(item: Item) -> str:
    """Return an item as the text that is staged."""
    return _encode(item).decode()


def staged_image(image_text: str) -> str:
    """Return the item of an image as the text that is staged: the image's own, when that is one line."""
    if "\n" in image_text or "\r" in image_text:
        return staged_item(image_item(image_text))
    return image_text


def write_jsonl(lines: Iterable[str], file: TextIO) -> int:
    """Write one row a line, with every column; return how many."""
    return _write_lines(lines, file)


def write_dynamodb_json(lines: Iterable[str], file: TextIO) -> int:
    """Write one item a line, as DynamoDB exports it; return how many.

    Source: DynamoDB Developer Guide, S3DataImport.Format.
    """
    return _write_lines((f'{{"Item":{line}}}' for line in lines), file)


def write_csv(lines: Iterable[str], file: TextIO, columns: Sequence[str], *, guard: bool) -> int:
    """Write a header and RFC 4180 cells; return how many rows.

    What has no column goes into ddb_rest, as JSON. NULL is an empty cell. With `guard`, an apostrophe is put
    before text that a spreadsheet would run as a formula.
    """
    names = [name for name in columns if name != REST_COLUMN]
    writer = csv.writer(file)
    writer.writerow([*names, REST_COLUMN])
    as_cell: Callable[[Raw | None], str] = _guarded_cell if guard else _cell
    written = 0
    for line in lines:
        row = _decode_columns(line)
        cells = [as_cell(row.pop(name, None)) for name in names]
        writer.writerow([*cells, _encode(row).decode() if row else ""])
        written += 1
    return written


def _write_lines(lines: Iterable[str], file: TextIO) -> int:
    written = 0
    for line in lines:
        file.write(line + "\n")
        written += 1
    return written


def _cell(text: Raw | None) -> str:
    """Return a value as a cell: text without its quotes, anything else as its JSON."""
    if text is None:
        return ""
    source = bytes(text)
    if source.startswith(b'"'):
        return _decode_text(source)
    return "" if source == b"null" else source.decode()


def _guarded_cell(text: Raw | None) -> str:
    cell = _cell(text)
    is_text = text is not None and bytes(text).startswith(b'"')
    return f"'{cell}" if is_text and cell.startswith(_FORMULA_STARTS) else cell
