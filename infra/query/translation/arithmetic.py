"""+ - * / % with Trino's types and results.

types            result
integers         integer or bigint; / cuts towards zero, and an overflow is an error
decimals         see the table of `_DECIMAL_RESULTS`; / rounds half away from zero
one is double    double
date, timestamp  + or - an interval: see time_functions

Source: Trino documentation, decimal data type, binary operations; DecimalOperators.java.
"""

from collections.abc import Callable

from sqlglot import exp

from ttl_archive.infra.query.translation.macros import scaled
from ttl_archive.infra.query.translation.mistakes import MistakeError, RefusedNodeError
from ttl_archive.infra.query.translation.sql_types import (
    BIGINT,
    DOUBLE,
    INTEGER,
    MAX_PRECISION,
    UNKNOWN,
    SqlType,
    decimal_type,
)
from ttl_archive.infra.query.translation.translated import Translated, as_decimal_value, convert

_SIGNS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
OPERATORS = tuple(_SIGNS)


def _sum_type(left: SqlType, right: SqlType) -> SqlType:
    scale = max(left.scale, right.scale)
    return decimal_type(scale + max(left.precision - left.scale, right.precision - right.scale) + 1, scale)


def _product_type(left: SqlType, right: SqlType) -> SqlType:
    return decimal_type(left.precision + right.precision, left.scale + right.scale)


def _quotient_type(left: SqlType, right: SqlType) -> SqlType:
    extra = max(0, right.scale - left.scale)
    return decimal_type(left.precision + right.scale + extra, max(left.scale, right.scale))


_DECIMAL_RESULTS: dict[str, Callable[[SqlType, SqlType], SqlType]] = {
    "+": _sum_type,
    "-": _sum_type,
    "*": _product_type,
    "/": _quotient_type,
}


def combine(node: exp.Expr, left: Translated, right: Translated) -> Translated:
    """Return the result of an arithmetic operator on two numbers. Raises RefusedNodeError or MistakeError."""
    sign = _SIGNS[type(node)]
    left, right = (
        convert(value, other.type, node) if value.type == UNKNOWN and other.type.is_number else value
        for value, other in ((left, right), (right, left))
    )
    if not (left.type.is_number and right.type.is_number):
        raise MistakeError(f"'{sign}' cannot be applied to {left.type} and {right.type}", node)
    if DOUBLE in (left.type, right.type):
        return _of_doubles(sign, node, left, right)
    if left.type.is_integer and right.type.is_integer:
        return _of_integers(sign, left, right)
    return _of_decimals(sign, node, as_decimal_value(left, node), as_decimal_value(right, node))


def negate(node: exp.Expr, value: Translated) -> Translated:
    """Return the number with the opposite sign."""
    if not value.type.is_number:
        raise MistakeError(f"'-' cannot be applied to {value.type}", node)
    number = None if value.number is None else -value.number
    return Translated(f"(-{value.sql})", value.type, number)


def _of_doubles(sign: str, node: exp.Expr, left: Translated, right: Translated) -> Translated:
    if sign == "%":
        raise RefusedNodeError("the remainder of doubles", node)
    return Translated(
        f"({convert(left, DOUBLE, node).sql} {sign} {convert(right, DOUBLE, node).sql})", DOUBLE
    )


def _of_integers(sign: str, left: Translated, right: Translated) -> Translated:
    kind = INTEGER if left.type == right.type == INTEGER else BIGINT
    one, other = (f"CAST({value.sql} AS {kind.engine_name})" for value in (left, right))
    macro = {"/": "ttl_quotient", "%": "ttl_remainder"}.get(sign)
    return Translated(f"{macro}({one}, {other})" if macro else f"({one} {sign} {other})", kind)


def _of_decimals(sign: str, node: exp.Expr, left: Translated, right: Translated) -> Translated:
    if sign == "%":
        raise RefusedNodeError("the remainder of decimals", node)
    kind = _DECIMAL_RESULTS[sign](left.type, right.type)
    if kind.scale > MAX_PRECISION:
        raise MistakeError(f"The result has {kind.scale} digits behind the point, and decimals have 38", node)
    if sign != "/":
        return Translated(f"({left.sql} {sign} {right.sql})", kind)
    shift = kind.scale - left.type.scale + right.type.scale
    digits = f"ttl_unscaled({left.sql}) * CAST('1{'0' * shift}' AS HUGEINT)"
    return Translated(divided(digits, f"ttl_unscaled({right.sql})", kind), kind)


def divided(digits: str, by: str, kind: SqlType) -> str:
    """Return the decimal of a type whose digits are the rounded quotient of two integers of 128 bits."""
    return f"CAST({scaled(f'ttl_half_up({digits}, {by})', kind.scale)} AS {kind.engine_name})"
