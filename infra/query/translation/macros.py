"""What DuckDB gets beside functions of its own: exact division of decimals, and rows that are refused.

ttl_unscaled(x)     the digits of a decimal as an integer of 128 bits: 36.1 becomes 361
ttl_half_up(n, d)   n / d, rounded half away from zero, as Trino rounds decimals
ttl_quotient(n, d)  n / d of integers, cut towards zero
ttl_remainder(n, d) its remainder, with the sign of n

Division by zero is an error in Trino and NULL in DuckDB. Source: Trino documentation, decimal functions.
"""

from ttl_archive.infra.sql.dialect import literal

REFUSED_MARK = "ttl-archive refuses: "
_BY_ZERO = "error('Division by zero')"

MACROS = (
    "CREATE OR REPLACE MACRO ttl_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)",
    # The remainder is compared without being doubled, which could exceed 128 bits.
    f"CREATE OR REPLACE MACRO ttl_half_up(n, d) AS CASE WHEN d = 0 THEN {_BY_ZERO} ELSE n // d + CASE"
    " WHEN abs(n % d) >= abs(d) - abs(n % d) THEN CASE WHEN (n < 0) = (d < 0) THEN 1 ELSE -1 END"
    " ELSE 0 END END",
    f"CREATE OR REPLACE MACRO ttl_quotient(n, d) AS CASE WHEN d = 0 THEN {_BY_ZERO} ELSE n // d END",
    f"CREATE OR REPLACE MACRO ttl_remainder(n, d) AS CASE WHEN d = 0 THEN {_BY_ZERO} ELSE n % d END",
)


def refused_unless(condition: str, value: str, what: str) -> str:
    """Return the value, or an error in the first row where the condition is false."""
    return (
        f"CASE WHEN coalesce({condition}, true) THEN {value} ELSE error({literal(REFUSED_MARK + what)}) END"
    )


def scaled(digits: str, scale: int) -> str:
    """Return the decimal(38,s) whose digits are an integer."""
    whole = f"CAST({digits} AS DECIMAL(38,0))"
    return f"({whole} * CAST('{'0.' + '0' * (scale - 1)}1' AS DECIMAL({scale},{scale})))" if scale else whole
