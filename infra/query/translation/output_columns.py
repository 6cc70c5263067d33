"""The columns of a query: their names and types, behind a *, in a subquery and in a set operation."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from ttl_archive.infra.query.sql_place import suggest
from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.scopes import Columns, Scope
from ttl_archive.infra.query.translation.sql_types import DOUBLE, SqlType, common_type
from ttl_archive.infra.query.translation.translated import Translated
from ttl_archive.infra.sql.dialect import quoted


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of a query: its name as it is shown, and its type."""

    name: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class TranslatedQuery:
    """A query for DuckDB, and its columns."""

    sql: str
    columns: tuple[OutputColumn, ...]


def subquery_columns(query: TranslatedQuery, node: exp.Expr) -> Columns:
    """Return the columns of a query in FROM or WITH. Raises RefusedNodeError if two have one name."""
    names = [column.name.lower() for column in query.columns]
    if len(set(names)) < len(names):
        raise RefusedNodeError("a subquery with two columns of one name", node)
    return dict(zip(names, (column.type for column in query.columns), strict=True))


def star_columns(node: exp.Expr, scope: Scope) -> list[tuple[OutputColumn, Translated]]:
    """Return the columns that a * stands for. Raises MistakeError for an unknown relation."""
    refuse_other_arguments(node.this if isinstance(node, exp.Column) else node)
    source = node.table.lower() if isinstance(node, exp.Column) else ""
    if not scope.sources or (source and source not in scope.sources):
        raise MistakeError(
            f"There is no relation '{source or '*'}' in FROM", node, suggest(source, scope.sources)
        )
    return [
        (OutputColumn(name, kind), Translated(f"{quoted(each)}.{quoted(name)}", kind))
        for each, columns in scope.sources.items()
        if source in ("", each)
        for name, kind in columns.items()
    ]


def common_columns(node: exp.Expr, left: TranslatedQuery, right: TranslatedQuery) -> tuple[OutputColumn, ...]:
    """Return the columns of a set operation. Raises MistakeError, or RefusedNodeError for an inexact type."""
    if len(left.columns) != len(right.columns):
        raise MistakeError(f"The sides have {len(left.columns)} and {len(right.columns)} columns", node)
    found = []
    for one, other in zip(left.columns, right.columns, strict=True):
        kind = common_type(one.type, other.type)
        if kind is None:
            raise MistakeError(
                f"Column {one.name} is {one.type} on one side and {other.type} on the other", node
            )
        if kind == DOUBLE and "decimal" in (one.type.name, other.type.name):
            raise RefusedNodeError("a set operation of doubles and decimals", node)
        found.append(OutputColumn(one.name, kind))
    return tuple(found)


def with_types(query: TranslatedQuery, columns: Sequence[OutputColumn]) -> str:
    """Return the query with the types of the whole set operation."""
    if [column.type for column in query.columns] == [column.type for column in columns]:
        return query.sql
    names = [f"c{n}" for n in range(len(columns))]
    selected = [
        f"CAST({name} AS {column.type.engine_name}) AS {quoted(column.name)}"
        for name, column in zip(names, columns, strict=True)
    ]
    return f"SELECT {', '.join(selected)} FROM ({query.sql}) AS side({', '.join(names)})"
