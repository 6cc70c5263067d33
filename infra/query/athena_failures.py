"""Athena's reasons in words that a user can act on.

The numbers are AthenaError.ErrorType. Source: ATH, error-reference (types and retries); LAB (the text at the
scan limit, after which the state FAILED or CANCELLED is not verified, so both are read alike).
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from ttl_archive.infra.query.query_errors import (
    CancelledError,
    QueryError,
    QueryFailedError,
    ScanLimitError,
    WrongSqlError,
)
from ttl_archive.infra.query.scan_cost import Scan
from ttl_archive.infra.query.sql_place import show_place, suggest

_AT_LIMIT = "Bytes scanned limit was exceeded"
_PLACE = re.compile(r"line (\d+):(\d+)")
_UNKNOWN_COLUMN = re.compile(r"Column '([^']+)' cannot be resolved")
_UNKNOWN_TABLE = re.compile(r"Table '(?:[^'.]+\.)*([^'.]+)' does not exist")
# ErrorType from, to -> what to do.
_NEXT_STEPS: dict[tuple[int, int], str] = {
    (0, 8): "The query needs more than Athena has for it: filter by date, or select fewer columns",
    (100, 402): "This is a failure inside Athena. Run the query again",
    (1107, 1107): "The relation is out of date. Deploy the stack again, which recreates it from archive.toml",
    (1110, 1110): "Deploy the stack, or check [deploy] database and --region",
    (1400, 1406): "The account runs too many queries at this moment. Run it again later",
    (1500, 1501): "A permission is missing: see the managed policies in ttl-archive docs deploy",
}


def explain_failure(
    status: Mapping[str, Any], sql: str, scan: Scan, workgroup: str, names: Collection[str] = ()
) -> QueryError:
    """Return the error of a query that ended without an answer.

    `status` is QueryExecution.Status of Athena, and `names` are known relations and columns, to suggest one.
    """
    error = status.get("AthenaError", {})
    reason = str(status.get("StateChangeReason") or error.get("ErrorMessage") or "Athena gives no reason")
    if _AT_LIMIT in reason:
        return ScanLimitError(
            f"Athena stopped the query at the scan limit of the workgroup {workgroup}, after "
            f"{scan.bytes:,} bytes. Filter by date, so that it reads fewer objects, or raise "
            "[deploy] scan_limit_gb in archive.toml and deploy"
        )
    if found := _PLACE.search(reason):
        place = show_place(sql, int(found[1]), int(found[2]))
        return WrongSqlError(f"{reason}.{_suggestion(reason, names)}{place}")
    if status.get("State") == "CANCELLED":
        return CancelledError(f"The query was cancelled in Athena: {reason}. It read {scan.bytes:,} bytes")
    return QueryFailedError(f"Athena: {reason}{_next_step(error.get('ErrorType'))}")


def _suggestion(reason: str, names: Collection[str]) -> str:
    unknown = _UNKNOWN_COLUMN.search(reason) or _UNKNOWN_TABLE.search(reason)
    return suggest(unknown[1], names) if unknown else ""


def _next_step(error_type: int | None) -> str:
    for (first, last), text in _NEXT_STEPS.items():
        if error_type is not None and first <= error_type <= last:
            return f". {text}"
    return ""
