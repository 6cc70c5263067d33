"""Athena's dialect: engine version 3, which is Trino.

A path into JSON is always written `$["name"]`, the one form that takes any name. Of the image nothing but
strings is used: before 2026 Trino's json_parse and json_extract pass numbers through a double.
Source: trinodb/trino:core/trino-main/src/main/java/io/trino/operator/scalar/JsonPathTokenizer.java,
JsonExtract.java and JsonFunctions.java.
"""

from collections.abc import Sequence
from typing import ClassVar

from ttl_archive.infra.sql.dialect import NULL_VALUE, Dialect, ImageTexts, ImageValue, Path, literal


class AthenaDialect(Dialect):
    """Athena SQL, engine version 3."""

    # A timestamp has milliseconds: a view must not have another precision. Source: ATH, engine version 3.
    types: ClassVar = {"string": "varchar", "json": "varchar", "timestamp": "timestamp(3)"}

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_like({text}, {literal(pattern)})"

    def extract(self, text: str, pattern: str) -> str:
        return f"coalesce(regexp_extract({text}, {literal(pattern)}, 1), '')"

    def image_texts(self, image: str, values: Sequence[ImageValue]) -> ImageTexts:
        # A map of the top level: its users share it, where each json_extract would read the text once more.
        parsed = {"ddb_parsed": f"TRY(CAST(json_parse({image}) AS map(varchar, json)))"}
        found = {f"ddb_v{n}": _json_text(value.path) for n, value in enumerate(values, 1)}
        texts = [_content(json_text, value.kinds) for json_text, value in zip(found, values, strict=True)]
        return ImageTexts([parsed, found], texts)

    def rest_columns(self, keys: Sequence[str]) -> dict[str, str]:
        return {}  # json_extract_scalar keeps a number as it is written, which json_parse does not

    def rest_text(self, number: int, key: str) -> str:
        return f"json_extract_scalar(ddb_rest, {_json_path([key])})"

    def rest_has(self, number: int, key: str) -> str:
        return f"coalesce(json_format(json_extract(ddb_rest, {_json_path([key])})), 'null') <> 'null'"

    def unreadable(self, column: str) -> str:
        return "false"  # a string column of the SerDe has the text of every value, whatever its digits

    def plainly_typed(self, text: str, column_type: str) -> str | None:
        return None

    def digest(self, text: str) -> str:
        return f"lower(to_hex(sha256(to_utf8({text}))))"

    def time_of_ms(self, milliseconds: str) -> str:
        return f"date_add('millisecond', {milliseconds}, timestamp '1970-01-01 00:00:00.000')"

    def microseconds_of(self, text: str) -> str:
        # The double of to_unixtime is exact to less than a microsecond until the year 2255, and is rounded.
        return f"CAST(round(to_unixtime(CAST({text} AS timestamp(6))) * 1000000) AS bigint)"

    def attribute_value(self, image: str, name: str) -> str:
        parsed = f"TRY(CAST(json_parse(nullif({image}, '')) AS map(varchar, json)))"
        return f"json_format(element_at({parsed}, {name}))"

    def text_of_base64(self, encoded: str) -> str:
        return f"from_utf8(from_base64({encoded}))"


def _content(json_text: str, kinds: Sequence[str]) -> str:
    """Return the content of an attribute value of one of the kinds, else its JSON text."""
    contents = [f"json_extract_scalar({json_text}, {_json_path([kind])})" for kind in kinds]
    return f"coalesce({', '.join([*contents, json_text])})" if contents else json_text


def _json_text(path: Path) -> str:
    """Return the JSON text of the value at a path in ddb_parsed, NULL for the value NULL."""
    first, *inner = path
    value = f"element_at(ddb_parsed, {literal(first)})"
    if inner:
        steps = [step for name in inner for step in ("M", name)]
        value = f"json_extract({value}, {_json_path(steps)})"
    return f"nullif(json_format({value}), {literal(NULL_VALUE)})"


def _json_path(names: Sequence[str]) -> str:
    """Return a JSON path as an SQL string. In its quotes only \\" and \\\\ are escapes."""
    escaped = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return literal("$" + "".join(f'["{name}"]' for name in escaped))
