"""States of an error object: open, refused, waived, done, retired; and what each command does with them."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.fakes import client_error
from tests.replay.bucket import Bucket
from tests.replay.samples import (
    BUCKET,
    EVENT_US,
    KEY,
    MANIFESTS,
    PREFIX,
    SETTINGS,
    TRANSFORM,
    change,
    claims_of,
    documents,
    error_line,
    error_object,
    make_run,
    replay_all,
    rows,
    states,
)
from tests.replay.streams import Streams
from ttl_archive.replay import retirement, waiver
from ttl_archive.replay.caller import caller_arn
from ttl_archive.replay.claim_document import State, read_claim
from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.error_objects.error_lines import read_lines
from ttl_archive.replay.error_objects.objects import ErrorObject, list_error_objects
from ttl_archive.replay.errors import ClaimLostError, MisuseError, ObjectError, ReplayError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Ending, replay_object
from ttl_archive.replay.sinks.stream_sink import kinesis_sink
from ttl_archive.replay.verdict import Refused, judge
from ttl_archive.transform.convert import Row

BY = "arn:aws:iam::123456789012:user/operator"
FIXED = "1" * 12  # another transform, that delivers everything


def delivers_all(record: Any) -> Row:
    return Row(b'{"ddb_event_id":"fixed%d"}\n' % record.number, EVENT_US)


def bucket_with(*datas: bytes) -> Bucket:
    bucket = Bucket()
    bucket.fill(KEY, error_object(datas))
    return bucket


def the_object(bucket: Bucket) -> ErrorObject:
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)
    return found


def waive(bucket: Bucket, line: int | None = None, transform: str = TRANSFORM, reason: str = "a test") -> int:
    return waiver.waive(claims_of(bucket), the_object(bucket), line, transform, reason=reason, by=BY)


def undo(bucket: Bucket, line: int | None = None) -> int:
    return waiver.undo_waiver(claims_of(bucket), the_object(bucket), line, by=BY)


def can_retire(bucket: Bucket) -> bool:
    claims = claims_of(bucket)
    found = survey.survey(claims, PREFIX, survey.Filter(), TRANSFORM)
    return [planned.kept for _, planned in retirement.candidates(claims, found)] == [""]


def test_an_object_of_which_every_record_is_refused_is_not_done() -> None:
    bucket = bucket_with(*[b"no json"] * 5)

    summary = replay_all(bucket)

    assert (summary.exit_code, summary.tally.rows, summary.tally.refused) == (3, 0, {"NotJson": 5})
    assert states(bucket) == [State.REFUSED]
    assert bucket.keys(MANIFESTS) == []
    assert not can_retire(bucket)


def test_a_refused_record_stays_in_its_object_and_the_others_are_delivered() -> None:
    bucket = bucket_with(change(1), b"no json", change(2))
    body = bucket.objects[KEY].body

    summary = replay_all(bucket)

    (document,) = documents(bucket)
    assert summary.exit_code == 3
    assert rows(bucket) == ["e1", "e2"]
    assert bucket.objects[KEY].body == body
    assert list(document.refused_lines()) == [2]


def test_what_a_transform_has_refused_is_left_out_until_the_transform_changes() -> None:
    bucket = bucket_with(change(1), b"no json")
    replay_all(bucket)
    calls = len(bucket.calls)

    again = replay_all(bucket)
    refused_before = "PutObject" not in bucket.calls[calls:]
    fixed = replay_all(bucket, transform=FIXED, judge=delivers_all)

    assert (again.exit_code, again.refused_before, refused_before) == (3, 1, True)
    assert fixed.exit_code == 0
    assert rows(bucket) == ["fixed1", "fixed2"]
    assert states(bucket) == [State.DONE]


def test_refused_objects_are_replayed_on_request() -> None:
    bucket = bucket_with(change(1), b"no json")
    replay_all(bucket)

    summary = replay_all(bucket, with_refused=True)

    assert (summary.exit_code, summary.tally.lines) == (3, 2)
    assert rows(bucket) == ["e1"]


def test_a_run_that_meets_an_object_that_was_refused_meanwhile_says_so() -> None:
    bucket = bucket_with(b"no json")
    found = the_object(bucket)
    replay_all(bucket)

    outcome = replay_object(make_run(bucket), found)

    assert (outcome.ending, outcome.tally.lines) == (Ending.REFUSED, 0)
    assert "another run" in outcome.reason


def test_records_of_another_table_are_refused_and_can_be_waived() -> None:
    bucket = bucket_with(change(1, table="Orders"))

    assert replay_all(bucket).tally.refused == {"OtherTable": 1}
    assert waive(bucket) == 1
    assert states(bucket) == [State.WAIVED]


def test_a_record_that_names_no_table_counts_as_the_tables_own() -> None:
    record = json.loads(change(1))
    del record["tableName"]
    bucket = bucket_with(json.dumps(record).encode())

    assert replay_all(bucket).exit_code == 0
    assert rows(bucket) == ["e1"]


def test_a_file_that_is_no_error_object_is_refused_and_can_be_waived() -> None:
    bucket = Bucket()
    bucket.fill(KEY, b"hello\n")

    assert replay_all(bucket).tally.refused == {"NotAnErrorLine": 1}
    assert waive(bucket) == 1


def test_a_waiver_records_who_when_why_and_the_hash_of_the_record() -> None:
    bucket = bucket_with(change(1), b"no json")
    replay_all(bucket)

    waive(bucket, 2, reason="made by a test")

    (document,) = documents(bucket)
    (waived,) = document.waivers
    assert (waived.by, waived.reason) == (BY, "made by a test")
    assert datetime.now(UTC) - waived.at < timedelta(minutes=1)
    assert waived.records == {"2": hashlib.sha256(error_line(b"no json")).hexdigest()}
    assert can_retire(bucket)


def test_an_object_is_waived_when_its_last_refused_record_is() -> None:
    bucket = bucket_with(b"no json", change(1), b"no json")
    replay_all(bucket)

    waive(bucket, 1)
    after_one = states(bucket)
    waive(bucket, 3)

    assert (after_one, states(bucket)) == ([State.REFUSED], [State.WAIVED])


def test_without_a_line_every_refused_record_is_waived() -> None:
    bucket = bucket_with(b"no json", change(1), b"no json")
    replay_all(bucket)
    waive(bucket, 1)

    assert waive(bucket) == 1
    assert states(bucket) == [State.WAIVED]


@pytest.mark.parametrize("line", [None, 3])
def test_an_undone_waiver_makes_the_record_refused_again(line: int | None) -> None:
    bucket = bucket_with(b"no json", change(1), b"no json")
    replay_all(bucket)
    waive(bucket)

    undone = undo(bucket, line)

    (document,) = documents(bucket)
    assert undone == (2 if line is None else 1)
    assert document.state == State.REFUSED
    assert set(document.waived()) == (set() if line is None else {1})
    assert [each.undone_by for each in document.waivers if each.undone_by] == [BY]
    assert not can_retire(bucket)
    assert waive(bucket) == undone


def test_a_waived_record_is_not_judged_again_until_the_waiver_is_undone() -> None:
    bucket = bucket_with(b"no json", b"no json either")
    replay_all(bucket)
    waive(bucket, 1)

    summary = replay_all(bucket, transform=FIXED, judge=delivers_all)
    undo(bucket)
    rest = replay_all(bucket, transform=FIXED, judge=delivers_all, with_refused=True)

    assert (summary.exit_code, summary.tally.waived, summary.tally.rows) == (0, 1, 1)
    assert rest.exit_code == 0
    assert rows(bucket) == ["fixed1", "fixed2"]
    assert states(bucket) == [State.DONE]


def test_an_object_that_a_run_holds_cannot_be_waived_nor_retired() -> None:
    bucket = bucket_with(b"no json")
    replay_all(bucket)
    found = the_object(bucket)
    held = claims_of(bucket, "run-1").take(found, "s3", FIXED)
    assert isinstance(held, Claim)

    for attempt in (
        lambda: waive(bucket),
        lambda: undo(bucket),
        lambda: retirement.retire(claims_of(bucket), found, "replay/table=DeviceData/retired/x"),
    ):
        with pytest.raises(MisuseError, match="the run run-1 holds it until 20"):
            attempt()
    assert KEY in bucket.objects


def test_an_open_object_cannot_be_waived() -> None:
    bucket = bucket_with(b"no json")
    with pytest.raises(MisuseError, match="no run has judged it"):
        waive(bucket)
    replay_all(bucket)

    with pytest.raises(MisuseError, match="Replay it first"):
        waive(bucket, transform=FIXED)


@pytest.mark.parametrize("line", [2, 9])
def test_a_record_that_is_not_refused_cannot_be_waived(line: int) -> None:
    bucket = bucket_with(b"no json", change(1))
    replay_all(bucket)

    with pytest.raises(MisuseError, match=f":{line}: it is not refused. Refused lines: 1"):
        waive(bucket, line)


def test_a_done_object_has_nothing_to_waive_or_to_undo() -> None:
    bucket = bucket_with(change(1))
    replay_all(bucket)

    with pytest.raises(MisuseError, match="Refused lines: none"):
        waive(bucket)
    with pytest.raises(MisuseError, match="nothing of it is waived"):
        undo(bucket)


def test_a_waiver_that_meets_another_change_of_the_claim_is_refused() -> None:
    bucket = bucket_with(b"no json")
    replay_all(bucket)

    def change_claim(operation: str, request: dict[str, Any]) -> None:
        if operation == "GetObject" and request["Key"] == KEY:
            bucket.after = lambda operation, request: None
            claims_of(bucket).take(the_object(bucket), "s3", FIXED)

    bucket.after = change_claim

    with pytest.raises(ClaimLostError, match="at the same time"):
        waive(bucket)
    assert [document.waivers for document in documents(bucket)] == [()]


def test_who_waives_is_what_sts_says() -> None:
    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Arn": BY}

    assert caller_arn(Sts()) == BY


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (client_error("ExpiredToken", "GetCallerIdentity", 403), "have expired"),
        (EndpointConnectionError(endpoint_url="http://sts"), "--region"),
    ],
)
def test_without_an_identity_nothing_is_waived(error: Exception, text: str) -> None:
    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            raise error

    with pytest.raises(ReplayError, match=text):
        caller_arn(Sts())


def test_a_waived_object_is_retired_and_stays_so() -> None:
    bucket = bucket_with(b"no json")
    replay_all(bucket)
    waive(bucket)
    found, to = the_object(bucket), "replay/table=DeviceData/retired/" + KEY

    retirement.retire(claims_of(bucket), found, to)

    (document,) = documents(bucket)
    assert (document.state, document.retired_to) == (State.RETIRED, to)
    assert (KEY in bucket.objects, to in bucket.objects) == (False, True)
    for change_it in (waiver.undo_waiver, waiver.waive):
        more = {"transform": TRANSFORM, "reason": "x"} if change_it is waiver.waive else {}
        with pytest.raises(MisuseError, match="it is retired, to replay/"):
            change_it(claims_of(bucket), found, None, by=BY, **more)


def test_a_waiver_that_is_undone_while_its_object_is_retired_keeps_the_object() -> None:
    bucket = bucket_with(b"no json")
    replay_all(bucket)
    waive(bucket)

    def undo_it(operation: str, request: dict[str, Any]) -> None:
        if operation == "CopyObject":
            undo(bucket)

    bucket.after = undo_it

    with pytest.raises(ObjectError, match="it is refused now"):
        retirement.retire(claims_of(bucket), the_object(bucket), "replay/table=DeviceData/retired/x")
    assert KEY in bucket.objects


def test_a_manifest_that_was_not_written_is_written_before_the_object_is_retired() -> None:
    bucket = bucket_with(change(1))

    def refuse(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].startswith(MANIFESTS):
            raise client_error("AccessDenied", "PutObject", 403)

    bucket.before = refuse
    summary = replay_all(bucket)
    bucket.before = lambda operation, request: None
    assert (summary.exit_code, states(bucket), bucket.keys(MANIFESTS)) == (0, [State.DONE], [])
    assert "its manifest was not written" in summary.reasons[0][1]

    retirement.retire(claims_of(bucket), the_object(bucket), "replay/table=DeviceData/retired/x")

    (manifest,) = bucket.keys(MANIFESTS)
    assert json.loads(bucket.objects[manifest].body)["rows"] == 1


def test_a_retirement_that_was_killed_before_it_removed_the_object_is_finished_by_the_next() -> None:
    bucket = bucket_with(change(1))
    replay_all(bucket)
    found, to = the_object(bucket), "replay/table=DeviceData/retired/" + KEY

    def fail(operation: str, request: dict[str, Any]) -> None:
        if operation == "DeleteObject":
            raise client_error("InternalError", "DeleteObject", 500)

    bucket.before = fail
    with pytest.raises(ObjectError):
        retirement.retire(claims_of(bucket), found, to)
    bucket.before = lambda operation, request: None
    assert (states(bucket), KEY in bucket.objects) == ([State.RETIRED], True)
    assert can_retire(bucket)

    retirement.retire(claims_of(bucket), found, to)

    assert KEY not in bucket.objects


def test_a_run_that_stalls_before_done_is_written_does_not_undo_the_run_that_took_over() -> None:
    """The manifest and the rows of the run that took over are left as they are."""
    bucket = bucket_with(change(1), change(2), change(3))
    found = the_object(bucket)
    now = [datetime.now(UTC)]
    slow = make_run(
        bucket, claims=claims_of(bucket, "slow", now=lambda: now[0]), judge=_refuses_all_but_the_first
    )

    def stall(operation: str, request: dict[str, Any]) -> None:
        body = bytes(request.get("Body", b"")) if operation == "PutObject" else b""
        if b'"state": "refused"' in body:
            bucket.before = lambda operation, request: None
            now[0] += timedelta(minutes=20)
            fast = make_run(bucket, claims=claims_of(bucket, "fast", now=lambda: now[0]), transform=FIXED)
            assert replay_object(fast, found).ending == Ending.DONE

    bucket.before = stall

    assert replay_object(slow, found).ending == Ending.BUSY
    (document,) = documents(bucket)
    assert (document.state, document.owner, document.result and document.result.rows) == ("done", "fast", 3)
    assert rows(bucket) == ["e1", "e2", "e3"]


def _refuses_all_but_the_first(record: Any) -> Any:
    return judge(SETTINGS)(record) if record.number == 1 else Refused("NotJson")


def test_a_delayed_put_of_the_same_rows_does_not_pass_for_the_one_made_since() -> None:
    """Equal rows have other bytes in each run, so If-Match tells their writes apart."""
    bucket = bucket_with(change(1))
    replay_all(bucket)
    (key,) = bucket.keys("archive/")
    first = bucket.objects[key].etag

    replay_all(bucket, transform=FIXED, with_refused=True)
    for claim in bucket.keys("replay/table=DeviceData/claims/"):
        del bucket.objects[claim]
    replay_all(bucket)

    assert bucket.objects[key].etag != first
    assert rows(bucket) == ["e1"]


def test_the_claim_is_renewed_by_time_while_one_record_after_another_takes_long() -> None:
    bucket = bucket_with(*(change(number, text={"S": "x" * 100_000}) for number in range(60)))
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    good = judge(SETTINGS)

    def slow(record: Any) -> Any:
        now[0] += timedelta(seconds=45)
        return good(record)

    claims = claims_of(bucket, "slow", now=lambda: now[0])
    longest = [timedelta(0)]

    def watch(operation: str, request: dict[str, Any]) -> None:
        if claim := bucket.keys("replay/table=DeviceData/claims/"):
            until = read_claim(bucket.objects[claim[0]].body, "").until
            longest[0] = max(longest[0], now[0] - until if until else longest[0])

    bucket.before = watch

    assert replay_object(make_run(bucket, claims=claims, judge=slow), the_object(bucket)).ending == "done"
    assert longest[0] <= timedelta(0)


def test_a_low_rate_does_not_let_the_claim_run_out() -> None:
    bucket = bucket_with(*(change(number) for number in range(2500)))
    now = [datetime(2026, 11, 21, tzinfo=UTC)]

    class Clock(Event):
        def wait(self, timeout: float | None = None) -> bool:
            now[0] += timedelta(seconds=timeout or 0)
            return False

    run = make_run(bucket, claims=claims_of(bucket, "slow", now=lambda: now[0]), stop=Clock())
    run = replace(run, rate=Rate(0.5, clock=lambda: now[0].timestamp()))
    expired = []

    def watch(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and "IfMatch" in request:
            key = request["Key"]
            until = read_claim(bucket.objects[key].body, "").until if "claims/" in key else None
            expired.append(bool(until and until < now[0]))

    bucket.before = watch

    assert replay_object(run, the_object(bucket)).ending == Ending.DONE
    assert len(expired) > 5
    assert not any(expired)


def test_into_a_stream_what_was_refused_is_sent_later_and_nothing_else() -> None:
    streams = Streams()
    bucket = bucket_with(change(1), b"no json", change(2))
    sink = kinesis_sink(streams, "changes", 3, Event())
    replay_all(bucket, sink=sink)
    good = judge(SETTINGS)
    (fixed,) = read_lines([error_line(change(3))])

    def fixed_judge(record: Any) -> Any:
        return good(fixed if record.number == 2 else record)

    summary = replay_all(bucket, sink=sink, transform=FIXED, judge=fixed_judge)

    assert streams.taken == [change(1), change(2)]  # what is no change record has no partition key
    assert summary.tally.refused == {"NotASourceRecord": 1}


@pytest.mark.parametrize("runs", [1, 2])
def test_each_run_that_was_killed_counts_as_one_call_of_possible_duplicates(runs: int) -> None:
    streams, bucket = Streams(), bucket_with(*(change(number) for number in range(5)))
    now = [datetime(2026, 11, 21, tzinfo=UTC)]

    class Killed(BaseException): ...

    def kill() -> None:
        raise Killed

    streams.after = kill
    sink = kinesis_sink(streams, "changes", 3, Event())
    for number in range(runs):
        claims = claims_of(bucket, f"run-{number}", now=lambda: now[0])
        with pytest.raises(Killed):
            replay_all(bucket, sink=sink, claims=claims)
        now[0] += timedelta(minutes=20)
    streams.after = lambda: None

    summary = replay_all(bucket, sink=sink, claims=claims_of(bucket, "last", now=lambda: now[0]))

    assert len(streams.taken) - 5 == 5 * runs
    assert summary.possible_duplicates == 5 * runs


def test_a_call_that_ends_with_an_internal_failure_may_have_been_taken() -> None:
    streams, bucket = Streams(), bucket_with(change(1), change(2))
    errors = [client_error("InternalFailure", "PutRecords", 500)]

    def fail() -> None:
        if errors:
            raise errors.pop()

    streams.after = fail

    summary = replay_all(bucket, sink=kinesis_sink(streams, "changes", 3, Event()))

    assert (len(streams.taken), summary.possible_duplicates) == (4, 2)


def test_a_waiver_holds_for_the_record_whose_hash_it_has_and_for_no_other() -> None:
    bucket = bucket_with(b"poison")
    replay_all(bucket)
    waive(bucket)
    (key,) = bucket.keys("replay/table=DeviceData/claims/")
    document = json.loads(bucket.objects[key].body)
    document["waivers"][0]["records"]["1"] = "0" * 64
    bucket.fill(key, json.dumps(document | {"state": "open"}).encode())

    summary = replay_all(bucket)

    assert (summary.tally.waived, summary.tally.refused) == (0, {"NotJson": 1})
