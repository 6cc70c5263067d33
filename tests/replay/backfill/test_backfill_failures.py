"""Exports that are damaged, incomplete or of something else, and an S3 that fails: break it, then fix it."""

import gzip
import json
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.fakes import client_error
from tests.replay.backfill.exports import (
    ARCHIVE,
    BUCKET,
    DOCUMENT,
    RECORDS,
    SETTINGS,
    TABLE,
    TIME_US,
    backfill,
    bucket_with,
    export,
    item,
    keys,
    rows,
)
from tests.replay.bucket import Bucket
from ttl_archive.infra.local.dynamodb.table_export import full_line, window_line
from ttl_archive.replay.backfill.backfill_run import find_exports
from ttl_archive.replay.errors import MisuseError, NothingFoundError, ObjectError
from ttl_archive.transform.settings import parse

LINES = [full_line(item(number)) for number in range(3)]
FOLDER = f"exports/AWSDynamoDB/{export().id}/"
DATA = f"{FOLDER}data/{export().id[-8:]}0000.json.gz"
FILES, SUMMARY = f"{FOLDER}manifest-files.json", f"{FOLDER}manifest-summary.json"


def edit(bucket: Bucket, key: str, old: str, new: str, *, checksum: bool = True) -> None:
    """Change a manifest's text, and remove its checksum file if not said otherwise."""
    bucket.fill(key, bucket.objects[key].body.replace(old.encode(), new.encode()))
    if checksum:
        del bucket.objects[key.replace(".json", ".md5")]


def without_md5(bucket: Bucket, body: bytes) -> None:
    """Replace the data file by one that its manifest has no MD5 for."""
    bucket.fill(DATA, body)
    entries = [json.loads(line) for line in bucket.objects[FILES].body.splitlines()]
    text = "".join(json.dumps({**entry, "md5Checksum": None}) + "\n" for entry in entries)
    bucket.fill(FILES, text.encode())
    del bucket.objects[FILES.replace(".json", ".md5")]


def damage_content(bucket: Bucket) -> None:
    bucket.fill(DATA, gzip.compress(json.dumps(LINES[0]).encode() * 3))


def truncate(bucket: Bucket) -> None:
    without_md5(bucket, bucket.objects[DATA].body[:-12])


def damage_gzip(bucket: Bucket) -> None:
    body = bytearray(bucket.objects[DATA].body)
    body[-5] ^= 1
    without_md5(bucket, bytes(body))


def leave_out_a_line(bucket: Bucket) -> None:
    without_md5(bucket, gzip.compress(json.dumps(LINES[0]).encode() + b"\n"))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_content, "is not what the export wrote: its MD5 is"),
        (truncate, "it ends within its gzip data. Copy it again"),
        (damage_gzip, "its gzip data is damaged. Copy it again"),
        (leave_out_a_line, "has 1 items, and its manifest says 3"),
    ],
)
def test_a_damaged_data_file_leaves_nothing_behind_and_is_archived_when_it_is_whole(
    damage: Any, reason: str
) -> None:
    bucket = bucket_with(LINES)
    damage(bucket)

    summary = backfill(bucket)

    assert (summary.exit_code, summary.files["failed"]) == (1, 1)
    assert reason in summary.reasons[0][1]
    assert rows(bucket) == []
    assert not [key for key in bucket.keys(RECORDS) if "0000.json.gz" in key]

    whole = bucket_with(LINES)
    for key in (DATA, FILES):
        bucket.fill(key, whole.objects[key].body)
    assert backfill(bucket).exit_code == 0
    assert keys(bucket) == ["i0", "i1", "i2"]


@pytest.mark.parametrize(
    ("key", "old", "new", "checksum", "reason"),
    [
        (SUMMARY, "DYNAMODB_JSON", "ION", True, "is in the format ION. Export it again as DYNAMODB_JSON"),
        (SUMMARY, '"itemCount": 3', '"itemCount": 4', False, "is not what the export wrote: its MD5 is"),
        (FILES, '"itemCount": 3', '"itemCount": 4', False, "is not what the export wrote: its MD5 is"),
        (FILES, '"itemCount": 3', '"items": 3', True, "has a line without dataFileS3Key and itemCount"),
        (FILES, "0000.json.gz", "9999.json.gz", True, "9999.json.gz does not exist. Copy the whole export"),
        (SUMMARY, "manifest-files.json", "other.json", True, "other.json does not exist"),
        (SUMMARY, "exportTime", "time", True, "has no time of the export in ISO 8601"),
        (SUMMARY, "FULL_EXPORT", "SOME_EXPORT", True, "exportType SOME_EXPORT, which is not known"),
        (SUMMARY, "tableArn", "table", True, "has no tableArn or no exportArn"),
        (SUMMARY, "{", "[", True, "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused_before_anything_is_written(
    key: str, old: str, new: str, checksum: bool, reason: str
) -> None:
    bucket = bucket_with(LINES)
    edit(bucket, key, old, new, checksum=checksum)
    before = sorted(bucket.objects)

    with pytest.raises(ObjectError, match=reason):
        backfill(bucket)

    assert sorted(bucket.objects) == before


def test_a_missing_data_file_is_named() -> None:
    bucket = bucket_with(LINES)
    del bucket.objects[DATA]

    with pytest.raises(ObjectError, match=f"s3://{BUCKET}/{DATA} does not exist. Copy the whole export"):
        backfill(bucket)


def test_manifests_without_checksum_files_are_named_and_not_called_verified() -> None:
    bucket = bucket_with(LINES)
    for key in (SUMMARY, FILES):
        del bucket.objects[key.replace(".json", ".md5")]

    (found,) = find_exports(f"s3://{BUCKET}/exports", lambda _: bucket, SETTINGS)

    assert found.unverified == (f"s3://{BUCKET}/{SUMMARY}", f"s3://{BUCKET}/{FILES}")
    assert backfill(bucket).exit_code == 0


def test_a_checksum_file_of_the_other_name_is_compared_too() -> None:
    bucket = bucket_with(LINES)
    del bucket.objects[SUMMARY.replace(".json", ".md5")]
    bucket.fill(SUMMARY.replace(".json", ".checksum"), b"AAAA\n")

    with pytest.raises(ObjectError, match=r"manifest-summary\.checksum says AAAA"):
        backfill(bucket)


@pytest.mark.parametrize(
    ("place", "document", "kind", "reason"),
    [
        ("s3://bucket/other", DOCUMENT, NothingFoundError, "no manifest-summary.json is there"),
        ("/no/such/folder", DOCUMENT, MisuseError, "no such file or folder"),
        (f"s3://bucket/{FILES}", DOCUMENT, NothingFoundError, "Name the folder"),
        (
            "s3://bucket/exports",
            {"table": DOCUMENT["table"] | {"name": "Others"}},
            MisuseError,
            "is an export of the table DeviceData, archive.toml is for Others",
        ),
        (
            "s3://bucket/exports",
            {"table": {"name": TABLE, "ttl_attribute": "expiredAt"}},
            MisuseError,
            r"set \[table\] backfilled = true and keys",
        ),
    ],
)
def test_a_place_or_configuration_that_does_not_fit_is_explained(
    place: str, document: dict[str, Any], kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        backfill(bucket_with(LINES), settings=parse(document), place=place)


def test_an_archive_of_parquet_is_refused() -> None:
    bucket = bucket_with(LINES)
    bucket.fill(f"{ARCHIVE}dt=2026-11-20/x.parquet", b"PAR1")

    with pytest.raises(MisuseError, match="holds Parquet"):
        backfill(bucket)


def test_a_store_without_conditional_writes_is_refused() -> None:
    bucket = bucket_with(LINES)
    bucket.if_none_match = False

    with pytest.raises(MisuseError, match="the store ignores If-None-Match"):
        backfill(bucket)
    assert rows(bucket) == []


def fail_once(bucket: Bucket, operation: str, error: Exception, key: str) -> None:
    left = [error]

    def before(called: str, request: dict[str, Any]) -> None:
        if left and called == operation and request.get("Key", "").startswith(key):
            raise left.pop()

    bucket.before = before


@pytest.mark.parametrize(
    ("operation", "code", "key"),
    [
        ("GetObject", "AccessDenied", DATA),
        ("GetObject", "InternalError", RECORDS),
        ("PutObject", "SlowDown", ARCHIVE),
        ("PutObject", "AccessDenied", RECORDS),
    ],
)
def test_an_s3_that_refuses_fails_the_file_and_the_next_run_finishes_it(
    operation: str, code: str, key: str
) -> None:
    bucket = bucket_with(LINES)
    fail_once(bucket, operation, client_error(code, operation, 403), key)

    summary = backfill(bucket)

    assert summary.exit_code == 1
    assert code in summary.reasons[0][1] or "access denied" in summary.reasons[0][1]
    assert backfill(bucket).exit_code == 0
    assert keys(bucket) == ["i0", "i1", "i2"]


def test_a_connection_that_breaks_is_resumed() -> None:
    bucket = bucket_with(LINES)
    fail_once(bucket, "GetObject", ReadTimeoutError(endpoint_url="https://s3"), DATA)

    assert backfill(bucket).exit_code == 0
    assert keys(bucket) == ["i0", "i1", "i2"]


def test_rows_that_were_deleted_are_written_again() -> None:
    bucket = bucket_with(LINES)
    backfill(bucket)
    (key,) = bucket.keys(ARCHIVE)
    del bucket.objects[key]

    assert backfill(bucket).files["done"] == 1
    assert keys(bucket) == ["i0", "i1", "i2"]


def test_a_refused_item_is_archived_once_archive_toml_is_fixed() -> None:
    bucket = bucket_with([*LINES, full_line(item(3, station={"S": "x"}))])
    with_column = parse(DOCUMENT | {"columns": [{"name": "station", "path": "id"}]})
    fixed = parse(DOCUMENT | {"columns": [{"name": "device", "path": "id"}]})

    first = backfill(bucket, settings=with_column)
    again = backfill(bucket, settings=with_column)
    second = backfill(bucket, settings=fixed)

    assert (first.exit_code, first.tally.refused, first.tally.rows) == (3, {"ColumnCollision": 1}, 3)
    assert (again.exit_code, again.files["done before"]) == (3, 2)
    assert (second.exit_code, second.tally.rows) == (0, 4)
    assert sorted(row["device"] for row in rows(bucket)) == ["i0", "i1", "i2", "i3"]


def test_settings_that_refuse_more_do_not_replace_rows() -> None:
    found = [full_line(item(number, station={"S": "x"})) for number in range(2)]
    bucket = bucket_with([*found, full_line(item(2, other={"S": "x"}))])
    one = parse(DOCUMENT | {"columns": [{"name": "other", "path": "id"}]})
    two = parse(DOCUMENT | {"columns": [{"name": "station", "path": "id"}]})
    backfill(bucket, settings=one)
    before = rows(bucket)

    summary = backfill(bucket, settings=two)

    assert summary.exit_code == 1
    assert (
        "the archive has 2 rows of it, and today's archive.toml would replace them with 1"
        in (summary.reasons[0][1])
    )
    assert rows(bucket) == before


def test_other_settings_leave_rows_alone_when_nothing_was_refused() -> None:
    bucket = bucket_with(LINES)
    backfill(bucket)
    before = rows(bucket)

    summary = backfill(bucket, settings=parse(DOCUMENT | {"columns": [{"name": "device", "path": "id"}]}))

    assert summary.files["done before"] == 2
    assert rows(bucket) == before


def test_a_record_that_another_run_wrote_meanwhile_is_not_overwritten() -> None:
    bucket = bucket_with(LINES)

    def after(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].startswith(ARCHIVE):
            bucket.after = lambda operation, request: None
            (data,) = (key for key in [DATA])
            backfill_record = [key for key in bucket.keys(RECORDS) if data in key]
            assert backfill_record == []
            backfill(bucket, settings=parse(DOCUMENT | {"columns": [{"name": "device", "path": "id"}]}))

    bucket.after = after
    summary = backfill(bucket)

    assert (summary.exit_code, summary.files["busy"]) == (3, 1)
    assert len(rows(bucket)) == 3


def test_a_record_that_is_none_is_named() -> None:
    bucket = bucket_with(LINES)
    backfill(bucket)
    for key in bucket.keys(RECORDS):
        bucket.fill(key, b"{}")

    summary = backfill(bucket)

    assert summary.exit_code == 1
    assert "it is no record of a backfill. Move it away, and run again" in summary.reasons[0][1]


def test_ctrl_c_stops_between_lines_and_the_next_run_finishes() -> None:
    bucket = bucket_with([full_line(item(number)) for number in range(1_500)])
    stop = Event()

    def stop_after_the_first_thousand(lines: int, read_bytes: int) -> None:
        if lines:
            stop.set()

    # A data file of the test has 500 lines, so three of them are one here.
    body = b"".join(gzip.decompress(bucket.objects[key].body) for key in bucket.keys(f"{FOLDER}data/"))
    for key in bucket.keys(f"{FOLDER}data/"):
        del bucket.objects[key]
    bucket.fill(DATA, gzip.compress(body))
    line = {"itemCount": 1_500, "dataFileS3Key": DATA}
    bucket.fill(FILES, json.dumps(line).encode())
    del bucket.objects[FILES.replace(".json", ".md5")]

    summary = backfill(bucket, stop=stop, progress=stop_after_the_first_thousand)

    assert (summary.exit_code, summary.files["stopped"], rows(bucket)) == (1, 1, [])
    assert backfill(bucket).tally.rows == len(rows(bucket)) == 1_500


def test_an_export_on_this_machine_is_read_like_one_in_a_bucket(tmp_path: Path) -> None:
    bucket = Bucket()
    for key, body in export(prefix="a/b").objects(LINES).items():
        path = tmp_path / key.removeprefix("a/b/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (manifest,) = tmp_path.rglob("manifest-summary.json")

    assert backfill(bucket, place=str(tmp_path)).tally.rows == 3
    # It is the same export, wherever its copy lies.
    assert backfill(bucket, place=str(manifest)).files["done before"] == 2


@pytest.mark.parametrize("incremental", [False, True])
def test_an_export_that_was_copied_elsewhere_is_found_around_its_manifest(incremental: bool) -> None:
    bucket = Bucket()
    window = [window_line({"id": item(0)["id"]}, item(0), written_us=TIME_US)]
    for key, body in export(incremental=incremental).objects(window if incremental else LINES[:1]).items():
        bucket.fill("copies/2026/" + key.removeprefix("exports/"), body)

    assert backfill(bucket, place=f"s3://{BUCKET}/copies/").tally.rows == 1
