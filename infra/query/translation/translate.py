"""SQL of Athena in, SQL of DuckDB out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import ParseError, Token, TokenError, TokenType, exp
from sqlglot.dialects.trino import Trino

from ttl_archive.infra.query.query_errors import WrongSqlError, refused_here
from ttl_archive.infra.query.sql_place import show_place
from ttl_archive.infra.query.translation.expressions import TranslationContext
from ttl_archive.infra.query.translation.mistakes import MistakeError, RefusedNodeError
from ttl_archive.infra.query.translation.output_columns import OutputColumn, TranslatedQuery
from ttl_archive.infra.query.translation.scopes import Columns
from ttl_archive.infra.query.translation.select_statements import QueryTranslator
from ttl_archive.infra.query.translation.sql_types import type_of_column
from ttl_archive.infra.sql.archive_relation import ArchiveRelation, RelationColumn
from ttl_archive.infra.sql.duckdb_dialect import DuckDbDialect
from ttl_archive.infra.sql.errors_relation import ERROR_COLUMNS
from ttl_archive.infra.sql.history_relation import HISTORY, STEP_COLUMNS
from ttl_archive.infra.sql.relations import ARCHIVE, ERRORS, LATEST, UNIQUE
from ttl_archive.replay.commands.show import plural
from ttl_archive.transform.settings import ENVELOPE_COLUMNS, Settings

_ERROR_TYPES = {"attempts_made": "bigint", "arrival_time": "timestamp", "last_attempt_time": "timestamp"}
# The parser takes these, and Athena does not.
_FOREIGN_TOKENS = {TokenType.DCOLON: ("::",), TokenType.EQ: ("==",), TokenType.RLIKE: ("RLIKE", "rlike")}


@dataclass(frozen=True, slots=True)
class Translation:
    """A query for DuckDB with its columns, and the tree that was parsed."""

    sql: str
    columns: tuple[OutputColumn, ...]
    tree: exp.Query


def relation_columns(settings: Settings) -> dict[str, tuple[RelationColumn, ...]]:
    """Return the columns of every relation that a user asks, by its name."""
    archive = ArchiveRelation(settings, DuckDbDialect()).columns()
    errors = tuple(RelationColumn(name, _ERROR_TYPES.get(name, "string")) for name in ERROR_COLUMNS)
    history = (*archive, *(RelationColumn(name, "bigint") for name in STEP_COLUMNS))
    return {**dict.fromkeys((ARCHIVE, UNIQUE, LATEST), archive), HISTORY: history, ERRORS: errors}


def translate_query(
    sql: str, settings: Settings, parameters: Sequence[str] = (), now: datetime | None = None
) -> Translation:
    """Translate a query. Raises WrongSqlError with the place, or RefusedHereError with the name."""
    tree = parse_query(sql, parameters)
    context = TranslationContext(sql, now or datetime.now(UTC))
    try:
        found: TranslatedQuery = QueryTranslator(context, _typed(settings)).translate(tree)
    except MistakeError as error:
        raise WrongSqlError(f"{error.why}.{error.suggestion}{_place(sql, error.node)}") from None
    except RefusedNodeError as error:
        raise refused_here(error.what, _place(sql, error.node)) from None
    return Translation(found.sql, found.columns, tree)


def translate_constant(node: exp.Expr, sql: str, now: datetime) -> str | None:
    """Return an expression of a query for DuckDB, or None when it needs a row, or is refused."""
    try:
        translator = QueryTranslator(TranslationContext(sql, now), {})
        return translator.translate(exp.Select(expressions=[node.copy()])).sql
    except (MistakeError, RefusedNodeError):
        return None


def parse_query(sql: str, parameters: Sequence[str] = ()) -> exp.Query:
    """Return the tree of one query, each of its parameters (?) with its text as a literal.

    Raises WrongSqlError with the place of a mistake, or RefusedHereError.
    """
    dialect = Trino()
    try:
        tokens = _with_parameters(dialect.tokenize(sql), parameters)
        trees = [tree for tree in dialect.parser().parse(tokens, sql) if tree is not None]
    except ParseError as error:
        first = error.errors[0]
        place = show_place(sql, first["line"], first["col"] - len(first["highlight"] or "") + 1)
        raise WrongSqlError(f"line {first['line']}: {first['description']}.{place}") from None
    except TokenError as error:
        raise WrongSqlError(f"The SQL cannot be read: {error}. Is a quote missing?") from None
    for token in tokens:
        if token.token_type in _FOREIGN_TOKENS and token.text in _FOREIGN_TOKENS[token.token_type]:
            place = show_place(sql, token.line, token.col - len(token.text) + 1)
            raise WrongSqlError(f"Athena has no {token.text}.{place}")
    if not trees:
        raise WrongSqlError("There is no SQL. Ask with SELECT, such as SELECT count(*) FROM archive.")
    if len(trees) > 1:
        raise WrongSqlError(f"One query is answered at a time, and here are {len(trees)}.")
    if not isinstance(trees[0], exp.Query):
        raise refused_here(f"the statement {sql.split()[0].upper()}", show_place(sql, 1, 1))
    return trees[0]


def _with_parameters(tokens: Sequence[Token], parameters: Sequence[str]) -> list[Token]:
    """Return the tokens with a text for each parameter, in the order of the text. Raises WrongSqlError."""
    count = sum(token.token_type == TokenType.PLACEHOLDER for token in tokens)
    if count != len(parameters):
        needed = plural(count, "parameter")
        raise WrongSqlError(f"The query has {needed} (?), and {plural(len(parameters), 'value')} given.")
    values = iter(parameters)
    return [
        Token(TokenType.STRING, next(values), token.line, token.col, token.start, token.end, [])
        if token.token_type == TokenType.PLACEHOLDER
        else token
        for token in tokens
    ]


def _typed(settings: Settings) -> Mapping[str, Columns]:
    """Return the types of the relations' columns."""
    envelope = settings.output.row == "envelope"
    return {
        name: {
            column.name: type_of_column(
                RelationColumn(column.name, "json")
                if envelope and column.name in ENVELOPE_COLUMNS
                else column
            )
            for column in columns
        }
        for name, columns in relation_columns(settings).items()
    }


def _place(sql: str, node: exp.Expr) -> str:
    """Return the place of the first part of a node that has one."""
    placed = [each.meta for each in node.walk() if "line" in each.meta]
    if not placed:
        return ""
    first = min(placed, key=lambda meta: meta["start"])
    return show_place(sql, first["line"], first["col"] - (first["end"] - first["start"]))
