"""Athena's values: GetQueryResults returns text, and the types beside it. Source: BC-athena, ColumnInfo.

A NULL has no VarCharValue, and an empty text has one that is empty.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ttl_archive.infra.query.query_result import ResultColumn, ResultRow, Value


def result_column(info: Mapping[str, Any]) -> ResultColumn:
    """Return the column that a ColumnInfo describes."""
    kind = info["Type"]
    if kind == "decimal":
        kind = f"decimal({info['Precision']},{info['Scale']})"
    # A timestamp of Athena has milliseconds. Source: ATH, engine version 3.
    return ResultColumn(info.get("Name", ""), {"timestamp": "timestamp(3)", "float": "real"}.get(kind, kind))


def typed_row(cells: list[Mapping[str, str]], columns: tuple[ResultColumn, ...]) -> ResultRow:
    """Return the values of a row, each by the type of its column."""
    return tuple(
        _value(cell.get("VarCharValue"), column.type) for cell, column in zip(cells, columns, strict=True)
    )


def _value(text: str | None, column_type: str) -> Value:
    if text is None:
        return None
    convert = _CONVERSIONS.get(column_type.partition("(")[0])
    try:
        return convert(text) if convert else text
    except ValueError:
        return text  # a year that Python does not have: the text is exact


_CONVERSIONS: dict[str, Callable[[str], Value]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("real", "double"), float),
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "decimal": Decimal,
    "timestamp": datetime.fromisoformat,
}
