"""Queries in Athena: started, waited for with progress, cancelled by Ctrl-C, and their results page by page.

Source: BC-athena, StartQueryExecution, GetQueryExecution, GetQueryResults, StopQueryExecution.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.athena_views.athena_query import TEMPORARY_CODES
from ttl_archive.infra.query.athena_failures import explain_failure
from ttl_archive.infra.query.athena_values import result_column, typed_row
from ttl_archive.infra.query.query_errors import CancelledError, QueryFailedError
from ttl_archive.infra.query.query_result import QueryResult, ResultColumn, ResultRow
from ttl_archive.infra.query.scan_cost import Scan, billed_scan
from ttl_archive.infra.sql.dialect import literal
from ttl_archive.replay.aws import error_code, translate_error

_FIRST_POLL_S, _LONGEST_POLL_S, _GROWTH = 0.25, 2.0, 1.5
_CALL_ATTEMPTS = 6
_QUERY_ATTEMPTS = 3
_RETRY_S = 2.0
_CANCEL_POLLS = 20
_PAGE_ROWS = 1000  # Source: BC-athena, GetQueryResults, MaxResults
ENDED_STATES = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass(frozen=True, slots=True)
class QueryProgress:
    """What Athena says of a query that runs: its state, the bytes that it has read, and for how long."""

    state: str
    read_bytes: int
    seconds: float


def _show_nothing(progress: QueryProgress) -> None:
    """Show no progress."""


class AthenaRunner:
    """Runs queries in one workgroup and database.

    `names` are known relations and columns, from which a wrong one is corrected. Result reuse stays off,
    because with it new objects would not be noticed.
    """

    def __init__(
        self,
        athena: Any,
        workgroup: str,
        database: str,
        *,
        names: Collection[str] = (),
        on_progress: Callable[[QueryProgress], None] = _show_nothing,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._athena = athena
        self._workgroup, self._database = workgroup, database
        self._names = names
        self._on_progress, self._pause = on_progress, pause

    def run(self, sql: str, parameters: Sequence[str] = ()) -> QueryResult:
        """Run a query and return its answer; each of `parameters` is the text of one `?`.

        Ctrl-C (KeyboardInterrupt) while the query runs cancels it. Raises QueryError, and ReplayError when a
        call is refused.
        """
        for attempt in range(1, _QUERY_ATTEMPTS + 1):
            execution = self._start(sql, parameters)
            found = self._wait(execution)
            status, scan = found["Status"], _scan(found)
            if status["State"] == "SUCCEEDED":
                return self._answer(execution, found.get("StatementType"), scan)
            is_temporary = status["State"] == "FAILED" and status.get("AthenaError", {}).get("Retryable")
            if not is_temporary or attempt == _QUERY_ATTEMPTS:
                raise explain_failure(status, sql, scan, self._workgroup, self._names)
            self._pause(_RETRY_S * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _start(self, sql: str, parameters: Sequence[str]) -> str:
        request: dict[str, Any] = {
            "QueryString": sql,
            # One token for all attempts of this call, so that a lost answer does not start a second query.
            "ClientRequestToken": uuid4().hex,
            "QueryExecutionContext": {"Database": self._database},
            "WorkGroup": self._workgroup,
        }
        if parameters:
            # A parameter is an SQL expression, so a text is quoted. Source: uber/athenadriver #63.
            request["ExecutionParameters"] = [literal(text) for text in parameters]
        started: str = self._call(self._athena.start_query_execution, **request)["QueryExecutionId"]
        return started

    def _wait(self, execution: str) -> Mapping[str, Any]:
        """Return the QueryExecution when it has ended."""
        poll_s, waited_s = _FIRST_POLL_S, 0.0
        try:
            while True:
                found = self._look(execution)
                self._on_progress(QueryProgress(found["Status"]["State"], _read_bytes(found), waited_s))
                if found["Status"]["State"] in ENDED_STATES:
                    return found
                self._pause(poll_s)
                waited_s += poll_s
                poll_s = min(poll_s * _GROWTH, _LONGEST_POLL_S)
        except KeyboardInterrupt:
            raise self._cancel(execution) from None

    def _cancel(self, execution: str) -> CancelledError:
        """Cancel the query, and return the error that says what it has cost."""
        self._call(self._athena.stop_query_execution, QueryExecutionId=execution)
        for _ in range(_CANCEL_POLLS):
            found = self._look(execution)
            if found["Status"]["State"] in ENDED_STATES:
                scan = billed_scan(_read_bytes(found))
                return CancelledError(
                    f"The query {execution} is cancelled. It read {scan.bytes:,} bytes, which cost about "
                    f"${scan.usd:.4f}"
                )
            self._pause(_FIRST_POLL_S)
        return CancelledError(
            f"Athena was asked to cancel the query {execution}, and has not done so yet. To see its state: "
            f"aws athena get-query-execution --query-execution-id {execution}"
        )

    def _look(self, execution: str) -> Mapping[str, Any]:
        answer = self._call(self._athena.get_query_execution, QueryExecutionId=execution)
        found: Mapping[str, Any] = answer["QueryExecution"]
        return found

    def _answer(self, execution: str, statement_type: str | None, scan: Scan) -> QueryResult:
        page = self._page(execution, None)
        infos = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        columns = tuple(result_column(info) for info in infos)
        rows = self._rows(execution, page, columns, has_header=statement_type != "DDL")
        return QueryResult(columns, rows, scan)

    def _rows(
        self, execution: str, page: Mapping[str, Any], columns: tuple[ResultColumn, ...], *, has_header: bool
    ) -> Iterator[ResultRow]:
        """Yield the rows; one page is in memory at a time."""
        cells = [row.get("Data", []) for row in page["ResultSet"]["Rows"]]
        # The first row of a SELECT's first page has the names. Source: SEEN lishenxydlgzs/aws-athena-mcp #5.
        if (
            has_header
            and cells
            and [cell.get("VarCharValue") for cell in cells[0]] == [c.name for c in columns]
        ):
            del cells[0]
        while True:
            yield from (typed_row(row, columns) for row in cells)
            if not (token := page.get("NextToken")):
                return
            page = self._page(execution, token)
            cells = [row.get("Data", []) for row in page["ResultSet"]["Rows"]]

    def _page(self, execution: str, token: str | None) -> Mapping[str, Any]:
        more = {"NextToken": token} if token else {}
        found: Mapping[str, Any] = self._call(
            self._athena.get_query_results, QueryExecutionId=execution, MaxResults=_PAGE_ROWS, **more
        )
        return found

    def _call(self, call: Callable[..., Any], **request: Any) -> Any:
        """Make a call, and make it again while Athena says that it is throttled or busy."""
        for attempt in range(1, _CALL_ATTEMPTS + 1):
            try:
                return call(**request)
            except ClientError as error:
                if error_code(error) not in TEMPORARY_CODES:
                    action = f"athena:{error.operation_name}"
                    raise translate_error(error, f"workgroup {self._workgroup}", action) from error
                if attempt == _CALL_ATTEMPTS:
                    raise QueryFailedError(
                        f"Athena refused {error.operation_name} {attempt} times ({error_code(error)}): too "
                        "many queries run in this account. Run it again later"
                    ) from error
                self._pause(_RETRY_S * attempt)
            except BotoCoreError as error:
                raise translate_error(error, f"workgroup {self._workgroup}") from error
        raise AssertionError("unreachable: the last attempt returns or raises")


def _read_bytes(execution: Mapping[str, Any]) -> int:
    return int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))


def _scan(execution: Mapping[str, Any]) -> Scan:
    is_free = execution.get("StatementType") == "DDL" or execution["Status"]["State"] == "FAILED"
    return billed_scan(_read_bytes(execution), is_free=is_free)
