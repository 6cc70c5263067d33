"""The result of a query in Athena, page by page. Source: BC-athena, GetQueryResults and ColumnInfo.

A NULL has no VarCharValue, and an empty text has one that is empty.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_PAGE_ROWS = 1000  # Source: BC-athena, GetQueryResults, MaxResults
_NUMBERS = frozenset({"tinyint", "smallint", "integer", "bigint", "real", "float", "double", "decimal"})
# A number of JSON; NaN and Infinity are none, and stay texts.
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")

Cell = dict[str, str]


@dataclass(frozen=True, slots=True)
class QueryResultPages:
    """The columns of a result, and its rows as JSON arrays, which are fetched while they are iterated."""

    columns: list[dict[str, str]]
    rows: Iterator[str]


def read_result(athena: Any, query_id: str) -> QueryResultPages:
    """Return the result of a query that succeeded; one page is in memory at a time. Raises ClientError."""
    page = _page(athena, query_id, None)
    infos = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    return QueryResultPages(
        [{"name": info.get("Name", ""), "type": _type(info)} for info in infos],
        _rows(athena, query_id, page, infos),
    )


def _rows(athena: Any, query_id: str, page: dict[str, Any], infos: list[dict[str, Any]]) -> Iterator[str]:
    cells = _cells(page)
    # The first row of a SELECT's first page has the names. Source: SEEN lishenxydlgzs/aws-athena-mcp #5.
    if cells and [cell.get("VarCharValue") for cell in cells[0]] == [info.get("Name", "") for info in infos]:
        del cells[0]
    kinds = [str(info["Type"]) for info in infos]
    while True:
        for row in cells:
            values = [_json_value(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
            yield f"[{', '.join(values)}]"
        if not (token := page.get("NextToken")):
            return
        page = _page(athena, query_id, token)
        cells = _cells(page)


def _page(athena: Any, query_id: str, token: str | None) -> dict[str, Any]:
    more = {"NextToken": token} if token else {}
    found: dict[str, Any] = athena.get_query_results(QueryExecutionId=query_id, MaxResults=_PAGE_ROWS, **more)
    return found


def _cells(page: dict[str, Any]) -> list[list[Cell]]:
    return [row.get("Data", []) for row in page["ResultSet"]["Rows"]]


def _type(info: dict[str, Any]) -> str:
    return f"decimal({info['Precision']},{info['Scale']})" if info["Type"] == "decimal" else str(info["Type"])


def _json_value(cell: Cell, kind: str) -> str:
    """Return a value as JSON. A number keeps all its digits, because its text is written as it is."""
    text = cell.get("VarCharValue")
    if text is None:
        return "null"
    is_plain = text in ("true", "false") if kind == "boolean" else _JSON_NUMBER.fullmatch(text)
    return text if is_plain and kind in (*_NUMBERS, "boolean") else json.dumps(text, ensure_ascii=False)
