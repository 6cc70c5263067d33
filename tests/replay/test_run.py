"""Failed records into the archive: what is delivered, what is written down, what is left alone."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import (
    BUCKET,
    CSV_SETTINGS,
    EVENT_US,
    KEY,
    PREFIX,
    SETTINGS,
    change,
    error_line,
    error_object,
    lines,
    make_run,
    replay_all,
    rows,
)
from ttl_archive.replay import replay_object
from ttl_archive.replay.claims import Claims
from ttl_archive.replay.error_objects.objects import list_objects
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Run
from ttl_archive.replay.replay_run import Summary
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.verdict import Judge, Refused, judge
from ttl_archive.transform import layout
from ttl_archive.transform.convert import Row, converter


def bucket_with(*datas: bytes, key: str = KEY, **fields: object) -> Bucket:
    bucket = Bucket()
    bucket.fill(key, error_object(datas, **fields))
    return bucket


def manifest(bucket: Bucket, number: int = 0) -> dict:
    return json.loads(bucket.objects[bucket.keys(layout.MANIFESTS)[number]].body)


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


def test_without_any_state_a_second_run_writes_the_same_bytes_under_the_same_names() -> None:
    bucket = bucket_with(change(1), change(2, day=1))
    replay_all(bucket)
    before = {key: bucket.objects[key].body for key in bucket.keys("archive/")}
    for key in bucket.keys("replay/"):
        del bucket.objects[key]

    replay_all(bucket)

    assert {key: bucket.objects[key].body for key in bucket.keys("archive/")} == before


def test_what_is_done_is_not_done_again() -> None:
    bucket = bucket_with(change(1))
    replay_all(bucket)
    bucket.calls.clear()

    summary = replay_all(bucket)

    assert summary.exit_code == 0
    assert not summary.objects
    assert "GetObject" not in bucket.calls


def test_a_lost_claim_does_not_undo_a_manifest() -> None:
    bucket = bucket_with(change(1))
    (found,) = list_objects(bucket, BUCKET, PREFIX)
    replay_all(bucket)
    for key in bucket.keys(layout.CLAIMS):
        del bucket.objects[key]

    assert replay_object.replay_object(make_run(bucket), found).status == replay_object.ALREADY


def test_the_manifest_proves_what_was_done() -> None:
    bucket = bucket_with(change(1), change(2, name="INSERT"), b"no json")

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
    expected = {"object": KEY, "bucket": BUCKET, "sink": "s3", "lines": 3, "rows": 1}
    assert expected.items() <= found.items()
    assert found["dropped"] == {"not-a-removal": 1}
    assert found["refused"] == {"NotJson": 1}
    assert found["transform"] == make_run(bucket).transform
    assert datetime.fromisoformat(found["finished"]) >= datetime.fromisoformat(found["started"])


def test_a_dropped_record_is_done() -> None:
    bucket = bucket_with(change(1, name="INSERT"))

    summary = replay_all(bucket)

    assert summary.exit_code == 0
    assert bucket.keys("archive/") == []


def test_a_refused_record_goes_to_quarantine_with_its_count_and_its_new_reason() -> None:
    bucket = bucket_with(change(1), b"no json", lambdaARN=None, lambdaArn="old", unknown=7)

    summary = replay_all(bucket)

    assert summary.exit_code == 3
    (key,) = bucket.keys(layout.QUARANTINE)
    (line,) = lines(bucket, key)
    assert line["errorCode"] == "Replay.NotJson"
    assert line["firstErrorCode"] == "Lambda.FunctionError"
    assert line["attemptsMade"] == 5
    assert {"lambdaArn": "old", "unknown": 7, "rawData": "bm8ganNvbg=="}.items() <= line.items()


@pytest.mark.parametrize("odd", [b'"\xff"', b"[" * 5000 + b"]" * 5000])
def test_a_line_with_an_odd_field_is_kept_as_it_is(odd: bytes) -> None:
    line = error_line(b"no json")[:-1] + b',"unknown":' + odd + b"}"
    bucket = Bucket()
    bucket.fill(KEY, line + b"\n" + error_line(change(1)))

    replay_all(bucket)

    assert rows(bucket) == ["e1"]
    (kept,) = lines(bucket, bucket.keys(layout.QUARANTINE)[0])
    assert base64.b64decode(kept["unreadable"]) == line


def test_what_this_transform_refused_is_held_and_the_next_transform_gets_it() -> None:
    bucket = bucket_with(change(1), b"no json")
    replay_all(bucket, transform="a" * 12)

    held = replay_all(bucket, transform="a" * 12)
    mended = replay_all(
        bucket, transform="b" * 12, judge=lambda record: Row(b'{"ddb_event_id":"x"}\n', EVENT_US)
    )

    assert (held.held, held.exit_code) == (1, 3)
    assert mended.exit_code == 0
    assert rows(bucket) == ["e1", "x"]


def test_refused_once_more_it_stays_beside_the_first_and_is_counted() -> None:
    bucket = bucket_with(b"no json")
    replay_all(bucket, transform="a" * 12)
    replay_all(bucket, transform="b" * 12)

    first, second = (lines(bucket, key)[0] for key in bucket.keys(layout.QUARANTINE))
    assert {first["attemptsMade"], second["attemptsMade"]} == {5, 6}
    assert {first["firstErrorCode"], second["firstErrorCode"]} == {"Lambda.FunctionError"}
    assert all(key.startswith(layout.QUARANTINE + KEY) for key in bucket.keys(layout.QUARANTINE))


def test_a_half_written_line_is_kept_counted_and_told() -> None:
    bucket = Bucket()
    bucket.fill(KEY, error_object([change(1)]) + error_line(change(2))[:50])

    summary = replay_all(bucket)

    assert (summary.exit_code, summary.tally.rows) == (3, 1)
    assert summary.tally.refused == {"HalfWritten": 1}
    (key,) = bucket.keys(layout.QUARANTINE)
    assert lines(bucket, key)[0]["errorCode"] == "Replay.HalfWritten"


def test_objects_of_another_table_are_left_alone() -> None:
    bucket = bucket_with(change(1, table="Orders"))

    summary = replay_all(bucket)

    assert (summary.exit_code, summary.objects[replay_object.LEFT]) == (3, 1)
    assert bucket.keys(layout.QUARANTINE) == bucket.keys(layout.MANIFESTS) == []
    assert "another table" in summary.reasons[0][1]


def test_files_that_are_no_error_objects_are_left_alone() -> None:
    bucket = Bucket()
    bucket.fill("errors/DeviceData/readme.txt", b"hello\n")
    bucket.fill("errors/DeviceData/row.json", b'{"ddb_event_id":"e1"}\n')

    summary = replay_all(bucket)

    assert summary.objects == {replay_object.LEFT: 2}
    assert bucket.keys(layout.QUARANTINE) == []


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

    assert summary.objects == {replay_object.DONE: 50}
    assert len(rows(bucket)) == 50


def test_rows_of_another_transform_that_was_killed_are_emptied() -> None:
    bucket = bucket_with(change(1))

    class Killed(BaseException): ...

    def kill(operation: str, request: dict) -> None:
        if operation == "PutObject" and request["Key"].startswith(layout.MANIFESTS):
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


def expire_claims(bucket: Bucket) -> None:
    for key in bucket.keys(layout.CLAIMS):
        if key.endswith(".json"):
            claim = json.loads(bucket.objects[key].body)
            claim["until"] = claim["until"] and datetime(2020, 1, 1, tzinfo=UTC).isoformat()
            bucket.fill(key, json.dumps(claim).encode())


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
    (found,) = list_objects(bucket, BUCKET, PREFIX)
    now = [bucket.now]

    def run_as(transform: str, verdict: Judge) -> Run:
        claims = Claims(bucket, BUCKET, transform, now=lambda: now[0])
        return Run(bucket, claims, S3Sink(bucket, BUCKET, SETTINGS), verdict, transform, Rate())

    def stalled(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].startswith("archive/"):
            bucket.before = lambda operation, request: None
            now[0] += timedelta(minutes=20)
            assert replay_object.replay_object(run_as("b" * 12, judge(SETTINGS)), found).tally.rows == 2

    bucket.before = stalled
    good = judge(SETTINGS)
    worse = run_as("a" * 12, lambda record: good(record) if record.number == 1 else Refused("X"))
    outcome = replay_object.replay_object(worse, found)

    assert outcome.status == replay_object.FAILED
    assert rows(bucket) == ["e1", "e2"]
