"""A row -> its line, in JSONL or CSV. One row, one newline, and no other newline anywhere.

CSV is written so that the OpenCSVSerDe of Athena and Python's csv module (`ArchiveDialect`) read the same:
every cell is quoted, and '"' and backslash are escaped with a backslash. The SerDe can read neither a raw
newline nor NULL. So a cell shows a newline as backslash and n, and NULL as an empty text; a value that a cell
cannot show exactly is also in ddb_rest, which is JSON and takes precedence.
Source: Athena User Guide, OpenCSVSerDe.
"""

import csv
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, Raw
from msgspec.json import Encoder

encode_json: Callable[[Any], bytes] = Encoder().encode


class ArchiveDialect(csv.Dialect):
    """The dialect of this project's CSV files, for `csv.reader(file, ArchiveDialect)`.

    A cell may be longer than Python reads by default: raise `csv.field_size_limit` first.
    """

    delimiter = ","
    quotechar = '"'
    escapechar = "\\"
    doublequote = False
    quoting = csv.QUOTE_ALL
    lineterminator = "\n"
    strict = True


def jsonl_line(row: object) -> bytes:
    """Return one JSON object and a newline."""
    return encode_json(row) + b"\n"


def csv_line(cells: Sequence[str]) -> bytes:
    """Return one line of CSV in ArchiveDialect. The joined line is escaped: faster than each cell."""
    joined = _BETWEEN.join(cells).encode()
    if joined.count(_BETWEEN_BYTES) < len(cells):
        inner = _escaped(joined).replace(_BETWEEN_BYTES, b'","')
    else:  # a cell contains that character
        inner = b'","'.join([_escaped(cell.encode()) for cell in cells])
    return b'"%b"\n' % inner


def csv_cells(columns: Sequence[str], values: Sequence[Any], rest: dict[str, Any]) -> list[str]:
    """Return ddb_rest as JSON text, empty when it has nothing, and then the cells of the columns' values.

    A value is what a row of JSONL has, UNSET where there is none, or a number's text. `rest` has the values
    without a column; those that a cell cannot show exactly are added to it.
    """
    cells = [value if value.__class__ is str else _cell(value) for value in values]
    text = "".join(cells)
    if "" in cells or "\n" in text or "\r" in text:
        rest |= {
            column: value
            for column, cell, value in zip(columns, cells, values, strict=True)
            if (not cell or "\n" in cell or "\r" in cell) and value is not UNSET
        }
    return [encode_json(rest).decode() if rest else "", *cells]


def _cell(value: Any) -> str:
    if value is None or value is UNSET:
        return ""
    return str(value, "utf-8") if value.__class__ is Raw else encode_json(value).decode()


def _escaped(text: bytes) -> bytes:
    if b"\n" in text or b"\r" in text:
        text = text.replace(b"\r", b"\\r").replace(b"\n", b"\\n")
    return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


_BETWEEN = "\x1f"  # ASCII's unit separator takes the place of '","' until the line is escaped
_BETWEEN_BYTES = _BETWEEN.encode()
