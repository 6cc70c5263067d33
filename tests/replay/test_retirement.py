"""Moving what is done out of the way: the original is removed only after its copy is verified."""

from typing import Any

import pytest

from tests.fakes import client_error
from tests.replay.bucket import Bucket
from tests.replay.samples import (
    KEY,
    PREFIX,
    TRANSFORM,
    change,
    claims_of,
    error_line,
    error_object,
    replay_all,
    states,
)
from ttl_archive.replay import retirement
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.errors import ObjectChangedError, ObjectError
from ttl_archive.replay.retirement import Retirement

RETIRED = "replay/table=DeviceData/retired/"


def done(*datas: bytes, body: bytes = b"") -> Bucket:
    bucket = Bucket()
    bucket.fill(KEY, body or error_object(datas))
    replay_all(bucket)
    return bucket


def planned(bucket: Bucket) -> list[tuple[ErrorObject, Retirement]]:
    claims = claims_of(bucket, "test")
    found = survey.survey(claims, PREFIX, survey.Filter(), TRANSFORM)
    return [(each.object, retired) for each, retired in retirement.candidates(claims, found)]


def retire(bucket: Bucket, found: ErrorObject) -> None:
    retirement.retire(claims_of(bucket), found, RETIRED + KEY)


def test_a_done_object_is_moved_whole() -> None:
    bucket = done(change(1))
    body = bucket.objects[KEY].body
    ((error_object_found, _),) = planned(bucket)

    retire(bucket, error_object_found)

    assert bucket.objects[RETIRED + KEY].body == body
    assert KEY not in bucket.objects


def test_what_is_not_done_is_no_candidate() -> None:
    bucket = done(change(1))
    bucket.fill(KEY + "2", error_object([change(2)]))

    assert [each.key for _, each in planned(bucket)] == [KEY]


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda bucket: bucket.objects.pop(bucket.keys("archive/")[0]), "is not there as it was written"),
        (lambda bucket: bucket.fill(bucket.keys("archive/")[0], b"other"), "is not there as it was written"),
    ],
)
def test_an_object_whose_proof_does_not_hold_is_kept(break_it: Any, reason: str) -> None:
    bucket = done(change(1))
    break_it(bucket)

    assert any(reason in each.kept for _, each in planned(bucket))


def test_a_refused_object_is_no_candidate() -> None:
    bucket = done(body=error_object([change(1)]) + error_line(change(2))[:40])

    assert planned(bucket) == []


def test_an_object_that_was_written_again_is_kept() -> None:
    bucket = done(change(1))
    ((error_object_found, _),) = planned(bucket)

    def rewrite(operation: str, request: dict[str, Any]) -> None:
        if operation == "CopyObject":
            bucket.fill(KEY, b"new")

    bucket.after = rewrite

    with pytest.raises(ObjectChangedError, match="Nothing was removed"):
        retire(bucket, error_object_found)
    assert bucket.objects[KEY].body == b"new"


def test_an_object_that_is_written_again_at_the_last_moment_is_kept() -> None:
    bucket = done(change(1))
    ((error_object_found, _),) = planned(bucket)

    def rewrite(operation: str, request: dict[str, Any]) -> None:
        if operation == "DeleteObject":
            bucket.fill(KEY, b"new")

    bucket.before = rewrite

    with pytest.raises(ObjectChangedError):
        retire(bucket, error_object_found)
    assert bucket.objects[KEY].body == b"new"


@pytest.mark.parametrize("operation", ["CopyObject", "HeadObject"])
def test_when_the_copy_fails_the_original_stays(operation: str) -> None:
    bucket = done(change(1))
    ((error_object_found, _),) = planned(bucket)

    def fail(called: str, request: dict[str, Any]) -> None:
        if called == operation:
            raise client_error("AccessDenied", operation, 403)

    bucket.before = fail

    with pytest.raises(ObjectError, match="access denied"):
        retire(bucket, error_object_found)
    assert KEY in bucket.objects


def test_when_the_copy_is_not_whole_the_original_stays() -> None:
    bucket = done(change(1))
    ((error_object_found, _),) = planned(bucket)

    def truncate(operation: str, request: dict[str, Any]) -> None:
        if operation == "CopyObject":
            bucket.fill(RETIRED + KEY, b"part")

    bucket.after = truncate

    with pytest.raises(ObjectError, match="size"):
        retire(bucket, error_object_found)
    assert KEY in bucket.objects
    assert states(bucket) == [State.DONE]


def test_an_object_that_was_overwritten_since_the_listing_is_not_copied() -> None:
    bucket = done(change(1))
    ((error_object_found, _),) = planned(bucket)
    bucket.fill(KEY, b"new")

    with pytest.raises(ObjectChangedError):
        retire(bucket, error_object_found)
    assert bucket.keys(RETIRED) == []
