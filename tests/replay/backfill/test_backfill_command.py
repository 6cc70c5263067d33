"""`ttl-archive backfill` as a user runs it, on a local S3: what it prints, asks, and exits with."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.json_service import serving
from tests.replay.backfill.exports import END_S, export, item
from tests.replay.scripted_step_functions import Order, ScriptedStepFunctions
from ttl_archive.infra.local.dynamodb.table_export import full_line
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.backfill.backfill_handler import backfill_batch
from ttl_archive.replay.commands.backfill import backfill
from ttl_archive.transform.settings import load

CONFIG = """\
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"
keys = ["id"]
backfilled = true
"""
BUCKETS = ("my-exports", "my-archive")
PREFIX = "s3://my-exports/exports"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Backfill"
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
    next_step = f"ttl-archive backfill {PREFIX} --bucket my-archive --compare"
    assert f"To check the archive: {next_step}" in second.stderr
    assert run(next_step.removeprefix("ttl-archive backfill ")).exit_code == 0
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


@pytest.fixture
def own_export(s3: Any) -> str:
    """An export in the folder of exports of the archive's bucket."""
    for key, body in export(prefix="exports/DeviceData/dt=2026-11-24").objects(LINES).items():
        s3.put_object(Bucket="my-archive", Key=key, Body=body)
    return "s3://my-archive/exports/DeviceData --bucket my-archive --yes"


@pytest.fixture
def machine(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedStepFunctions]:
    """A state machine that backfills the data files of the folder in its input, with the function's code."""

    def backfill_folder(order: Order) -> int:
        body = s3.get_object(Bucket="my-archive", Key=f"{order['folder']}manifest-files.json")["Body"].read()
        items = [json.loads(line) for line in body.splitlines()]
        clients = Clients()
        backfill_batch(
            {"bucket": "my-archive", **order, "items": items}, clients, load("archive.toml"), stop=Event()
        )
        clients.close()
        return len(items)

    service = ScriptedStepFunctions({MACHINE: backfill_folder})
    with serving(service) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", endpoint)
        yield service


def test_a_state_machine_archives_an_export_and_its_records_are_the_answer(
    s3: Any, own_export: str, machine: ScriptedStepFunctions
) -> None:
    first, second = (run(f"{own_export} --distributed {MACHINE} --json") for _ in range(2))
    here = run(f"{own_export} --json")

    folder = f"exports/DeviceData/dt=2026-11-24/AWSDynamoDB/{export().id}/"
    assert machine.orders == [{"folder": folder, "choice": "expired"}] * 2
    assert "SUCCEEDED: 2 of 2 data files done, 0 failed" in first.stderr
    documents = [json.loads(result.stdout) for result in (first, second, here)]
    assert [(each["files"], each["rows"], each["rows_before"]) for each in documents] == [
        ({"done": 2}, 1, 0),
        ({"done before": 2}, 1, 1),
        ({"done before": 2}, 1, 1),
    ]
    assert [each["left"] for each in documents] == [{"not-expired": 1}] * 3
    assert len(archived(s3)) == 1


def test_an_execution_that_fails_is_reported_with_its_cause(
    s3: Any, own_export: str, machine: ScriptedStepFunctions
) -> None:
    (data,) = (
        key for key in export(prefix="exports/DeviceData/dt=2026-11-24").objects(LINES) if "0000." in key
    )
    s3.put_object(Bucket="my-archive", Key=data, Body=b"\x1f\x8b damaged")

    result = run(f"{own_export} --distributed {MACHINE}")

    assert result.exit_code == 1
    assert "ended as FAILED: s3://my-archive/" in result.stderr
    assert "its gzip data is damaged. Copy it again. Run again to resume" in result.stderr


def test_rows_that_an_execution_says_it_wrote_are_looked_for(
    s3: Any, own_export: str, machine: ScriptedStepFunctions
) -> None:
    machine.machines[MACHINE] = lambda order: 2

    result = run(f"{own_export} --distributed {MACHINE} --json")

    assert result.exit_code == 1
    (first, _) = json.loads(result.stdout)["not_done"]
    assert first["reason"] == (
        "the execution left no record of it. Its results are under replay/table=DeviceData/maps/; run again"
    )


def test_a_state_machine_with_an_older_archive_toml_is_named(
    s3: Any, own_export: str, machine: ScriptedStepFunctions
) -> None:
    """It finds its own record, and leaves the data file alone, which today's settings would archive."""
    lines = [full_line(item(0, station={"S": "x"}))]
    for key, body in export(prefix="exports/DeviceData/dt=2026-11-24").objects(lines).items():
        s3.put_object(Bucket="my-archive", Key=key, Body=body)
    Path("archive.toml").write_text(f'{CONFIG}[[columns]]\nname = "station"\npath = "id"\n')
    first = json.loads(run(f"{own_export} --distributed {MACHINE} --json").stdout)
    machine.machines[MACHINE] = lambda order: 2
    again = json.loads(run(f"{own_export} --distributed {MACHINE} --json").stdout)
    Path("archive.toml").write_text(CONFIG)

    fixed = json.loads(run(f"{own_export} --distributed {MACHINE} --json").stdout)

    assert (first["exit_code"], first["refused"]) == (3, {"ColumnCollision": 1})
    assert (again["exit_code"], again["not_done"]) == (3, [])
    assert fixed["exit_code"] == 1
    assert [each["reason"] for each in fixed["not_done"]] == [
        "the state machine has another archive.toml or version than this command, and refused 1 item. "
        "Deploy it again, and run again"
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{PREFIX} --bucket my-archive --yes --distributed {MACHINE}", "Copy the whole export there"),
        (f"OWN --distributed {MACHINE}x", "Its ARN is an output of the stack"),
        (f"OWN --distributed {MACHINE} --dry-run", "give one of them"),
        (f"OWN --distributed {MACHINE} --compare", "--compare writes nothing"),
    ],
)
def test_what_a_state_machine_cannot_do_is_said(
    s3: Any, own_export: str, machine: ScriptedStepFunctions, line: str, message: str
) -> None:
    result = run(line.replace("OWN", own_export.removesuffix(" --yes" if "--compare" in line else "")))

    assert (result.exit_code, message in result.stderr, machine.orders) == (2, True, []), result.output


@pytest.mark.parametrize("option", ["--compare --all", "--compare --yes", "--out x", "--show-content"])
def test_options_that_would_be_ignored_are_refused(s3: Any, option: str) -> None:
    assert run(f"{PREFIX} --bucket my-archive {option}").exit_code == 2
