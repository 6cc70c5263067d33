"""Aggregate and window functions. `suffix` is FILTER and OVER, which every part of a result gets.

function         type of x      result
sum(x)           integers       bigint; an overflow is an error (DuckDB has 128 bits)
                 decimal(p,s)   decimal(38,s)
avg(x)           integers       double, while the sum is exact in one: Trino adds doubles
                 decimal(p,s)   decimal(p,s), rounded half away from zero (DuckDB has a double)
count, min, max, count_if, bool_and, bool_or, max_by, min_by; and row_number, rank, dense_rank, lag, lead

A sum of doubles depends on the order of the rows, in both engines.
Source: Trino documentation, aggregate functions; DecimalAverageAggregation.java, AverageAggregations.java.
"""

from collections.abc import Callable

from sqlglot import exp

from ttl_archive.infra.query.translation.arithmetic import divided
from ttl_archive.infra.query.translation.macros import refused_unless
from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.scalar_functions import Expressions
from ttl_archive.infra.query.translation.sql_types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    JSON_TEXT,
    MAX_PRECISION,
    UNKNOWN,
    decimal_type,
)
from ttl_archive.infra.query.translation.translated import Translated, convert

_EXACT_IN_DOUBLE = 2**53
_FRAME_ENDS = ("UNBOUNDED", "CURRENT ROW")
Rule = Callable[[exp.Expr, Expressions, str], Translated]


def window_frame(spec: exp.Expr) -> str:
    """Return the frame of a window. Raises RefusedNodeError for RANGE, and for a number of rows."""
    refuse_other_arguments(spec, "kind", "start", "start_side", "end", "end_side")
    start, end = spec.args.get("start"), spec.args.get("end") or "CURRENT ROW"
    if spec.args.get("kind", "").upper() != "ROWS" or start not in _FRAME_ENDS or end not in _FRAME_ENDS:
        raise RefusedNodeError("this window frame", spec)
    words = [
        f"{each} {spec.args.get(side) or ''}".strip()
        for each, side in ((start, "start_side"), (end, "end_side"))
    ]
    return f"ROWS BETWEEN {words[0]} AND {words[1]}"


def _count(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
    refuse_other_arguments(node, "this", "big_int")
    if node.this is None or isinstance(node.this, exp.Star):
        return Translated(f"count(*){suffix}", BIGINT)
    value, distinct = _argument(node, expressions)
    if value.type == JSON_TEXT and distinct:
        raise RefusedNodeError("count(DISTINCT) of a json column", node)
    return Translated(f"count({distinct}{value.sql}){suffix}", BIGINT)


def _sum(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
    refuse_other_arguments(node, "this")
    value, distinct = _number(node, expressions)
    sql = f"sum({distinct}{value.sql}){suffix}"
    if value.type.is_integer:
        return Translated(f"CAST({sql} AS BIGINT)", BIGINT)
    is_decimal = value.type.name == "decimal"
    return Translated(sql, decimal_type(MAX_PRECISION, value.type.scale) if is_decimal else DOUBLE)


def _avg(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
    refuse_other_arguments(node, "this")
    value, distinct = _number(node, expressions)
    total = f"sum({distinct}{value.sql}){suffix}"
    count = f"nullif(count({distinct}{value.sql}){suffix}, 0)"
    if value.type.name == "decimal":
        return Translated(divided(f"ttl_unscaled({total})", count, value.type), value.type)
    if value.type == DOUBLE:
        return Translated(f"({total} / {count})", DOUBLE)
    size = f"sum({distinct}abs({value.sql})){suffix}"
    mean = f"CAST(CAST({total} AS BIGINT) AS DOUBLE) / {count}"
    what = "avg of integers whose sum has more digits than a double"
    return Translated(refused_unless(f"{size} <= {_EXACT_IN_DOUBLE}", mean, what), DOUBLE)


def _extreme(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
        refuse_other_arguments(node, "this")
        value, distinct = _argument(node, expressions)
        if value.type in (JSON_TEXT, UNKNOWN):
            raise RefusedNodeError(
                f"{word} of {'a json column' if value.type == JSON_TEXT else 'NULL'}", node
            )
        return Translated(f"{word}({distinct}{value.sql}){suffix}", value.type)

    return rule


def _by(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
        refuse_other_arguments(node, "this", "expression")
        value, order = (expressions.translate(each) for each in (node.this, node.expression))
        if order.type in (JSON_TEXT, UNKNOWN):
            raise RefusedNodeError(f"the order of {order.type}", node)
        return Translated(f"{word}({value.sql}, {order.sql}){suffix}", value.type)

    return rule


def _count_if(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
    refuse_other_arguments(node, "this")
    return Translated(f"count(CASE WHEN {_boolean(node, expressions)} THEN 1 END){suffix}", BIGINT)


def _logical(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
        refuse_other_arguments(node, "this")
        return Translated(f"{word}({_boolean(node, expressions)}){suffix}", BOOLEAN)

    return rule


def _numbering(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:  # noqa: ARG001  a rule
        refuse_other_arguments(node)
        return Translated(f"{word}(){suffix}", BIGINT)

    return rule


def _neighbour(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions, suffix: str) -> Translated:
        refuse_other_arguments(node, "this")
        value = expressions.translate(node.this)
        return Translated(f"{word}({value.sql}){suffix}", value.type)

    return rule


def _argument(node: exp.Expr, expressions: Expressions) -> tuple[Translated, str]:
    """Return the argument, and DISTINCT where it has it."""
    given = node.this
    if not isinstance(given, exp.Distinct):
        return expressions.translate(given), ""
    refuse_other_arguments(given, "expressions")
    if len(given.expressions) != 1:
        raise RefusedNodeError(f"{node.key}(DISTINCT) of several columns", node)
    return expressions.translate(given.expressions[0]), "DISTINCT "


def _number(node: exp.Expr, expressions: Expressions) -> tuple[Translated, str]:
    value, distinct = _argument(node, expressions)
    if value.type == UNKNOWN:
        value = convert(value, BIGINT, node)
    if not value.type.is_number:
        raise MistakeError(f"{node.key} needs a number, not {value.type}", node)
    return value, distinct


def _boolean(node: exp.Expr, expressions: Expressions) -> str:
    value = expressions.translate(node.this)
    if value.type != BOOLEAN:
        raise MistakeError(f"A condition is needed, not {value.type}", node)
    return value.sql


AGGREGATES: dict[type[exp.Expr], tuple[tuple[str, ...], Rule]] = {
    exp.Count: (("count",), _count),
    exp.Sum: (("sum",), _sum),
    exp.Avg: (("avg",), _avg),
    exp.Min: (("min",), _extreme("min")),
    exp.Max: (("max",), _extreme("max")),
    exp.ArgMax: (("max_by",), _by("arg_max_null")),
    exp.ArgMin: (("min_by",), _by("arg_min_null")),
    exp.CountIf: (("count_if",), _count_if),
    exp.LogicalAnd: (("bool_and", "every"), _logical("bool_and")),
    exp.LogicalOr: (("bool_or",), _logical("bool_or")),
}
WINDOW_ONLY: dict[type[exp.Expr], tuple[tuple[str, ...], Rule]] = {
    exp.RowNumber: (("row_number",), _numbering("row_number")),
    exp.Rank: (("rank",), _numbering("rank")),
    exp.DenseRank: (("dense_rank",), _numbering("dense_rank")),
    exp.Lag: (("lag",), _neighbour("lag")),
    exp.Lead: (("lead",), _neighbour("lead")),
}
