"""Why a report failed, in words that hold nothing of an item.

Athena's own reason is taken from the query itself, because the form of the error that Step Functions has for
a failed query is not documented. It is shown whole where it is about the SQL, a permission or a limit. A
reason that arose while rows were read may quote a value, so only its code is shown.

Source: BC-athena, QueryExecutionStatus; TRINO, StandardErrorCode; ATH, error-reference.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# The cause also has the SQL, whose own texts may be UUIDs. It may be JSON in JSON, with quotes escaped.
_QUERY_ID = re.compile(rf'QueryExecutionId[\\"]*\s*:[\s\\"]*({_UUID})')
_FIRST_UUID = re.compile(f"({_UUID})")
_CODE = re.compile(r"[A-Z][A-Z0-9_]+(?=:)")
# A place in the SQL: the reason is from before any row was read.
_PLACE = re.compile(r"[A-Z0-9_]+: line \d+:\d+: ")
_WITHOUT_VALUES = re.compile(
    r"SYNTAX_ERROR|[A-Z]+_NOT_FOUND|TYPE_MISMATCH|VIEW_IS_STALE|INVALID_VIEW|PERMISSION_DENIED|EXCEEDED_[A-Z_]+"
    r"|HIVE_METASTORE_ERROR|HIVE_EXCEEDED_PARTITION_LIMIT|NO_NODES_AVAILABLE|CLUSTER_OUT_OF_MEMORY"
    r"|Bytes scanned limit was exceeded|Query exhausted resources|Query timeout|Query cancelled"
    r"|Insufficient permissions|Access denied|Access Denied|Insufficient Lake Formation permission"
)
_SHOWN = 1000  # characters
# Errors of the function whose texts hold nothing of an item.
_OWN_ERRORS = ("ReportTooLargeError", "ReportConflictError", "ReportCallError", "ResultGoneError")
_TIMED_OUT = ("Sandbox.Timedout", "Lambda.Unknown")


@dataclass(frozen=True, slots=True)
class ReportFailure:
    """Why a run failed. `is_temporary` says that another attempt may help."""

    reason: str
    is_temporary: bool = False


def explain_error(athena: Any, error: str, cause: str) -> ReportFailure:
    """Return the reason of an error that the state machine has caught. Raises ClientError."""
    if error.startswith(("Athena.", "States.")):
        found = _QUERY_ID.search(cause) or _FIRST_UUID.search(cause)
        return _of_query(athena, found[1]) if found else _without_query(error, cause)
    if error in _OWN_ERRORS:
        return ReportFailure(_message(cause))
    if error in _TIMED_OUT:
        return ReportFailure(
            "The function did not end in 15 minutes. Aggregate in the report's SQL, or report a shorter "
            "period"
        )
    return ReportFailure(f"{error} in the function, whose log has the place")


def shown_reason(reason: str, query_id: str) -> str:
    """Return Athena's reason, or only its code where the rest may quote a value of an item."""
    if _PLACE.match(reason) or _WITHOUT_VALUES.match(reason):
        return reason[:_SHOWN]
    code = _CODE.match(reason)
    return (
        f"{code[0] if code else 'an error'}. The rest may quote a value of an item. To read it: aws athena "
        f"get-query-execution --query-execution-id {query_id}"
    )


def _of_query(athena: Any, query_id: str) -> ReportFailure:
    status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
    state, problem = status["State"], status.get("AthenaError", {})
    if state not in ("FAILED", "CANCELLED"):
        return ReportFailure(f"the query {query_id} did not end in time; it is {state}")
    reason = status.get("StateChangeReason") or problem.get("ErrorMessage")
    shown = shown_reason(reason, query_id) if reason else "Athena gives no reason"
    is_temporary = state == "FAILED" and bool(problem.get("Retryable"))
    return ReportFailure(f"Athena: {state}: {shown}", is_temporary)


def _without_query(error: str, cause: str) -> ReportFailure:
    """Return the reason of a query that was not started. No row was read, so it quotes no item."""
    if error.startswith("Athena."):
        return ReportFailure(f"Athena did not start the query: {error}: {cause[:_SHOWN]}")
    return ReportFailure(f"{error}. The query history of the workgroup has Athena's reason")


def _message(cause: str) -> str:
    """Return the message of an exception, which Lambda has in JSON."""
    try:
        return str(json.loads(cause)["errorMessage"])[:_SHOWN]
    except (ValueError, KeyError, TypeError):
        return cause[:_SHOWN]
