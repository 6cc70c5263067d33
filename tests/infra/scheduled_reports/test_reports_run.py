"""The state machine of the template, executed: periods, files, notifications, failures and doubled runs."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes import client_error
from tests.infra.scheduled_reports.report_runs import FIRST_RUN, ReportRuns, scripted_athena
from tests.infra.states_language import StatesError
from tests.infra.templates import Template
from ttl_archive.infra.scheduled_reports.results import result_files

CSV = "reports/every-option/by-device/2026-11-01_2026-11-30.csv"
JSON = CSV.replace(".csv", ".json")
COLUMNS = (("device_id", "varchar"), ("expired", "bigint"), ("share", "decimal(38,2)"), ("late", "boolean"))
ROWS = (
    (("seattle", "12", "0.50", "true"), ("", "1", None, "false")),
    ((None, "9007199254740993", "1.00", None),),
)
FAILED_AT_PLACE = {
    "State": "FAILED",
    "StateChangeReason": "COLUMN_NOT_FOUND: line 1:8: Column 'device' cannot be resolved",
}


def definition(templates: dict[str, Template], case: str) -> dict[str, Any]:
    """The state machine in a template."""
    found: dict[str, Any] = json.loads(
        templates[case].one("AWS::StepFunctions::StateMachine", "Reports")["DefinitionString"]
    )
    return found


@pytest.fixture
def runs(templates: dict[str, Template]) -> ReportRuns:
    """The state machine of the case every-option; the result of a query has three rows in two pages."""
    athena = scripted_athena(columns=COLUMNS, rows=ROWS)
    return ReportRuns(definition(templates, "every-option"), athena)


def test_a_report_is_written_as_csv_and_json_and_the_topic_gets_the_keys(runs: ReportRuns) -> None:
    runs.run("by-device")

    (call,) = runs.athena.started
    assert call["ExecutionParameters"] == ["'2026-11-01'", "'2026-11-30'", "'it''s a test'"]
    assert (call["WorkGroup"], call["QueryExecutionContext"]) == (
        "ttl-archive-every-option",
        {"Database": "ttl_archive_every_option"},
    )
    assert runs.bucket.objects[CSV].body == (
        b'"device_id","expired","share","late"\n"seattle","12","0.50","true"\n"","1",,"false"\n'
        b',"9007199254740993","1.00",\n'
    )
    found = runs.document(JSON)
    assert found["report"] == {
        "name": "by-device",
        "table": "every-option",
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
        "unread_objects": 0,
        "query_execution_id": "11111111-2222-3333-4444-000000000000",
    }
    assert found["columns"] == [{"name": name, "type": kind} for name, kind in COLUMNS]
    assert found["rows"] == [
        ["seattle", 12, 0.5, True],
        ["", 1, None, False],
        [None, 9007199254740993, 1.0, None],
    ]
    assert found["row_count"] == 3
    (message,) = runs.published
    assert message["TopicArn"] == "arn:aws:sns:us-east-1:123456789012:report-readers"
    assert message["Subject"] == "Report by-device: 2026-11-01 to 2026-11-30, 3 rows"
    bucket = "s3://archivestoragebucket"
    assert f"{bucket}" in message["Message"]
    assert message["Message"].count(CSV.removesuffix(".csv")) == 2


def test_a_number_keeps_its_digits(runs: ReportRuns) -> None:
    runs.run("by-device")

    assert b'\n["seattle", 12, 0.50, true],' in runs.bucket.objects[JSON].body


def test_an_empty_result_is_told_apart_from_a_failure(runs: ReportRuns) -> None:
    runs.athena.rows = ((),)
    runs.run("by-device")

    assert runs.document(JSON)["rows"] == []
    assert runs.document(JSON)["row_count"] == 0
    assert runs.bucket.objects[CSV].body == b'"device_id","expired","share","late"\n'
    (message,) = runs.published
    assert message["Subject"] == "Report by-device: 2026-11-01 to 2026-11-30, 0 rows"
    assert "has no rows: the query succeeded, and found nothing." in message["Message"]


def test_a_report_without_parameters_and_with_the_alarm_topic(runs: ReportRuns) -> None:
    runs.run("failed")

    (call,) = runs.athena.started
    assert "ExecutionParameters" not in call
    assert runs.bucket.keys("reports/") == [
        "reports/every-option/failed/2026-11-30.csv",
        "reports/every-option/failed/2026-11-30.json",
    ]
    assert ":archivealarmstopic" in runs.published[0]["TopicArn"]


def test_a_failed_query_fails_the_run_with_athenas_own_reason(runs: ReportRuns) -> None:
    runs.athena.endings = [[{"State": "RUNNING"}, FAILED_AT_PLACE]]

    with pytest.raises(
        StatesError, match="ReportFailed: The report by-device of every-option for 2026-11-01"
    ):
        runs.run("by-device")

    assert len(runs.athena.started) == 1
    assert runs.bucket.keys("reports/") == []
    (message,) = runs.published
    assert message["Subject"] == "Report by-device failed: 2026-11-01 to 2026-11-30"
    assert FAILED_AT_PLACE["StateChangeReason"] in message["Message"]
    assert "start the state machine with the same input" in message["Message"]


def test_a_cancelled_query_fails_the_run(runs: ReportRuns) -> None:
    reason = "Query cancelled by user"
    runs.athena.endings = [[{"State": "CANCELLED", "StateChangeReason": reason}]]

    with pytest.raises(StatesError, match=f"Athena: CANCELLED: {reason}"):
        runs.run("by-device")

    assert len(runs.athena.started) == 1


def test_a_value_of_an_item_in_athenas_reason_does_not_reach_the_notification(runs: ReportRuns) -> None:
    reason = "INVALID_CAST_ARGUMENT: Cannot cast 'sensor-7 secret' to BIGINT"
    runs.athena.endings = [[{"State": "FAILED", "StateChangeReason": reason}]]

    with pytest.raises(StatesError) as raised:
        runs.run("by-device")

    (message,) = runs.published
    assert "secret" not in message["Message"] + str(raised.value)
    assert "INVALID_CAST_ARGUMENT" in message["Message"]
    assert "--query-execution-id 11111111-2222-3333-4444-000000000000" in message["Message"]


def test_a_failure_inside_athena_is_tried_again(runs: ReportRuns) -> None:
    temporary = {"State": "FAILED", "AthenaError": {"Retryable": True}, "StateChangeReason": "INTERNAL"}
    runs.athena.endings = [[temporary], [temporary], [{"State": "SUCCEEDED"}]]
    runs.run("by-device")

    assert len(runs.athena.started) == 3
    assert runs.waited == [60, 60]
    assert len(runs.published) == 1
    assert runs.document(JSON)["row_count"] == 3


def test_a_failure_that_lasts_fails_the_run_after_three_attempts(runs: ReportRuns) -> None:
    temporary = {"State": "FAILED", "AthenaError": {"Retryable": True}, "StateChangeReason": "INTERNAL"}
    runs.athena.endings = [[temporary]] * 4

    with pytest.raises(StatesError, match="ReportFailed"):
        runs.run("by-device")

    assert len(runs.athena.started) == 3


def test_a_throttled_start_is_retried(runs: ReportRuns) -> None:
    codes = ["TooManyRequestsException", "ThrottlingException", "InternalServerException"]
    runs.athena.refused = {"start_query_execution": list(codes)}
    runs.run("by-device")

    assert len(runs.athena.started) == 4
    assert runs.waited == [30] * 3
    assert runs.document(JSON)["row_count"] == 3


def test_a_start_that_is_refused_says_why(runs: ReportRuns) -> None:
    runs.athena.refused = {"start_query_execution": ["InvalidRequestException"]}

    with pytest.raises(StatesError, match="Athena did not start the query: Athena"):
        runs.run("by-device")

    assert len(runs.published) == 1


def test_a_query_that_does_not_end_fails_the_run(runs: ReportRuns) -> None:
    machine = runs.machine()

    def time_out(_: dict[str, Any]) -> Any:
        raise StatesError("States.Timeout")

    machine.sdk["athena:startQueryExecution.sync"] = time_out
    with pytest.raises(StatesError, match=r"States\.Timeout\. The query history of the workgroup"):
        machine.start({"report": "by-device", "scheduled_time": FIRST_RUN})


def test_a_doubled_run_leaves_the_report_as_it_is_and_notifies_once(runs: ReportRuns) -> None:
    runs.run("by-device")
    before = dict(runs.bucket.objects)
    runs.athena.rows = ((("changed", "1", None, None),),)
    runs.run("by-device", "2026-12-01T06:00:00Z")

    assert runs.bucket.objects == before
    assert len(runs.athena.started) == len(runs.published) == 1


def test_a_run_can_be_repeated_on_purpose(runs: ReportRuns) -> None:
    runs.run("by-device")
    runs.athena.rows = ((("changed", "1", None, None),),)
    runs.run("by-device", again=True)

    assert runs.document(JSON)["rows"] == [["changed", 1, None, None]]
    assert b"changed" in runs.bucket.objects[CSV].body
    assert len(runs.published) == 2


def test_two_runs_at_once_write_the_result_of_one_query(runs: ReportRuns) -> None:
    """The other run writes its CSV just before this one, and this one completes the JSON of that query."""
    other = "11111111-2222-3333-4444-000000000000"

    def write_first(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"] == CSV:
            runs.bucket.before = lambda operation, request: None
            runs.bucket.fill(CSV, b"of the other run", metadata={"query-execution-id": other})

    runs.athena.start_query_execution()  # the other run's query
    runs.athena.started.clear()
    runs.bucket.before = write_first
    runs.run("by-device")

    assert runs.bucket.objects[CSV].body == b"of the other run"
    assert runs.document(JSON)["report"]["query_execution_id"] == other


def test_a_run_that_stopped_between_both_objects_is_completed(runs: ReportRuns) -> None:
    def stop(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"] == JSON:
            raise RuntimeError("stopped: seattle")

    runs.bucket.before = stop
    with pytest.raises(StatesError, match="RuntimeError in the function") as raised:
        runs.run("by-device")
    assert "seattle" not in str(raised.value) + str(runs.published)
    written = runs.bucket.objects[CSV]

    runs.bucket.before = lambda operation, request: None
    runs.run("by-device")

    assert runs.bucket.objects[CSV] is written
    assert runs.document(JSON)["report"]["query_execution_id"].endswith("000")


def test_a_csv_whose_result_is_gone_is_reported_with_what_to_do(runs: ReportRuns) -> None:
    runs.bucket.fill(CSV, b"old", metadata={"query-execution-id": "of-last-year"})
    answers = runs.athena.get_query_results

    def gone(**call: Any) -> Any:
        runs.athena.refused = {"get_query_results": ["InvalidRequestException"]}
        return answers(**call)

    runs.athena.get_query_results = gone  # type: ignore[method-assign]
    with pytest.raises(StatesError, match='Start the run with "again": true, which replaces both'):
        runs.run("by-device")


def test_two_writes_at_once_are_tried_again(runs: ReportRuns) -> None:
    conflicts = [client_error("ConditionalRequestConflict", "PutObject", 409)]

    def conflict(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and conflicts:
            raise conflicts.pop()

    runs.bucket.before = conflict
    runs.run("by-device")

    assert runs.waited == [5]
    assert runs.document(JSON)["row_count"] == 3


def test_a_result_that_is_too_large_fails_the_run(runs: ReportRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_files, "MAX_BYTES", 100)

    with pytest.raises(StatesError, match="The result is larger than 100 bytes"):
        runs.run("by-device")


def test_a_result_that_takes_too_long_fails_the_run(runs: ReportRuns) -> None:
    runs.time_left_s = 119

    with pytest.raises(StatesError, match="more rows than can be copied in 15 minutes"):
        runs.run("by-device")
    assert runs.bucket.keys("reports/") == []


def test_objects_in_glacier_are_counted_in_the_report_and_in_the_notification(runs: ReportRuns) -> None:
    for day, storage_class in (
        ("01", "GLACIER"),
        ("30", "DEEP_ARCHIVE"),
        ("30", "STANDARD"),
        ("31", "GLACIER"),
    ):
        key = f"archive/every-option/dt=2026-11-{day}/{storage_class}"
        runs.bucket.fill(key, b"row", storage_class=storage_class)
    runs.run("by-device")

    assert runs.document(JSON)["report"]["unread_objects"] == 2
    assert "2 objects of these days are in GLACIER and not retrieved" in runs.published[0]["Message"]


def test_an_unknown_report_is_refused_with_the_closest_name(runs: ReportRuns) -> None:
    with pytest.raises(StatesError, match=r"by-devices.* is no report\. Did you mean by-device"):
        runs.run("by-devices")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"report": "by-device"}, "scheduled_time has value None"),
        (
            {"report": "by-device", "scheduled_time": "soon"},
            "has value 'soon'. It must be a time as 2026-12-01",
        ),
        ({"scheduled_time": FIRST_RUN}, "is no report. Known: by-device, failed"),
    ],
)
def test_an_input_that_says_too_little_is_refused(
    runs: ReportRuns, given: dict[str, str], problem: str
) -> None:
    with pytest.raises(StatesError, match=problem):
        runs.machine().start(given)
    assert runs.athena.started == []


@pytest.mark.parametrize(("report", "is_over"), [("by-device", False), ("failed", True)])
def test_a_period_that_is_not_over_is_refused(runs: ReportRuns, report: str, is_over: bool) -> None:
    """On the last day of December the month is not over, and the day before is."""
    runs.now = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    if is_over:
        runs.run(report, "2026-12-31T06:00:00Z")
        assert runs.bucket.keys("reports/")[0].endswith("2026-12-30.csv")
    else:
        with pytest.raises(StatesError, match="2026-12-01 to 2026-12-31 is not over"):
            runs.run(report, "2027-01-01T06:00:00Z")


def test_a_call_that_aws_refuses_is_tried_again_and_then_says_why(runs: ReportRuns) -> None:
    def refuse(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            raise client_error("AccessDenied", "PutObject", 403)

    runs.bucket.before = refuse
    with pytest.raises(StatesError, match=r"\(AccessDenied\) when calling the PutObject operation"):
        runs.run("by-device")

    assert runs.waited == [5] * 6
    assert "AccessDenied" in runs.published[0]["Message"]


def test_a_topic_that_cannot_be_reached_fails_the_run_with_the_reason(runs: ReportRuns) -> None:
    runs.athena.endings = [[FAILED_AT_PLACE]]
    runs.publish_errors = ["SNS.AuthorizationErrorException"]

    with pytest.raises(StatesError, match="COLUMN_NOT_FOUND"):
        runs.run("by-device")


def test_a_notification_is_retried(runs: ReportRuns) -> None:
    runs.publish_errors = ["SNS.ThrottledException"]
    runs.run("by-device")

    assert len(runs.published) == 1


def test_a_report_of_a_week_and_of_a_shared_bucket(templates: dict[str, Template]) -> None:
    weekly = ReportRuns(definition(templates, "csv-by-event"))
    weekly.run("lost-values", "2027-01-04T05:30:00Z")
    shared = ReportRuns(definition(templates, "envelope-in-shared-bucket"))
    shared.run("changes")

    assert weekly.bucket.keys("reports/")[0] == "reports/csv-by-event/lost-values/2026-12-28_2027-01-03.csv"
    assert weekly.athena.started[0]["ExecutionParameters"] == ["'2026-12-28'", "'2027-01-03'"]
    assert "s3://the-shared-bucket/reports/envelope-in-shared-bucket/" in shared.published[0]["Message"]
