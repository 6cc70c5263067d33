"""Faults of S3, reported by cause: nothing is marked done that is not, and a second run finishes it."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody

from tests.fakes import client_error
from tests.replay.bucket import Bucket
from tests.replay.samples import (
    BUCKET,
    CLAIMS,
    KEY,
    MANIFESTS,
    PREFIX,
    change,
    claims_of,
    error_object,
    expire_claims,
    make_run,
    replay_all,
    rows,
    states,
)
from ttl_archive.replay.claim_document import ClaimDocument, State
from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects.objects import list_error_objects
from ttl_archive.replay.errors import AccessDeniedError, MisuseError, ObjectGoneError
from ttl_archive.replay.replay_object import Ending, replay_object
from ttl_archive.replay.sinks.sink import ObjectTally

MANY = [change(number) for number in range(3000)]


def bucket_with(datas: list[bytes] = MANY) -> Bucket:
    bucket = Bucket()
    bucket.fill(KEY, error_object(datas))
    return bucket


def fail_once(bucket: Bucket, operation: str, error: Exception, key: str = "") -> None:
    left = [error]

    def before(called: str, request: dict[str, Any]) -> None:
        if left and called == operation and request.get("Key", "").startswith(key):
            raise left.pop()

    bucket.before = before


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("AccessDenied", 403, "Allow s3:GetObject"),
        ("NoSuchKey", 404, "not there any more"),
        ("PreconditionFailed", 412, "overwritten since"),
        ("InvalidObjectState", 403, "archive storage class"),
        ("SlowDown", 503, "SlowDown"),
    ],
)
def test_the_cause_is_reported_when_an_object_cannot_be_read(code: str, status: int, message: str) -> None:
    bucket = bucket_with()
    fail_once(bucket, "GetObject", client_error(code, "GetObject", status), KEY)

    summary = replay_all(bucket)

    assert (summary.exit_code, summary.objects[Ending.FAILED]) == (1, 1)
    assert message in summary.reasons[0][1]
    assert bucket.keys("archive/") == bucket.keys(MANIFESTS) == []
    assert replay_all(bucket).exit_code == 0
    assert len(rows(bucket)) == 3000


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDenied", AccessDeniedError), ("NoSuchBucket", ObjectGoneError)]
)
def test_the_cause_is_reported_when_a_prefix_cannot_be_listed(code: str, kind: type[Exception]) -> None:
    bucket = bucket_with()
    fail_once(bucket, "ListObjectsV2", client_error(code, "ListObjectsV2", 403))

    with pytest.raises(kind):
        list(list_error_objects(bucket, BUCKET, PREFIX))


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject"])
def test_rows_that_cannot_be_put_or_verified_leave_the_object_open(operation: str) -> None:
    bucket = bucket_with()
    fail_once(bucket, operation, client_error("InternalError", operation, 500), "archive/")

    summary = replay_all(bucket)

    assert summary.exit_code == 1
    assert bucket.keys(MANIFESTS) == []
    assert replay_all(bucket).exit_code == 0
    assert len(rows(bucket)) == 3000


def test_rows_that_do_not_stand_as_they_were_put_leave_the_object_open() -> None:
    bucket = bucket_with()

    def after(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].startswith("archive/"):
            bucket.fill(request["Key"], b"other")

    bucket.after = after

    summary = replay_all(bucket)

    assert summary.exit_code == 1
    assert "other bytes than" in summary.reasons[0][1]


class Breaking(Bucket):
    """Bodies that break after some bytes; a Range asks for the rest."""

    breaks: int = 3

    def get_object(self, **request: Any) -> dict[str, Any]:
        answer = super().get_object(**request)
        if request["Key"] == KEY and self.breaks:
            self.breaks -= 1
            answer["Body"] = _BreakingBody(answer["Body"])
        return answer


class _BreakingBody:
    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield self._body.read(100_000)
        raise ReadTimeoutError(endpoint_url="http://bucket")

    def close(self) -> None:
        self._body.close()


def test_a_connection_that_breaks_is_taken_up_where_it_broke() -> None:
    bucket = Breaking()
    bucket.fill(KEY, gzip.compress(error_object(MANY), 0))

    assert replay_all(bucket).exit_code == 0
    assert len(rows(bucket)) == 3000
    assert bucket.breaks == 0


def test_an_object_that_changes_while_it_is_read_is_not_delivered_in_part() -> None:
    bucket = Breaking()
    bucket.fill(KEY, error_object(MANY))

    def after(operation: str, request: dict[str, Any]) -> None:
        if operation == "GetObject" and request["Key"] == KEY and "Range" not in request:
            bucket.fill(KEY, error_object(MANY[:10]))

    bucket.after = after

    summary = replay_all(bucket)

    assert (summary.exit_code, bucket.keys("archive/")) == (1, [])
    assert "overwritten since" in summary.reasons[0][1]


def test_an_object_that_is_deleted_while_it_is_read_is_not_delivered_in_part() -> None:
    bucket = Breaking()
    bucket.fill(KEY, error_object(MANY))

    def after(operation: str, request: dict[str, Any]) -> None:
        if operation == "GetObject" and "Range" not in request:
            bucket.objects.pop(KEY, None)

    bucket.after = after

    summary = replay_all(bucket)

    assert (summary.exit_code, bucket.keys("archive/")) == (1, [])
    assert "not there any more" in summary.reasons[0][1]


def test_a_truncated_gzip_gives_what_it_has_and_is_reported() -> None:
    bucket = Bucket()
    bucket.fill(KEY, gzip.compress(error_object(MANY))[:-100])

    summary = replay_all(bucket)

    assert summary.exit_code == 3
    assert summary.tally.refused == {"TruncatedGzip": 1}
    assert 0 < len(rows(bucket)) == summary.tally.rows < 3000


@pytest.mark.parametrize(
    ("ignored", "verb"),
    [
        ("if_none_match", "If-None-Match on writes"),
        ("if_match", "If-Match on writes"),
        ("if_match_on_read", "If-Match on reads"),
    ],
)
def test_a_store_that_ignores_a_condition_is_refused_before_anything_is_claimed(
    ignored: str, verb: str
) -> None:
    bucket = bucket_with()
    setattr(bucket, ignored, False)

    for _ in range(2):  # also when the object of the check is there already
        with pytest.raises(MisuseError, match=f"ignores {verb}"):
            replay_all(bucket)

    assert bucket.keys(CLAIMS) == []


def test_a_store_that_ignores_the_condition_of_a_deletion_is_refused_where_something_is_deleted() -> None:
    bucket = bucket_with()
    bucket.if_match_on_delete = False
    claims = claims_of(bucket)
    claims.check_store()

    with pytest.raises(MisuseError, match="If-Match on deletions"):
        claims.check_store(deletes=True)


def test_a_store_with_every_condition_passes_the_check_as_often_as_it_is_made() -> None:
    claims = claims_of(Bucket())

    for _ in range(3):
        claims.check_store(deletes=True)


def test_a_store_without_conditions_is_refused() -> None:
    bucket = bucket_with()
    fail_once(bucket, "PutObject", client_error("NotImplemented", "PutObject", 501))

    with pytest.raises(MisuseError, match="no conditional writes"):
        replay_all(bucket)


def test_a_conflict_of_two_writes_is_tried_again() -> None:
    bucket = bucket_with()
    replay_all(Bucket())
    fail_once(bucket, "PutObject", client_error("ConditionalRequestConflict", "PutObject", 409), CLAIMS + KEY)

    assert replay_all(bucket).exit_code == 0


def test_a_claim_whose_answer_was_lost_is_known_again() -> None:
    """The client sends a put again when the answer is lost; the second then meets the first."""
    bucket = bucket_with()
    put, lost = bucket.put_object, []

    def put_twice(**request: Any) -> dict[str, Any]:
        if request["Key"].startswith(CLAIMS + KEY) and not lost:
            lost.append(put(**request))
            request["Body"] = bytes(request["Body"])
        return put(**request)

    bucket.put_object = put_twice  # type: ignore[method-assign]

    assert replay_all(bucket).exit_code == 0
    assert len(lost) == 1


def test_two_runs_never_hold_one_object() -> None:
    bucket = bucket_with()
    first, second = make_run(bucket), make_run(bucket)
    (error_object_found,) = list_error_objects(bucket, BUCKET, PREFIX)

    held = first.claims.take(error_object_found, "s3", first.transform)

    assert isinstance(held, Claim)
    assert isinstance(second.claims.take(error_object_found, "s3", first.transform), ClaimDocument)
    assert replay_object(second, error_object_found).ending == Ending.BUSY
    held.release()
    assert isinstance(second.claims.take(error_object_found, "s3", first.transform), Claim)


def test_a_claim_that_ran_out_is_taken_over_and_its_holder_notices() -> None:
    bucket = bucket_with()
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    first = make_run(bucket, claims=claims_of(bucket, "first", now=lambda: now[0]))
    second = make_run(bucket, claims=claims_of(bucket, "second", now=lambda: now[0]))
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)
    held = first.claims.take(found, "s3", first.transform)
    assert isinstance(held, Claim)
    now[0] += timedelta(minutes=16)

    assert replay_object(second, found).ending == Ending.DONE
    with pytest.raises(Exception, match="taken the object over"):
        held.renew()


def test_a_claim_that_was_not_got_is_never_written() -> None:
    bucket = bucket_with()
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)
    holder = make_run(bucket)
    holder.claims.take(found, "s3", "t")
    (key,) = (key for key in bucket.keys(CLAIMS) if key.endswith(".json"))
    before = bucket.objects[key].body
    denied = client_error("AccessDenied", "GetObject", 403)
    fail_once(bucket, "GetObject", denied, CLAIMS)

    assert replay_object(make_run(bucket), found).ending == Ending.FAILED
    assert bucket.objects[key].body == before


def test_a_claim_in_use_is_renewed() -> None:
    bucket = bucket_with()
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    claims = claims_of(bucket, "first", now=lambda: now[0])
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)
    held = claims.take(found, "s3", "t")
    assert isinstance(held, Claim)
    for _ in range(10):
        now[0] += timedelta(minutes=8)
        held.keep()

    found_claim = claims.take(found, "s3", "t")
    assert isinstance(found_claim, ClaimDocument)
    assert found_claim.is_held(now[0])


def test_a_claim_is_renewed_by_time_while_one_line_is_read() -> None:
    """A line without an end has no record at which the claim could be renewed."""
    bucket = Bucket()
    bucket.fill(KEY, b'{"rawData":"' + b"A" * (4 << 20))
    now = [datetime(2026, 11, 21, tzinfo=UTC)]

    writes: list[str] = []
    bucket.before = lambda operation, request: (
        writes.append(request["Key"]) if operation == "PutObject" else None
    )
    run = make_run(bucket, claims=claims_of(bucket, "first", now=lambda: now[0]))
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)

    def pass_time(records: int, read_bytes: int) -> None:
        now[0] += timedelta(minutes=10 if read_bytes else 0)

    replay_object(replace(run, progress=pass_time), found)

    renewals = [key for key in writes if key.startswith(CLAIMS)]
    assert len(renewals) == 8  # taken, renewed for each of five chunks and before the end, settled


def test_a_claim_never_outlives_its_function() -> None:
    bucket = bucket_with()
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    end = now[0] + timedelta(minutes=5)
    claims = claims_of(bucket, "first", now=lambda: now[0], not_after=end)
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)
    assert isinstance(claims.take(found, "s3", "t"), Claim)
    now[0] = end

    assert isinstance(claims.take(found, "s3", "t"), Claim)


def test_an_object_done_meanwhile_is_not_done_again() -> None:
    bucket = bucket_with()
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)
    replay_all(bucket)
    before = {key: bucket.objects[key].body for key in bucket.keys("archive/")}
    expire_claims(bucket)

    assert replay_object(make_run(bucket), found).ending == Ending.SETTLED
    assert {key: bucket.objects[key].body for key in bucket.keys("archive/")} == before


def test_a_run_that_is_stopped_lets_go_and_the_next_need_not_wait() -> None:
    bucket = bucket_with()
    stop = Event()
    stop.set()
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)

    assert replay_object(make_run(bucket, stop=stop), found).ending == Ending.STOPPED
    assert bucket.keys("archive/") == []
    assert replay_all(bucket).exit_code == 0


def test_two_runs_at_once_do_each_object_once() -> None:
    bucket = Bucket()
    for number in range(60):
        bucket.fill(f"{KEY}{number}", error_object([change(number)]))
    puts: list[str] = []

    def after(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].startswith("archive/"):
            puts.append(request["Key"])

    bucket.after = after
    with ThreadPoolExecutor(2) as pool:
        summaries = list(pool.map(lambda _: replay_all(bucket, concurrency=3), range(2)))

    assert sum(summary.objects[Ending.DONE] for summary in summaries) == 60
    assert len(puts) == len(set(puts)) == 60
    assert len(rows(bucket)) == 60


def test_a_body_that_ends_early_without_an_error_is_not_taken_for_the_object() -> None:
    bucket = bucket_with()
    get = bucket.get_object

    def get_in_part(**request: Any) -> dict[str, Any]:
        answer = get(**request)
        if request["Key"] == KEY:
            whole = answer["Body"].read()
            part = whole[: whole.rindex(b"\n", 0, len(whole) // 2) + 1]
            answer["Body"] = StreamingBody(BytesIO(part), len(part))
        return answer

    bucket.get_object = get_in_part  # type: ignore[method-assign]

    summary = replay_all(bucket)

    assert summary.exit_code == 1
    assert "bytes arrived" in summary.reasons[0][1]
    assert rows(bucket) == []


def test_a_ledger_that_does_not_close_leaves_the_object_open(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = bucket_with()
    monkeypatch.setattr(ObjectTally, "closes", lambda ledger: False)

    summary = replay_all(bucket)

    assert summary.exit_code == 1
    assert "the ledger does not close" in summary.reasons[0][1]
    assert states(bucket) == [State.OPEN]
