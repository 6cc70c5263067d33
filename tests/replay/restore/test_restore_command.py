"""The command `restore` against S3 and DynamoDB over HTTP: every answer is about its subject."""

import gzip
import json
import os
import re
import shlex
import signal
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.replay.restore.archives import archived
from tests.replay.samples import change
from ttl_archive.replay.commands.options import FAILED, NOTHING_FOUND
from ttl_archive.replay.commands.restore import restore
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.restore import item_extraction, restore_run, stage
from ttl_archive.replay.restore.archived_rows import REASONS
from ttl_archive.replay.restore.restore_report import NOT_ALL
from ttl_archive.replay.restore.table_writer import TableWriter
from ttl_archive.transform.settings import load

emulator_module = pytest.importorskip("ttl_archive.infra.local.moto_server.emulator")

BUCKET = "my-archive"
FOLDER = "archive/DeviceData/dt=2025-11-20/"
WORK = Path(".ttl-archive-restore")
CONFIG = """
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"

[[columns]]
name = "device_id"
path = "deviceID"
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Any]:
    with emulator_module.Emulator() as running:
        running.client("s3").create_bucket(Bucket=BUCKET)
        create_table(running)
        yield running


@pytest.fixture
def s3(emulator: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """An empty bucket; the current folder has an archive.toml."""
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Path("archive.toml").write_text(CONFIG)
    client = emulator.client("s3")
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    return client


@pytest.fixture
def table(emulator: Any) -> Any:
    """A DynamoDB client, with an empty table."""
    return create_table(emulator)


def create_table(emulator: Any, region: str | None = None) -> Any:
    dynamodb = emulator.client("dynamodb", **({"region_name": region} if region else {}))
    if "DeviceData" in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName="DeviceData")
    dynamodb.create_table(
        TableName="DeviceData",
        KeySchema=[{"AttributeName": "deviceID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "deviceID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamodb


def put(s3: Any, name: str, *datas: bytes, extra: bytes = b"") -> str:
    key = name if "/" in name else FOLDER + name
    body = gzip.compress(archived(load(), *datas) + extra)
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return key


def changes(first: int, last: int) -> list[bytes]:
    return [change(number) for number in range(first, last)]


def run(options: str) -> Result:
    return CliRunner().invoke(restore, ["--bucket", BUCKET, *shlex.split(options)], prog_name="restore")


def ids(path: str = "rows.jsonl") -> list[str]:
    lines = Path(path).read_text().splitlines()
    return sorted(json.loads(line)["ddb_event_id"] for line in lines)


def count(dynamodb: Any) -> int:
    return int(dynamodb.scan(TableName="DeviceData", Select="COUNT")["Count"])


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture
def kill_after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that ends the next run after so many objects are staged, or items put, as a kill would."""

    def kill(owner: Any, method: str, times: int) -> None:
        real = getattr(owner, method)
        left = [times]

        def counted(*arguments: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                monkeypatch.setattr(owner, method, real)
                raise Killed
            return real(*arguments)

        monkeypatch.setattr(owner, method, counted)

    return kill


def run_killed(options: str) -> None:
    with pytest.raises(Killed):
        CliRunner().invoke(restore, ["--bucket", BUCKET, *shlex.split(options)], catch_exceptions=False)


TO_TABLE = "--to-table DeviceData --ttl remove --yes"
OUT = "--out rows.jsonl"


# --- a stage belongs to one restore


def test_rows_are_restored_by_filter_key_and_folder(s3: Any) -> None:
    put(s3, "a.jsonl.gz", *changes(1, 5))

    assert run(f"{OUT} --where \"device_id = 'd2'\"").exit_code == 0
    assert ids() == ["e2"]
    assert run(f"{OUT} --key deviceID=d4").exit_code == 0
    assert ids() == ["e4"]
    assert run(f"{OUT} --where \"dt = '2025-11-20' AND n BETWEEN 1 AND 2\"").exit_code == 0
    assert len(ids()) == 4
    assert not list(WORK.iterdir())


def test_a_restore_into_another_region_is_another_restore(
    s3: Any, emulator: Any, table: Any, kill_after: Any
) -> None:
    other = create_table(emulator, "eu-west-1")
    put(s3, "a.jsonl.gz", *changes(0, 60))
    kill_after(restore_run, "make_report", 0)
    run_killed(TO_TABLE)

    result = run(f"{TO_TABLE} --region eu-west-1")

    assert result.exit_code == 0, result.output
    assert "60 put" in result.stderr
    assert count(other) == 60


def test_a_restore_into_a_recreated_table_is_another_restore(
    s3: Any, emulator: Any, table: Any, kill_after: Any
) -> None:
    put(s3, "a.jsonl.gz", *changes(0, 60))
    kill_after(restore_run, "make_report", 0)
    run_killed(TO_TABLE)
    create_table(emulator)

    result = run(TO_TABLE)

    assert "60 put" in result.stderr
    assert count(table) == 60


def use_account(emulator: Any, monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    """Use the credentials of a role of that account."""
    role = f"arn:aws:iam::{account}:role/operator"
    found = emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="operator")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", found["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", found["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", found["SessionToken"])


def test_a_restore_to_a_file_by_another_account_is_another_restore(
    s3: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch, kill_after: Any
) -> None:
    put(s3, "a.jsonl.gz", change(1))
    put(s3, "b.jsonl.gz", change(2))
    use_account(emulator, monkeypatch, "111111111111")
    kill_after(stage.Stage, "add_object", 1)
    run_killed(OUT)

    use_account(emulator, monkeypatch, "222222222222")
    other = run(f"{OUT} --dry-run")
    use_account(emulator, monkeypatch, "111111111111")  # with another access key
    same = run(OUT)

    assert (other.exit_code, "Resuming" in other.stderr) == (0, False)
    assert (same.exit_code, "Resuming" in same.stderr) == (0, True)


def test_where_sts_does_not_answer_only_the_same_access_key_resumes(
    s3: Any, monkeypatch: pytest.MonkeyPatch, kill_after: Any
) -> None:
    put(s3, "a.jsonl.gz", change(1))
    put(s3, "b.jsonl.gz", change(2))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")  # nothing listens there
    kill_after(stage.Stage, "add_object", 1)
    run_killed(OUT)

    with monkeypatch.context() as another_key:
        another_key.setenv("AWS_ACCESS_KEY_ID", "AKIAANOTHER")
        other = run(f"{OUT} --dry-run")
    same = run(OUT)

    assert "resumes only with the same access key" in other.stderr
    assert (other.exit_code, "Resuming" in other.stderr) == (0, False)
    assert (same.exit_code, "Resuming" in same.stderr) == (0, True)


def test_another_choice_for_the_ttl_is_another_restore(s3: Any, table: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", *changes(0, 3))
    kill_after(restore_run, "make_report", 0)
    run_killed(TO_TABLE)

    result = run("--to-table DeviceData --ttl keep --yes")

    assert "3 already there" in result.stderr


def test_other_settings_are_another_restore(s3: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    put(s3, "b.jsonl.gz", change(2))
    kill_after(stage.Stage, "add_object", 1)
    run_killed(OUT)
    Path("archive.toml").write_text(CONFIG + '\n[[columns]]\nname = "extra"\n')

    result = run(OUT)

    assert "Resuming" not in result.stderr
    assert ids() == ["e1", "e2"]


def test_after_a_kill_the_same_command_resumes(s3: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    put(s3, "b.jsonl.gz", change(2))
    kill_after(stage.Stage, "add_object", 1)
    run_killed(OUT)

    result = run(OUT)

    assert "Resuming the restore that began at" in result.stderr
    assert ids() == ["e1", "e2"]


def test_what_was_put_before_a_kill_is_not_put_again(s3: Any, table: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", *changes(0, 60))
    kill_after(TableWriter, "put", 50)
    run_killed(f"{TO_TABLE} --concurrency 1")

    result = run(TO_TABLE)

    assert result.exit_code == 0
    # The put that ran beside the kill may have no outcome; it is put again, and is already there.
    assert re.search(r"Putting 1[01] items", result.stderr)
    assert re.search(r"1 already there, 59 put|written +60 put", result.stderr)
    assert count(table) == 60


def test_relative_times_resume_after_a_kill_with_the_times_of_the_beginning(s3: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    put(s3, "b.jsonl.gz", change(2))
    kill_after(stage.Stage, "add_object", 1)
    run_killed(f"{OUT} --since 9999d")

    result = run(f"{OUT} --since 9999d")

    assert "Resuming" in result.stderr
    assert ids() == ["e1", "e2"]
    assert not list(WORK.iterdir())


def test_relative_times_do_not_resume_a_stage_of_another_day(s3: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    put(s3, "b.jsonl.gz", change(2))
    kill_after(stage.Stage, "add_object", 1)
    run_killed(f"{OUT} --since 9999d")
    (path,) = WORK.glob("*.sqlite")
    with stage.Stage(path) as old:
        yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        old._db.execute("UPDATE begun SET begun_at = ?", (yesterday,))

    result = run(f"{OUT} --since 9999d")

    assert "too old to resume; starting over" in result.stderr
    assert ids() == ["e1", "e2"]


def test_a_dry_run_is_resumed_by_the_run_that_writes(s3: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))

    dry = run(f"{OUT} --dry-run")

    assert (dry.exit_code, "would write    1 to rows.jsonl" in dry.stderr) == (0, True)
    assert not Path("rows.jsonl").exists()
    assert "Resuming" in run(OUT).stderr
    assert ids() == ["e1"]


# --- a stage is checked against the listing


def test_an_object_that_was_deleted_since_is_not_restored(s3: Any, kill_after: Any) -> None:
    erased = put(s3, "a.jsonl.gz", *changes(0, 100))
    put(s3, "b.jsonl.gz", *changes(100, 200))
    kill_after(stage.Stage, "add_object", 1)
    run_killed(OUT)
    s3.delete_object(Bucket=BUCKET, Key=erased)

    result = run(OUT)

    assert f"1 of 1 staged objects were deleted or written again since, for example {erased}" in result.stderr
    assert ids() == sorted(f"e{number}" for number in range(100, 200))


def test_an_object_that_was_written_again_since_is_read_again(s3: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", *changes(0, 100))
    put(s3, "b.jsonl.gz", *changes(100, 200))
    kill_after(stage.Stage, "add_object", 1)
    run_killed(OUT)
    put(s3, "a.jsonl.gz", *changes(0, 50))

    run(OUT)

    assert len(ids()) == 150


def test_an_object_that_was_added_since_is_read_too(s3: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    put(s3, "b.jsonl.gz", change(2))
    kill_after(stage.Stage, "add_object", 1)
    run_killed(OUT)
    put(s3, "c.jsonl.gz", change(3))

    assert "Resuming" in run(OUT).stderr
    assert ids() == ["e1", "e2", "e3"]


def test_when_everything_was_deleted_since_nothing_is_written(s3: Any, kill_after: Any) -> None:
    erased = put(s3, "a.jsonl.gz", change(1))
    kill_after(restore_run, "write_staged", 0)
    run_killed(OUT)
    s3.delete_object(Bucket=BUCKET, Key=erased)

    result = run(OUT)

    assert result.exit_code == 4
    assert not Path("rows.jsonl").exists()


# --- duplicates


def test_rows_that_were_delivered_twice_are_restored_once(s3: Any) -> None:
    put(s3, "a.jsonl.gz", *changes(1, 4))
    put(s3, "b.jsonl.gz", *changes(1, 4))

    document = json.loads(run(f"{OUT} --json").stdout)

    assert ids() == ["e1", "e2", "e3"]
    assert (document["rows"], document["items"]) == (6, 3)


def test_an_item_that_changed_to_and_fro_within_a_second_of_the_streams_feed_keeps_every_change(
    s3: Any,
) -> None:
    datas = []
    for number, value in enumerate("ABAB"):
        record = json.loads(change(1, v={"S": value}))
        record["eventID"] = f"{number:032x}"
        record["dynamodb"]["ApproximateCreationDateTime"] = 1_763_600_000
        del record["dynamodb"]["ApproximateCreationDateTimePrecision"]
        datas.append(json.dumps(record).encode())
    put(s3, "a.jsonl.gz", *datas, datas[0])

    assert run(OUT).exit_code == 0
    assert ids() == [f"{number:032x}" for number in range(4)]


def test_a_duplicate_of_the_kinesis_feed_may_have_another_event_id(s3: Any) -> None:
    again = change(1).replace(b'"e1"', b'"other"')
    put(s3, "a.jsonl.gz", change(1), again)

    assert run(OUT).exit_code == 0
    assert ids() == ["e1"]


def test_one_image_in_two_tables_at_one_time_is_two_changes(s3: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    other = archived(load(), change(1)).replace(b'"DeviceData"', b'"Replica"')
    key = "archive/Replica/dt=2025-11-20/a.jsonl"
    s3.put_object(Bucket=BUCKET, Key=key, Body=other)

    assert run(f"{OUT} --prefix archive/").exit_code == 0
    assert ids() == ["e1", "e1"]


def test_an_insert_and_a_removal_of_one_image_at_one_time_are_two_changes(s3: Any) -> None:
    Path("archive.toml").write_text(CONFIG + '\n[select]\nchanges = "all"\n')
    put(s3, "a.jsonl.gz", change(1), change(1, name="INSERT").replace(b'"e1"', b'"e2"'))

    assert run(OUT).exit_code == 0
    assert ids() == ["e1", "e2"]


# --- bad lines


def test_a_bad_line_is_named_and_the_rest_is_restored(s3: Any) -> None:
    bad = b'{"ddb_event_us":1,"n":1e99999999999999999999}\n'
    key = put(s3, "a.jsonl.gz", *changes(1, 3), extra=bad + b"secret\n")

    result, document = run(OUT), json.loads(run(f"{OUT} --json").stdout)

    assert result.exit_code == 3
    assert ids() == ["e1", "e2"]
    assert f"s3://{BUCKET}/{key} line 3: BadNumber, a number is outside" in result.stderr
    assert f"s3://{BUCKET}/{key} line 4: NotJson, the line is not JSON" in result.stderr
    assert "secret" not in result.output
    assert document["unreadable"] == [
        {"key": key, "number": 3, "code": "BadNumber"},
        {"key": key, "number": 4, "code": "NotJson"},
    ]
    assert (document["unreadable_lines"], document["exit_code"]) == (2, 3)


def test_parquet_is_left_to_athena(s3: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    s3.put_object(Bucket=BUCKET, Key=FOLDER + "x.parquet", Body=b"PAR1")

    result = run(OUT)

    assert (result.exit_code, ids()) == (3, ["e1"])
    assert "Use Athena" in result.stderr


# --- nothing found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--prefix archive/DeviceDatta/", "There are archive/DeviceData/. Did you mean archive/DeviceData/?"),
        ("--prefix nowhere/", "There are archive/"),
        ("--since 2026-01-01", "Their folders have the dates 2025-11-20 to 2025-11-20."),
        ("--since 2025-11-21", "Their changes are from 2025-11-20 00:53:20 to 2025-11-20 00:53:20 UTC."),
        ("--where \"devise_id = 'd1'\"", "--where: no row has devise_id. The nearest are device_id"),
        ("--where \"device_id = 'd9'\"", "None of the 1 rows that were read is selected."),
        ("--key deviceid=d1", "--key: no row has deviceid. The nearest are deviceID"),
        ("--key zzz=d1", "--key: no row has zzz. There are, for example, ddb_event_id"),
    ],
)
def test_nothing_found_is_an_answer_of_its_own_and_says_what_is_there(
    s3: Any, options: str, message: str
) -> None:
    put(s3, "a.jsonl.gz", change(1))

    result = run(f"{OUT} {options}")

    assert (result.exit_code, message in result.stderr) == (4, True), result.stderr
    assert not Path("rows.jsonl").exists()
    assert not list(WORK.iterdir())


def test_programs_read_the_explanation_too(s3: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))

    document = json.loads(run(f"{OUT} --since 2026-01-01 --json").stdout)

    assert (document["exit_code"], document["items"]) == (4, 0)
    assert "2025-11-20 to 2025-11-20" in document["explanations"][0]


def test_an_empty_bucket_says_so(s3: Any) -> None:
    result = run(OUT)

    assert result.exit_code == 4
    assert "The bucket has no folders at all. Check --bucket" in result.stderr


def test_the_wrong_table_says_which_there_are(s3: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))
    Path("archive.toml").write_text(CONFIG.replace('"DeviceData"', '"DeviceDate"'))

    result = run(OUT)

    assert result.exit_code == 4
    assert "There are archive/DeviceData/. Did you mean archive/DeviceData/?" in result.stderr


def test_nothing_found_among_lines_that_cannot_be_read_is_not_said(s3: Any) -> None:
    put(s3, "a.jsonl.gz", extra=b"damaged\n")

    assert run(OUT).exit_code == 3


def test_no_name_is_called_missing_when_not_all_names_are_known(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_extraction, "MAX_NAMES", 3)
    put(s3, "a.jsonl.gz", change(1))

    result = run(f"{OUT} --where \"devise_id = 'd1'\"")

    assert (result.exit_code, "no row has" in result.stderr) == (4, False)


def test_what_was_read_before_a_kill_counts_for_the_explanation(s3: Any, kill_after: Any) -> None:
    put(s3, "a.jsonl.gz", change(1, only_here={"S": "x"}))
    put(s3, "b.jsonl.gz", change(2))
    kill_after(stage.Stage, "add_object", 1)
    options = f"{OUT} --where \"only_here = 'y'\""
    run_killed(options)

    result = run(options)

    assert result.exit_code == 4
    assert "no row has" not in result.stderr


# --- before anything costs money


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "--out FILE or --to-table TABLE"),
        ("--out x --to-table DeviceData --ttl keep", "--out FILE or --to-table TABLE"),
        ("--out x --where 'a ='", "expected a value"),
        ("--out nowhere/x", "there is no folder nowhere"),
        ("--out .", "this is a folder"),
        ("--out x --key a", "NAME=VALUE"),
        ("--out x --since yesterday", "yesterday"),
        ("--out x --guard-formulas", "goes with --format csv"),
        ("--to-table DeviceData", "expires again at once"),
        ("--to-table Nowhere --ttl remove --yes", "no such table"),
        ("--to-table DeviceData --ttl 90 --yes", "+90d"),
        ("--to-table DeviceData --ttl remove", "--dry-run"),
        ("--out x --tier Expedited --yes", "--tier Expedited is not offered for DEEP_ARCHIVE"),
    ],
)
def test_a_mistake_is_reported_before_a_retrieval_is_requested(s3: Any, options: str, message: str) -> None:
    key = put(s3, "a.jsonl.gz", change(1))
    s3.copy_object(
        Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": key}, StorageClass="DEEP_ARCHIVE"
    )

    result = run(options)

    assert (result.exit_code, message in result.stderr) == (2, True), result.output
    assert "Restore" not in s3.head_object(Bucket=BUCKET, Key=key)
    assert not WORK.exists() or not list(WORK.iterdir())


def test_a_name_that_archive_toml_does_not_have_is_noted_before_the_cost(s3: Any) -> None:
    key = put(s3, "a.jsonl.gz", change(1))
    s3.copy_object(Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": key}, StorageClass="GLACIER")

    result = run(f"{OUT} --where \"devise_id = 'd1'\" --dry-run")

    assert result.exit_code == 3
    assert result.stderr.index("devise_id: no column of archive.toml") < result.stderr.index("costs about $")
    assert "A dry run retrieves nothing" in result.stderr


def test_a_folder_without_write_permission_is_reported(s3: Any) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    Path("closed").mkdir(mode=0o500)

    assert "not writable" in run("--out closed/x").stderr


# --- names of buckets, private files, two runs


@pytest.mark.parametrize("name", [f"s3://{BUCKET}", f"s3://{BUCKET}/", f"s3://{BUCKET}/archive/DeviceData/"])
def test_a_bucket_may_be_an_address(s3: Any, name: str) -> None:
    put(s3, "a.jsonl.gz", change(1))

    result = CliRunner().invoke(restore, ["--bucket", name, "--out", "rows.jsonl"])

    assert result.exit_code == 0, result.output
    assert ids() == ["e1"]


def test_an_address_with_a_prefix_beside_a_prefix_is_refused(s3: Any) -> None:
    result = CliRunner().invoke(restore, ["--bucket", "s3://bucket/x/", "--prefix", "y/", "--out", "-"])

    assert (result.exit_code, "give one of them" in result.stderr) == (2, True)


def test_only_the_owner_can_read_the_output(s3: Any) -> None:
    put(s3, "a.jsonl.gz", change(1))

    run(OUT)

    assert stat.S_IMODE(Path("rows.jsonl").stat().st_mode) == 0o600


def test_the_same_restore_twice_at_once_is_refused_with_the_reason(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, "a.jsonl.gz", change(1))
    second: list[Result] = []
    real = restore_run.make_readable

    def meanwhile(*arguments: Any) -> bool:
        monkeypatch.setattr(restore_run, "make_readable", real)
        second.append(run(OUT))
        return real(*arguments)

    monkeypatch.setattr(restore_run, "make_readable", meanwhile)
    first = run(OUT)

    assert (first.exit_code, second[0].exit_code) == (0, 2)
    assert "another process is running the same restore" in second[0].stderr


def test_an_error_while_writing_leaves_no_part_and_the_next_run_resumes(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, "a.jsonl.gz", change(1))

    def full(*arguments: Any) -> int:
        raise ReplayError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ttl_archive.replay.restore.item_files.write_jsonl", full)
        result = run(OUT)

    assert (result.exit_code, "No space left" in result.stderr) == (1, True)
    assert sorted(path.name for path in Path().iterdir()) == [".ttl-archive-restore", "archive.toml"]
    assert run(OUT).exit_code == 0
    assert ids() == ["e1"]


# --- output


def test_without_images_items_need_consent(s3: Any) -> None:
    Path("archive.toml").write_text(CONFIG + "\n[output]\nimage = false\n")
    put(s3, "a.jsonl.gz", *changes(1, 4))
    line = "--out items.json --format dynamodb-json"

    refused, taken = run(line), run(f"{line} --inexact")

    assert (refused.exit_code, "sets come back as lists" in refused.stderr) == (2, True)
    assert taken.exit_code == 0
    assert len(Path("items.json").read_text().splitlines()) == 3


def test_csv_for_a_spreadsheet_is_guarded(s3: Any) -> None:
    put(s3, "a.jsonl.gz", change(1, deviceID={"S": "=1+1"}))

    assert run("--out rows.csv --format csv --guard-formulas").exit_code == 0
    assert ",'=1+1," in Path("rows.csv").read_text()


def test_the_ttl_choice_applies_to_what_the_table_reads(s3: Any, table: Any) -> None:
    specification = {"Enabled": True, "AttributeName": "expires"}
    table.update_time_to_live(TableName="DeviceData", TimeToLiveSpecification=specification)
    put(s3, "a.jsonl.gz", change(1, expires={"N": "1"}, expiredAt={"N": "2"}))

    result = run(TO_TABLE)

    assert "The TTL of DeviceData reads expires, not expiredAt as archive.toml says" in result.stderr
    item = table.get_item(TableName="DeviceData", Key={"deviceID": {"S": "d1"}})["Item"]
    assert item.keys() == {"deviceID", "n", "expiredAt"}


def test_the_rate_and_the_time_of_a_restore_to_a_table_are_said(s3: Any, table: Any) -> None:
    put(s3, "a.jsonl.gz", *changes(0, 5))

    result = run(TO_TABLE)

    assert "Putting 5 items into DeviceData (on-demand mode) at up to 2,000 write units" in result.stderr
    assert "they take 5, so about 0 s or more" in result.stderr


def test_the_readme_names_every_code_of_a_line_and_every_exit_code() -> None:
    readme = (Path(__file__).parents[3] / "replay" / "README.md").read_text()
    section = readme[readme.index("## Restore\n") :]

    assert [code for code in REASONS if not re.search(rf"^\|.*\b{code}\b.* \|", section, re.MULTILINE)] == []
    codes = (0, FAILED, 2, NOT_ALL, NOTHING_FOUND)
    assert [code for code in codes if f"\n| {code} | " not in section] == []


def test_ctrl_c_while_items_are_put_says_how_to_resume(
    s3: Any, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, "a.jsonl.gz", *changes(0, 20))
    real = TableWriter.put

    def interrupted(writer: TableWriter, item: Any) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        monkeypatch.setattr(TableWriter, "put", real)
        return real(writer, item)

    monkeypatch.setattr(TableWriter, "put", interrupted)
    stopped = run(f"{TO_TABLE} --concurrency 1")

    assert stopped.exit_code == 1
    assert re.search(r"not written +\d+; run the same command to resume", stopped.stderr)
    assert "20 put" in run(TO_TABLE).stderr
