"""A translated expression: its text for DuckDB, its type in Trino, and its conversion to another type."""

from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from ttl_archive.infra.query.translation.macros import refused_unless
from ttl_archive.infra.query.translation.mistakes import MistakeError, RefusedNodeError
from ttl_archive.infra.query.translation.sql_types import (
    DOUBLE,
    JSON_TEXT,
    UNKNOWN,
    SqlType,
    as_decimal,
    common_type,
)

_EXACT_IN_DOUBLE = 2**53
_POWERS_IN_DOUBLE = 22  # 10^22 is the largest power of ten that a double has exactly


@dataclass(frozen=True, slots=True)
class Translated:
    """An expression. `number` and `text` are the value of a literal."""

    sql: str
    type: SqlType
    number: Decimal | None = None
    text: str | None = None


def convert(value: Translated, to: SqlType, node: exp.Expr) -> Translated:
    """Return the value as Trino converts it without being asked: always to a wider type."""
    if value.type == to or (value.type.name == to.name and to.name != "decimal"):
        return value
    if to == DOUBLE and value.type.name == "decimal":
        return decimal_to_double(value, node)
    return Translated(f"CAST({value.sql} AS {to.engine_name})", to)


def decimal_to_double(value: Translated, node: exp.Expr) -> Translated:
    """Return a decimal as a double, where both engines find the same one.

    Up to 2^53 both divide the digits, exact, by a power of ten, exact. Above, each rounds in its own way.
    """
    if value.number is not None and abs(value.number.scaleb(value.type.scale)) <= _EXACT_IN_DOUBLE:
        return Translated(f"CAST('{float(value.number)!r}' AS DOUBLE)", DOUBLE)
    if value.type.scale > _POWERS_IN_DOUBLE:
        raise RefusedNodeError(f"a {value.type} as a double", node)
    fits = f"abs(ttl_unscaled({value.sql})) <= {_EXACT_IN_DOUBLE}"
    what = "a decimal with more digits than a double has, as a double"
    return Translated(refused_unless(fits, f"CAST({value.sql} AS DOUBLE)", what), DOUBLE)


def to_common(values: list[Translated], node: exp.Expr) -> tuple[list[Translated], SqlType]:
    """Return values in their common type. Raises MistakeError where they have none."""
    kind = UNKNOWN
    for value in values:
        found = common_type(kind, value.type)
        if found is None:
            raise MistakeError(
                f"{kind} and {value.type} cannot be compared or combined. Cast one of them", node
            )
        kind = found
    return [convert(value, kind, node) for value in values], kind


def as_decimal_value(value: Translated, node: exp.Expr) -> Translated:
    """Return an integer as a decimal; a decimal is returned as it is."""
    return convert(value, as_decimal(value.type), node)


def require_comparable(value: Translated, node: exp.Expr) -> Translated:
    """Return a value that can be compared.

    Raises RefusedNodeError for JSON text, which the engines write differently.
    """
    if value.type == JSON_TEXT:
        raise RefusedNodeError("comparing, sorting or grouping a json column", node)
    return value
