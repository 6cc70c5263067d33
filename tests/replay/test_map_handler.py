"""The function for the Distributed Map, and the command that starts and follows an execution."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import BUCKET, CLAIMS, PREFIX, SETTINGS, change, error_object, make_run, rows
from tests.replay.streams import Streams
from ttl_archive.replay import distributed_map, map_handler
from ttl_archive.replay.distributed_map import Execution
from ttl_archive.replay.errors import MisuseError, ReplayError, StoppedError
from ttl_archive.transform import layout

CHECK = layout.condition_check_key("DeviceData")


class Clients:
    """What `handler` makes of boto3, on fakes."""

    def __init__(self, bucket: Bucket, streams: Streams | None = None) -> None:
        self._clients = {"s3": bucket, "kinesis": streams, "firehose": streams}

    def __call__(self, service: str, *, retries: bool = True) -> Any:
        return self._clients[service]


def bucket_with(*names: str) -> Bucket:
    bucket = Bucket()
    for number, name in enumerate(names):
        bucket.fill(PREFIX + name, error_object([change(number), b"no json", change(9, name="INSERT")]))
    return bucket


def event(bucket: Bucket, *more: dict[str, Any], **fields: Any) -> dict[str, Any]:
    items = [{"Key": key, "Size": len(bucket.objects[key].body), "Etag": "x"} for key in bucket.objects]
    return {"bucket": BUCKET, "items": [*items, *more], "sink": "s3"} | fields


def call(bucket: Bucket, request: dict[str, Any], **parts: Any) -> dict[str, Any]:
    clients = parts.pop("clients", None) or Clients(bucket, parts.pop("streams", None))
    return map_handler.replay_batch(
        request, clients, SETTINGS, stop=parts.pop("stop", Event()), left_s=parts.pop("left_s", 900.0)
    )  # type: ignore[arg-type]


def test_a_batch_is_replayed_and_counted() -> None:
    bucket = bucket_with("processing-failed/a", "processing-failed/b")

    answer = call(bucket, event(bucket))

    assert answer == {
        "objects": {"refused": 2},
        "lines": 6,
        "rows": 2,
        "dropped": {"not-a-removal": 2},
        "refused": {"NotJson": 2},
        "waived": 0,
        "possible_duplicates": 0,
        "not_done": [],
    }
    assert rows(bucket) == ["e0", "e1"]
    assert json.loads(json.dumps(answer)) == answer


def test_again_it_passes_over_what_is_done() -> None:
    bucket = bucket_with("processing-failed/a")
    request = event(bucket)
    call(bucket, request)

    assert call(bucket, request)["objects"] == {"refused": 1}


def test_what_replay_itself_wrote_and_folders_are_passed_over() -> None:
    bucket = bucket_with()

    answer = call(bucket, event(bucket, {"Key": CLAIMS + "x", "Size": 1}, {"Key": "errors/", "Size": 0}))

    assert answer["objects"] == {}


def test_a_stream_as_sink_is_named_in_the_event() -> None:
    bucket, streams = bucket_with("processing-failed/a"), Streams()

    call(bucket, event(bucket, sink="kinesis", stream="changes"), streams=streams)

    assert streams.taken == [change(0)]


def test_an_object_that_is_not_there_fails_the_call_and_the_others_are_done() -> None:
    bucket = bucket_with("processing-failed/a")

    with pytest.raises(ReplayError, match="not there"):
        call(bucket, event(bucket, {"Key": PREFIX + "gone", "Size": 1}))
    assert rows(bucket) == ["e0"]


def test_an_object_that_another_run_holds_fails_the_call_so_that_the_map_tries_again() -> None:
    bucket = bucket_with("processing-failed/a")
    run = make_run(bucket)
    error_object_found = map_handler.find_object(bucket, BUCKET, PREFIX + "processing-failed/a")
    run.claims.take(error_object_found, "s3", "t")

    with pytest.raises(ReplayError, match="holds it"):
        call(bucket, event(bucket))


def test_when_the_time_is_up_the_batch_ends_and_the_claims_have_run_out_by_then() -> None:
    bucket = bucket_with("processing-failed/a")
    stop = Event()
    stop.set()

    with pytest.raises(StoppedError):
        call(bucket, event(bucket), stop=stop)


def test_a_function_killed_at_its_time_leaves_no_claim_behind() -> None:
    bucket = bucket_with("processing-failed/a")

    class Killed(BaseException): ...

    def kill(operation: str, request: dict[str, Any]) -> None:
        if request.get("Key", "").startswith("archive/"):
            raise Killed

    bucket.before = kill
    with pytest.raises(Killed):
        call(bucket, event(bucket_with("processing-failed/a")), left_s=0.05)
    bucket.before = lambda operation, request: None
    Event().wait(0.06)

    assert call(bucket, event(bucket_with("processing-failed/a")))["objects"] == {"refused": 1}


@pytest.mark.parametrize("condition", ["if_none_match", "if_match", "if_match_on_read"])
def test_a_store_that_ignores_a_condition_is_refused_before_anything_is_claimed(condition: str) -> None:
    bucket = bucket_with("processing-failed/a")
    request = event(bucket)
    setattr(bucket, condition, False)

    with pytest.raises(MisuseError, match="the store ignores"):
        call(bucket, request)

    assert (bucket.keys(CLAIMS), rows(bucket)) == ([], [])


def test_a_store_is_checked_once_in_an_environment_and_again_where_the_check_failed() -> None:
    bucket = bucket_with("processing-failed/a", "processing-failed/b")
    request, clients = event(bucket), Clients(bucket)
    bucket.if_match = False
    with pytest.raises(MisuseError):
        call(bucket, request, clients=clients)
    bucket.if_match = True
    written: list[str] = []
    bucket.before = lambda operation, asked: (
        written.append(asked["Key"]) if operation == "PutObject" else None
    )

    call(bucket, request, clients=clients)
    checks = written.count(CHECK)
    call(bucket, request, clients=clients)

    assert checks > 0
    assert written.count(CHECK) == checks


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def test_lambda_calls_it_with_archive_toml_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket = bucket_with("processing-failed/a")
    (tmp_path / "archive.toml").write_text('[table]\nname = "DeviceData"\nttl_attribute = "expiredAt"\n')
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    monkeypatch.delenv("TTL_ARCHIVE_CONFIG", raising=False)
    monkeypatch.setattr(map_handler, "_clients", lambda: Clients(bucket))
    map_handler._settings.cache_clear()

    try:
        assert map_handler.handler(event(bucket), Context())["rows"] == 1
    finally:
        map_handler._settings.cache_clear()


# --- run --distributed


ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:Replay"


class StepFunctions:
    """boto3's client; the execution goes through these statuses."""

    class exceptions:
        class StateMachineDoesNotExist(Exception): ...

        class InvalidArn(Exception): ...

    def __init__(self, *statuses: str, on_start: Any = None) -> None:
        self._statuses = iter(statuses)
        self._on_start = on_start
        self.inputs: list[dict[str, Any]] = []

    def start_execution(self, *, stateMachineArn: str, input: str) -> dict[str, str]:  # noqa: A002
        if stateMachineArn != ARN:
            raise self.exceptions.StateMachineDoesNotExist
        self.inputs.append(json.loads(input))
        return {"executionArn": "arn:execution"}

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:
        return {"status": next(self._statuses), "cause": "too many failures"}

    def list_map_runs(self, *, executionArn: str) -> dict[str, Any]:
        return {"mapRuns": [{"mapRunArn": "m"}]}

    def describe_map_run(self, *, mapRunArn: str) -> dict[str, Any]:
        return {"itemCounts": {"total": 10, "succeeded": 7, "failed": 1, "timedOut": 1, "aborted": 1}}


def follow(client: StepFunctions, stop: Event | None = None) -> Iterator[Execution]:
    steps: list[Execution] = []
    distributed_map.run(client, ARN, {"prefix": PREFIX}, stop or Event(), steps.append, poll_s=0)
    return iter(steps)


def test_an_execution_is_started_for_the_prefix_and_followed_to_its_end() -> None:
    client = StepFunctions("RUNNING", "RUNNING", "SUCCEEDED")

    steps = list(follow(client))

    assert client.inputs == [{"prefix": PREFIX}]
    assert [step.status for step in steps] == ["RUNNING", "RUNNING", "SUCCEEDED"]
    assert (steps[0].total, steps[0].succeeded, steps[0].failed) == (10, 7, 3)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_fails_is_reported(status: str) -> None:
    with pytest.raises(ReplayError, match=f"{status}: too many failures"):
        follow(StepFunctions(status))


def test_ctrl_c_stops_following_and_says_that_the_execution_goes_on() -> None:
    stop = Event()
    stop.set()

    with pytest.raises(ReplayError, match=r"continues.*\n.*stop-execution"):
        follow(StepFunctions("RUNNING"), stop)


def test_a_state_machine_that_is_not_there_is_reported() -> None:
    with pytest.raises(MisuseError, match="does not exist"):
        distributed_map.start(StepFunctions(), "arn:other", PREFIX)
