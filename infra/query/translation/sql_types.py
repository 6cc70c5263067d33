"""Trino's types, as far as the closed list knows them, and the common type of two.

Source: Trino documentation, data types; trinodb/trino:core/trino-main/src/main/java/io/trino/type/
TypeCoercion.java.
"""

import re
from dataclasses import dataclass

from ttl_archive.infra.sql.archive_relation import RelationColumn

MAX_PRECISION = 38


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type by its name; precision and scale are those of a decimal, and the precision of a timestamp."""

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        """Return the type as Athena names it in a result."""
        if self.name == "decimal":
            return f"decimal({self.precision},{self.scale})"
        return {"timestamp": "timestamp(3)", "json text": "varchar", "unknown": "unknown"}.get(
            self.name, self.name
        )

    @property
    def engine_name(self) -> str:
        """The type in DuckDB."""
        if self.name == "decimal":
            return f"DECIMAL({self.precision},{self.scale})"
        return {"json text": "VARCHAR", "unknown": "INTEGER"}.get(self.name, self.name.upper())

    @property
    def is_integer(self) -> bool:
        """Whether it is integer or bigint."""
        return self.name in ("integer", "bigint")

    @property
    def is_number(self) -> bool:
        """Whether it is a number of any kind."""
        return self.is_integer or self.name in ("decimal", "double")

    @property
    def is_time(self) -> bool:
        """Whether it is a date or a timestamp."""
        return self.name in ("date", "timestamp")


VARCHAR, BOOLEAN, DOUBLE = SqlType("varchar"), SqlType("boolean"), SqlType("double")
INTEGER, BIGINT = SqlType("integer"), SqlType("bigint")
DATE, TIMESTAMP = SqlType("date"), SqlType("timestamp", 3)
# Text that both engines agree on as JSON, but not to the character: the order of its keys may differ.
JSON_TEXT = SqlType("json text")
UNKNOWN = SqlType("unknown")  # the type of NULL
_AS_DECIMAL = {"integer": (10, 0), "bigint": (19, 0)}


def decimal_type(precision: int, scale: int) -> SqlType:
    """Return decimal(p,s), its precision cut at Trino's largest."""
    return SqlType("decimal", min(precision, MAX_PRECISION), scale)


def type_of_column(column: RelationColumn) -> SqlType:
    """Return the type of a relation's column."""
    if found := re.fullmatch(r"decimal\((\d+),(\d+)\)", column.type):
        return decimal_type(int(found[1]), int(found[2]))
    names = {"string": VARCHAR, "json": JSON_TEXT, "timestamp": TIMESTAMP}
    return names.get(column.type) or SqlType(column.type)


def as_decimal(kind: SqlType) -> SqlType:
    """Return the decimal type that holds every value of an integer type, or the decimal type itself."""
    return decimal_type(*_AS_DECIMAL[kind.name]) if kind.name in _AS_DECIMAL else kind


def common_type(left: SqlType, right: SqlType) -> SqlType | None:
    """Return the type to which Trino converts both, or None where it compares no value of the two."""
    if left.name == right.name and left.name != "decimal":
        return left if left.precision >= right.precision else right
    if UNKNOWN in (left, right):
        return right if left == UNKNOWN else left
    if left.is_number and right.is_number:
        return _common_number(left, right)
    if left.is_time and right.is_time:
        return left if left.name == "timestamp" else right
    return None


def _common_number(left: SqlType, right: SqlType) -> SqlType:
    if DOUBLE in (left, right):
        return DOUBLE
    if left.is_integer and right.is_integer:
        return BIGINT
    left, right = as_decimal(left), as_decimal(right)
    scale = max(left.scale, right.scale)
    whole_digits = max(left.precision - left.scale, right.precision - right.scale)
    return decimal_type(whole_digits + scale, scale)
