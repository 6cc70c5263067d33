"""What the two engines have in common, and the list of what they do not: the functions that a dialect adds.

Every function takes SQL expressions and returns one. Names of columns are quoted by `quoted`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ttl_archive.infra.sql.grammar import INTEGER, MANTISSA, pattern_of, whole

Path = tuple[str, ...]
NULL_VALUE = '{"NULL":true}'


@dataclass(frozen=True, slots=True)
class ImageValue:
    """An attribute value that is read from an image.

    Its text is the content of the first of these kinds (S, N, BOOL, B) that it has, the likeliest first, else
    its JSON text; without kinds, always its JSON text. The value NULL has no text.
    """

    path: Path
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageTexts:
    """The expressions of the texts of values in an image, and the columns, by name, that they need.

    The columns of one step may use those of the steps before.
    """

    steps: Sequence[Mapping[str, str]]
    texts: Sequence[str]


def quoted(name: str) -> str:
    """Return a name as SQL takes it, even when it is a reserved word."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


class Dialect(ABC):
    """How one engine writes what the relations need."""

    types: ClassVar[dict[str, str]]
    # Columns that `archive_files` of JSONL has in this engine only, for `unreadable`.
    file_columns: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def matches(self, text: str, pattern: str) -> str:
        """Return whether the pattern, a Python string, occurs in the text."""

    @abstractmethod
    def extract(self, text: str, pattern: str) -> str:
        """Return the first group of the pattern in the text, or the empty text without a match."""

    @abstractmethod
    def image_texts(self, image: str, values: Sequence[ImageValue]) -> ImageTexts:
        """Return the texts of the values, NULL without an image: `image` is NULL then, and never empty."""

    @abstractmethod
    def rest_columns(self, keys: Sequence[str]) -> dict[str, str]:
        """Return columns, by name, that parse ddb_rest once for `rest_text` and `rest_has`; may be none."""

    @abstractmethod
    def rest_text(self, number: int, key: str) -> str:
        """Return the text of a scalar member of ddb_rest, else NULL. `number` is its place in `keys`."""

    @abstractmethod
    def rest_has(self, number: int, key: str) -> str:
        """Return whether ddb_rest has the member, and it is not null."""

    @abstractmethod
    def unreadable(self, column: str) -> str:
        """Return whether `archive_files` has NULL for a value of the column that cannot be read exactly."""

    @abstractmethod
    def plainly_typed(self, text: str, column_type: str) -> str | None:
        """Return the value of a text in its plain form, NULL for another text; None: `typed` is as fast."""

    @abstractmethod
    def digest(self, text: str) -> str:
        """Return the SHA-256 of the text's UTF-8 bytes, in lower-case hexadecimal digits."""

    @abstractmethod
    def time_of_ms(self, milliseconds: str) -> str:
        """Return the timestamp of milliseconds since 1970, UTC."""

    @abstractmethod
    def microseconds_of(self, text: str) -> str:
        """Return the microseconds since 1970 of a text such as 2026-11-21 06:26:52.123456, in UTC."""

    @abstractmethod
    def attribute_value(self, image: str, name: str) -> str:
        """Return the JSON text of the attribute value in an image by its name, both of them expressions."""

    @abstractmethod
    def text_of_base64(self, encoded: str) -> str:
        """Return the UTF-8 text that base64 stands for."""

    def cast(self, expression: str, column_type: str) -> str:
        """Return the expression cast to a column type of archive.toml."""
        return f"CAST({expression} AS {self.type_name(column_type)})"

    def type_name(self, column_type: str) -> str:
        """Return the engine's name of a column type of archive.toml."""
        return self.types.get(column_type, column_type)

    def typed(self, text: str, column_type: str) -> str:
        """Return the value of a text column, or NULL when the text does not fit the type.

        `text` is the name of a column, since it occurs twice. The text of a decimal has no exponent any more.
        """
        pattern = pattern_of(column_type)
        if pattern is None:
            return self.cast(text, "string")
        plain = f"replace(replace({text}, 'T', ' '), 'Z', '')" if column_type == "timestamp" else text
        cast = f"TRY_CAST({plain} AS {self.type_name(column_type)})"
        return f"CASE WHEN {self.matches(text, pattern)} THEN {cast} END"

    def is_integer(self, text: str) -> str:
        """Return whether the text is an integer by the grammar of a bigint."""
        return self.matches(text, whole(INTEGER))

    def number_parts(self, text: str) -> tuple[str, str, str]:
        """Return the digits before the point, those behind it, and the exponent of a number's text.

        The exponent is NULL where the text is no number, or has none.
        """
        exponent = self.extract(text, f"^{MANTISSA}[eE][+]?(-?[0-9]{{1,3}})\\z")
        return (
            self.extract(text, "^-?([0-9]+)"),
            self.extract(text, "[.]([0-9]+)"),
            f"TRY_CAST({exponent} AS integer)",
        )

    def without_exponent(self, text: str, whole_digits: str, fraction: str, exponent: str) -> str:
        """Return a number's text without an exponent, made of its parts, all of them names of columns.

        1.5E+3 becomes 1500.0 and 5E-5 becomes 0.000050: the point is moved. DuckDB casts a text with an
        exponent wrongly (duckdb/duckdb #23768), and in both engines the exponent hides how many digits stand
        behind the point. A text without an exponent stays as it is.
        """
        left = f"lpad({whole_digits}, CAST(greatest(length({whole_digits}), 1 - {exponent}) AS integer), '0')"
        right = f"rpad({fraction}, CAST(greatest(length({fraction}), {exponent}) AS integer), '0')"
        point = f"length({left}) + {exponent}"
        digits = f"{left} || {right}"
        sign = f"CASE WHEN {text} LIKE '-%' THEN '-' ELSE '' END"
        moved = f"{sign} || substr({digits}, 1, {point}) || '.' || substr({digits}, {point} + 1) || '0'"
        return f"CASE WHEN {exponent} IS NOT NULL THEN {moved} ELSE {text} END"


def distinct_text(parts: Iterable[str]) -> str:
    """Return the expression of one text that differs whenever one of the texts differs, or is NULL."""
    return " || ".join(f"coalesce(CAST(length({part}) AS varchar) || ':' || {part}, '-')" for part in parts)
