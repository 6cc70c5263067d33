"""A row -> its line, in JSONL or CSV. One row, one newline, and no other newline anywhere.

CSV is written so that the OpenCSVSerDe of Athena and Python's csv module (`ArchiveDialect`) read the same:
every cell in quotes, '"' and backslash escaped by a backslash. The SerDe cannot read a raw newline and knows
no NULL, so a cell shows a newline as backslash and n, and is empty for NULL; what a cell cannot show exactly
stands once more in ddb_rest, which is JSON and wins. Source: Athena User Guide, OpenCSVSerDe.
"""

import csv
from collections.abc import Iterable, Sequence
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


def csv_line(cells: Sequence[str]) -> bytes:
    """One line of CSV in ArchiveDialect. Escaping the joined line once is quicker than each cell."""
    joined = _BETWEEN.join(cells)
    if joined.count(_BETWEEN) < len(cells):
        inner = _escaped(joined).replace(_BETWEEN, '","')
    else:  # a cell has that character itself
        inner = '","'.join(map(_escaped, cells))
    return f'"{inner}"\n'.encode()


def csv_cells(columns: Iterable[str], values: dict[str, Any]) -> list[str]:
    """The cells of the columns in their order, then ddb_rest as JSON text, empty when nothing is in it.

    Takes out of `values` what has a column: what is left has none.
    """
    cells: list[str] = []
    rest: dict[str, Any] = {}
    for column in columns:
        value = values.pop(column, _NO_VALUE)
        if value.__class__ is str:
            cells.append(value)
            if not value or "\n" in value or "\r" in value:
                rest[column] = value
        elif value.__class__ is Raw:  # a number, or no value
            cells.append(str(value, "utf-8"))
        elif value is None:
            cells.append("")
            rest[column] = None
        else:
            cells.append(encode_json(value).decode())
    rest |= values
    cells.append(encode_json(rest).decode() if rest else "")
    return cells


def _escaped(text: str) -> str:
    if "\n" in text or "\r" in text:
        text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text.replace("\\", "\\\\").replace('"', '\\"')


_BETWEEN = "\x1f"  # ASCII's unit separator stands for '","' until the line is escaped
_NO_VALUE = Raw()
