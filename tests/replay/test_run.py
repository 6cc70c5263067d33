"""Failed records into the archive: what is delivered, what is written down, what is left alone."""

import gzip
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import (
    BUCKET,
    CLAIMS,
    CSV_SETTINGS,
    EVENT_US,
    KEY,
    MANIFESTS,
    PREFIX,
    SETTINGS,
    change,
    claims_of,
    error_line,
    error_object,
    expire_claims,
    make_run,
    replay_all,
    rows,
    states,
)
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.error_objects.objects import list_error_objects
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Ending, Run, replay_object
from ttl_archive.replay.replay_run import Summary
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.verdict import Judge, Refused, judge
from ttl_archive.transform.convert import Row, converter


def bucket_with(*datas: bytes, key: str = KEY, **fields: object) -> Bucket:
    bucket = Bucket()
    bucket.fill(key, error_object(datas, **fields))
    return bucket


def manifest(bucket: Bucket, number: int = 0) -> dict:
    return json.loads(bucket.objects[bucket.keys(MANIFESTS)[number]].body)


def test_rows_are_those_of_the_transform_under_the_date_of_their_change() -> None:
    datas = [change(1), change(2, day=1), change(3)]
    bucket = bucket_with(*datas)

    replay_all(bucket)

    first, second = bucket.keys("archive/")
    assert first.startswith("archive/DeviceData/dt=2025-11-20/replay-")
    assert second.startswith("archive/DeviceData/dt=2025-11-21/replay-")
    rows_of = {data: converter(SETTINGS)(data) for data in datas}
    expected = b"".join(row.line for data in (datas[0], datas[2]) if isinstance(row := rows_of[data], Row))
    assert gzip.decompress(bucket.objects[first].body) == expected


def test_csv_rows_get_the_name_of_csv() -> None:
    bucket = bucket_with(change(1))

    replay_all(bucket, settings=CSV_SETTINGS)

    (key,) = bucket.keys("archive/")
    assert key.endswith(".csv.gz")
    assert gzip.decompress(bucket.objects[key].body).startswith(b'"DeviceData","e1","REMOVE"')


def test_what_is_done_is_not_done_again() -> None:
    bucket = bucket_with(change(1))
    replay_all(bucket)
    bucket.calls.clear()

    summary = replay_all(bucket)

    assert summary.exit_code == 0
    assert not summary.objects
    assert bucket.calls.count("GetObject") == 1  # of the claim
    assert "PutObject" not in bucket.calls


def test_the_manifest_proves_what_was_done() -> None:
    bucket = bucket_with(change(1), change(2, name="INSERT"))

    replay_all(bucket)

    found = manifest(bucket)
    (output,) = found["outputs"]
    stored = bucket.objects[output["key"]]
    assert output == {
        "key": bucket.keys("archive/")[0],
        "rows": 1,
        "bytes": len(stored.body),
        "sha256": stored.metadata["sha256"],
    }
    expected = {"object": KEY, "bucket": BUCKET, "sink": "s3", "lines": 2, "rows": 1}
    assert expected.items() <= found.items()
    assert found["dropped"] == {"not-a-removal": 1}
    assert (found["refused"], found["waived"]) == ({}, 0)
    assert found["transform"] == make_run(bucket).transform
    assert datetime.fromisoformat(found["finished"]) >= datetime.fromisoformat(found["started"])


def test_a_dropped_record_is_done() -> None:
    bucket = bucket_with(change(1, name="INSERT"))

    summary = replay_all(bucket)

    assert summary.exit_code == 0
    assert bucket.keys("archive/") == []


def test_a_half_written_line_is_kept_counted_and_reported() -> None:
    bucket = Bucket()
    bucket.fill(KEY, error_object([change(1)]) + error_line(change(2))[:50])

    summary = replay_all(bucket)

    assert (summary.exit_code, summary.tally.rows) == (3, 1)
    assert summary.tally.refused == {"HalfWritten": 1}
    assert states(bucket) == [State.REFUSED]


def test_an_object_of_nothing_is_done() -> None:
    bucket = Bucket()
    bucket.fill(KEY, b"")

    assert replay_all(bucket).exit_code == 0
    assert manifest(bucket)["lines"] == 0


def test_rows_of_the_transform_in_an_error_line_are_taken_as_they_are() -> None:
    row = converter(SETTINGS)(change(7, day=2))
    assert isinstance(row, Row)
    bucket = bucket_with(row.line, row.line.rstrip(b"\n"))

    replay_all(bucket)

    (key,) = bucket.keys("archive/DeviceData/dt=2025-11-22/")
    assert gzip.decompress(bucket.objects[key].body) == row.line * 2


@pytest.mark.parametrize("key", ["a b+c=ü/é%2F?x#y", "x" * 600, "processing-failed/2019/11/29/09/f"])
def test_any_key_will_do(key: str) -> None:
    bucket = bucket_with(change(1), key=key)

    assert replay_all(bucket, prefix=key[:5]).exit_code == 0
    assert replay_all(bucket, prefix=key[:5]).objects.total() == 0
    assert rows(bucket) == ["e1"]


def test_every_page_of_the_listing_is_read() -> None:
    bucket = Bucket(page_size=7)
    for number in range(50):
        bucket.fill(f"{PREFIX}processing-failed/{number}", error_object([change(number)]))

    summary = replay_all(bucket, concurrency=4)

    assert summary.objects == {Ending.DONE: 50}
    assert len(rows(bucket)) == 50


def test_rows_of_another_transform_that_was_killed_are_emptied() -> None:
    bucket = bucket_with(change(1))

    class Killed(BaseException): ...

    def kill(operation: str, request: dict) -> None:
        if operation == "PutObject" and request["Key"].startswith(CLAIMS) and bucket.keys("archive/"):
            raise Killed

    bucket.before = kill
    with pytest.raises(Killed):
        replay_all(
            bucket, transform="a" * 12, judge=lambda record: Row(b'{"ddb_event_id":"old"}\n', EVENT_US)
        )
    bucket.before = lambda operation, request: None
    assert rows(bucket) == ["old"]
    expire_claims(bucket)

    replay_all(bucket, judge=lambda record: Row(b'{"ddb_event_id":"new"}\n', EVENT_US + 86_400_000_000))

    assert rows(bucket) == ["new"]


def test_a_record_nested_too_deep_stops_nothing_else() -> None:
    deep = b'{"eventID":"e","eventName":"REMOVE","dynamodb":' + b"[" * 100_000
    bucket = bucket_with(change(1), deep, change(2))

    summary = replay_all(bucket)

    assert rows(bucket) == ["e1", "e2"]
    assert summary.tally.refused.total() == 1


def test_the_summary_of_nothing_is_all_done() -> None:
    assert Summary().exit_code == 0


def test_no_text_is_put_among_the_files_of_a_parquet_archive() -> None:
    bucket = bucket_with(change(1))
    bucket.fill("archive/DeviceData/dt=2025-11-20/x.parquet", b"PAR1")

    with pytest.raises(MisuseError, match="--sink kinesis"):
        replay_all(bucket)

    assert bucket.keys("archive/") == ["archive/DeviceData/dt=2025-11-20/x.parquet"]
    assert bucket.keys("replay/") == []


def test_a_put_that_was_held_up_does_not_undo_the_run_that_took_over() -> None:
    bucket = bucket_with(change(1), change(2))
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)
    now = [bucket.now]

    def run_as(transform: str, verdict: Judge) -> Run:
        claims = claims_of(bucket, transform, now=lambda: now[0])
        return Run(bucket, claims, S3Sink(bucket, BUCKET, SETTINGS), verdict, transform, Rate())

    def stalled(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].startswith("archive/"):
            bucket.before = lambda operation, request: None
            now[0] += timedelta(minutes=20)
            assert replay_object(run_as("b" * 12, judge(SETTINGS)), found).tally.rows == 2

    bucket.before = stalled
    good = judge(SETTINGS)
    worse = run_as("a" * 12, lambda record: good(record) if record.number == 1 else Refused("X"))
    outcome = replay_object(worse, found)

    assert outcome.ending == Ending.FAILED
    assert rows(bucket) == ["e1", "e2"]
    assert states(bucket) == [State.DONE]
