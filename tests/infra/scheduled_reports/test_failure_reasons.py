"""Why a report failed: Athena's own reason, without a value of an item."""

import json
from collections.abc import Callable

import pytest

from tests.infra.scheduled_reports.report_runs import scripted_athena
from ttl_archive.infra.scheduled_reports.results.failure_reasons import explain_error, shown_reason

ID = "11111111-2222-3333-4444-000000000000"


@pytest.mark.parametrize(
    "reason",
    [
        "SYNTAX_ERROR: line 1:8: Column 'device' cannot be resolved",
        "TYPE_MISMATCH: line 3:1: Cannot apply operator: varchar = bigint",
        "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.archive.x' does not exist",
        "VIEW_IS_STALE: line 1:15: View 'archive' is stale or in invalid state",
        "Bytes scanned limit was exceeded",
        "Query exhausted resources at this scale factor",
        "Insufficient permissions to execute the query. User: arn:aws:sts::1:x is not authorized",
        "EXCEEDED_MEMORY_LIMIT: Query exceeded per-node memory limit of 5GB",
    ],
)
def test_a_reason_about_the_sql_a_right_or_a_limit_is_shown(reason: str) -> None:
    assert shown_reason(reason, ID) == reason


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("INVALID_CAST_ARGUMENT: Cannot cast 'secret' to BIGINT", "INVALID_CAST_ARGUMENT"),
        ("INVALID_FUNCTION_ARGUMENT: line 1:2: secret", None),
        ('HIVE_BAD_DATA: Error parsing field value "secret line 1:2: "', "HIVE_BAD_DATA"),
        ("Value cannot be cast to date: secret", "an error"),
        ("GENERIC_INTERNAL_ERROR: secret", "GENERIC_INTERNAL_ERROR"),
    ],
)
def test_a_reason_that_may_quote_a_value_is_reduced_to_its_code(reason: str, shown: str | None) -> None:
    found = shown_reason(reason, ID)

    if shown is None:  # it has a place in the SQL, so that no row was read
        assert found == reason
    else:
        assert found.startswith(f"{shown}. The rest may quote a value of an item")
        assert "secret" not in found
        assert ID in found


def test_a_long_reason_is_cut() -> None:
    assert len(shown_reason("SYNTAX_ERROR: line 1:1: " + "x" * 5000, ID)) == 1000


def test_a_query_without_a_reason() -> None:
    athena = scripted_athena(endings=[[{"State": "FAILED"}]])
    query = athena.start_query_execution()["QueryExecutionId"]

    assert (
        explain_error(athena, "States.TaskFailed", query).reason == "Athena: FAILED: Athena gives no reason"
    )


@pytest.mark.parametrize("form", [str, json.dumps])
def test_a_uuid_in_the_sql_is_not_taken_for_the_query(form: Callable[[str], str]) -> None:
    failed = {"State": "FAILED", "StateChangeReason": "SYNTAX_ERROR: line 1:8: x"}
    athena = scripted_athena(endings=[[failed]])
    query = athena.start_query_execution()["QueryExecutionId"]
    sql = "SELECT 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'"
    cause = form(json.dumps({"Query": sql, "QueryExecutionId": query}))

    found = explain_error(athena, "States.TaskFailed", cause)

    assert found.reason == "Athena: FAILED: SYNTAX_ERROR: line 1:8: x"


def test_a_query_that_still_runs_did_not_end_in_time() -> None:
    athena = scripted_athena(endings=[[{"State": "RUNNING"}]])
    query = athena.start_query_execution()["QueryExecutionId"]

    assert explain_error(athena, "States.Timeout", query).reason == (
        f"the query {query} did not end in time; it is RUNNING"
    )


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        ("States.TaskFailed", "no id", "States.TaskFailed. The query history of the workgroup"),
        ("ResultGoneError", '{"errorMessage": "it is gone"}', "it is gone"),
        ("ReportCallError", "Access Denied", "Access Denied"),
        ("ReportCallError", "[]", "[]"),
        ("Sandbox.Timedout", "{}", "The function did not end in 15 minutes"),
        ("KeyError", '{"errorMessage": "secret"}', "KeyError in the function, whose log has the place"),
    ],
)
def test_an_error_without_a_query(error: str, cause: str, expected: str) -> None:
    found = explain_error(scripted_athena(), error, cause)

    assert found.reason.startswith(expected)
    assert not found.is_temporary
