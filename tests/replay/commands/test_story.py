"""A newcomer closes a ledger of ten causes with nothing but what the commands print, at 80 columns."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.replay.samples import change, error_line, error_object
from ttl_archive.replay.commands.groups import replay

emulator_module = pytest.importorskip("ttl_archive.infra.local.moto_server.emulator")

BUCKET = "my-archive"
FOLDER = "errors/DeviceData/processing-failed/dt=2026-11-20/"
CONFIG = '[table]\nname = "DeviceData"\nttl_attribute = "expiredAt"\n'
GOOD = [change(number) for number in range(100, 110)]
BY_SETTINGS = [
    change(1, Temp={"S": "x"}, temp={"S": "y"}),
    change(2, dt={"S": "x"}),
]
LOST = [
    change(3, bad={"N": "1x"}),
    change(4, b={"M": {"c": {"B": "%%"}}}),
    change(5, c={"S": "secret", "N": "1"}),
    change(6, table="Orders"),
    b"secret, and no json",
    b"\xff",
    change(8).replace(b'"OldImage"', b'"Other"'),
]
HALF = error_line(change(9))[:60]  # the tenth cause
CAUSES = 10


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    with emulator_module.Emulator() as emulator:
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "archive.toml").write_text(CONFIG)
        client = emulator.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key=FOLDER + "a", Body=error_object([*GOOD[:5], *BY_SETTINGS]))
        client.put_object(Bucket=BUCKET, Key=FOLDER + "b", Body=error_object([*LOST, *GOOD[5:]]) + HALF)
        yield client


def run(line: str) -> Result:
    words = shlex.split(line)
    assert words[:2] == ["ttl-archive", "replay"], line
    return CliRunner().invoke(replay, words[2:], prog_name="ttl-archive replay")


def command_after(text: str, result: Result) -> str:
    """The command that a hint in the output ends with."""
    found = re.search(rf"{re.escape(text)}: (ttl-archive replay .*)", result.output)
    assert found, result.output
    return found[1]


def settings_in(output: str) -> list[str]:
    """The [[columns]] that the output offers, as they are printed."""
    return [
        re.sub(r"(?m)^ +", "", each)
        for each in re.findall(r"(?m)^ +\[\[columns\]\]\n(?:^ +\w+ = .*\n)+", output)
    ]


def test_a_newcomer_closes_a_ledger_of_ten_causes(s3: Any) -> None:
    first = run(f"ttl-archive replay list --bucket {BUCKET}")
    why = run(command_after("To see why, and what to do", first))
    assert len(re.findall(r"(?m)^\w+(?: at .*)?: \d+ records? in", why.stdout)) == CAUSES

    # what is offered for archive.toml, pasted
    for offered in settings_in(why.stdout):
        with Path("archive.toml").open("a") as config:
            config.write("\n" + offered)
    why = run(command_after("To see why, and what to do", first))
    assert settings_in(why.stdout) == []
    assert "would be delivered  12" in why.stdout

    # plan and run
    plan = run(command_after("To replay what can be delivered", why))
    assert "would be refused    8" in plan.stdout
    done = run(command_after("To execute it", plan))
    assert done.exit_code == 3
    assert "12 to s3: archive/DeviceData/" in done.stdout

    # what nothing can deliver is accepted, each record with a reason
    why = run(command_after("To see why, and what to do", done))
    accepts = re.findall(r"Accept: (ttl-archive replay waive .*) --reason TEXT", why.stdout)
    assert len(accepts) == 8
    for accept in accepts:
        assert run(f'{accept} --reason "looked at, and worth nothing"').exit_code == 0

    # the ledger is closed, and the objects are moved out of the way
    closed = run(f"ttl-archive replay list --bucket {BUCKET}")
    retired = run(command_after("To move it out of the way", closed))
    assert retired.exit_code == 0
    last = run(f"ttl-archive replay list --bucket {BUCKET}")
    assert (last.exit_code, "all of them were retired" in last.stderr) == (4, True)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert [key for key in keys if key.startswith("errors/")] == []
    assert sum("/retired/" in key for key in keys) == 2
    claims = [
        json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys if "/claims/" in key
    ]
    assert {each["result"]["rows"] for each in claims} == {7, 5}
    assert sum(len(waiver["records"]) for each in claims for waiver in each["waivers"]) == 8
    assert all("moto" in waiver["by"] for each in claims for waiver in each["waivers"])


@pytest.mark.parametrize("command", ["list", "list --why", "list --objects", "plan"])
def test_at_80_columns_only_keys_and_commands_are_longer_and_no_value_is_shown(s3: Any, command: str) -> None:
    output = run(f"ttl-archive replay {command} --bucket {BUCKET}").stdout

    long = [line for line in output.splitlines() if len(line) > 80]
    assert [line for line in long if "ttl-archive replay" not in line and FOLDER not in line] == []
    assert "secret" not in output


@pytest.mark.parametrize("sink", ["", " --sink kinesis --stream nowhere"])
def test_a_misuse_is_found_before_anything_is_read(s3: Any, sink: str) -> None:
    wrong = run(f"ttl-archive replay run --bucket s3://{BUCKET}/errors/ --prefix x/ --yes{sink}")

    assert (wrong.exit_code, "give one of them" in wrong.stderr) == (2, True)


def test_where_only_settings_are_missing_the_causes_name_no_waiver_and_the_next_step(s3: Any) -> None:
    s3.delete_object(Bucket=BUCKET, Key=FOLDER + "b")
    s3.put_object(Bucket=BUCKET, Key=FOLDER + "a", Body=error_object(BY_SETTINGS))

    why = run(f"ttl-archive replay list --why --bucket {BUCKET}")

    assert "Accept" not in why.output
    for offered in settings_in(why.stdout):
        with Path("archive.toml").open("a") as config:
            config.write("\n" + offered)
    again = run(command_after("After that change, look again", why))
    assert "would be delivered  2" in again.stdout


def test_an_object_is_inspected_in_80_columns(s3: Any) -> None:
    inspected = run(f"ttl-archive replay inspect s3://{BUCKET}/{FOLDER}a")

    assert max(map(len, inspected.stdout.splitlines())) <= 80
    assert "1  Lambda.FunctionError\n   4 attempts, arrived " in inspected.stdout


def test_what_is_left_is_shown_after_a_waiver(s3: Any) -> None:
    run(f"ttl-archive replay run --bucket {BUCKET} --yes")

    waived = run(f"ttl-archive replay waive s3://{BUCKET}/{FOLDER}b --reason 'worth nothing'")

    assert run(command_after("To see what is left", waived)).exit_code == 0
