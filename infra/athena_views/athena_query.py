"""One statement in Athena: started, waited for, and run again when Athena says that this may help.

Source: BC-athena, StartQueryExecution, GetQueryExecution and AthenaError.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import Waiter, client_error_code
from ttl_archive.infra.attachment.custom_resource import CustomResourceError

POLL_S = 1.0
RETRY_S = 5.0
ATTEMPTS = 5
# Too many running queries, too many calls, or a failure inside Athena. Source: ATH, service-limits.
TEMPORARY_CODES = frozenset({"TooManyRequestsException", "ThrottlingException", "InternalServerException"})


class StatementError(CustomResourceError):
    """A statement that Athena did not run; the text has Athena's reason."""


@dataclass(frozen=True, slots=True)
class QueryContext:
    """Where statements run. `request_id` makes the tokens of one request differ from those of another."""

    database: str
    workgroup: str
    request_id: str


def run_statement(athena: Any, statement: str, number: int, context: QueryContext, waiter: Waiter) -> None:
    """Run the statement with this number among those of the request. Raises StatementError."""
    for attempt in range(1, ATTEMPTS + 1):
        failure = _run_once(athena, statement, f"{number} {attempt}", context, waiter)
        if failure is None:
            return
        reason, retryable = failure
        if not retryable or attempt == ATTEMPTS:
            raise StatementError(f"{_name(statement)}: {reason}")
        _wait(waiter, RETRY_S, statement, reason)


def _run_once(
    athena: Any, statement: str, attempt: str, context: QueryContext, waiter: Waiter
) -> tuple[str, bool] | None:
    """Return why the statement failed and whether to retry, or None when it succeeded."""
    # The same token returns the old execution and runs nothing, so it is made of the request and the attempt.
    token = sha256(f"{context.request_id} {attempt}".encode()).hexdigest()
    try:
        started = athena.start_query_execution(
            QueryString=statement,
            ClientRequestToken=token,
            QueryExecutionContext={"Database": context.database},
            WorkGroup=context.workgroup,
        )
        return _outcome(athena, started["QueryExecutionId"], statement, waiter)
    except ClientError as error:
        if client_error_code(error) not in TEMPORARY_CODES:
            raise
        return str(error), True


def _outcome(athena: Any, execution: str, statement: str, waiter: Waiter) -> tuple[str, bool] | None:
    while True:
        found = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        state = found["State"]
        if state == "SUCCEEDED":
            return None
        if state in ("FAILED", "CANCELLED"):
            retryable = bool(found.get("AthenaError", {}).get("Retryable", False))
            return f"{state}: {found.get('StateChangeReason', 'Athena gives no reason')}", retryable
        _wait(waiter, POLL_S, statement, f"it is still {state}")


def _wait(waiter: Waiter, seconds: float, statement: str, why: str) -> None:
    if waiter.time_left() < seconds:
        raise StatementError(f"{_name(statement)}: no time is left to wait; {why}. Deploy again.")
    waiter.pause(seconds)


def _name(statement: str) -> str:
    """Return the statement's first words, which name the view. The rest is long."""
    return " ".join(statement.split()[:5]) if statement.startswith("CREATE") else statement
