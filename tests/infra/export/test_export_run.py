"""The state machine of the template, executed: windows join, whatever happened to the runs before."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.infra.export.fake_exports import DAY, START, FakeExports, text
from tests.infra.states_language import StateMachine, StatesError
from tests.infra.templates import Template
from tests.replay.bucket import Bucket
from ttl_archive.infra.export.export_machine import export_definition
from ttl_archive.infra.export.windows.export_windows import Gap, Window, next_window
from ttl_archive.infra.export.windows.window_handler import answer_request
from ttl_archive.infra.export.windows.window_record import WindowTakenError

RECORD = "replay/table=devices/exports/windows.json"
CONFIG = {
    "bucket": "bucket",
    "key": RECORD,
    "prefix": "exports/devices/",
    "table": "devices",
    "kind": "incremental",
    "every_s": 86_400,
}
TABLE_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/devices"


def machine(exports: FakeExports, bucket: Bucket, definition: dict[str, Any] | None = None) -> StateMachine:
    """The state machine over a fake API; the function is the real one, on the same clock."""
    definition = definition or export_definition(
        CONFIG, table_arn=TABLE_ARN, function_arn="windows", partition="aws", key_arn=None
    )
    name = definition["States"]["PlanWindow"]["Parameters"]["FunctionName"]

    def function(event: dict[str, Any]) -> Any:
        return answer_request(event, bucket, int(exports.now.timestamp()))

    return StateMachine(definition, bucket, {name: function}, exports.sdk(), exports.wait)


def run(exports: FakeExports, bucket: Bucket, scheduled: datetime) -> None:
    exports.now = max(exports.now, scheduled)
    machine(exports, bucket).start({"scheduled_time": text(scheduled)})


def assert_joined(windows: list[tuple[str, str]]) -> None:
    for (_, end), (start, _) in pairwise(windows):
        assert end == start


def test_the_first_run_exports_the_day_before_it_when_its_end_is_old_enough() -> None:
    exports, bucket = FakeExports(), Bucket()
    run(exports, bucket, START)

    assert exports.windows() == [(text(START - DAY), text(START))]
    ((token, found),) = exports.by_token.items()
    assert found["since"] >= START + timedelta(minutes=6)
    assert found["call"] == {
        "TableArn": TABLE_ARN,
        "S3Bucket": "bucket",
        "S3Prefix": "exports/devices/dt=2026-11-24",
        "ClientToken": token,
        "ExportFormat": "DYNAMODB_JSON",
        "S3SseAlgorithm": "AES256",
        "ExportType": "INCREMENTAL_EXPORT",
        "IncrementalExportSpecification": {
            "ExportFromTime": text(START - DAY),
            "ExportToTime": text(START),
            "ExportViewType": "NEW_AND_OLD_IMAGES",
        },
    }
    record = json.loads(bucket.objects[RECORD].body)
    assert record["end_s"] == int(START.timestamp())
    assert [each["arn"] for each in record["exports"]] == [found["arn"]]


@hypothesis_settings(max_examples=30)
@given(
    st.lists(st.integers(1, 60 * 24 * 4), min_size=1, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.integers(0, 2),
)
def test_windows_join_without_gap_or_overlap_after_missed_and_doubled_runs(
    minutes: list[int], doubled: list[bool], failing: int
) -> None:
    """A large distance between two runs is a missed run; a run may start twice, and exports may fail."""
    exports, bucket = FakeExports(failing=failing), Bucket()
    scheduled = START
    for distance, is_doubled in zip([0, *minutes], [False, *doubled], strict=False):
        scheduled += timedelta(minutes=distance)
        for _ in range(1 + is_doubled):
            run(exports, bucket, scheduled)

    windows = exports.windows()
    assert windows[0][0] == text(START - DAY)
    assert_joined(windows)
    left = scheduled - datetime.fromisoformat(windows[-1][1])
    assert timedelta() <= left < timedelta(minutes=15)  # too short for a window: the next run exports it


def test_two_runs_at_once_make_one_export() -> None:
    exports, bucket = FakeExports(now=START), Bucket()
    states = machine(exports, bucket)

    def run_another_first(call: dict[str, Any]) -> Any:
        states.sdk["dynamodb:describeExport"] = exports.describe
        run(exports, bucket, START)
        return exports.describe(call)

    states.sdk["dynamodb:describeExport"] = run_another_first
    states.start({"scheduled_time": text(START)})

    assert len(exports.by_token) == 1
    assert exports.windows() == [(text(START - DAY), text(START))]


def test_a_run_that_starts_again_after_its_export_was_accepted_asks_for_the_same_one() -> None:
    exports, bucket = FakeExports(), Bucket()
    stopped = machine(exports, bucket)
    stopped.sdk["dynamodb:describeExport"] = lambda _: (_ for _ in ()).throw(StatesError("Stopped"))
    exports.now = START
    with pytest.raises(StatesError, match="Stopped"):
        stopped.start({"scheduled_time": text(START)})

    run(exports, bucket, START)

    assert len(exports.by_token) == 1


def test_an_end_that_is_still_too_new_is_tried_again_later() -> None:
    exports, bucket = FakeExports(lag=timedelta(minutes=15)), Bucket()
    run(exports, bucket, START)

    assert exports.windows() == [(text(START - DAY), text(START))]


def test_a_failed_export_is_tried_again_with_another_token_and_then_fails_the_run() -> None:
    exports, bucket = FakeExports(failing=3), Bucket()

    with pytest.raises(StatesError, match=r"ExportFailed: .*S3NoSuchBucket.*The bucket does not exist"):
        run(exports, bucket, START)
    assert len(exports.by_token) == 3
    assert exports.windows() == []

    run(exports, bucket, START + DAY)

    assert exports.windows() == [(text(START - DAY), text(START)), (text(START), text(START + DAY))]


@pytest.mark.parametrize("status", ["DISABLED", "ENABLING"])
def test_without_point_in_time_recovery_the_run_fails_before_it_plans(status: str) -> None:
    exports, bucket = FakeExports(recovery=status), Bucket()

    with pytest.raises(StatesError, match=r"PointInTimeRecoveryOff: .*Turn it on for the table"):
        run(exports, bucket, START)
    assert exports.by_token == {}


def test_a_gap_that_recovery_does_not_reach_fails_every_run_until_the_record_is_removed() -> None:
    exports, bucket = FakeExports(), Bucket()
    run(exports, bucket, START)
    later = START + timedelta(days=40)
    exports.earliest = later - timedelta(days=35)

    for _ in range(2):
        with pytest.raises(StatesError, match=r"ExportGap: .*2026-11-24T00:00:00Z to 2026-11-29T00:00:00Z"):
            run(exports, bucket, later)

    del bucket.objects[RECORD]
    run(exports, bucket, later)
    assert exports.windows()[-1] == (text(later - DAY), text(later))


def test_a_throttled_call_is_repeated_and_an_unknown_error_is_not() -> None:
    exports, bucket = FakeExports(), Bucket()
    left = [StatesError("DynamoDb.LimitExceededException")]
    states = machine(exports, bucket)
    export = states.sdk["dynamodb:exportTableToPointInTime"]

    def limited(call: dict[str, Any]) -> Any:
        if left:
            raise left.pop()
        return export(call)

    states.sdk["dynamodb:exportTableToPointInTime"] = limited
    exports.now = START
    states.start({"scheduled_time": text(START)})
    assert len(exports.by_token) == 1

    left.append(StatesError("DynamoDb.TableNotFoundException"))
    exports.now += DAY
    with pytest.raises(StatesError, match="TableNotFoundException"):
        states.start({"scheduled_time": text(START + DAY)})


@pytest.mark.parametrize(("case", "kind"), [("every-option", "incremental"), ("csv-by-event", "full")])
def test_the_machine_of_the_template_runs(templates: dict[str, Template], case: str, kind: str) -> None:
    (found,) = templates[case].every("AWS::StepFunctions::StateMachine", "Export").values()
    exports, bucket = FakeExports(now=START), Bucket()
    machine(exports, bucket, json.loads(found["DefinitionString"])).start({"scheduled_time": text(START)})

    ((_, export),) = exports.by_token.items()
    call = export["call"]
    assert call["ExportType"] == f"{kind.upper()}_EXPORT"
    assert call["S3Prefix"] == f"exports/{case}/dt=2026-11-24"
    assert call.get("ExportTime") == (text(START) if kind == "full" else None)
    assert call["S3SseAlgorithm"] == ("KMS" if case == "every-option" else "AES256")


def test_a_second_full_export_of_the_same_time_is_not_made() -> None:
    exports, bucket = FakeExports(), Bucket()
    config = CONFIG | {"kind": "full"}
    definition = export_definition(
        config, table_arn=TABLE_ARN, function_arn="windows", partition="aws", key_arn=None
    )
    for scheduled in (START, START, START + 30 * DAY):
        exports.now = max(exports.now, scheduled)
        machine(exports, bucket, definition).start({"scheduled_time": text(scheduled)})

    assert [each["call"]["ExportTime"] for each in exports.by_token.values()] == [
        text(START),
        text(START + 30 * DAY),
    ]


DAY_S, HOUR_S = 86_400, 3_600


@pytest.mark.parametrize(
    ("last_end", "scheduled", "expected"),
    [
        (None, 100 * DAY_S, Window(99 * DAY_S, 100 * DAY_S)),
        (99 * DAY_S, 100 * DAY_S, Window(99 * DAY_S, 100 * DAY_S)),
        (98 * DAY_S, 100 * DAY_S, Window(98 * DAY_S, 99 * DAY_S)),
        (99 * DAY_S - 600, 100 * DAY_S, Window(99 * DAY_S - 600, 100 * DAY_S - 900)),
        (100 * DAY_S - 899, 100 * DAY_S, None),
        (100 * DAY_S - 900, 100 * DAY_S, Window(100 * DAY_S - 900, 100 * DAY_S)),
        (100 * DAY_S, 100 * DAY_S, None),
        (101 * DAY_S, 100 * DAY_S, None),
        (60 * DAY_S, 100 * DAY_S, Gap(60 * DAY_S, 65 * DAY_S)),
    ],
)
def test_the_next_window(last_end: int | None, scheduled: int, expected: Any) -> None:
    earliest = 65 * DAY_S
    assert next_window(last_end, scheduled, earliest, every_s=DAY_S, is_full=False) == expected


def test_a_window_that_does_not_begin_where_the_last_one_ended_is_not_remembered() -> None:
    bucket = Bucket()
    event = {"action": "remember", "config": CONFIG, "arn": "a"}
    windows = [{"start": text(START), "end": text(START + n * DAY)} for n in (1, 2)]
    answer_request(event | {"window": windows[0]}, bucket, 0)

    with pytest.raises(WindowTakenError, match="does not begin where the last one ended"):
        answer_request(event | {"window": windows[1]}, bucket, 0)


def test_a_record_that_another_run_changed_meanwhile_is_not_overwritten() -> None:
    bucket = Bucket()
    window = {"start": text(START), "end": text(START + DAY)}
    event = {"action": "remember", "config": CONFIG, "arn": "a", "window": window}

    def write_first(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            bucket.before = lambda operation, request: None
            answer_request(event | {"arn": "b"}, bucket, 0)

    bucket.before = write_first
    with pytest.raises(WindowTakenError):
        answer_request(event, bucket, 0)

    assert json.loads(bucket.objects[RECORD].body)["exports"][0]["arn"] == "b"
    assert answer_request(event, bucket, 0) == {"next": "plan"}


@pytest.mark.parametrize("earliest", ["2026-10-20T00:00:00Z", "2026-10-20T00:00:00.123Z", 1_792_454_400])
def test_every_form_of_a_time_is_read(earliest: Any) -> None:
    event = {"action": "plan", "config": CONFIG, "scheduled_time": text(START), "earliest": earliest}

    assert answer_request(event, Bucket(), int((START + DAY).timestamp()))["next"] == "export"
