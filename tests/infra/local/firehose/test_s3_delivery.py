"""S3 objects: their keys, contents and headers, when they are written, and what happens when S3 refuses."""

from __future__ import annotations

import gzip
import io
import re
import uuid
import zipfile
from typing import Any

import pytest

from tests.fakes import FakeKinesis, FakeS3
from tests.streams import Bench, answer_all, bench, kinesis_source, lambda_processing, s3

MIB = 1024 * 1024
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


def delivered(*data: bytes, **members: Any) -> FakeS3:
    """The S3 in which these records arrived through a delivery stream with these members."""
    made = bench()
    made.create(**members)
    made.deliver(*data)
    return made.s3


def only(s3: FakeS3) -> dict[str, Any]:
    (request,) = s3.objects.values()
    return request


def test_a_key_is_prefix_name_version_time_uuid_and_extension() -> None:
    key = only(delivered(b"x", CompressionFormat="GZIP"))["Key"]

    assert re.fullmatch(rf"2026/09/10/14/d-1-2026-09-10-14-02-11-{UUID}\.gz", key)


def test_a_static_prefix_is_fused_with_the_year() -> None:
    assert only(delivered(b"x", Prefix="raw"))["Key"].startswith("raw2026/09/10/14/d-1-")


def test_a_file_extension_replaces_that_of_the_compression() -> None:
    request = only(delivered(b"x", CompressionFormat="GZIP", FileExtension=".jsonl"))

    assert request["Key"].endswith(".jsonl")
    assert request["ContentEncoding"] == "gzip"


def test_the_names_are_those_of_the_given_uuids() -> None:
    made = bench(uuids=lambda: uuid.UUID(int=7))
    made.create()
    made.deliver(b"x")

    assert only(made.s3)["Key"].endswith("-00000000-0000-0000-0000-000000000007")


def test_records_are_concatenated_without_a_separator() -> None:
    assert only(delivered(b"a", b"b\n", b"c"))["Body"] == b"ab\nc"


def test_an_uncompressed_object_has_no_encoding_and_no_extension() -> None:
    request = only(delivered(b"x"))

    assert request["ContentType"] == "application/octet-stream"
    assert "ContentEncoding" not in request
    assert "." not in request["Key"]


def test_a_gzip_object() -> None:
    request = only(delivered(b"a", b"b", CompressionFormat="GZIP"))

    assert gzip.decompress(request["Body"]) == b"ab"
    assert (request["ContentType"], request["ContentEncoding"]) == ("application/octet-stream", "gzip")


def test_a_zip_object_has_one_entry_named_with_a_uuid() -> None:
    request = only(delivered(b"a", b"b", CompressionFormat="ZIP"))

    with zipfile.ZipFile(io.BytesIO(request["Body"])) as archive:
        (name,) = archive.namelist()
        assert archive.read(name) == b"ab"
    assert re.fullmatch(UUID, name)
    assert (request["Key"][-4:], request["ContentEncoding"]) == (".zip", "zip")


def test_kms_encryption_is_asked_of_s3() -> None:
    arn = "arn:aws:kms:us-east-1:123456789012:key/k"
    request = only(delivered(b"x", EncryptionConfiguration={"KMSEncryptionConfig": {"AWSKMSKeyARN": arn}}))

    assert (request["ServerSideEncryption"], request["SSEKMSKeyId"]) == ("aws:kms", arn)


def test_the_folder_is_of_the_oldest_record_though_it_is_delivered_later() -> None:
    made = bench()
    made.create(BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 900})
    made.clock.advance(minutes=57, seconds=48)  # 14:59:59
    made.put(b"a")
    made.firehose.poll()
    made.clock.advance(seconds=5)
    made.put(b"b")
    made.clock.advance(hours=1)
    made.firehose.poll()

    assert only(made.s3)["Key"].startswith("2026/09/10/14/d-1-2026-09-10-14-59-59-")
    assert only(made.s3)["Body"] == b"ab"


@pytest.mark.parametrize(("in_zone", "hour"), [(True, 23), (False, 14)])
def test_a_custom_time_zone_moves_the_folder_and_unless_switched_off_the_suffix(
    in_zone: bool, hour: int
) -> None:
    made = bench(suffix_in_time_zone=in_zone)
    made.create(CustomTimeZone="Asia/Tokyo")
    made.deliver(b"x")

    (key,) = made.s3.listed()
    assert key.startswith(f"2026/09/10/23/d-1-2026-09-10-{hour}-02-11-")


def test_an_object_is_written_when_the_interval_is_over() -> None:
    made = bench()
    made.create(BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 60})
    made.put(b"x")
    made.firehose.poll()
    made.clock.advance(seconds=59, milliseconds=999)

    assert (made.firehose.poll(), made.s3.listed()) == (0, [])

    made.clock.advance(milliseconds=1)

    assert (made.firehose.poll(), len(made.s3.listed())) == (1, 1)


def test_an_interval_of_0_writes_at_the_next_poll() -> None:
    made = bench()
    made.create(BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 0})
    made.put(b"x")
    made.firehose.poll()

    assert made.s3.bodies() == b"x"


def test_an_object_is_written_when_the_size_is_reached_before_compression() -> None:
    made = bench()
    made.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900}, CompressionFormat="GZIP")
    made.put(bytes(MIB // 2), bytes(MIB // 2 - 1))
    made.firehose.poll()
    assert made.s3.listed() == []

    made.put(b"x", b"y")
    made.firehose.poll()

    assert len(gzip.decompress(only(made.s3)["Body"])) == MIB
    assert made.firehose.counts("d").buffered == 1


def test_each_shard_of_a_kinesis_source_has_its_own_object() -> None:
    made = bench(kinesis=FakeKinesis(shards=2))
    made.create({"ExtendedS3DestinationConfiguration": s3()} | kinesis_source())
    for shard, data in ((0, b"a"), (1, b"b"), (0, b"c")):
        made.kinesis.put(data, shard=shard)
    made.firehose.flush()

    assert sorted(made.s3.body(key) for key in made.s3.listed()) == [b"ac", b"b"]


def failing() -> Bench:
    made = bench()
    made.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    made.s3.fail_puts = -1
    return made


@pytest.mark.parametrize("code", ["InternalError", "AccessDenied", "NoSuchBucket", "SlowDown"])
def test_what_s3_refuses_stays_buffered_and_is_delivered_once_it_takes_it(code: str) -> None:
    made = failing()
    made.s3.error_code = code
    made.put(b"a", b"b")

    made.firehose.poll()
    assert (made.s3.objects, made.firehose.counts("d").buffered) == ({}, 2)

    made.put(b"c")
    made.firehose.flush()
    assert (made.s3.objects, made.firehose.counts("d").buffered) == ({}, 3)

    made.s3.fail_puts = 0
    assert made.firehose.poll() == 3
    assert sorted(made.s3.body(key) for key in made.s3.listed()) == [b"ab", b"c"]
    assert made.firehose.counts("d").delivered == 3


def test_a_refused_put_writes_no_error_object() -> None:
    made = failing()
    made.put(b"a")
    made.firehose.flush()
    made.s3.fail_puts = 0
    made.firehose.flush()

    assert made.s3.listed("processing-failed") == []
    assert made.firehose.counts("d").failed == {}


def test_a_put_that_arrived_though_it_failed_is_overwritten_and_not_doubled() -> None:
    class LostAnswer(FakeS3):
        def put_object(self, **request: Any) -> dict[str, Any]:
            self.objects[request["Bucket"], request["Key"]] = request
            return super().put_object(**request)

    made = bench(s3=LostAnswer(fail_puts=1))
    made.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    made.put(b"a")
    made.firehose.poll()
    made.firehose.poll()

    assert only(made.s3)["Body"] == b"a"


def test_one_object_that_s3_refuses_does_not_hold_up_the_others() -> None:
    made = failing()
    made.put(bytes(MIB // 2), bytes(MIB // 2), b"b")
    made.s3.fail_puts = 1
    made.firehose.poll()

    assert (made.s3.bodies(), made.firehose.counts("d").buffered) == (b"b", 2)


# Backup


BACKUP = {"BucketARN": "arn:aws:s3:::backup", "RoleARN": s3()["RoleARN"], "Prefix": "source/"}


def test_backup_copies_the_records_as_they_came() -> None:
    made = bench(lambda event: answer_all(event, data="b3V0"))
    made.create(
        ProcessingConfiguration=lambda_processing(), S3BackupMode="Enabled", S3BackupConfiguration=BACKUP
    )
    made.deliver(b"in")

    assert [made.s3.body(key) for key in made.s3.listed(bucket="backup")] == [b"in"]
    assert [made.s3.body(key) for key in made.s3.listed(bucket="bucket")] == [b"out"]
    assert made.s3.listed("source/2026/09/10/14/d-1-", bucket="backup") != []


def test_backup_copies_what_is_dropped_and_what_fails_too() -> None:
    results = iter(["Dropped", "ProcessingFailed"])
    made = bench(
        lambda event: {
            "records": [{"recordId": r["recordId"], "result": next(results)} for r in event["records"]]
        }
    )
    made.create(
        ProcessingConfiguration=lambda_processing(), S3BackupMode="Enabled", S3BackupConfiguration=BACKUP
    )
    made.deliver(b"a", b"b")

    assert [made.s3.body(key) for key in made.s3.listed(bucket="backup")] == [b"ab"]
    counts = made.firehose.counts("d")
    assert (counts.received, counts.delivered, counts.dropped) == (2, 0, 1)
    assert counts.objects == {"data": 0, "error": 1, "backup": 1}
