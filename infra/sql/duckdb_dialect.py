"""DuckDB's dialect, with what DuckDB 1.5.5 does otherwise than Trino.

A path into JSON is a JSON Pointer (/a/N), the one form that takes any name. All paths are extracted by one
call with a list, so that the image is parsed once: a call for each column took 14 times as long.
json_extract_string writes a number as the nearest double: `exact_member` returns what it can prove exact.
"""

from collections.abc import Sequence
from typing import ClassVar

from ttl_archive.infra.sql.dialect import NULL_VALUE, Dialect, ImageTexts, ImageValue, Path, literal
from ttl_archive.infra.sql.grammar import is_decimal
from ttl_archive.transform.formats import encode_json

INEXACT = (
    "ddb_inexact"  # names of the columns whose value a row has, but not in a form that can be read exactly
)


class DuckDbDialect(Dialect):
    """DuckDB's SQL."""

    types: ClassVar = {"string": "VARCHAR", "json": "VARCHAR", "timestamp": "TIMESTAMP"}
    file_columns: ClassVar = (INEXACT,)

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_matches({text}, {literal(pattern)})"

    def extract(self, text: str, pattern: str) -> str:
        return f"regexp_extract({text}, {literal(pattern)}, 1)"

    def image_texts(self, image: str, values: Sequence[ImageValue]) -> ImageTexts:
        # Every kind is looked for only in a row in which a value is missing, or has not its likeliest kind.
        likely = [_value_pointer(value.path, *value.kinds[:1]) for value in values]
        likely_texts = {f"ddb_l{n}": f"ddb_likely[{n}]" for n in range(1, len(values) + 1)}
        is_one_missing = " OR ".join(f"{text} IS NULL" for text in likely_texts)
        every: list[str] = []
        texts = []
        for likely_text, value in zip(likely_texts, values, strict=True):
            found = [f"ddb_every[{len(every) + n}]" for n in range(1, len(value.kinds) + 2)]
            every += [_value_pointer(value.path, *kind) for kind in [*([kind] for kind in value.kinds), []]]
            usual = likely_text if value.kinds else _unless_null(likely_text)
            texts.append(f"coalesce({', '.join([usual, *found[:-1], _unless_null(found[-1])])})")
        steps = [
            {"ddb_likely": strings_at(image, likely)},
            likely_texts,
            {"ddb_every": f"CASE WHEN {is_one_missing} THEN {strings_at(image, every)} END"},
        ]
        return ImageTexts(steps, texts)

    def rest_columns(self, keys: Sequence[str]) -> dict[str, str]:
        pointers = [pointer([key]) for key in keys]
        return {
            "ddb_rest_texts": strings_at("nullif(ddb_rest, '')", pointers),
            "ddb_rest_kinds": kinds_at("nullif(ddb_rest, '')", pointers),
        }

    def rest_text(self, number: int, key: str) -> str:
        text, kind = f"ddb_rest_texts[{number + 1}]", f"ddb_rest_kinds[{number + 1}]"
        exact = exact_member("ddb_rest", key, text, kind)
        return f"CASE WHEN {kind} NOT IN ('OBJECT', 'ARRAY') THEN {exact} END"

    def rest_has(self, number: int, key: str) -> str:
        return f"ddb_rest_texts[{number + 1}] IS NOT NULL"

    def unreadable(self, column: str) -> str:
        return f"coalesce(list_contains({INEXACT}, {literal(column)}), false)"

    def plainly_typed(self, text: str, column_type: str) -> str | None:
        if column_type == "boolean":
            return f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END"
        if column_type == "bigint" or is_decimal(column_type):
            return _plain_number(text, self.type_name(column_type))
        return None

    def is_integer(self, text: str) -> str:
        is_plain = f"CAST(TRY_CAST({text} AS BIGINT) AS VARCHAR) = {text}"
        return f"CASE WHEN {is_plain} THEN true ELSE {super().is_integer(text)} END"

    def digest(self, text: str) -> str:
        return f"sha256({text})"

    def time_of_ms(self, milliseconds: str) -> str:
        return f"epoch_ms({milliseconds})"

    def microseconds_of(self, text: str) -> str:
        return f"epoch_us(CAST({text} AS timestamp))"

    def attribute_value(self, image: str, name: str) -> str:
        escaped = f"replace(replace(CAST({name} AS varchar), '~', '~0'), '/', '~1')"
        return f"json_extract_string(nullif({image}, ''), '/' || {escaped})"

    def text_of_base64(self, encoded: str) -> str:
        return f"TRY(decode(from_base64({encoded})))"


def _value_pointer(path: Path, *kind: str) -> str:
    """Return the pointer to an attribute value in an image, or to its content, if a kind is given."""
    return pointer([path[0], *(step for name in path[1:] for step in ("M", name)), *kind])


def strings_at(document: str, pointers: Sequence[str]) -> str:
    """Return the list of the texts at the pointers, NULL for a document that is not JSON; none is empty."""
    return evaluated_once(f"TRY(json_extract_string({document}, {text_list(pointers)}))", f"{document} = ''")


def kinds_at(document: str, pointers: Sequence[str]) -> str:
    """Return the list of the names of DuckDB's JSON types at the pointers, as `strings_at`."""
    return evaluated_once(f"TRY(json_type({document}, {text_list(pointers)}))", f"{document} = ''")


def evaluated_once(expression: str, never: str) -> str:
    """Return the expression so that DuckDB evaluates it once for a row; `never` is a condition never true.

    DuckDB moves a filter below a SELECT and writes each use of a column there as its expression, so that a
    document would be parsed once for each use. It does not move what may be an error.
    """
    return f"CASE WHEN {never} THEN error('This condition is never true') ELSE {expression} END"


def _unless_null(json_text: str) -> str:
    return f"nullif({json_text}, {literal(NULL_VALUE)})"


def _plain_number(text: str, engine_type: str) -> str:
    """Return a number whose text is how DuckDB itself begins to write it, else NULL.

    12, 36.1 and, for a type with more digits behind the point, 36 are such texts: 36.0 begins with 36. Such a
    text has no exponent, no blank and no digit that the type would round away, so no pattern is needed.
    """
    number = f"TRY_CAST({text} AS {engine_type})"
    return f"CASE WHEN starts_with(CAST({number} AS VARCHAR), {text}) THEN {number} END"


def pointer(names: Sequence[str]) -> str:
    """Return the JSON Pointer of names within names. Source: RFC 6901."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def text_list(texts: Sequence[str]) -> str:
    """Return a list of SQL strings."""
    return "[" + ", ".join(map(literal, texts)) + "]"


def exact_member(document: str, key: str, text: str, kind: str) -> str:
    """Return the text of a member exactly as the document has it, or NULL when that cannot be proved.

    `text` and `kind` are what json_extract_string and json_type return for the member; DuckDB has passed its
    numbers with a fraction, an exponent or more than 64 bits through a double. The transform writes a member
    as "key":value without a blank, and inside a JSON string a quote is escaped. So where "key": occurs once,
    the number behind it is the member's, and an object is unchanged if its text follows.
    """
    name = encode_json(key).decode() + ":"
    once = f"len(string_split({document}, {literal(name)})) = 2"
    number = f"regexp_extract(split_part({document}, {literal(name)}, 2), '^-?[0-9][0-9.eE+-]*')"
    return (
        f"CASE WHEN {kind} IN ('VARCHAR', 'BOOLEAN', 'BIGINT', 'UBIGINT') THEN {text}"
        f" WHEN {kind} = 'DOUBLE' AND {once} THEN {number}"
        f" WHEN {kind} IN ('OBJECT', 'ARRAY') AND {once}"
        f" AND contains({document}, {literal(name)} || {text}) THEN {text} END"
    )
