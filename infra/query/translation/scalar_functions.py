"""Functions of texts, numbers and NULLs. A row of `FUNCTIONS` is a class of sqlglot, its names, and a rule.

Source: Trino documentation, string functions and mathematical functions; StringFunctions.java.
"""

from collections.abc import Callable
from typing import Protocol

from sqlglot import exp

from ttl_archive.infra.query.translation.macros import refused_unless
from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.sql_types import BIGINT, BOOLEAN, DOUBLE, VARCHAR, decimal_type
from ttl_archive.infra.query.translation.translated import Translated, to_common


class Expressions(Protocol):
    """What a rule needs: the translation of its arguments."""

    def translate(self, node: exp.Expr) -> Translated:
        """Return an expression translated. Raises RefusedNodeError or MistakeError."""

    def text(self, node: exp.Expr) -> str:
        """Return a varchar translated. Raises MistakeError for another type."""

    def condition(self, node: exp.Expr) -> str:
        """Return a condition translated. Raises MistakeError for anything that is not a boolean."""

    def one_column(self, node: exp.Expr) -> Translated:
        """Return a subquery translated, with the type of its column. Raises MistakeError for several."""


Rule = Callable[[exp.Expr, Expressions], Translated]


def _length(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this")
    return Translated(f"length({expressions.text(node.this)})", BIGINT)


def _lower(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this")
    return Translated(f"lower({expressions.text(node.this)})", VARCHAR)


def _upper(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this")
    text = expressions.text(node.this)
    # DuckDB has a capital sharp s, and Java leaves the small one.
    return Translated(refused_unless(f"NOT contains({text}, 'ß')", f"upper({text})", "upper of ß"), VARCHAR)


def _substring(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "start", "length")
    # Before the first character, and behind the last but with a negative start, the engines differ.
    start = _whole_number(node.args["start"], 1, "substr with a start that is not a number from 1")
    given = node.args.get("length")
    count = f", {_whole_number(given, 0, 'substr with a length that is not a number')}" if given else ""
    return Translated(f"substr({expressions.text(node.this)}, {start}{count})", VARCHAR)


def _position(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "substr")
    searched = expressions.text(node.args["substr"])
    return Translated(f"strpos({expressions.text(node.this)}, {searched})", BIGINT)


def _replace(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression", "replacement")
    searched = node.expression
    if not (isinstance(searched, exp.Literal) and searched.is_string and searched.this):
        raise RefusedNodeError("replace of a text that is not a literal, or is empty", node)
    by = node.args.get("replacement")
    texts = [expressions.text(each) for each in (node.this, searched)]
    return Translated(f"replace({', '.join([*texts, expressions.text(by) if by else repr('')])})", VARCHAR)


def _concat(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "expressions")
    # || is NULL if one part is NULL, as Trino's concat; DuckDB's concat leaves a NULL out.
    return Translated(f"({' || '.join(expressions.text(each) for each in node.expressions)})", VARCHAR)


def _concat_ws(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "expressions", "coalesce")
    return Translated(f"concat_ws({', '.join(expressions.text(each) for each in node.expressions)})", VARCHAR)


def _starts_with(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression")
    return Translated(
        f"starts_with({expressions.text(node.this)}, {expressions.text(node.expression)})", BOOLEAN
    )


def _coalesce(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expressions")
    values, kind = to_common([expressions.translate(each) for each in (node.this, *node.expressions)], node)
    return Translated(f"coalesce({', '.join(value.sql for value in values)})", kind)


def _nullif(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression")
    value = expressions.translate(node.this)
    (one, other), _ = to_common([value, expressions.translate(node.expression)], node)
    return Translated(f"CASE WHEN {one.sql} = {other.sql} THEN NULL ELSE {value.sql} END", value.type)


def _extreme(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions) -> Translated:
        refuse_other_arguments(node, "this", "expressions")
        values, kind = to_common(
            [expressions.translate(each) for each in (node.this, *node.expressions)], node
        )
        # One NULL makes the result NULL in Trino; DuckDB leaves it out.
        no_null = " AND ".join(f"{value.sql} IS NOT NULL" for value in values)
        return Translated(f"CASE WHEN {no_null} THEN {word}({', '.join(v.sql for v in values)}) END", kind)

    return rule


def _abs(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this")
    value = _number(node.this, expressions)
    return Translated(f"abs({value.sql})", value.type)


def _round(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "decimals")
    value, digits = _number(node.this, expressions), node.args.get("decimals")
    kind = value.type
    if kind.is_integer and digits is None:
        return value
    if kind.name != "decimal":
        raise RefusedNodeError(f"round of {kind}", node)
    if digits is None:
        whole = decimal_type(kind.precision - kind.scale + min(1, kind.scale), 0)
        return Translated(f"CAST({value.sql} AS {whole.engine_name})", whole)
    places = _whole_number(digits, 0, "round to places that are not a number from 0")
    rounded = decimal_type(kind.precision + 1, kind.scale)
    sql = value.sql if places >= kind.scale else f"round({value.sql}, {places})"
    return Translated(f"CAST({sql} AS {rounded.engine_name})", rounded)


def _to_whole(word: str) -> Rule:
    def rule(node: exp.Expr, expressions: Expressions) -> Translated:
        refuse_other_arguments(node, "this")
        value = _number(node.this, expressions)
        kind = value.type
        if kind.is_integer or kind == DOUBLE:
            return value if kind.is_integer else Translated(f"{word}({value.sql})", kind)
        whole = decimal_type(kind.precision - kind.scale + min(1, kind.scale), 0)
        return Translated(f"CAST({word}({value.sql}) AS {whole.engine_name})", whole)

    return rule


def _if(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "true", "false")
    condition = expressions.translate(node.this)
    if condition.type != BOOLEAN:
        raise MistakeError(f"The condition of if is {condition.type}, not boolean", node)
    given = [node.args[name] for name in ("true", "false") if node.args.get(name)]
    values, kind = to_common([expressions.translate(each) for each in given], node)
    other = f" ELSE {values[1].sql}" if len(values) == 2 else ""
    return Translated(f"CASE WHEN {condition.sql} THEN {values[0].sql}{other} END", kind)


def _number(node: exp.Expr, expressions: Expressions) -> Translated:
    value = expressions.translate(node)
    if not value.type.is_number:
        raise MistakeError(f"A number is needed, not {value.type}", node)
    return value


def _whole_number(node: exp.Expr, least: int, what: str) -> int:
    """Return the value of a literal. Raises RefusedNodeError with `what` for anything else."""
    if not (isinstance(node, exp.Literal) and node.is_int and int(node.this) >= least):
        raise RefusedNodeError(what, node)
    return int(node.this)


# Class of sqlglot -> the names in Athena, and the rule.
FUNCTIONS: dict[type[exp.Expr], tuple[tuple[str, ...], Rule]] = {
    exp.Length: (("length",), _length),
    exp.Lower: (("lower",), _lower),
    exp.Upper: (("upper",), _upper),
    exp.Substring: (("substr", "substring"), _substring),
    exp.StrPosition: (("position", "strpos"), _position),
    exp.Replace: (("replace",), _replace),
    exp.Concat: (("concat",), _concat),
    exp.ConcatWs: (("concat_ws",), _concat_ws),
    exp.StartsWith: (("starts_with",), _starts_with),
    exp.Coalesce: (("coalesce",), _coalesce),
    exp.Nullif: (("nullif",), _nullif),
    exp.Greatest: (("greatest",), _extreme("greatest")),
    exp.Least: (("least",), _extreme("least")),
    exp.Abs: (("abs",), _abs),
    exp.Round: (("round",), _round),
    exp.Floor: (("floor",), _to_whole("floor")),
    exp.Ceil: (("ceil", "ceiling"), _to_whole("ceil")),
    exp.If: (("if",), _if),
}
