"""C. Objects in S3: keys, compression, order."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from datetime import timedelta, timezone
from typing import Any

from tests.conformance.cases import case, not_verified
from tests.conformance.endpoint import Endpoint

SOON = {"SizeInMBs": 1, "IntervalInSeconds": 0}
SECOND = {"SizeInMBs": 1, "IntervalInSeconds": 1}
RECORD = b"Test-message-2948294kdlsie"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def delivered(aws: Endpoint, *data: bytes, prefix: str = "", **members: Any) -> tuple[str, dict[str, Any]]:
    """The one object that a Direct PUT stream makes of some records: its key and its answer."""
    bucket = aws.bucket()
    name = aws.create_s3(bucket, **{"BufferingHints": SOON} | members)
    aws.put(name, *data or (b"x",))
    ((key, answer),) = aws.objects(bucket, prefix).items()
    return key, answer


def on_kinesis(aws: Endpoint, arn: str, bucket: str, **members: Any) -> str:
    name = aws.create(
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": aws.role_arn},
        ExtendedS3DestinationConfiguration=aws.destination(bucket, BufferingHints=SECOND, **members),
    )
    aws.describe(name)
    return name


def suffix_pattern(name: str) -> str:
    return rf"{name}-1-\d{{4}}-\d\d-\d\d-\d\d-\d\d-\d\d-{UUID}"


@case("C01", "R", "LS-fh 2024-01-25")
def test_C01_two_delivery_streams_on_one_data_stream(aws: Endpoint) -> None:
    stream, arn = aws.data_stream()
    buckets = [aws.bucket(), aws.bucket()]
    for bucket in buckets:
        on_kinesis(aws, arn, bucket, Prefix="firehoseTest")
    aws.client("kinesis").put_record(StreamName=stream, Data=RECORD, PartitionKey="k")

    for bucket in buckets:
        (answer,) = aws.objects(bucket).values()
        assert answer["Body"] == RECORD


@case("C02", "R", "FLOCI #1857")
def test_C02_a_static_prefix_gets_no_slash(aws: Endpoint) -> None:
    stream, arn = aws.data_stream()
    bucket = aws.bucket()
    name = on_kinesis(aws, arn, bucket, Prefix="firehoseTest")
    aws.client("kinesis").put_record(StreamName=stream, Data=RECORD, PartitionKey="k")

    (key,) = aws.objects(bucket)
    assert re.fullmatch(rf"firehoseTest\d{{4}}/\d\d/\d\d/\d\d/{suffix_pattern(name)}", key)


@case("C03", "R", "LS-fh 2024-05-22")
def test_C03_an_extension(aws: Endpoint) -> None:
    key, _ = delivered(aws, FileExtension=".txt")

    assert key.endswith(".txt")


@case("C04", "R", "LS-fh 2024-02-15")
def test_C04_ten_records_of_one_partition_key(aws: Endpoint) -> None:
    stream, arn = aws.data_stream()
    bucket = aws.bucket()
    on_kinesis(aws, arn, bucket, Prefix="firehose-raw-data/", ErrorOutputPrefix="firehose-raw-data/errors/")
    for number in range(10):
        aws.client("kinesis").put_record(StreamName=stream, Data=b"%d," % number, PartitionKey="k")
    expected = b"0,1,2,3,4,5,6,7,8,9,"

    def bodies() -> bytes:
        found = aws.objects(bucket, "firehose-raw-data/")
        # The time in a key has seconds, so the objects are ordered by their own times.
        ordered = sorted(found.values(), key=lambda answer: bytes(answer["Body"]))
        return b"".join(answer["Body"] for answer in ordered)

    aws.wait(lambda: len(bodies()) >= len(expected))
    assert bodies() == expected


@case("C05", "R", "FLOCI #1857")
def test_C05_no_prefix(aws: Endpoint) -> None:
    before = aws.now()
    key, _ = delivered(aws)

    hours = {f"{at:%Y/%m/%d/%H/}" for at in (before, aws.now())}
    assert key[: len("2026/01/01/00/")] in hours


@case("C06", "R", "FLOCI #1857")
def test_C06_a_random_string(aws: Endpoint) -> None:
    bucket = aws.bucket()
    name = aws.create_s3(
        bucket,
        Prefix="rand/!{firehose:random-string}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
        BufferingHints=SOON,
    )
    aws.put(name, b"x")

    (key,) = aws.objects(bucket)
    assert re.fullmatch(rf"rand/[^/]{{11}}/{suffix_pattern(name)}", key)


@case("C07", "?", "FDG: appended; C06: not")
def test_C07_partition_keys_only() -> None:
    not_verified(
        "FDG says that the date is appended, and C06 says that it is not. Ours appends nothing;"
        " date_after_expressions=True appends it"
    )


@case("C08", "D", "FDG: s3-object-name")
def test_C08_a_time_zone_moves_prefix_and_suffix(aws: Endpoint) -> None:
    tokyo = timezone(timedelta(hours=9))
    before = aws.now().astimezone(tokyo)
    key, _ = delivered(aws, CustomTimeZone="Asia/Tokyo")

    times = (before, aws.now().astimezone(tokyo))
    assert key[: len("2026/01/01/00/")] in {f"{at:%Y/%m/%d/%H/}" for at in times}
    assert any(f"-1-{at:%Y-%m-%d-%H}-" in key for at in times)


@case("C09a", "R", "FLOCI #2328")
def test_C09a_gzip(aws: Endpoint) -> None:
    key, answer = delivered(aws, CompressionFormat="GZIP")

    assert (key[-3:], answer["ContentEncoding"], gzip.decompress(answer["Body"])) == (".gz", "gzip", b"x")


@case("C09b", "R", "FLOCI #2328")
def test_C09b_zip(aws: Endpoint) -> None:
    key, answer = delivered(aws, CompressionFormat="ZIP")

    assert (key[-4:], answer["ContentEncoding"]) == (".zip", "zip")
    with zipfile.ZipFile(io.BytesIO(answer["Body"])) as archive:
        (entry,) = archive.infolist()
        assert (entry.compress_type, archive.read(entry)) == (zipfile.ZIP_DEFLATED, b"x")


@case("C09c", "R", "FLOCI #2328")
def test_C09c_snappy(aws: Endpoint) -> None:
    key, answer = delivered(aws, CompressionFormat="Snappy")

    assert (key[-7:], answer["ContentEncoding"]) == (".snappy", "snappy-java")
    assert answer["Body"].startswith(bytes.fromhex("82 53 4e 41 50 50 59 00"))


@case("C09d", "R", "FLOCI #2328")
def test_C09d_hadoop_snappy(aws: Endpoint) -> None:
    key, answer = delivered(aws, b"xy", CompressionFormat="HADOOP_SNAPPY")

    assert (key[-7:], answer["ContentEncoding"]) == (".snappy", "hadoop-snappy")
    body = answer["Body"]
    assert int.from_bytes(body[:4], "big") == 2
    assert int.from_bytes(body[4:8], "big") == len(body) - 8


@case("C10", "R", "FLOCI")
def test_C10_the_content_type(aws: Endpoint) -> None:
    _, answer = delivered(aws)

    assert answer["ContentType"] == "application/octet-stream"


@case("C11", "R", "FLOCI")
def test_C11_deleting_discards_what_is_buffered(aws: Endpoint) -> None:
    bucket = aws.bucket()
    hints = {"SizeInMBs": 1, "IntervalInSeconds": 5}
    doomed = aws.create_s3(bucket, Prefix="doomed/", BufferingHints=hints)
    aws.put(doomed, b"x")
    aws.firehose.delete_delivery_stream(DeliveryStreamName=doomed)
    kept = aws.create_s3(bucket, Prefix="kept/", BufferingHints=hints)
    aws.put(kept, b"x")

    assert aws.objects(bucket, "kept/")
    assert aws.objects(bucket, "doomed/", count=0) == {}


@case("C12", "R", "floci-io/floci:…/FirehoseServiceTest.java")
def test_C12_an_update_delivers_what_is_buffered_under_the_old_configuration(aws: Endpoint) -> None:
    bucket = aws.bucket()
    name = aws.create_s3(bucket, Prefix="old/", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 60})
    aws.put(name, b"before")
    if aws.services is not None:
        aws.wait(lambda: aws.services is not None and aws.services.firehose.counts(name).buffered == 1)
        aws.services.work()
    aws.firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId="1",
        DestinationId=aws.describe(name)["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"Prefix": "new/", "BufferingHints": SOON},
    )
    aws.put(name, b"after")

    (before,) = aws.objects(bucket, "old/").values()
    (after,) = aws.objects(bucket, "new/").values()
    assert (before["Body"], after["Body"]) == (b"before", b"after")
