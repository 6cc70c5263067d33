from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest

from tests.infra.query.scripted_athena import ScriptedAthena
from ttl_archive.infra.query.athena_runner import AthenaRunner, QueryProgress
from ttl_archive.infra.query.query_errors import (
    CancelledError,
    QueryError,
    QueryFailedError,
    ScanLimitError,
    WrongSqlError,
)
from ttl_archive.infra.query.scan_cost import billed_scan
from ttl_archive.replay.errors import AccessDeniedError

NAMES = ("archive", "archive_unique", "device_id", "temperature")


def runner(athena: ScriptedAthena, **more: Any) -> AthenaRunner:
    return AthenaRunner(athena, "group", "database", names=NAMES, **({"pause": lambda _: None} | more))


def failed(reason: str, error_type: int | None = None, **more: Any) -> dict[str, Any]:
    error = {} if error_type is None else {"AthenaError": {"ErrorType": error_type, **more}}
    return {"State": "FAILED", "StateChangeReason": reason} | error


def failure(athena: ScriptedAthena, sql: str = "SELECT 1") -> QueryError:
    with pytest.raises(QueryError) as raised:
        runner(athena).run(sql)
    return raised.value


def test_every_type_is_an_exact_value() -> None:
    columns = {
        "varchar": ("", ""),
        "bigint": ("9223372036854775807", 9223372036854775807),
        "decimal(38,2)": ("123456789012345678901234567890123456.10",
                          Decimal("123456789012345678901234567890123456.10")),
        "double": ("1.0E-7", 1e-7),
        "boolean": ("false", False),
        "date": ("2026-11-21", date(2026, 11, 21)),
        "timestamp": ("2026-11-21 06:26:52.120", datetime(2026, 11, 21, 6, 26, 52, 120000)),
        "array": ("[1, 2]", "[1, 2]"),
    }  # fmt: skip
    texts = [text for text, _ in columns.values()]
    athena = ScriptedAthena(columns=[(f"c{n}", kind) for n, kind in enumerate(columns)],
                            rows=[[texts, [None] * len(texts)]])  # fmt: skip

    answer = runner(athena).run("SELECT *")

    assert [column.type for column in answer.columns] == [
        "varchar", "bigint", "decimal(38,2)", "double", "boolean", "date", "timestamp(3)", "array"
    ]  # fmt: skip
    assert list(answer.rows) == [tuple(value for _, value in columns.values()), (None,) * 8]


def test_a_year_that_python_does_not_have_stays_text() -> None:
    athena = ScriptedAthena(columns=[("at", "timestamp")], rows=[[["10000-01-01 00:00:00.000"]]])

    assert list(runner(athena).run("SELECT at").rows) == [("10000-01-01 00:00:00.000",)]


def test_pages_are_read_when_their_rows_are_wanted() -> None:
    athena = ScriptedAthena(rows=[[["1"], ["2"]], [], [["3"]]])

    answer = runner(athena).run("SELECT a")

    assert list(islice(answer.rows, 2)) == [("1",), ("2",)]
    assert athena.pages_read == 1
    assert list(answer.rows) == [("3",)]
    assert athena.pages_read == 3


def test_only_the_header_is_left_out_of_a_select() -> None:
    athena = ScriptedAthena(rows=[[["a"], ["b"]]])

    assert list(runner(athena).run("SELECT a").rows) == [("a",), ("b",)]


def test_ddl_has_no_header() -> None:
    athena = ScriptedAthena(rows=[[["a"]]], statement_type="DDL", read_bytes=0)

    answer = runner(athena).run("SHOW TABLES")

    assert list(answer.rows) == [("a",)]
    assert answer.scan is not None
    assert answer.scan.usd == 0


def test_a_query_is_started_in_its_workgroup_with_quoted_parameters() -> None:
    athena = ScriptedAthena()

    runner(athena).run("SELECT ?", ["it's"])

    (request,) = athena.started
    assert request["WorkGroup"] == "group"
    assert request["QueryExecutionContext"] == {"Database": "database"}
    assert request["ExecutionParameters"] == ["'it''s'"]
    assert 32 <= len(request["ClientRequestToken"]) <= 128  # Source: BC-athena, IdempotencyToken


def test_progress_is_shown_until_the_query_has_ended() -> None:
    athena = ScriptedAthena(endings=[[{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "SUCCEEDED"}]],
                            read_bytes=7)  # fmt: skip
    shown: list[QueryProgress] = []

    runner(athena, on_progress=shown.append).run("SELECT 1")

    assert [each.state for each in shown] == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert shown[-1].read_bytes == 7
    assert [each.seconds for each in shown] == [0, 0.25, 0.625]


def test_cost_is_by_the_megabyte_and_at_least_ten() -> None:
    assert billed_scan(1).usd == Decimal(5 * 10) / 1024**2
    assert billed_scan(11 * 1024**2 + 1).usd == Decimal(5 * 12) / 1024**2
    assert billed_scan(1024**4).usd == 5
    assert billed_scan(1024**4, is_free=True).usd == 0


@pytest.mark.parametrize("operation", ["start_query_execution", "get_query_execution", "get_query_results"])
@pytest.mark.parametrize(
    "code", ["ThrottlingException", "TooManyRequestsException", "InternalServerException"]
)
def test_a_throttled_call_is_made_again(operation: str, code: str) -> None:
    athena = ScriptedAthena(rows=[[["1"]]], refused={operation: [code, code]})
    pauses: list[float] = []

    answer = runner(athena, pause=pauses.append).run("SELECT a")

    assert list(answer.rows) == [("1",)]
    assert pauses == [2, 4]
    assert len({request["ClientRequestToken"] for request in athena.started}) == 1


def test_a_call_that_stays_throttled_is_given_up() -> None:
    error = failure(ScriptedAthena(refused={"start_query_execution": ["TooManyRequestsException"] * 6}))

    assert isinstance(error, QueryFailedError)
    assert "refused StartQueryExecution 6 times (TooManyRequestsException)" in str(error)


def test_a_refused_call_names_the_permission() -> None:
    athena = ScriptedAthena(refused={"start_query_execution": ["AccessDeniedException"]})

    with pytest.raises(
        AccessDeniedError, match=r"workgroup group: access denied\. Allow athena:StartQueryExecution on it"
    ):
        runner(athena).run("SELECT 1")


def test_a_query_that_athena_calls_retryable_runs_again_with_another_token() -> None:
    athena = ScriptedAthena(endings=[[failed("busy", 1, Retryable=True)], [{"State": "SUCCEEDED"}]])

    runner(athena).run("SELECT 1")

    assert len({request["ClientRequestToken"] for request in athena.started}) == 2


def test_a_query_that_fails_three_times_is_given_up() -> None:
    athena = ScriptedAthena(endings=[[failed("Query exhausted resources", 1, Retryable=True)]] * 3)

    error = failure(athena)

    assert len(athena.started) == 3
    assert str(error) == (
        "Athena: Query exhausted resources. The query needs more than Athena has for it: filter by date, or "
        "select fewer columns"
    )


@pytest.mark.parametrize(
    ("error_type", "step"),
    [
        (233, "This is a failure inside Athena. Run the query again"),
        (1107, "Deploy the stack again"),
        (1110, "check [deploy] database and --region"),
        (1402, "too many queries"),
        (1500, "A permission is missing"),
    ],
)
def test_each_category_of_failure_has_a_next_step(error_type: int, step: str) -> None:
    error = failure(ScriptedAthena(endings=[[failed("reason", error_type)]]))

    assert isinstance(error, QueryFailedError)
    assert str(error).startswith("Athena: reason. ")
    assert step in str(error)


def test_a_failure_without_a_reason_says_so() -> None:
    assert str(failure(ScriptedAthena(endings=[[{"State": "FAILED"}]]))) == "Athena: Athena gives no reason"


def test_wrong_sql_shows_the_place() -> None:
    reason = "SYNTAX_ERROR: line 2:3: mismatched input 'FORM'"
    error = failure(ScriptedAthena(endings=[[failed(reason, 1006)]]), "SELECT 1\n  FORM archive")

    assert isinstance(error, WrongSqlError)
    assert str(error) == f"{reason}.\n    FORM archive\n    ^"


@pytest.mark.parametrize(
    ("reason", "suggestion"),
    [
        ("COLUMN_NOT_FOUND: line 1:8: Column 'tempreature' cannot be resolved", "Did you mean temperature?"),
        (
            "TABLE_NOT_FOUND: line 1:8: Table 'awsdatacatalog.database.archive_uniqe' does not exist",
            "Did you mean archive_unique or archive?",
        ),
        (
            "COLUMN_NOT_FOUND: line 1:8: Column 'zzz' cannot be resolved",
            "There is: archive, archive_unique, device_id, temperature.",
        ),
    ],
)
def test_a_wrong_name_gets_the_nearest(reason: str, suggestion: str) -> None:
    assert suggestion in str(failure(ScriptedAthena(endings=[[failed(reason, 1006)]])))


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_the_scan_limit_is_explained_whatever_the_state(state: str) -> None:
    ending = {"State": state, "StateChangeReason": "Query cancelled! : Bytes scanned limit was exceeded"}
    error = failure(ScriptedAthena(endings=[[ending]], read_bytes=10_485_760))

    assert isinstance(error, ScanLimitError)
    assert "scan limit of the workgroup group, after 10,485,760 bytes" in str(error)
    assert "[deploy] scan_limit_gb" in str(error)


def test_a_query_that_somebody_cancelled_is_reported() -> None:
    ending = {"State": "CANCELLED", "StateChangeReason": "Query cancelled by user"}

    assert isinstance(failure(ScriptedAthena(endings=[[ending]])), CancelledError)


def test_ctrl_c_cancels_the_query_and_says_what_it_cost() -> None:
    athena = ScriptedAthena(endings=[[{"State": "RUNNING"}]], read_bytes=20 * 1024**2)

    def interrupt(progress: QueryProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(CancelledError) as raised:
        runner(athena, on_progress=interrupt).run("SELECT 1")

    assert athena.stopped == ["execution-0"]
    assert "It read 20,971,520 bytes, which cost about $0.0001" in str(raised.value)
