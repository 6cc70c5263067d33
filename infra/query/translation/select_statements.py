"""Queries: SELECT, WITH, joins and set operations, each clause by Trino's rules.

WHERE sees the columns behind FROM and not the aliases of SELECT. A column without a name is called _col0,
_col1, … by its position.
Source: Trino documentation, SELECT; StatementAnalyzer.java.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sqlglot import exp

from ttl_archive.infra.query.sql_place import suggest
from ttl_archive.infra.query.translation.expressions import (
    ExpressionTranslator,
    SubqueryResult,
    TranslationContext,
)
from ttl_archive.infra.query.translation.final_clauses import group_by_clause, limit_clauses, order_by_clause
from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.output_columns import (
    OutputColumn,
    TranslatedQuery,
    common_columns,
    star_columns,
    subquery_columns,
    with_types,
)
from ttl_archive.infra.query.translation.scopes import Columns, Scope
from ttl_archive.infra.query.translation.sql_types import JSON_TEXT
from ttl_archive.infra.query.translation.translated import Translated
from ttl_archive.infra.sql.dialect import quoted

_SELECT = (
    "with_",
    "distinct",
    "expressions",
    "from_",
    "joins",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
)
_Node = TypeVar("_Node", bound=exp.Query)
_SET_WORDS: dict[type[exp.Expr], str] = {
    exp.Union: "UNION",
    exp.Intersect: "INTERSECT",
    exp.Except: "EXCEPT",
}


class QueryTranslator:
    """Translates queries over known relations; `tables` below are these and the queries of WITH, by name."""

    def __init__(self, context: TranslationContext, relations: Mapping[str, Columns]) -> None:
        self._context = context
        self._relations = relations

    def translate(self, node: exp.Expr) -> TranslatedQuery:
        """Return a whole query translated. Raises RefusedNodeError or MistakeError."""
        return self._query(node, self._relations, None)

    def _query(self, node: exp.Expr, tables: Mapping[str, Columns], around: Scope | None) -> TranslatedQuery:
        if isinstance(node, exp.Subquery):
            return self._in_parentheses(node, tables, around)
        if isinstance(node, exp.Select):
            return self._with(node, tables, around, self._select)
        if isinstance(node, exp.SetOperation) and type(node) in _SET_WORDS:
            return self._with(node, tables, around, self._set_operation)
        raise RefusedNodeError(f"the statement {node.key.upper()}", node)

    def _in_parentheses(
        self, node: exp.Subquery, tables: Mapping[str, Columns], around: Scope | None
    ) -> TranslatedQuery:
        refuse_other_arguments(node, "this", "alias", "order", "limit", "offset")
        found = self._query(node.this, tables, around)
        shown = [(column, Translated(column.name, column.type)) for column in found.columns]
        order = order_by_clause(node, shown, self._expressions(Scope(around), tables))
        ending = " ".join(filter(None, [order, *limit_clauses(node)]))
        sql = f"SELECT * FROM ({found.sql}) AS part {ending}" if ending else found.sql
        return TranslatedQuery(sql, found.columns)

    def _with(
        self,
        node: _Node,
        tables: Mapping[str, Columns],
        around: Scope | None,
        translate: Callable[[_Node, Mapping[str, Columns], Scope | None], TranslatedQuery],
    ) -> TranslatedQuery:
        """Return the query with its WITH in front."""
        clause = node.args.get("with_")
        if clause is None:
            return translate(node, tables, around)
        refuse_other_arguments(clause, "expressions")
        known, written = dict(tables), []
        for each in clause.expressions:
            refuse_other_arguments(each, "this", "alias")
            if each.args["alias"].args.get("columns"):
                raise RefusedNodeError("WITH that renames columns", each)
            found = self._query(each.this, known, around)
            name = each.alias.lower()
            known[name] = subquery_columns(found, each)
            written.append(f"{quoted(name)} AS ({found.sql})")
        query = translate(node, known, around)
        return TranslatedQuery(f"WITH {', '.join(written)} {query.sql}", query.columns)

    def _select(
        self, node: exp.Select, tables: Mapping[str, Columns], around: Scope | None
    ) -> TranslatedQuery:
        refuse_other_arguments(node, *_SELECT)
        scope = Scope(around)
        source = self._from(node, tables, scope)
        expressions = self._expressions(scope, tables)
        selected = self._selected(node, scope, expressions)
        columns = tuple(column for column, _ in selected)
        listed = ", ".join(f"{value.sql} AS {quoted(column.name)}" for column, value in selected)
        parts: list[str | None] = [f"SELECT {self._distinct(node, columns)}{listed}", source]
        if where := node.args.get("where"):
            parts.append(f"WHERE {expressions.condition(where.this)}")
        if group := node.args.get("group"):
            parts.append(group_by_clause(group, selected, expressions))
        if having := node.args.get("having"):
            parts.append(f"HAVING {expressions.condition(having.this)}")
        parts += [order_by_clause(node, selected, expressions), *limit_clauses(node)]
        return TranslatedQuery(" ".join(filter(None, parts)), columns)

    def _expressions(self, scope: Scope, tables: Mapping[str, Columns]) -> ExpressionTranslator:
        def subquery(node: exp.Expr, around: Scope) -> SubqueryResult:
            found = self._query(node, tables, around)
            return SubqueryResult(found.sql, [column.type for column in found.columns])

        return ExpressionTranslator(self._context, scope, subquery)

    def _distinct(self, node: exp.Select, columns: Sequence[OutputColumn]) -> str:
        distinct = node.args.get("distinct")
        if not distinct:
            return ""
        refuse_other_arguments(distinct)
        if any(column.type == JSON_TEXT for column in columns):
            raise RefusedNodeError("DISTINCT of a json column", node)
        return "DISTINCT "

    def _selected(
        self, node: exp.Select, scope: Scope, expressions: ExpressionTranslator
    ) -> list[tuple[OutputColumn, Translated]]:
        found: list[tuple[OutputColumn, Translated]] = []
        for each in node.expressions:
            if isinstance(each, exp.Star) or (
                isinstance(each, exp.Column) and isinstance(each.this, exp.Star)
            ):
                found += star_columns(each, scope)
                continue
            value = expressions.translate(each.this if isinstance(each, exp.Alias) else each)
            name = (
                each.alias
                if isinstance(each, exp.Alias)
                else each.name
                if isinstance(each, exp.Column)
                else ""
            )
            found.append((OutputColumn(name or f"_col{len(found)}", value.type), value))
        return found

    def _from(self, node: exp.Select, tables: Mapping[str, Columns], scope: Scope) -> str:
        if (clause := node.args.get("from_")) is None:
            return ""
        parts = [f"FROM {self._source(clause.this, tables, scope)}"]
        parts += [self._join(join, tables, scope) for join in node.args.get("joins") or ()]
        return " ".join(parts)

    def _join(self, node: exp.Join, tables: Mapping[str, Columns], scope: Scope) -> str:
        refuse_other_arguments(node, "this", "on", "side", "kind")
        side, kind, condition = node.side.upper(), node.kind.upper(), node.args.get("on")
        if kind not in ("", "INNER", "OUTER", "CROSS"):
            raise RefusedNodeError(f"a {kind.lower()} join", node)
        source = self._source(node.this, tables, scope)
        if condition is None:
            if side or kind not in ("", "CROSS"):
                raise MistakeError("A join needs ON and its condition", node)
            return f"CROSS JOIN {source}"
        return f"{side or 'INNER'} JOIN {source} ON {self._expressions(scope, tables).condition(condition)}"

    def _source(self, node: exp.Expr, tables: Mapping[str, Columns], scope: Scope) -> str:
        alias = node.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            raise RefusedNodeError("an alias that renames columns", node)
        name = (
            node.alias or (node.name if isinstance(node, exp.Table) else f" {len(scope.sources)}")
        ).lower()
        if name in scope.sources:
            raise MistakeError(f"'{name}' is twice in FROM. Give each an alias", node)
        if isinstance(node, exp.Table):
            sql, scope.sources[name] = _table(node, tables)
        elif isinstance(node, exp.Subquery):
            found = self._query(node, tables, scope.around)
            sql, scope.sources[name] = f"({found.sql})", subquery_columns(found, node)
        else:
            raise RefusedNodeError(f"{node.key} in FROM", node)
        return f"{sql} AS {quoted(name)}"

    def _set_operation(
        self, node: exp.SetOperation, tables: Mapping[str, Columns], around: Scope | None
    ) -> TranslatedQuery:
        refuse_other_arguments(node, "this", "expression", "distinct", "with_", "order", "limit", "offset")
        word, is_distinct = _SET_WORDS[type(node)], node.args.get("distinct")
        if word != "UNION" and not is_distinct:
            raise RefusedNodeError(f"{word} ALL", node)
        sides = [self._query(each, tables, around) for each in (node.this, node.expression)]
        columns = common_columns(node, *sides)
        if is_distinct and any(column.type == JSON_TEXT for column in columns):
            raise RefusedNodeError(f"{word} of a json column", node)
        left, right = (with_types(side, columns) for side in sides)
        parts: list[str | None] = [f"({left}) {word}{'' if is_distinct else ' ALL'} ({right})"]
        shown = [(column, Translated(column.name, column.type)) for column in columns]
        parts += [
            order_by_clause(node, shown, self._expressions(Scope(around), tables)),
            *limit_clauses(node),
        ]
        return TranslatedQuery(" ".join(filter(None, parts)), columns)


def _table(node: exp.Table, tables: Mapping[str, Columns]) -> tuple[str, Columns]:
    refuse_other_arguments(node, "this", "alias")
    name = node.name.lower()
    if not isinstance(node.this, exp.Identifier):
        raise RefusedNodeError(f"{node.sql(dialect='trino')[:40]} in FROM", node)
    if name not in tables:
        raise MistakeError(f"Table '{node.name}' does not exist", node, suggest(name, tables))
    return quoted(name), tables[name]
