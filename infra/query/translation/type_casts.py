"""CAST and TRY_CAST: the pairs of types that both engines convert alike.

A text is converted where it fits a grammar that both engines read in the same way. Of other texts, TRY_CAST
returns NULL where no engine could read a value, and every other case is refused by the row that has it.
Source: TRINO, VarcharOperators.java, DecimalCasts.java, VarcharToTimestampCast.java; `infra/sql/grammar.py`.
"""

from collections.abc import Callable

from sqlglot import exp

from ttl_archive.infra.query.translation.macros import REFUSED_MARK
from ttl_archive.infra.query.translation.mistakes import MistakeError, RefusedNodeError
from ttl_archive.infra.query.translation.sql_types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    MAX_PRECISION,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    SqlType,
    decimal_type,
)
from ttl_archive.infra.query.translation.translated import Translated, decimal_to_double
from ttl_archive.infra.sql.dialect import literal
from ttl_archive.infra.sql.grammar import INTEGER as INTEGER_TEXT
from ttl_archive.infra.sql.grammar import MANTISSA, NUMBER, whole

_DATE_TEXT = r"[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME_TEXT = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,3})?)?"
# Type -> the texts that both engines read alike.
_TEXTS = {
    "integer": INTEGER_TEXT,
    "bigint": INTEGER_TEXT,
    "decimal": MANTISSA,
    "double": NUMBER,
    "date": _DATE_TEXT,
    "timestamp": f"{_DATE_TEXT}( {_TIME_TEXT})?",
}
# No number, date or time without a digit, except for the double's NaN and Infinity.
_NO_VALUE = dict.fromkeys(("integer", "bigint", "decimal"), "[^0-9]*")
_NAMED = {
    "BIGINT": BIGINT,
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    "DOUBLE": DOUBLE,
    "INT": INTEGER,
    "VARCHAR": VARCHAR,
    "TEXT": VARCHAR,
}


def cast_value(node: exp.Cast, value: Translated) -> Translated:
    """Return a CAST or TRY_CAST of the value. Raises RefusedNodeError for a pair that is not in the list."""
    to = _target(node)
    if value.type in (to, UNKNOWN):
        return Translated(f"CAST({value.sql} AS {to.engine_name})", to, text=value.text)
    is_try = isinstance(node, exp.TryCast)
    if value.type == VARCHAR:
        return Translated(_of_text(value.sql, to, is_try=is_try), to)
    rule = _RULES.get((value.type.name, to.name))
    if rule is None:
        raise RefusedNodeError(f"a cast of {value.type} to {to}", node)
    return rule(value, to, node)


def typed_literal(node: exp.Cast, text: str) -> Translated:
    """Return a literal with its type in front, such as DATE '2026-11-21'."""
    kind = _target(node, is_literal=True)
    if kind.name == "decimal" and not node.to.expressions:
        # The parser has DECIMAL '1.5', which is decimal(2,1), and CAST('1.5' AS decimal) as the same.
        raise RefusedNodeError("decimal without precision and scale", node)
    return Translated(_of_text(literal(text), kind, is_try=False), kind, text=text)


def _target(node: exp.Cast, *, is_literal: bool = False) -> SqlType:
    written: exp.DataType = node.to
    name = written.this.name
    sizes = [int(size.name) for size in written.expressions]
    if name == "DECIMAL":
        precision, scale = (*sizes, 0)[:2] if sizes else (MAX_PRECISION, 0)
        if not 1 <= precision <= MAX_PRECISION or scale > precision:
            raise MistakeError(f"decimal({precision},{scale}) is not a type: 1 <= p <= 38, s <= p", node)
        return decimal_type(precision, scale)
    if name == "TIMESTAMP" and (sizes in ([], [3]) or (is_literal and sizes == [0])):
        return SqlType("timestamp", sizes[0]) if sizes else TIMESTAMP
    if name not in _NAMED or sizes:
        raise RefusedNodeError(f"the type {written.sql(dialect='trino').lower()}", node)
    return _NAMED[name]


def _of_text(sql: str, to: SqlType, *, is_try: bool) -> str:
    if to == BOOLEAN:
        return _boolean(sql, is_try=is_try)
    if to == VARCHAR:
        return sql
    fits = f"regexp_matches({sql}, {literal(whole(_TEXTS[to.name]))})"
    value = f"{'TRY_CAST' if is_try else 'CAST'}({sql} AS {to.engine_name})"
    no_value = f" WHEN {sql} IS NULL THEN NULL"
    if is_try and to.name in _NO_VALUE:
        no_value += f" WHEN regexp_full_match({sql}, {literal(_NO_VALUE[to.name])}, 's') THEN NULL"
    refused = f"error({literal(REFUSED_MARK + f'the cast of this text to {to}')})"
    return f"CASE WHEN {fits} THEN {value}{no_value} ELSE {refused} END"


def _boolean(sql: str, *, is_try: bool) -> str:
    """Return the boolean of a text. Trino knows six texts, and no other."""
    other = "NULL" if is_try else "error('Cannot cast this text to boolean')"
    return (
        f"CASE WHEN lower({sql}) IN ('true', 't', '1') THEN true WHEN lower({sql}) IN ('false', 'f', '0')"
        f" THEN false WHEN {sql} IS NULL THEN NULL ELSE {other} END"
    )


def _as_engine(value: Translated, to: SqlType, node: exp.Cast) -> Translated:
    word = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
    return Translated(f"{word}({value.sql} AS {to.engine_name})", to)


def _decimal_to_text(value: Translated, to: SqlType, node: exp.Cast) -> Translated:
    kind = value.type
    if kind.precision == kind.scale:  # DuckDB writes .5, and Trino 0.5
        if kind.precision == MAX_PRECISION:
            raise RefusedNodeError(f"a cast of {kind} to varchar", node)
        return Translated(
            f"CAST(CAST({value.sql} AS DECIMAL({kind.precision + 1},{kind.scale})) AS VARCHAR)", to
        )
    return Translated(f"CAST({value.sql} AS VARCHAR)", to)


def _timestamp_to_text(value: Translated, to: SqlType, node: exp.Cast) -> Translated:
    if value.type != TIMESTAMP:  # a literal without a fraction has none as text
        raise RefusedNodeError("a cast of a timestamp without milliseconds to varchar", node)
    return Translated(f"strftime({value.sql}, '%Y-%m-%d %H:%M:%S.%g')", to)


_Rule = Callable[[Translated, SqlType, exp.Cast], Translated]
_RULES: dict[tuple[str, str], _Rule] = {
    ("integer", "bigint"): _as_engine,
    ("bigint", "integer"): _as_engine,
    ("integer", "decimal"): _as_engine,
    ("bigint", "decimal"): _as_engine,
    ("integer", "double"): _as_engine,
    ("bigint", "double"): _as_engine,
    ("integer", "varchar"): _as_engine,
    ("bigint", "varchar"): _as_engine,
    ("decimal", "decimal"): _as_engine,
    ("decimal", "integer"): _as_engine,
    ("decimal", "bigint"): _as_engine,
    ("decimal", "double"): lambda value, _to, node: decimal_to_double(value, node),
    ("decimal", "varchar"): _decimal_to_text,
    ("boolean", "varchar"): _as_engine,
    ("boolean", "integer"): _as_engine,
    ("boolean", "bigint"): _as_engine,
    ("timestamp", "date"): _as_engine,
    ("timestamp", "varchar"): _timestamp_to_text,
    ("date", "timestamp"): _as_engine,
    ("date", "varchar"): _as_engine,
}
