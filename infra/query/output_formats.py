"""An answer written as a table, CSV, JSON lines or one JSON document. Numbers keep all their digits.

format   NULL                 text                             number of 38 digits
table    empty                cut at 60 characters, with …     whole
csv      an empty cell        in quotes, also an empty text    whole
jsonl    null                 JSON string                      a JSON number, whole

A double is the shortest text that reads back as the same double, in every format and on every place.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from math import isfinite
from typing import Any, TextIO

import msgspec

from ttl_archive.infra.query.query_errors import WrongSqlError
from ttl_archive.infra.query.query_result import QueryResult, ResultColumn, ResultRow, Value
from ttl_archive.replay.commands.show import printable

_MEASURED_ROWS = 200  # that decide the widths of a table, whatever follows
_LONGEST_CELL = 60
_NAME_WIDTH = 24
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def cell_text(value: Value) -> str:
    """Return a value as text, without losing a digit; NULL is the empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def write_table(result: QueryResult, out: TextIO) -> int:
    """Write an aligned table, or one column below the other where the terminal is too narrow.

    Return the number of rows.
    """
    rows = iter(result.rows)
    first = list(islice(rows, _MEASURED_ROWS))
    headers = [column.name for column in result.columns]
    cells = [[_cut(value) for value in row] for row in first]
    widths = [max(len(line[n]) for line in [headers, *cells]) for n in range(len(headers))]
    if sum(widths) + 2 * (len(widths) - 1) > shutil.get_terminal_size().columns:
        return _write_records(headers, chain(first, rows), out)
    right = [_is_number(column) for column in result.columns]
    lines = chain([headers], cells, ([_cut(value) for value in row] for row in rows))
    count = -1  # the headers are no row
    for line in lines:
        count += 1
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        )
        print("  ".join(padded).rstrip(), file=out)
    return count


def _write_records(headers: Sequence[str], rows: Iterable[ResultRow], out: TextIO) -> int:
    count = 0
    width = min(max(map(len, headers)), _NAME_WIDTH)
    longest = max(_LONGEST_CELL, shutil.get_terminal_size().columns) - _NAME_WIDTH - 2
    for count, row in enumerate(rows, 1):
        print(f"-- row {count}", file=out)
        for name, value in zip(headers, row, strict=True):
            print(f"{name:{width}}  {_cut(value, longest)}".rstrip(), file=out)
    return count


def write_csv_rows(result: QueryResult, out: TextIO) -> int:
    """Write CSV with a header, texts in quotes: an empty one is not NULL. Return the number of rows."""
    print(",".join(_quoted_cell(column.name) for column in result.columns), file=out)
    count = 0
    for count, row in enumerate(result.rows, 1):  # noqa: B007  the number is returned
        print(",".join(map(_csv_cell, row)), file=out)
    return count


def write_json_rows(result: QueryResult, out: TextIO) -> int:
    """Write one JSON object a row. Return the number of rows. Raises WrongSqlError for two equal names."""
    names = _distinct_names(result.columns)
    count = 0
    for count, row in enumerate(result.rows, 1):  # noqa: B007  the number is returned
        print(_json(dict(zip(names, map(_json_value, row), strict=True))), file=out)
    return count


def write_document(result: QueryResult, coverage: dict[str, Any] | None, out: TextIO) -> int:
    """Write one JSON document: columns with types, rows as arrays, coverage, and what Athena bills.

    Return the number of rows.
    """
    columns = [{"name": column.name, "type": column.type} for column in result.columns]
    print(f'{{"columns": {_json(columns)},\n"rows": [', file=out, end="")
    count = 0
    for count, row in enumerate(result.rows, 1):
        print(f"{',' if count > 1 else ''}\n{_json([_json_value(value) for value in row])}", file=out, end="")
    scan = {"bytes": result.scan.bytes, "usd": result.scan.usd} if result.scan else None
    print(f'\n],\n"row_count": {count},\n"scan": {_json(scan)},\n"coverage": {_json(coverage)}}}', file=out)
    return count


def _json(value: Any) -> str:
    return _ENCODER.encode(value).decode()


def _json_value(value: Value) -> Any:
    is_text = isinstance(value, date) or (isinstance(value, float) and not isfinite(value))
    return cell_text(value) if is_text else value


def _csv_cell(value: Value) -> str:
    return _quoted_cell(value) if isinstance(value, str) else cell_text(value)


def _quoted_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _cut(value: Value, longest: int = _LONGEST_CELL) -> str:
    text = printable(cell_text(value))
    return text if len(text) <= longest or not isinstance(value, str) else f"{text[: longest - 1]}…"


def _is_number(column: ResultColumn) -> bool:
    return column.type.startswith(("decimal", "bigint", "integer", "double"))


def _distinct_names(columns: Sequence[ResultColumn]) -> list[str]:
    names = [column.name for column in columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise WrongSqlError(
            f"Two columns are called {', '.join(repeated)}, and a JSON object has each name once. Use AS"
        )
    return names


def csv_lines(result: QueryResult) -> Iterator[str]:
    """Yield the rows as lines of CSV without a header, for another program to read."""
    for row in result.rows:
        yield ",".join(map(_csv_cell, row)) + "\n"


WRITERS: dict[str, Callable[[QueryResult, TextIO], int]] = {
    "table": write_table,
    "csv": write_csv_rows,
    "jsonl": write_json_rows,
}
