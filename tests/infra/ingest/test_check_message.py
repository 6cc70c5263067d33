"""`ttl-archive check-message`, called as a user calls it: with the example of the README."""

import json
import re
from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ttl_archive.infra.cli import cli

README = (Path(__file__).parents[3] / "infra/ingest/README.md").read_text(encoding="utf-8")
CONFIG, *_ = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
# The outputs of the stack, the message, and the item that it becomes.
SENT = "2024-11-24"
_, MESSAGE, ITEM = re.findall(r"```json\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder has the archive.toml of the README."""
    monkeypatch.chdir(tmp_path)
    Path("archive.toml").write_text(CONFIG)


def check(*bodies: str) -> Result:
    for number, body in enumerate(bodies):
        Path(f"{number}.json").write_text(body)
    files = [f"{number}.json" for number in range(len(bodies))]
    return CliRunner().invoke(cli, ["check-message", "--sent", SENT, *files])


def test_the_readmes_message_becomes_the_readmes_item() -> None:
    result = check(MESSAGE, b64encode(MESSAGE.encode()).decode())

    assert [json.loads(line) for line in result.stdout.splitlines()] == [json.loads(ITEM)] * 2
    assert (result.stderr, result.exit_code) == ("2 items, 0 refused.\n", 0)


def test_each_refused_reading_is_named_with_its_code() -> None:
    readings = '[{"time": 1732406400}, {"time": "soon"}, {}]'
    result = check(f'{{"device": "d", "data": {{"readings": {readings}}}}}', "no json")

    assert len(result.stdout.splitlines()) == 1
    assert result.stderr.splitlines() == [
        "0.json: reading 2: BadTime",
        "0.json: reading 3: MissingMember",
        "1.json: reading 1: BadBody",
        "1 item, 3 refused.",
        "What each ErrorCode means: ttl-archive docs ingest",
    ]
    assert result.exit_code == 3


def test_a_reading_that_had_expired_for_five_years_when_it_was_sent_is_refused() -> None:
    Path("old.json").write_text(MESSAGE)
    result = CliRunner().invoke(cli, ["check-message", "--sent", "2031-01-01", "old.json"])

    assert result.stderr.startswith("old.json: reading 1: ExpiredTooLongAgo\n")


def test_a_message_can_come_from_stdin() -> None:
    result = CliRunner().invoke(cli, ["check-message", "--sent", SENT, "-"], input=MESSAGE)

    assert json.loads(result.stdout) == json.loads(ITEM)


def test_without_the_section_the_command_says_what_is_missing() -> None:
    Path("archive.toml").write_text(CONFIG.partition("[ingest]")[0])
    result = check(MESSAGE)

    assert result.exit_code == 2
    assert "the section [ingest] is missing" in result.stderr
