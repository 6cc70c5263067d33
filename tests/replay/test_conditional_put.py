"""Writes under a condition: who wins, and whether a write took effect though its answer was lost."""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.fakes import client_error
from tests.replay.bucket import Bucket
from tests.replay.samples import BUCKET
from ttl_archive.replay.conditional_put import (
    ABSENT,
    Payload,
    current_condition,
    put_if,
    put_verified,
    unchanged,
)
from ttl_archive.replay.errors import ObjectError

FIRST, SECOND = Payload.of(b"first"), Payload.of(b"second")


def put(bucket: Bucket, payload: Payload, condition: dict[str, str]) -> str | None:
    return put_if(bucket, BUCKET, "key", payload, condition, "text/plain")


def fail_after(bucket: Bucket, error: Exception) -> None:
    """Let the next write take effect, and lose its answer."""
    left = [error]

    def after(operation: str, request: dict[str, Any]) -> None:
        if left and operation == "PutObject":
            raise left.pop()

    bucket.after = after


def test_what_is_there_is_not_created_again() -> None:
    bucket = Bucket()
    etag = put(bucket, FIRST, ABSENT)

    assert put(bucket, SECOND, ABSENT) is None
    assert bucket.objects["key"].body == b"first"
    assert put(bucket, SECOND, unchanged(str(etag))) is not None
    assert put(bucket, FIRST, unchanged(str(etag))) is None


def test_a_condition_on_an_object_that_is_gone_does_not_hold() -> None:
    assert put(Bucket(), FIRST, unchanged('"1"')) is None


@pytest.mark.parametrize(
    "error",
    [ReadTimeoutError(endpoint_url="http://s3"), client_error("PreconditionFailed", "PutObject", 412)],
)
def test_a_write_whose_answer_was_lost_counts_as_written(error: Exception) -> None:
    bucket = Bucket()
    fail_after(bucket, error)

    assert put(bucket, FIRST, ABSENT) == f'"{bucket.objects["key"].etag}"'


def test_where_nobody_knows_who_wrote_no_other_run_is_said_to_have() -> None:
    bucket = Bucket()
    fail_after(bucket, client_error("PreconditionFailed", "PutObject", 412))

    def before(operation: str, request: dict[str, Any]) -> None:
        if operation == "HeadObject":
            raise client_error("InternalError", operation, 500)

    bucket.before = before

    with pytest.raises(ObjectError, match="HeadObject was refused with InternalError"):
        put(bucket, FIRST, ABSENT)


def test_a_write_that_had_no_effect_does_not_count_as_written() -> None:
    bucket = Bucket()

    def before(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            raise ReadTimeoutError(endpoint_url="http://s3")

    bucket.before = before

    with pytest.raises(ObjectError, match="Read timeout"):
        put(bucket, FIRST, ABSENT)


@pytest.mark.parametrize(("conflicts", "calls"), [(1, 2), (4, 5)])
def test_a_conflict_with_another_write_is_tried_again(conflicts: int, calls: int) -> None:
    bucket, left = Bucket(), ["409"] * conflicts

    def before(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and left:
            raise client_error("ConditionalRequestConflict", "PutObject", int(left.pop()))

    bucket.before = before

    assert put(bucket, FIRST, ABSENT) is not None
    assert bucket.calls.count("PutObject") == calls


def test_conflicts_without_end_are_reported() -> None:
    bucket = Bucket()

    def before(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            raise client_error("ConditionalRequestConflict", "PutObject", 409)

    bucket.before = before

    with pytest.raises(ObjectError, match="another write is in progress"):
        put(bucket, FIRST, ABSENT)


@pytest.mark.parametrize("other", [b"other bytes", b"secnd!"])
def test_a_write_is_verified_by_its_size_and_its_hash(other: bytes) -> None:
    bucket = Bucket()

    def after(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            bucket.fill("key", other)

    bucket.after = after

    with pytest.raises(ObjectError, match="other bytes"):
        put_verified(bucket, BUCKET, "key", SECOND, ABSENT, "text/plain")


def test_the_condition_of_today_is_that_nothing_is_there_or_that_it_stays() -> None:
    bucket = Bucket()

    assert current_condition(bucket, BUCKET, "key") == {"IfNoneMatch": "*"}
    etag = bucket.fill("key", b"x")
    assert current_condition(bucket, BUCKET, "key") == {"IfMatch": f'"{etag}"'}


def test_a_write_carries_the_sha256_of_its_bytes_for_s3_to_verify() -> None:
    bucket, sent = Bucket(), []
    bucket.before = lambda operation, request: sent.append(request)

    put(bucket, FIRST, ABSENT)

    assert sent[0]["ChecksumSHA256"] == "p5N7ZLjKpY8Dchu2us9ceMsjX+vg5wsbhM2ZVBRhoI4="


@pytest.mark.parametrize(
    ("content", "hash_of"),
    [(b"longer than the second", b"second"), (b"secund", b"secund")],
    ids=["size", "hash"],
)
def test_neither_the_size_nor_the_hash_alone_makes_a_write_ours(content: bytes, hash_of: bytes) -> None:
    bucket = Bucket()

    def after(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            bucket.fill("key", content, metadata={"sha256": Payload.of(hash_of).sha256})

    bucket.after = after

    with pytest.raises(ObjectError, match="other bytes"):
        put_verified(bucket, BUCKET, "key", SECOND, ABSENT, "text/plain")
