"""DuckDB's dialect, with what DuckDB 1.5.5 does otherwise than Trino.

A path into JSON is a JSON Pointer (/a/N), the one form that takes any name. All paths are extracted by one
call with a list, so that the image is parsed once: a call for each column took 14 times as long.
json_extract_string writes a number as the nearest double: `exact_member` returns what it can prove exact.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from ttl_archive.infra.sql.dialect import Dialect, Path, literal
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

    def parsed_image(self, image: str, paths: Sequence[Path]) -> str:
        pointers = [
            pointer([path[0], *(step for name in path[1:] for step in ("M", name))]) for path in paths
        ]
        return f"TRY(json_extract_string({image}, {text_list(pointers)}))"

    def image_value(self, parsed: str, number: int, path: Path) -> str:
        return f"{parsed}[{number + 1}]"

    def scalar(self, value: str, kind: str) -> str:
        return f"json_extract_string({value}, {literal(pointer([kind]))})"

    def rest_columns(self, keys: Sequence[str]) -> dict[str, str]:
        pointers = text_list([pointer([key]) for key in keys])
        return {
            "ddb_rest_texts": f"TRY(json_extract_string(nullif(ddb_rest, ''), {pointers}))",
            "ddb_rest_kinds": f"TRY(json_type(nullif(ddb_rest, ''), {pointers}))",
        }

    def rest_text(self, number: int, key: str) -> str:
        text, kind = f"ddb_rest_texts[{number + 1}]", f"ddb_rest_kinds[{number + 1}]"
        exact = exact_member("ddb_rest", key, text, kind)
        return f"CASE WHEN {kind} NOT IN ('OBJECT', 'ARRAY') THEN {exact} END"

    def rest_has(self, number: int, key: str) -> str:
        return f"ddb_rest_texts[{number + 1}] IS NOT NULL"

    def unreadable(self, column: str) -> str:
        return f"coalesce(list_contains({INEXACT}, {literal(column)}), false)"

    def number_parts(self, text: str) -> tuple[str, str, str]:
        # The parts are needed of a text with an exponent only. DuckDB would search each text three times.
        has_exponent = f"(contains({text}, 'E') OR contains({text}, 'e'))"
        whole_digits, fraction, exponent = super().number_parts(text)
        guarded = (f"CASE WHEN {has_exponent} THEN {part} END" for part in (whole_digits, fraction, exponent))
        return next(guarded), next(guarded), next(guarded)

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
    number = f"regexp_extract({document}, {literal(re.escape(name) + '(-?[0-9][0-9.eE+-]*)')}, 1)"
    return (
        f"CASE WHEN {kind} IN ('VARCHAR', 'BOOLEAN', 'BIGINT', 'UBIGINT') THEN {text}"
        f" WHEN {kind} = 'DOUBLE' AND {once} THEN {number}"
        f" WHEN {kind} IN ('OBJECT', 'ARRAY') AND {once}"
        f" AND contains({document}, {literal(name)} || {text}) THEN {text} END"
    )
