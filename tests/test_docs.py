"""The README, the changelog and the help text say what the code does."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from tests.prose import documents
from ttl_archive.infra.cli import cli
from ttl_archive.infra.lambda_wheels import LAMBDA_PYTHON
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.setting_rules import Rule, rules_of
from ttl_archive.transform.settings import Column, Output, Select, Table, load, parse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_readmes_record_becomes_the_readmes_row():
    record, shown = blocks("json")[:2]
    shown_row = json.loads(shown)

    outcome = converter(load(ROOT / "archive.toml"))(record.encode())

    assert isinstance(outcome, Row)
    row = json.loads(outcome.line)
    image = json.loads(row.pop("ddb_image"))
    assert row == {name: value for name, value in shown_row.items() if name != "ddb_image"}
    assert list(row) == [name for name in shown_row if name != "ddb_image"]
    assert image == json.loads(record)["dynamodb"]["OldImage"] | {"raw": {"B": "EgIIew=="}}


def test_the_readmes_settings_are_a_valid_configuration():
    (toml,) = blocks("toml")

    assert parse(tomllib.loads(toml)).table.name == "DeviceData"


SECTIONS = {"[table]": Table, "[select]": Select, "[output]": Output, "[[columns]]": Column}


def settings_keys() -> dict[str, Rule]:
    return {f"{where} {key}": rule for where, s in SECTIONS.items() for key, rule in rules_of(s).items()}


def test_the_readmes_settings_table_has_every_key_and_its_default():
    shown = dict(re.findall(r"^\| `(\[+\w+\]+ \w+)` \| (.*?) \|", README, re.MULTILINE))

    assert list(shown) == list(settings_keys())
    for name, rule in settings_keys().items():
        if rule.is_required:
            assert shown[name] == "required", name
        elif rule.default not in (None, ()):  # those depend on other settings
            assert shown[name].strip("`") == json.dumps(rule.default), name


def test_every_allowed_value_is_in_the_readmes_settings_table():
    for name, rule in settings_keys().items():
        row = re.search(rf"^\| `{re.escape(name)}` .*$", README, re.MULTILINE)
        assert row, name
        assert [choice for choice in rule.allowed if f'"{choice}"' not in row[0]] == []


def test_the_readmes_figures_are_those_that_make_bench_wrote():
    command = [sys.executable, "tests/bench", "--markdown"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    for figure in ("63 MB", "22 ms", "1.17 MB"):
        assert figure in README
        assert figure in printed


DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / ".github").rglob("*.*")), ROOT / ".ci" / "run"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_exists(document):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(
        r"(?:^|[`$:] ?|=\d )make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE
    )

    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_shows_exists(document):
    """A command is shown in a line of a console block, or between backticks."""
    text = document.read_text(encoding="utf-8")
    context = click.Context(cli)
    for name, following in re.findall(
        r"(?:^\$ |`)ttl-archive ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text, re.MULTILINE
    ):
        command = cli.get_command(context, name)
        assert command, name
        if isinstance(command, click.Group) and following:
            assert command.get_command(context, following), f"{name} {following}"


def test_the_workflows_run_make_targets_that_the_gate_or_a_newcomer_runs():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]

    assert commands == ["make check", "make test", "make demo"]
    assert workflow["jobs"]["linux"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "DECISIONS.md"])
def test_every_file_that_a_document_names_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    files = re.findall(r"`((?:infra|replay|tests|transform|\.ci)/[\w./-]*)`", text)

    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_deployed_version_is_tested():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(r"^DEPLOYED +:= (.*)$", makefile, re.MULTILINE)[1] == LAMBDA_PYTHON


def test_the_changelog_has_the_packages_version_or_work_not_yet_released():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert headings[0] in (version("ttl-archive"), "Unreleased")


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")), ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]

    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("arguments", [["--help"], ["check-config", "--help"]])
def test_help_opens_with_a_sentence_and_shows_runnable_lines(arguments):
    result = CliRunner().invoke(cli, arguments)

    assert result.exit_code == 0
    assert re.search(r"\n  [A-Z].*\.", result.output)
    assert "ttl-archive check-config" in result.output
