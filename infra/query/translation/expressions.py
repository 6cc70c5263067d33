"""Expressions: names, literals, arithmetic, casts, subqueries, windows, and the calls of functions.

Each method of `ExpressionTranslator` translates one kind of node; `_RULES` says which. `_RULES` and
CONDITIONS are the closed list of operators; `FUNCTIONS` and AGGREGATES are the closed list of functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

from sqlglot import exp

from ttl_archive.infra.query.translation import arithmetic, json_paths, scalar_functions, time_functions
from ttl_archive.infra.query.translation.aggregates import AGGREGATES, WINDOW_ONLY, window_frame
from ttl_archive.infra.query.translation.conditions import CONDITIONS
from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.scopes import Scope
from ttl_archive.infra.query.translation.sql_types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON_TEXT,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    SqlType,
    decimal_type,
)
from ttl_archive.infra.query.translation.time_functions import add_interval, now_literal
from ttl_archive.infra.query.translation.translated import Translated, require_comparable
from ttl_archive.infra.query.translation.type_casts import cast_value, typed_literal
from ttl_archive.infra.sql.dialect import literal

FUNCTIONS = scalar_functions.FUNCTIONS | time_functions.FUNCTIONS | json_paths.FUNCTIONS


@dataclass(frozen=True, slots=True)
class TranslationContext:
    """What holds for a whole query: its text, and the current time."""

    sql: str
    now: datetime


@dataclass(frozen=True, slots=True)
class SubqueryResult:
    """The text of a subquery, and the types of its columns."""

    sql: str
    types: Sequence[SqlType]


class ExpressionTranslator:
    """Translates expressions in one scope; `subquery` translates a query inside of them."""

    def __init__(
        self,
        context: TranslationContext,
        scope: Scope,
        subquery: Callable[[exp.Expr, Scope], SubqueryResult],
    ) -> None:
        self._context, self._scope, self._subquery = context, scope, subquery

    def translate(self, node: exp.Expr) -> Translated:
        """Return an expression translated. Raises RefusedNodeError or MistakeError."""
        kind = type(node)
        if kind in _RULES:
            return _RULES[kind](self, node)
        if kind in CONDITIONS:
            return CONDITIONS[kind](node, self)
        if kind in FUNCTIONS:
            names, rule = FUNCTIONS[kind]
            self._check_name(node, names)
            return rule(node, self)
        if kind in AGGREGATES:
            return self._aggregate(node, "")
        raise RefusedNodeError(self._what(node), node)

    def text(self, node: exp.Expr) -> str:
        """Return a varchar translated. Raises MistakeError for a type that Athena does not convert."""
        value = self.translate(node)
        if value.type == JSON_TEXT:
            raise RefusedNodeError("a function of a json column, other than json_extract_scalar", node)
        if value.type not in (VARCHAR, UNKNOWN):
            raise MistakeError(f"A varchar is needed, not {value.type}. Write CAST(… AS varchar)", node)
        return value.sql if value.type == VARCHAR else "CAST(NULL AS VARCHAR)"

    def condition(self, node: exp.Expr) -> str:
        """Return a condition translated. Raises MistakeError for anything that is not a boolean."""
        value = self.translate(node)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise MistakeError(f"A condition is needed, not {value.type}", node)
        return value.sql

    def one_column(self, node: exp.Expr) -> Translated:
        """Return a subquery translated, with the type of its column. Raises MistakeError for several."""
        found = self._subquery(node, self._scope)
        if len(found.types) != 1:
            raise MistakeError(f"The subquery must have one column, not {len(found.types)}", node)
        return Translated(f"({found.sql})", found.types[0])

    def order(self, node: exp.Ordered) -> str:
        """Return one expression of an ORDER BY."""
        return _order_by(require_comparable(self.translate(node.this), node).sql, node)

    def _check_name(self, node: exp.Expr, names: Sequence[str]) -> None:
        """Refuse a function that the parser knows by a name that Athena does not have, such as nvl."""
        written = self._written_name(node)
        if written is not None and written.lower() not in names:
            raise RefusedNodeError(f"the function {written.lower()}", node)

    def _written_name(self, node: exp.Expr) -> str | None:
        if "start" not in node.meta:
            return None
        return self._context.sql[node.meta["start"] : node.meta["end"] + 1]

    def _what(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Func):
            name = (
                node.name if isinstance(node, exp.Anonymous) else self._written_name(node) or node.sql_name()
            )
            return f"the function {name.lower()}"
        return f"{node.key} ({node.sql(dialect='trino')[:40]})"

    def _literal(self, node: exp.Expr) -> Translated:
        text: str = node.this
        if node.is_string:
            return Translated(literal(text), VARCHAR, text=text)
        if "e" in text.lower():
            return Translated(f"CAST({literal(text)} AS DOUBLE)", DOUBLE)
        number = Decimal(text)
        if text.isdecimal():
            if number >= 2**63:
                raise MistakeError(f"{text} is too large for a bigint. Write it with a point: {text}.0", node)
            kind = INTEGER if number < 2**31 else BIGINT
            return Translated(f"CAST({text} AS {kind.engine_name})", kind, number)
        whole, _, fraction = text.partition(".")
        kind = decimal_type(max(len(whole.lstrip("0")) + len(fraction), 1), len(fraction))
        return Translated(f"CAST({literal(text)} AS {kind.engine_name})", kind, number)

    def _null(self, _node: exp.Expr) -> Translated:
        return Translated("NULL", UNKNOWN)

    def _boolean(self, node: exp.Expr) -> Translated:
        return Translated("true" if node.this else "false", BOOLEAN)

    def _column(self, node: exp.Expr) -> Translated:
        return self._scope.column(cast(exp.Column, node))

    def _parentheses(self, node: exp.Expr) -> Translated:
        value = self.translate(node.this)
        return Translated(f"({value.sql})", value.type, value.number, value.text)

    def _arithmetic(self, node: exp.Expr) -> Translated:
        if isinstance(node, (exp.Add, exp.Sub)) and node.find(exp.Interval) in (node.this, node.expression):
            return add_interval(node, self)
        return arithmetic.combine(node, self.translate(node.this), self.translate(node.expression))

    def _negation(self, node: exp.Expr) -> Translated:
        return arithmetic.negate(node, self.translate(node.this))

    def _joined(self, node: exp.Expr) -> Translated:
        return Translated(f"({self.text(node.this)} || {self.text(node.expression)})", VARCHAR)

    def _cast(self, node: exp.Expr) -> Translated:
        node = cast(exp.Cast, node)
        refuse_other_arguments(node, "this", "to", "safe")
        if isinstance(node.this, exp.Literal) and node.this.is_string and type(node) is exp.Cast:
            return typed_literal(node, node.this.this)
        return cast_value(node, self.translate(node.this))

    def _now(self, node: exp.Expr) -> Translated:
        refuse_other_arguments(node)
        return now_literal(DATE if isinstance(node, exp.CurrentDate) else TIMESTAMP, self._context.now)

    def _exists(self, node: exp.Expr) -> Translated:
        return Translated(f"EXISTS ({self._subquery(node.this, self._scope).sql})", BOOLEAN)

    def _scalar_subquery(self, node: exp.Expr) -> Translated:
        return self.one_column(node)

    def _filtered(self, node: exp.Expr) -> Translated:
        return self._aggregate(node.this, self._filter(node))

    def _filter(self, node: exp.Expr) -> str:
        refuse_other_arguments(node, "this", "expression")
        return f" FILTER (WHERE {self.condition(node.expression.this)})"

    def _aggregate(self, node: exp.Expr, suffix: str, *, in_window: bool = False) -> Translated:
        known = AGGREGATES | (WINDOW_ONLY if in_window else {})
        if type(node) not in known:
            raise RefusedNodeError(self._what(node), node)
        names, rule = known[type(node)]
        self._check_name(node, names)
        return rule(node, self, suffix)

    def _window(self, node: exp.Expr) -> Translated:
        refuse_other_arguments(node, "this", "partition_by", "order", "spec", "over")
        inner, given = node.this, ""
        if isinstance(inner, exp.Filter):
            inner, given = inner.this, self._filter(inner)
        parts = []
        if partition := node.args.get("partition_by"):
            listed = [require_comparable(self.translate(each), node).sql for each in partition]
            parts.append(f"PARTITION BY {', '.join(listed)}")
        if order := node.args.get("order"):
            parts.append(f"ORDER BY {', '.join(self.order(each) for each in order.expressions)}")
        if spec := node.args.get("spec"):
            parts.append(window_frame(spec))
        return self._aggregate(inner, f"{given} OVER ({' '.join(parts)})", in_window=True)


def _order_by(sql: str, node: exp.Ordered) -> str:
    refuse_other_arguments(node, "this", "desc", "nulls_first")
    direction = "DESC" if node.args.get("desc") else "ASC"
    return f"{sql} {direction} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"


_RULES: dict[type[exp.Expr], Callable[[ExpressionTranslator, exp.Expr], Translated]] = {
    exp.Literal: ExpressionTranslator._literal,
    exp.Null: ExpressionTranslator._null,
    exp.Boolean: ExpressionTranslator._boolean,
    exp.Column: ExpressionTranslator._column,
    exp.Paren: ExpressionTranslator._parentheses,
    **dict.fromkeys(arithmetic.OPERATORS, ExpressionTranslator._arithmetic),
    exp.Neg: ExpressionTranslator._negation,
    exp.DPipe: ExpressionTranslator._joined,
    exp.Cast: ExpressionTranslator._cast,
    exp.TryCast: ExpressionTranslator._cast,
    exp.CurrentDate: ExpressionTranslator._now,
    exp.Localtimestamp: ExpressionTranslator._now,
    exp.Exists: ExpressionTranslator._exists,
    exp.Subquery: ExpressionTranslator._scalar_subquery,
    exp.Filter: ExpressionTranslator._filtered,
    exp.Window: ExpressionTranslator._window,
}
