"""The clauses at the end of a query: GROUP BY, ORDER BY, LIMIT and OFFSET.

GROUP BY does not see the aliases of SELECT, and ORDER BY does. A number in either is a position.
Source: Trino documentation, SELECT; StatementAnalyzer.java.
"""

from collections.abc import Sequence

from sqlglot import exp

from ttl_archive.infra.query.translation.expressions import ExpressionTranslator
from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.output_columns import OutputColumn
from ttl_archive.infra.query.translation.sql_types import JSON_TEXT
from ttl_archive.infra.query.translation.translated import Translated, require_comparable


def group_by_clause(
    node: exp.Group, selected: Sequence[tuple[OutputColumn, Translated]], expressions: ExpressionTranslator
) -> str:
    """Return GROUP BY. Raises MistakeError for a wrong position, RefusedNodeError for a json column."""
    refuse_other_arguments(node, "expressions")
    listed = []
    for each in node.expressions:
        if isinstance(each, exp.Literal):
            value = selected[_position(each, len(selected))][1]
        else:
            value = expressions.translate(each)
        listed.append(require_comparable(value, each).sql)
    return f"GROUP BY {', '.join(listed)}"


def order_by_clause(
    node: exp.Expr,
    selected: Sequence[tuple[OutputColumn, Translated]],
    expressions: ExpressionTranslator,
) -> str | None:
    """Return ORDER BY, or None. Raises MistakeError for a wrong position, RefusedNodeError for json."""
    if (clause := node.args.get("order")) is None:
        return None
    refuse_other_arguments(clause, "expressions")
    return f"ORDER BY {', '.join(_order_term(each, selected, expressions) for each in clause.expressions)}"


def _order_term(
    node: exp.Ordered,
    selected: Sequence[tuple[OutputColumn, Translated]],
    expressions: ExpressionTranslator,
) -> str:
    """Return a term of ORDER BY, as a position where it is one or names a column of the result."""
    term, names = node.this, [column.name.lower() for column, _ in selected]
    if isinstance(term, exp.Column) and not term.table and names.count(term.name.lower()) == 1:
        position = names.index(term.name.lower())
    elif isinstance(term, exp.Literal):
        position = _position(term, len(selected))
    else:
        _refuse_aliases(term, selected, expressions)
        return expressions.order(node)
    if selected[position][0].type == JSON_TEXT:
        raise RefusedNodeError("sorting a json column", node)
    direction = "DESC" if node.args.get("desc") else "ASC"
    return f"{position + 1} {direction} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"


def _refuse_aliases(
    term: exp.Expr,
    selected: Sequence[tuple[OutputColumn, Translated]],
    expressions: ExpressionTranslator,
) -> None:
    """Refuse an expression in ORDER BY with a name that SELECT gives to something else."""
    values = {column.name.lower(): value.sql for column, value in selected}
    for column in term.find_all(exp.Column):
        name = column.name.lower()
        if not column.table and name in values and values[name] != expressions.translate(column).sql:
            raise RefusedNodeError(f"the alias {name} inside an expression of ORDER BY", column)


def _position(node: exp.Literal, count: int) -> int:
    """Return the index of a position, which counts from 1."""
    if not node.is_int or not 1 <= int(node.this) <= count:
        raise MistakeError(f"{node.sql()} is not the position of a column: there are {count}", node)
    return int(node.this) - 1


def limit_clauses(node: exp.Expr) -> list[str]:
    """Return LIMIT and OFFSET. Raises RefusedNodeError for anything but a number or ALL."""
    parts = []
    for name in ("limit", "offset"):
        clause = node.args.get(name)
        if clause is None:
            continue
        count = clause.args.get("expression")
        if isinstance(count, exp.Var) and count.name.upper() == "ALL":
            continue
        if not (
            isinstance(clause, (exp.Limit, exp.Offset)) and isinstance(count, exp.Literal) and count.is_int
        ):
            raise RefusedNodeError(f"{name.upper()} that is not a number", clause)
        parts.append(f"{name.upper()} {count.this}")
    return parts
