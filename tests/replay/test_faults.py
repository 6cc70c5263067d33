"""Faults of S3, each told apart: nothing is marked done that is not, and a second run ends it."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody

from tests.fakes import client_error
from tests.replay.bucket import Bucket
from tests.replay.samples import BUCKET, KEY, PREFIX, change, error_object, make_run, replay_all, rows
from tests.replay.test_run import expire_claims
from ttl_archive.replay import replay_object
from ttl_archive.replay.claims import Claim, Claims
from ttl_archive.replay.error_objects.objects import list_objects
from ttl_archive.replay.errors import AccessDeniedError, MisuseError, ObjectGoneError
from ttl_archive.transform import layout

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
    ("code", "status", "told"),
    [
        ("AccessDenied", 403, "Allow s3:GetObject"),
        ("NoSuchKey", 404, "not there any more"),
        ("PreconditionFailed", 412, "written again"),
        ("InvalidObjectState", 403, "archive storage class"),
        ("SlowDown", 503, "SlowDown"),
    ],
)
def test_why_an_object_cannot_be_read_is_told_apart(code: str, status: int, told: str) -> None:
    bucket = bucket_with()
    fail_once(bucket, "GetObject", client_error(code, "GetObject", status), KEY)

    summary = replay_all(bucket)

    assert (summary.exit_code, summary.objects[replay_object.FAILED]) == (1, 1)
    assert told in summary.reasons[0][1]
    assert bucket.keys("archive/") == bucket.keys(layout.MANIFESTS) == []
    assert replay_all(bucket).exit_code == 0
    assert len(rows(bucket)) == 3000


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDenied", AccessDeniedError), ("NoSuchBucket", ObjectGoneError)]
)
def test_why_a_prefix_cannot_be_listed_is_told_apart(code: str, kind: type[Exception]) -> None:
    bucket = bucket_with()
    fail_once(bucket, "ListObjectsV2", client_error(code, "ListObjectsV2", 403))

    with pytest.raises(kind):
        list(list_objects(bucket, BUCKET, PREFIX))


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject"])
def test_rows_that_cannot_be_put_or_verified_leave_the_object_open(operation: str) -> None:
    bucket = bucket_with()
    fail_once(bucket, operation, client_error("InternalError", operation, 500), "archive/")

    summary = replay_all(bucket)

    assert summary.exit_code == 1
    assert bucket.keys(layout.MANIFESTS) == []
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
    assert "does not stand there" in summary.reasons[0][1]


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
    assert "written again" in summary.reasons[0][1]


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


def test_a_truncated_gzip_gives_what_it_has_and_is_told() -> None:
    bucket = Bucket()
    bucket.fill(KEY, gzip.compress(error_object(MANY))[:-100])

    summary = replay_all(bucket)

    assert summary.exit_code == 3
    assert summary.tally.refused == {"TruncatedGzip": 1}
    assert 0 < len(rows(bucket)) == summary.tally.rows < 3000


def test_a_store_that_ignores_conditions_is_refused_before_anything_is_read() -> None:
    bucket = bucket_with()
    bucket.conditional = False

    with pytest.raises(MisuseError, match="ignores conditional writes"):
        replay_all(bucket)

    assert "GetObject" not in bucket.calls


def test_a_store_without_conditions_is_refused() -> None:
    bucket = bucket_with()
    fail_once(bucket, "PutObject", client_error("NotImplemented", "PutObject", 501))

    with pytest.raises(MisuseError, match="no conditional writes"):
        replay_all(bucket)


def test_a_conflict_of_two_writes_is_tried_again() -> None:
    bucket = bucket_with()
    replay_all(Bucket())
    fail_once(
        bucket, "PutObject", client_error("ConditionalRequestConflict", "PutObject", 409), layout.CLAIMS + KEY
    )

    assert replay_all(bucket).exit_code == 0


def test_a_claim_whose_answer_was_lost_is_known_again() -> None:
    """The client sends a put again when the answer is lost; the second then meets the first."""
    bucket = bucket_with()
    put, lost = bucket.put_object, []

    def put_twice(**request: Any) -> dict[str, Any]:
        if request["Key"].startswith(layout.CLAIMS + KEY) and not lost:
            lost.append(put(**request))
            request["Body"] = bytes(request["Body"])
        return put(**request)

    bucket.put_object = put_twice  # type: ignore[method-assign]

    assert replay_all(bucket).exit_code == 0
    assert len(lost) == 1


def test_two_runs_never_hold_one_object() -> None:
    bucket = bucket_with()
    first, second = make_run(bucket), make_run(bucket)
    (error_object_found,) = list_objects(bucket, BUCKET, PREFIX)

    held = first.claims.take(error_object_found, "s3", first.transform)

    assert isinstance(held, Claim)
    assert second.claims.take(error_object_found, "s3", first.transform) == "busy"
    assert replay_object.replay_object(second, error_object_found).status == replay_object.BUSY
    held.release()
    assert isinstance(second.claims.take(error_object_found, "s3", first.transform), Claim)


def test_a_claim_that_ran_out_is_taken_over_and_its_holder_notices() -> None:
    bucket = bucket_with()
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    first = make_run(bucket, claims=Claims(bucket, BUCKET, "first", now=lambda: now[0]))
    second = make_run(bucket, claims=Claims(bucket, BUCKET, "second", now=lambda: now[0]))
    (found,) = list_objects(bucket, BUCKET, PREFIX)
    held = first.claims.take(found, "s3", first.transform)
    assert isinstance(held, Claim)
    now[0] += timedelta(minutes=16)

    assert replay_object.replay_object(second, found).status == replay_object.DONE
    with pytest.raises(Exception, match="taken it over"):
        held.record(outputs=("x",))


def test_a_claim_that_was_not_got_is_never_written() -> None:
    bucket = bucket_with()
    (found,) = list_objects(bucket, BUCKET, PREFIX)
    holder = make_run(bucket)
    holder.claims.take(found, "s3", "t")
    (key,) = (key for key in bucket.keys(layout.CLAIMS) if key.endswith(".json"))
    before = bucket.objects[key].body
    denied = client_error("AccessDenied", "GetObject", 403)
    fail_once(bucket, "GetObject", denied, layout.MANIFESTS)

    assert replay_object.replay_object(make_run(bucket), found).status == replay_object.FAILED
    assert bucket.objects[key].body == before


def test_a_claim_in_use_is_renewed() -> None:
    bucket = bucket_with()
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    claims = Claims(bucket, BUCKET, "first", now=lambda: now[0])
    (found,) = list_objects(bucket, BUCKET, PREFIX)
    held = claims.take(found, "s3", "t")
    assert isinstance(held, Claim)
    for _ in range(10):
        now[0] += timedelta(minutes=8)
        held.keep()

    assert claims.take(found, "s3", "t") == "busy"


def test_a_claim_never_outlives_what_it_is_told() -> None:
    bucket = bucket_with()
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    end = now[0] + timedelta(minutes=5)
    claims = Claims(bucket, BUCKET, "first", now=lambda: now[0], not_after=end)
    (found,) = list_objects(bucket, BUCKET, PREFIX)
    assert isinstance(claims.take(found, "s3", "t"), Claim)
    now[0] = end

    assert isinstance(claims.take(found, "s3", "t"), Claim)


def test_an_object_done_meanwhile_is_not_done_again() -> None:
    bucket = bucket_with()
    (found,) = list_objects(bucket, BUCKET, PREFIX)
    replay_all(bucket)
    before = {key: bucket.objects[key].body for key in bucket.keys("archive/")}
    expire_claims(bucket)

    assert replay_object.replay_object(make_run(bucket), found).status == replay_object.ALREADY
    assert {key: bucket.objects[key].body for key in bucket.keys("archive/")} == before


def test_a_run_that_is_stopped_lets_go_and_the_next_need_not_wait() -> None:
    bucket = bucket_with()
    stop = Event()
    stop.set()
    (found,) = list_objects(bucket, BUCKET, PREFIX)

    assert replay_object.replay_object(make_run(bucket, stop=stop), found).status == replay_object.STOPPED
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

    assert sum(summary.objects[replay_object.DONE] for summary in summaries) == 60
    assert len(puts) == len(set(puts)) == 60
    assert len(rows(bucket)) == 60
