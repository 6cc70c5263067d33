"""`ttl-archive verify` on the local pipeline: its own counts are exact, and each tampering is caught."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from tests.infra.verify.verified_archive import START, by_day, document, key_of
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local import Pipeline
from ttl_archive.infra.local.dynamodb.table_export import TableExport, full_line

REFUSED_DAY = ["--since", "2026-03-04", "--until", "2026-03-05"]


def test_the_counts_of_the_local_pipeline_are_exact(verify: Any) -> None:
    found = by_day(verify("--json", "--edge-s", "0"))

    assert {day: (each["deleted"], each["unique"], each["verdict"]) for day, each in found.items()} == {
        "2026-03-01": (2, 2, "closed"),
        "2026-03-02": (3, 3, "closed"),
        "2026-03-03": (4, 4, "closed"),
    }
    assert document(verify("--json"))["range"]["deleted"] == 9


def test_the_report_fits_80_columns_and_says_what_was_compared(verify: Any) -> None:
    text = verify().output

    assert all(len(line) <= 80 for line in text.splitlines()), text
    assert "every day closes" in text
    assert "rows within 300 seconds of a day's edges" in " ".join(text.split())


def test_a_deleted_object_is_caught(verify: Any, archive: Pipeline, objects: dict[str, bytes]) -> None:
    key = key_of(objects, "2026-03-02")
    archive.s3.delete_object(Bucket=archive.bucket, Key=key)

    day = by_day(verify("--json", exit_code=1))["2026-03-02"]

    assert (day["deleted"], day["unique"], day["verdict"]) == (3, 0, "open")
    assert f"s3://{archive.bucket}/{key}: it was deleted" in day["reasons"]
    assert "3 of them not explained" in day["reasons"]


def test_a_truncated_object_is_caught(verify: Any, archive: Pipeline, objects: dict[str, bytes]) -> None:
    key = key_of(objects, "2026-03-03")
    archive.s3.put_object(Bucket=archive.bucket, Key=key, Body=objects[key][:-9])

    day = by_day(verify("--json", exit_code=1))["2026-03-03"]

    assert day["verdict"] == "open"
    assert any("ends within its gzip data" in reason for reason in day["reasons"])


def test_an_object_with_an_altered_value_is_caught_by_its_older_version(
    verify: Any, archive: Pipeline, objects: dict[str, bytes]
) -> None:
    key = key_of(objects, "2026-03-03")
    altered = gzip.decompress(objects[key]).replace(b"2-0", b"9-9")
    archive.s3.put_object(Bucket=archive.bucket, Key=key, Body=gzip.compress(altered))

    day = by_day(verify("--json", exit_code=1))["2026-03-03"]

    assert (day["deleted"], day["unique"], day["verdict"]) == (4, 4, "open")
    assert f"s3://{archive.bucket}/{key}: it was overwritten" in day["reasons"]


def test_an_object_with_flipped_bytes_is_caught_by_its_checksum(
    verify: Any, archive: Pipeline, objects: dict[str, bytes]
) -> None:
    key = key_of(objects, "2026-03-03")
    body = bytearray(objects[key])
    body[-6] ^= 1  # in the CRC of gzip
    archive.s3.put_object(Bucket=archive.bucket, Key=key, Body=bytes(body))

    day = by_day(verify("--json", exit_code=1))["2026-03-03"]

    assert any("gzip data is damaged" in reason for reason in day["reasons"])


def test_an_added_object_with_rows_of_its_own_is_caught(
    verify: Any, archive: Pipeline, objects: dict[str, bytes]
) -> None:
    key = key_of(objects, "2026-03-03")
    other = gzip.decompress(objects[key]).replace(b"2-0", b"9-9")
    archive.s3.put_object(
        Bucket=archive.bucket, Key=key.replace("-1-2026", "-2-2026"), Body=gzip.compress(other)
    )

    day = by_day(verify("--json", exit_code=1))["2026-03-03"]

    assert (day["deleted"], day["unique"], day["verdict"]) == (4, 5, "open")
    assert "1 row more than items that DynamoDB deleted" in day["reasons"]


def test_an_added_copy_is_reported_and_explains_the_rows(
    verify: Any, archive: Pipeline, objects: dict[str, bytes]
) -> None:
    key = key_of(objects, "2026-03-03")
    copy = key.replace("-1-2026", "-2-2026")
    archive.s3.put_object(Bucket=archive.bucket, Key=copy, Body=objects[key])

    found = document(verify("--json"))

    assert found["days"][2]["rows"] == 8
    assert "4 rows delivered again: delivery is at least once" in found["days"][2]["reasons"]
    assert [each["object"] for each in found["copies"]] == [f"s3://{archive.bucket}/{max(key, copy)}"]


def test_an_object_with_a_foreign_name_is_caught(
    verify: Any, archive: Pipeline, objects: dict[str, bytes]
) -> None:
    key = key_of(objects, "2026-03-03").rpartition("/")[0] + "/mine.jsonl.gz"
    archive.s3.put_object(Bucket=archive.bucket, Key=key, Body=objects[key_of(objects, "2026-03-03")])

    reasons = by_day(verify("--json", exit_code=1))["2026-03-03"]["reasons"]

    assert (
        f"s3://{archive.bucket}/{key}: no object of Firehose, replay or backfill has such a name" in reasons
    )


def test_a_day_in_glacier_is_not_countable(verify: Any, archive: Pipeline, objects: dict[str, bytes]) -> None:
    key = key_of(objects, "2026-03-01")
    source = {"Bucket": archive.bucket, "Key": key}
    s3 = archive.emulator.client("s3")
    s3.copy_object(Bucket=archive.bucket, Key=key, CopySource=source, StorageClass="GLACIER")

    result = verify("--json", exit_code=1)

    day = by_day(result)["2026-03-01"]
    assert day["verdict"] == "not countable"
    assert "1 object that may have rows of the day: in GLACIER, not retrieved" in day["reasons"]
    assert not any("without a row" in reason for reason in day["reasons"])
    whole = document(result)["range"]
    assert (whole["verdict"], whole["reasons"]) == ("not countable", ["2 days of them not countable"])
    assert by_day(result)["2026-03-03"]["verdict"] == "closed"
    line = f"restore --bucket {archive.bucket} --since 2026-03-01 --until 2026-03-03 --out rows.jsonl"
    assert line in verify(exit_code=1).output


def test_days_without_counts_are_not_countable(verify: Any) -> None:
    result = verify("--json", "--since", "2024-01-01", "--until", "2024-01-02", exit_code=1)

    (day,) = document(result)["days"]
    assert (day["verdict"], day["deleted"]) == ("not countable", None)
    assert "CloudWatch keeps its counts for 455 days" in day["reasons"]


def test_a_day_that_is_not_over_is_not_countable(verify: Any) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    result = verify("--json", "--since", "5m", "--until", tomorrow.isoformat(), exit_code=1)

    assert {day["verdict"] for day in document(result)["days"]} == {"not countable"}
    assert "the day is not over for 60 minutes yet" in str(document(result)["days"][-1]["reasons"])


def test_a_range_without_a_day_is_misuse(verify: Any) -> None:
    result = verify("--since", "2026-03-04", exit_code=2)

    assert "--since 2026-03-04 is not before --until 2026-03-04" in result.output


def test_a_removal_in_an_open_error_object_explains_the_difference_and_the_day_is_open(verify: Any) -> None:
    (day,) = document(verify("--json", *REFUSED_DAY, exit_code=1))["days"]

    assert (day["deleted"], day["unique"], day["failed"], day["verdict"]) == (1, 0, {"open": 1}, "open")
    assert not any("not explained" in reason for reason in day["reasons"])
    assert "ttl-archive replay list" in verify(*REFUSED_DAY, exit_code=1).output


def test_a_waived_removal_explains_the_difference_and_the_day_closes(verify: Any, archive: Pipeline) -> None:
    (key,) = archive.objects("errors/")
    CliRunner().invoke(cli, ["replay", "run", "--bucket", archive.bucket, "--yes"])
    CliRunner().invoke(cli, ["replay", "waive", f"s3://{archive.bucket}/{key}", "--reason", "a test item"])
    try:
        (day,) = document(verify("--json", *REFUSED_DAY))["days"]
    finally:
        for written in archive.objects("replay/"):
            archive.s3.delete_object(Bucket=archive.bucket, Key=written)

    assert (day["failed"], day["verdict"]) == ({"waived": 1}, "explained")


def test_the_counts_of_the_functions_are_shown(verify: Any, archive: Pipeline) -> None:
    counts = {"RecordsReceived": 9, "RecordsDelivered": 4, "RecordsDropped": 3, "DroppedUserRemoval": 3}
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "Table", "Value": "readings"}],
            "Timestamp": START,
            "Value": value,
        }
        for name, value in counts.items()
    ]
    archive.emulator.client("cloudwatch").put_metric_data(Namespace="TtlArchive", MetricData=data)
    only = ["--since", "2026-03-01", "--until", "2026-03-02"]

    (day,) = document(verify("--json", *only))["days"]
    text = " ".join(verify(*only).output.split())

    assert day["processed"] == counts
    assert "the functions received 9 records, and counted 7 results" in day["reasons"]
    assert "9 records received" in text
    assert "3 user-removal" in text


@pytest.mark.parametrize(("names", "exit_code"), [(["0-0", "0-1"], 0), (["0-0", "never archived"], 1)])
def test_an_export_is_compared_key_by_key(
    archive: Pipeline, verify: Any, names: list[str], exit_code: int
) -> None:
    export = TableExport(table=archive.table, time=START, bucket=f"exports-{exit_code}")
    ttl = {"N": str(int(START.timestamp()))}
    archive.s3.create_bucket(Bucket=export.bucket)
    for key, body in export.objects([full_line({"pk": {"S": name}, "ttl": ttl}) for name in names]).items():
        archive.s3.put_object(Bucket=export.bucket, Key=key, Body=body)
    place = f"s3://{export.bucket}/exports"

    result = CliRunner().invoke(cli, ["verify", "--bucket", archive.bucket, "--export", place, "--json"])

    assert result.exit_code == exit_code, result.output
    assert json.loads(result.stdout)["missing"] == exit_code
    assert "leave out days" in verify("--export", place, exit_code=2).output
