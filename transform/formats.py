"""A row -> its line, in JSONL or CSV. One row, one newline, and no other newline anywhere.

CSV is written so that the OpenCSVSerDe of Athena and Python's csv module (`ArchiveDialect`) read the same:
every cell in quotes, '"' and backslash escaped by a backslash. The SerDe cannot read a raw newline and knows
no NULL, so a cell shows a newline as backslash and n, and is empty for NULL; what a cell cannot show exactly
stands once more in ddb_rest, which is JSON and wins. Source: Athena User Guide, OpenCSVSerDe.
"""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any

from msgspec import Raw

from transform.flatten import encode_json


class ArchiveDialect(csv.Dialect):
    """What this project's CSV files are written in, for `csv.reader(file, ArchiveDialect)`.

    A cell may be longer than Python reads by default: raise `csv.field_size_limit` first.
    """

    delimiter = ","
    quotechar = '"'
    escapechar = "\\"
    doublequote = False
    quoting = csv.QUOTE_ALL
    lineterminator = "\n"
    strict = True


def jsonl_line(row: dict[str, Any]) -> bytes:
    """One JSON object and a newline."""
    return encode_json(row) + b"\n"


def csv_line(cells: Iterable[Any]) -> bytes:
    """One line of CSV; None is an empty cell."""
    buffer = StringIO()
    csv.writer(buffer, ArchiveDialect).writerow([_one_line(_text(cell)) for cell in cells])
    return buffer.getvalue().encode()


def csv_cells(columns: Iterable[str], values: dict[str, Any]) -> list[Any]:
    """The cells of the columns in their order, then ddb_rest as JSON text, empty when nothing is in it."""
    cells: dict[str, Any] = dict.fromkeys(columns)
    rest: dict[str, Any] = {}
    for name, value in values.items():
        if name in cells:
            cells[name] = value
        if name not in cells or not _shows_exactly(value):
            rest[name] = value
    return [*cells.values(), encode_json(rest).decode() if rest else ""]


def _shows_exactly(value: Any) -> bool:
    if isinstance(value, str):
        return value != "" and "\n" not in value and "\r" not in value
    return value is not None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Raw):
        return bytes(value).decode()
    return encode_json(value).decode()


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        return text.replace("\r", "\\r").replace("\n", "\\n")
    return text
