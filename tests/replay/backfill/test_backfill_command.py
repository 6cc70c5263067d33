"""`ttl-archive backfill` as a user runs it, on a local S3: what it prints, asks, and exits with."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.replay.backfill.exports import END_S, export, item
from ttl_archive.infra.local.dynamodb.table_export import full_line
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.replay.commands.backfill import backfill

CONFIG = """\
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"
keys = ["id"]
backfilled = true
"""
BUCKETS = ("my-exports", "my-archive")
PREFIX = "s3://my-exports/exports"
LINES = [full_line(item(0)), full_line(item(1, "none", secret={"S": "secret-content"}))]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        for bucket in BUCKETS:
            running.client("s3").create_bucket(Bucket=bucket)
        yield running


@pytest.fixture
def s3(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Two buckets, an export in one of them; the current folder has an archive.toml."""
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archive.toml").write_text(CONFIG)
    client = emulator.client("s3")
    for bucket in BUCKETS:
        for entry in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=entry["Key"])
    for key, body in export().objects(LINES).items():
        client.put_object(Bucket="my-exports", Key=key, Body=body)
    return client


def run(line: str) -> Result:
    return CliRunner().invoke(backfill, shlex.split(line), catch_exceptions=False)


def archived(s3: Any) -> list[str]:
    listed = s3.list_objects_v2(Bucket="my-archive", Prefix="archive/").get("Contents", [])
    return [entry["Key"] for entry in listed]


def test_a_dry_run_says_what_a_run_would_do(s3: Any) -> None:
    result = run(f"{PREFIX} --bucket my-archive --dry-run")

    assert result.exit_code == 0, result.output
    assert f"{export().id}  full export  2026-11-24 00:00:05" in result.output
    assert "items that had expired by then" in result.output
    assert "1 would be written, 0 by an earlier run" in result.output
    assert "1 not-expired" in result.output
    assert "secret-content" not in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert archived(s3) == []


def test_a_run_archives_and_a_second_one_says_that_it_is_done(s3: Any) -> None:
    first, second = (run(f"{PREFIX} --bucket my-archive --yes") for _ in range(2))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "1 written, 0 by an earlier run" in first.output
    assert "0 written, 1 by an earlier run" in second.output
    assert "2 done before" in second.output
    assert len(archived(s3)) == 1


def test_json_is_one_document(s3: Any) -> None:
    result = run(f"{PREFIX} --bucket my-archive --yes --all --json")

    assert json.loads(result.stdout) == {
        "exports": [f"arn:aws:dynamodb:us-east-1:123456789012:table/DeviceData/export/{export().id}"],
        "unverified_manifests": [],
        "choice": "all",
        "dry_run": False,
        "files": {"done": 2},
        "lines": 2,
        "rows": 2,
        "rows_before": 0,
        "left": {},
        "refused": {},
        "not_done": [],
        "exit_code": 0,
    }


def test_without_a_terminal_it_asks_for_yes(s3: Any) -> None:
    result = run(f"{PREFIX} --bucket my-archive")

    assert result.exit_code == 2
    assert "Look with --dry-run, then add --yes" in result.output
    assert archived(s3) == []


def test_zero_chosen_items_is_an_answer_of_its_own(s3: Any) -> None:
    for key, body in export(prefix="living").objects([full_line(item(0, "none"))]).items():
        s3.put_object(Bucket="my-exports", Key=key, Body=body)

    result = run("s3://my-exports/living --bucket my-archive --yes")

    assert result.exit_code == 0
    assert "No item had expired: none has a Number of epoch seconds in expiredAt" in result.output
    assert archived(s3) == []


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("s3://my-exports/nothing --bucket my-archive --yes", 4, "there is no export that was completed"),
        (f"{PREFIX} --bucket no-such-bucket --yes", 1, "there is no such bucket"),
        ("s3://no-such-bucket/ --bucket my-archive --yes", 1, "there is no such bucket"),
    ],
)
def test_what_is_not_there_is_explained(s3: Any, line: str, code: int, message: str) -> None:
    result = run(line)

    assert result.exit_code == code
    assert message in result.output


def test_a_damaged_data_file_is_named_and_the_others_are_archived(s3: Any) -> None:
    later = export(prefix="exports", start=None, time=export().time.replace(hour=1))
    for key, body in later.objects([full_line(item(2, expiredAt={"N": str(END_S)}))]).items():
        s3.put_object(Bucket="my-exports", Key=key, Body=body)
    (damaged,) = (key for key in export().objects(LINES) if key.endswith("0000.json.gz"))
    s3.put_object(Bucket="my-exports", Key=damaged, Body=b"\x1f\x8b damaged")

    result = run(f"{PREFIX} --bucket my-archive --yes")

    assert result.exit_code == 1
    assert f"failed: s3://my-exports/{damaged}: its gzip data is damaged. Copy it again" in result.output
    assert "1 written" in result.output


def test_compare_names_places_and_only_on_demand_keys(s3: Any, tmp_path: Path) -> None:
    line = f"{PREFIX} --bucket my-archive --compare"
    before = run(line)
    shown = run(f"{line} --show-content --out missing.jsonl")
    run(f"{PREFIX} --bucket my-archive --yes")
    after = run(f"{line} --json")

    assert (before.exit_code, shown.exit_code, after.exit_code) == (1, 1, 0)
    assert f"{export().id}/" in before.output
    assert '"i0"' not in before.output
    assert '{"id": {"S": "i0"}}' in " ".join(shown.output.split())
    assert json.loads((tmp_path / "missing.jsonl").read_text())["Keys"] == {"id": {"S": "i0"}}
    assert (tmp_path / "missing.jsonl").stat().st_mode & 0o777 == 0o600
    assert json.loads(after.stdout)["verdict"] == "complete"


@pytest.mark.parametrize("option", ["--compare --all", "--compare --yes", "--out x", "--show-content"])
def test_options_that_would_be_ignored_are_refused(s3: Any, option: str) -> None:
    assert run(f"{PREFIX} --bucket my-archive {option}").exit_code == 2
