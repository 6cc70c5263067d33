"""Dates and timestamps: their parts, differences, formats, and intervals.

Source: Trino documentation, date and time functions; DateTimeFunctions.java. Timestamps have no zone, and
Athena's session is in UTC. `date_diff` counts whole units, as DuckDB's date_sub does; its date_diff counts
the boundaries between units.
"""

from datetime import UTC, datetime

from sqlglot import exp

from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.scalar_functions import Expressions, Rule
from ttl_archive.infra.query.translation.sql_types import BIGINT, DATE, TIMESTAMP, VARCHAR, SqlType
from ttl_archive.infra.query.translation.translated import Translated
from ttl_archive.infra.sql.dialect import literal

_INTERVAL_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_UNITS_OF_DATES = ("YEAR", "MONTH", "DAY")
_FIXED_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY")  # units of one length, in which a difference is the same
_TRUNCATED = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
# The parser has read MySQL's specifiers, Athena's, and has strftime's instead; these are the same in DuckDB.
_FORMATS = "YmdHMSj%"


def _part(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions) -> Translated:
        refuse_other_arguments(node, "this")
        return _part_of(word, node.this, expressions)

    return rule


def _extract(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression")
    unit = node.this.name.upper()
    if unit not in _PARTS:
        raise RefusedNodeError(f"extract of {unit.lower()}", node)
    return _part_of(_PARTS[unit], node.expression, expressions)


def _part_of(word: str, node: exp.Expr, expressions: Expressions) -> Translated:
    value = _time(node, expressions)
    if value.type == DATE and word in ("hour", "minute", "second"):
        raise MistakeError(f"A date has no {word}", node)
    return Translated(f"CAST({word}({value.sql}) AS BIGINT)", BIGINT)


def _date(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this")
    value = expressions.translate(node.this)
    if not value.type.is_time:
        raise RefusedNodeError(f"date of {value.type}", node)
    return Translated(f"CAST({value.sql} AS DATE)", DATE)


def _truncate(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "unit")
    value, unit = _time(node.this, expressions), _unit(node, _TRUNCATED)
    if value.type == DATE and unit in ("SECOND", "MINUTE", "HOUR"):
        raise MistakeError(f"date_trunc of a date has no {unit.lower()}", node)
    return Translated(f"CAST(date_trunc('{unit}', {value.sql}) AS {value.type.engine_name})", value.type)


def _difference(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression", "unit")
    until, since = (_time(each, expressions) for each in (node.this, node.expression))
    if until.type.name != since.type.name:
        raise RefusedNodeError("date_diff between a date and a timestamp", node)
    unit = _unit(node, _FIXED_UNITS if until.type.name == "timestamp" else ("DAY",))
    return Translated(f"date_sub('{unit}', {since.sql}, {until.sql})", BIGINT)


def _add(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression", "unit")
    value, count = _time(node.this, expressions), expressions.translate(node.expression)
    if not count.type.is_integer:
        raise MistakeError(f"date_add adds a whole number, not {count.type}", node)
    unit = _unit(node, _INTERVAL_UNITS if value.type.name == "timestamp" else _UNITS_OF_DATES)
    added = f"{value.sql} + to_{unit.lower()}s(CAST({count.sql} AS INTEGER))"
    return Translated(f"CAST({added} AS {value.type.engine_name})", value.type)


def _format(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "format")
    written = node.args["format"]
    if not (isinstance(written, exp.Literal) and written.is_string):
        raise RefusedNodeError("date_format with a format that is not a literal", node)
    return Translated(
        f"strftime({_time(node.this, expressions).sql}, {_checked_format(node, written.this)})", VARCHAR
    )


def _checked_format(node: exp.Expr, written: str) -> str:
    rest = iter(written)
    for char in rest:
        if char == "%" and (specifier := next(rest, " ")) not in _FORMATS:
            raise RefusedNodeError(f"date_format with another specifier ({specifier})", node)
    return literal(written)


def now_literal(kind: SqlType, now: datetime) -> Translated:
    """Return the current date or timestamp, which is the same for the whole query, as in Trino."""
    moment = now.astimezone(UTC)
    text = f"{moment:%Y-%m-%d}"
    if kind == TIMESTAMP:
        text += f" {moment:%H:%M:%S}.{moment.microsecond // 1000:03}"
    return Translated(f"{kind.engine_name} '{text}'", kind, text=text)


def add_interval(node: exp.Add | exp.Sub, expressions: Expressions) -> Translated:
    """Return a date or timestamp plus or minus an interval literal. A date takes years, months and days."""
    sides = (node.this, node.expression)
    intervals = [side for side in sides if isinstance(side, exp.Interval)]
    others = [side for side in sides if side not in intervals]
    if not others or (isinstance(node, exp.Sub) and sides[0] in intervals):
        raise RefusedNodeError("arithmetic of intervals", node)
    value, sign = _time(others[0], expressions), "+" if isinstance(node, exp.Add) else "-"
    sql = f"CAST({value.sql} {sign} {_interval(intervals[0], value.type)} AS {value.type.engine_name})"
    return Translated(sql, value.type)


def _interval(node: exp.Interval, kind: SqlType) -> str:
    refuse_other_arguments(node, "this", "unit")
    allowed = _INTERVAL_UNITS if kind.name == "timestamp" else _UNITS_OF_DATES
    count = node.this
    if not (isinstance(count, exp.Literal) and count.is_string and count.this.removeprefix("-").isdecimal()):
        raise RefusedNodeError("an interval that is not a whole number in quotes", node)
    return f"INTERVAL ({int(count.this)}) {_unit(node, allowed)}"


def _unit(node: exp.Expr, allowed: tuple[str, ...]) -> str:
    found = node.args.get("unit")
    unit = found.name.upper() if isinstance(found, (exp.Var, exp.Literal)) else ""
    if unit not in allowed:
        raise RefusedNodeError(f"the unit {(found.sql() if found else 'none').lower()} here", node)
    return unit


def _time(node: exp.Expr, expressions: Expressions) -> Translated:
    value = expressions.translate(node)
    if not value.type.is_time:
        raise MistakeError(f"A date or a timestamp is needed, not {value.type}", node)
    return value


_PARTS = {
    "YEAR": "year",
    "QUARTER": "quarter",
    "MONTH": "month",
    "WEEK": "week",
    "DAY": "day",
    "HOUR": "hour",
    "MINUTE": "minute",
    "SECOND": "second",
}
FUNCTIONS: dict[type[exp.Expr], tuple[tuple[str, ...], Rule]] = {
    exp.Year: (("year",), _part("year")),
    exp.Quarter: (("quarter",), _part("quarter")),
    exp.Month: (("month",), _part("month")),
    exp.WeekOfYear: (("week", "week_of_year"), _part("week")),
    exp.Day: (("day",), _part("day")),
    exp.DayOfMonth: (("day_of_month",), _part("day")),
    exp.DayOfWeekIso: (("day_of_week", "dow"), _part("isodow")),
    exp.DayOfYear: (("day_of_year", "doy"), _part("dayofyear")),
    exp.Hour: (("hour",), _part("hour")),
    exp.Minute: (("minute",), _part("minute")),
    exp.Second: (("second",), _part("second")),
    exp.Extract: (("extract",), _extract),
    exp.Date: (("date",), _date),
    exp.TimestampTrunc: (("date_trunc",), _truncate),
    exp.DateTrunc: (("date_trunc",), _truncate),
    exp.DateDiff: (("date_diff",), _difference),
    exp.DateAdd: (("date_add",), _add),
    exp.TimeToStr: (("date_format",), _format),
}
