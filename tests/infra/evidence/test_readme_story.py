"""The story of the README, from a table of mixed items to GLACIER: its commands run as they are printed."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

README = Path(__file__).parents[3] / "README.md"
DEMO = "ttl-archive demo --table-file orders.jsonl --serve --env-file demo.env"
LIMIT_S = 120  # for the demo to serve, and for a month to pass, on a busy machine


class Printed(NamedTuple):
    """A command of the README, and the lines below it."""

    command: str
    output: str


def printed_commands() -> list[Printed]:
    section = README.read_text(encoding="utf-8").partition("### The whole story")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^\$ (.*?)(?:  +# [^\n]*)?\n((?:[^$].*\n)*)", "".join(blocks), re.MULTILINE)
    return [Printed(*each) for each in found]


class Story:
    """A terminal in the folder of the story."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        beside = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": beside, "COLUMNS": "80"}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        source = ". ./demo.env && " if (self.folder / "demo.env").exists() else ""
        return subprocess.run(
            ["bash", "-c", source + command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def serve(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command.split(),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return what the process prints, up to the line with the text."""
    assert process.stdout
    lines: list[str] = []
    deadline = time.monotonic() + LIMIT_S
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
        assert time.monotonic() < deadline, "".join(lines)
    raise AssertionError("".join(lines))


@pytest.mark.slow
def test_the_story_of_the_readme_happens_as_it_is_printed(story: Story) -> None:
    make, init, bare, refusing, demo, _, *questions, verify, synth = printed_commands()
    (one, total, diff, infer, label, seal) = questions
    assert story.run(make.command).returncode == 0
    made = story.run(init.command)
    assert made.returncode == 0, made.stderr
    assert "the transform would refuse 3 % of the items (6)" in made.stdout
    assert "176 of the items will expire, and become 176 rows" in made.stdout
    assert story.run(bare.command).returncode == 0
    refused = story.run(refusing.command).stdout
    assert re.search(r"expired .* 176 .*│ 170 ", refused), refused
    assert re.search(r"kept in errors/ │ 6 ", refused), refused
    for cause, predicted in (("status and Status", "5 × "), ("dt", "1 × ")):
        assert f"{predicted}ColumnCollision: {cause}\n" in made.stdout
        assert cause in refused
    assert demo.command == DEMO

    with story.serve(demo.command) as process:
        try:
            text = read_until(process, "replay list")
            assert re.search(r"expired .* 176 .*│ 176 ", text), text
            assert re.search(r"kept in errors/ │ 0 ", text), text
            for each in (one, total):
                assert story.run(each.command).stdout == each.output
            open_before = story.run(diff.command)
            assert (open_before.returncode, open_before.stdout.count("undeclared")) == (1, 4)
            assert story.run(infer.command).returncode == 0
            assert story.run(label.command).stdout == label.output
            assert story.run(diff.command).returncode == 0
            closed = story.run(seal.command)
            assert (closed.returncode, closed.stdout.count("closed")) == (0, 15), closed.stdout
            assert "14 of 14 days" in closed.stdout

            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
            read_until(process, "to GLACIER")
            cold = story.run(verify.command)
            assert cold.returncode == 1
            assert "not countable" in cold.stdout
            assert "those that were sealed on" in " ".join(cold.stdout.split())
            assert "not explained" not in cold.stdout
        finally:
            process.terminate()

    assert synth.command == "ttl-archive synth"  # test_init_synth.py synthesises such a file


def test_the_readme_prints_the_commands_of_the_story() -> None:
    commands = [each.command for each in printed_commands()]

    assert DEMO in commands
    words = [each.split()[1] for each in commands if each.startswith("ttl-archive")]
    first, asked, last = ["init", "demo", "demo"], ["query", "query", "schema", "schema", "query"], ["synth"]
    assert words == [*first, *asked, "verify", "verify", *last]
