"""Athena's dialect: engine version 3, which is Trino.

A path into JSON is always written `$["name"]`, the one form that takes any name. Of the image nothing but
strings is used: before 2026 Trino's json_parse and json_extract pass numbers through a double.
Source: trinodb/trino:core/trino-main/src/main/java/io/trino/operator/scalar/JsonPathTokenizer.java,
JsonExtract.java and JsonFunctions.java.
"""

from collections.abc import Sequence
from typing import ClassVar

from ttl_archive.infra.sql.dialect import Dialect, Path, literal


class AthenaDialect(Dialect):
    """Athena SQL, engine version 3."""

    # A timestamp has milliseconds: a view must not have another precision. Source: ATH, engine version 3.
    types: ClassVar = {"string": "varchar", "json": "varchar", "timestamp": "timestamp(3)"}

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_like({text}, {literal(pattern)})"

    def extract(self, text: str, pattern: str) -> str:
        return f"coalesce(regexp_extract({text}, {literal(pattern)}, 1), '')"

    def parsed_image(self, image: str, paths: Sequence[Path]) -> str:
        # A map of the top level: its users share it, where each json_extract would read the text once more.
        return f"TRY(CAST(json_parse({image}) AS map(varchar, json)))"

    def image_value(self, parsed: str, number: int, path: Path) -> str:
        first, *inner = path
        value = f"element_at({parsed}, {literal(first)})"
        if inner:
            steps = [step for name in inner for step in ("M", name)]
            value = f"json_extract({value}, {_json_path(steps)})"
        return f"json_format({value})"

    def scalar(self, value: str, kind: str) -> str:
        return f"json_extract_scalar({value}, {_json_path([kind])})"

    def rest_columns(self, keys: Sequence[str]) -> dict[str, str]:
        return {}  # json_extract_scalar keeps a number as it is written, which json_parse does not

    def rest_text(self, number: int, key: str) -> str:
        return f"json_extract_scalar(ddb_rest, {_json_path([key])})"

    def rest_has(self, number: int, key: str) -> str:
        return f"coalesce(json_format(json_extract(ddb_rest, {_json_path([key])})), 'null') <> 'null'"

    def unreadable(self, column: str) -> str:
        return "false"  # a string column of the SerDe has the text of every value, whatever its digits

    def digest(self, text: str) -> str:
        return f"lower(to_hex(sha256(to_utf8({text}))))"

    def time_of_ms(self, milliseconds: str) -> str:
        return f"date_add('millisecond', {milliseconds}, timestamp '1970-01-01 00:00:00.000')"

    def microseconds_of(self, text: str) -> str:
        # The double of to_unixtime is exact to less than a microsecond until the year 2255, and is rounded.
        return f"CAST(round(to_unixtime(CAST({text} AS timestamp(6))) * 1000000) AS bigint)"

    def attribute_value(self, image: str, name: str) -> str:
        parsed = self.parsed_image(f"nullif({image}, '')", [])
        return f"json_format(element_at({parsed}, {name}))"

    def text_of_base64(self, encoded: str) -> str:
        return f"from_utf8(from_base64({encoded}))"


def _json_path(names: Sequence[str]) -> str:
    """Return a JSON path as an SQL string. In its quotes only \\" and \\\\ are escapes."""
    escaped = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return literal("$" + "".join(f'["{name}"]' for name in escaped))
