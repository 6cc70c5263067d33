"""Conditions: comparisons, AND, OR, NOT, IS NULL, BETWEEN, IN, LIKE, and CASE, which chooses by a condition.

A row of `CONDITIONS` is a class of sqlglot and its rule. Both sides of a comparison get their common type.
"""

from sqlglot import exp

from ttl_archive.infra.query.translation.mistakes import RefusedNodeError, refuse_other_arguments
from ttl_archive.infra.query.translation.scalar_functions import Expressions, Rule
from ttl_archive.infra.query.translation.sql_types import BOOLEAN
from ttl_archive.infra.query.translation.translated import Translated, require_comparable, to_common
from ttl_archive.infra.sql.dialect import literal

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}


def _comparison(node: exp.Expr, expressions: Expressions) -> Translated:
    (left, right), _ = to_common(
        [require_comparable(expressions.translate(each), node) for each in (node.this, node.expression)], node
    )
    return Translated(f"({left.sql} {_COMPARISONS[type(node)]} {right.sql})", BOOLEAN)


def _logic(node: exp.Expr, expressions: Expressions) -> Translated:
    word = "AND" if isinstance(node, exp.And) else "OR"
    return Translated(
        f"({expressions.condition(node.this)} {word} {expressions.condition(node.expression)})", BOOLEAN
    )


def _not(node: exp.Expr, expressions: Expressions) -> Translated:
    return Translated(f"(NOT {expressions.condition(node.this)})", BOOLEAN)


def _is(node: exp.Expr, expressions: Expressions) -> Translated:
    if not isinstance(node.expression, exp.Null):
        raise RefusedNodeError(f"IS {node.expression.sql(dialect='trino')}", node)
    return Translated(f"({expressions.translate(node.this).sql} IS NULL)", BOOLEAN)


def _between(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "low", "high")
    given = [
        require_comparable(expressions.translate(node.args[name]), node) for name in ("this", "low", "high")
    ]
    (value, low, high), _ = to_common(given, node)
    return Translated(f"({value.sql} BETWEEN {low.sql} AND {high.sql})", BOOLEAN)


def _in(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expressions", "query")
    value = require_comparable(expressions.translate(node.this), node)
    if query := node.args.get("query"):
        found = expressions.one_column(query)
        if found.type != value.type:
            raise RefusedNodeError(f"IN of {value.type} and a subquery of {found.type}", node)
        return Translated(f"({value.sql} IN {found.sql})", BOOLEAN)
    listed = [require_comparable(expressions.translate(each), node) for each in node.expressions]
    (value, *values), _ = to_common([value, *listed], node)
    return Translated(f"({value.sql} IN ({', '.join(each.sql for each in values)}))", BOOLEAN)


def _like(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression")
    return Translated(f"({expressions.text(node.this)} LIKE {expressions.text(node.expression)})", BOOLEAN)


def _like_with_escape(node: exp.Expr, expressions: Expressions) -> Translated:
    like, escape = node.this, node.expression
    pattern = like.expression if isinstance(like, exp.Like) else None
    if not (isinstance(pattern, exp.Literal) and isinstance(escape, exp.Literal)):
        raise RefusedNodeError("LIKE with such an ESCAPE", node)
    if not _is_escaped_well(pattern.this, escape.this):
        raise RefusedNodeError("LIKE with such an ESCAPE", node)
    texts = (expressions.text(like.this), literal(pattern.this), literal(escape.this))
    return Translated("({} LIKE {} ESCAPE {})".format(*texts), BOOLEAN)


def _case(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "ifs", "default")
    results = [each.args["true"] for each in node.args["ifs"]]
    default = node.args.get("default")
    values, kind = to_common(
        [expressions.translate(each) for each in (*results, *([default] if default else []))], node
    )
    conditions = [_case_condition(node.this, each, expressions) for each in node.args["ifs"]]
    parts = [f" WHEN {when} THEN {value.sql}" for when, value in zip(conditions, values, strict=False)]
    other = f" ELSE {values[-1].sql}" if default else ""
    return Translated(f"CASE{''.join(parts)}{other} END", kind)


def _case_condition(value: exp.Expr | None, branch: exp.If, expressions: Expressions) -> str:
    if value is None:
        return expressions.condition(branch.this)
    (left, right), _ = to_common(
        [require_comparable(expressions.translate(each), branch) for each in (value, branch.this)], branch
    )
    return f"({left.sql} = {right.sql})"


def _is_escaped_well(pattern: str, escape: str) -> bool:
    """Return whether each escape character is before %, _ or itself: Trino refuses others."""
    rest = iter(pattern)
    return len(escape) == 1 and all(char != escape or next(rest, "") in ("%", "_", escape) for char in rest)


CONDITIONS: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys(_COMPARISONS, _comparison),
    exp.And: _logic,
    exp.Or: _logic,
    exp.Not: _not,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like,
    exp.Escape: _like_with_escape,
    exp.Case: _case,
}
