"""The texts that fit a column type: one grammar for both engines, checked before every cast.

type          a text that fits                                   and a text that does not
bigint        12, -7                                             1E3, 1.0, 0x10, 1_000, 9223372036854775808
decimal(5,1)  36.1, 36.10, 361E-1                                36.15 (it would be rounded), 12345
double        36.15, 1E3                                         NaN, 1d
boolean       true, false                                        yes, 1, TRUE
timestamp     2026-11-21, 2026-11-21 06:26:52.123,               2026-11-21T06:26:52+02:00 (the zone would be
              2026-11-21T06:26:52Z                               ignored), 2026-11-21 06:26:52.1234

A cast alone would not do. The engines accept different texts, and both round in silence.
Source: ATH, data types; trinodb/trino:core/trino-main/src/main/java/io/trino/type/DecimalCasts.java,
VarcharOperators.java and VarcharToTimestampCast.java; duckdb/duckdb #23768.

The patterns end in `\\z`, because `$` also matches before a newline at the end in Trino. They use only what
RE2 (DuckDB) and Trino's own library have in common.
"""

import re

INTEGER = r"-?[0-9]{1,19}"
# The exponent of a DynamoDB number has at most three digits (1E-130 to 9.9E+125).
# Source: DynamoDB Developer Guide, naming rules and data types.
MANTISSA = r"-?[0-9]+(?:[.][0-9]+)?"
NUMBER = MANTISSA + r"([eE][+-]?[0-9]{1,3})?"
# A year of four digits without a leading zero: the engines count years before 1000 differently.
_DATE = r"[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,3}0*)?)?Z?"
TIMESTAMP = rf"{_DATE}([ T]{_TIME})?"
BOOLEAN = "true|false"

_DECIMAL_TYPE = re.compile(r"decimal\((\d+),(\d+)\)")
_PATTERNS = {"bigint": INTEGER, "double": NUMBER, "boolean": BOOLEAN, "timestamp": TIMESTAMP}


def is_decimal(column_type: str) -> bool:
    """Return whether the type is decimal(p,s)."""
    return _DECIMAL_TYPE.fullmatch(column_type) is not None


def pattern_of(column_type: str) -> str | None:
    """Return the pattern of the whole texts that fit a type; None for string and json, which every text fits.

    The text of a decimal is first written without an exponent, see `Dialect.without_exponent`.
    """
    found = _DECIMAL_TYPE.fullmatch(column_type)
    if found:
        precision, scale = int(found[1]), int(found[2])
        # Zeros in front and behind are free, because they change no value.
        return whole(rf"-?0*[0-9]{{0,{precision - scale}}}([.][0-9]{{0,{scale}}}0*)?")
    pattern = _PATTERNS.get(column_type)
    return whole(pattern) if pattern else None


def whole(pattern: str) -> str:
    """Return the pattern that matches a whole text, and no newline after it."""
    return rf"^({pattern})\z"
