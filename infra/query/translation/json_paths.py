"""json_extract_scalar, with a literal path: of strings and booleans, and of numbers that are exact.

Trino returns a number's text as it is written, and DuckDB passes fractions through a double: a row with one
is refused. In the image (`ddb_image`) every number is a string, so each of its digits can be read:
json_extract_scalar(ddb_image, '$.temperature.N'). Source: TRINO, JsonExtract.java; RFC 6901.
"""

from sqlglot import exp

from ttl_archive.infra.query.translation.macros import REFUSED_MARK
from ttl_archive.infra.query.translation.mistakes import (
    MistakeError,
    RefusedNodeError,
    refuse_other_arguments,
)
from ttl_archive.infra.query.translation.scalar_functions import Expressions, Rule
from ttl_archive.infra.query.translation.sql_types import JSON_TEXT, VARCHAR
from ttl_archive.infra.query.translation.translated import Translated
from ttl_archive.infra.sql.dialect import literal
from ttl_archive.infra.sql.duckdb_dialect import pointer


def _extract_scalar(node: exp.Expr, expressions: Expressions) -> Translated:
    refuse_other_arguments(node, "this", "expression")
    document = expressions.translate(node.this)
    if document.type not in (VARCHAR, JSON_TEXT):
        raise MistakeError(f"json_extract_scalar reads a varchar, not {document.type}", node)
    path = literal(_pointer(node))
    kind = f"TRY(json_type({document.sql}, {path}))"
    refused = f"error({literal(REFUSED_MARK + 'json_extract_scalar of a number with a fraction')})"
    return Translated(
        f"CASE WHEN {kind} IN ('VARCHAR', 'BOOLEAN', 'BIGINT', 'UBIGINT')"
        f" THEN json_extract_string({document.sql}, {path})"
        f" WHEN {kind} IN ('OBJECT', 'ARRAY', 'NULL') OR {kind} IS NULL THEN NULL ELSE {refused} END",
        VARCHAR,
    )


def _pointer(node: exp.Expr) -> str:
    """Return the JSON Pointer of a path of names and numbers."""
    path = node.expression
    if not isinstance(path, exp.JSONPath):
        raise RefusedNodeError("json_extract_scalar with a path that is not a literal", node)
    names = []
    for step in path.expressions[1:]:
        plain = isinstance(step, exp.JSONPathKey) and isinstance(step.this, str)
        numbered = isinstance(step, exp.JSONPathSubscript) and isinstance(step.this, int) and step.this >= 0
        if not (plain or numbered):
            raise RefusedNodeError("json_extract_scalar with such a path", node)
        names.append(str(step.this))
    return pointer(names)


FUNCTIONS: dict[type[exp.Expr], tuple[tuple[str, ...], Rule]] = {
    exp.JSONExtractScalar: (("json_extract_scalar",), _extract_scalar),
}
