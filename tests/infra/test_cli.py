"""The command: its help, check-config, and how it fails."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ttl_archive.infra import cli
from ttl_archive.infra.documents import TOPICS
from ttl_archive.transform.settings import load, parse
from ttl_archive.transform.verdict_version import VERDICT_VERSION

ROOT = Path(__file__).parent.parent.parent
CONFIG = """
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"

[[columns]]
name = "city"
path = ["place.of", "city"]
type = "decimal(38,0)"
"""


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ttl_archive.infra.cli", *arguments], cwd=cwd, capture_output=True, text=True
    )


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    return file


def test_check_config_prints_toml_that_loads_to_the_same_settings(config):
    result = run("check-config", "--config", str(config))

    assert result.returncode == 0
    assert parse(tomllib.loads(result.stdout), str(config)) == load(config)


def test_check_config_prints_the_sections_of_some_archives_with_their_defaults(tmp_path):
    file = tmp_path / "archive.toml"
    file.write_text(
        '[table]\nname = "devices"\nttl_attribute = "ttl"\nkeys = ["id"]\n[export]\n'
        '[ingest]\nkeys = { id = "{a}" }\ntime = "time"\nretention_days = 365\n'
        '[[reports]]\nname = "r"\nquery = "misfits"\nparameters = ["{first_day}", "{last_day}"]\n'
    )
    result = run("check-config", "--config", str(file))

    printed = tomllib.loads(result.stdout)
    assert printed["export"] == {"kind": "incremental", "every_minutes": 1440, "keep_days": 90}
    assert printed["ingest"] == {
        "keys": {"id": "{a}"},
        "time": "time",
        "retention_days": 365,
        "duplicates": "newest",
        "batch_messages": 100,
        "max_concurrency": 10,
        "max_receives": 5,
    }
    assert printed["reports"] == [
        {
            "name": "r",
            "query": "misfits",
            "parameters": ["{first_day}", "{last_day}"],
            "every": "month",
            "at": "06:00",
        }
    ]
    file.write_text(result.stdout)
    assert run("check-config", "--config", str(file)).stdout == result.stdout


def test_check_config_prints_json_with_the_defaults_filled_in(config):
    result = run("check-config", "--json", "--config", str(config))

    document = json.loads(result.stdout)
    assert document["output"]["date_column"] == "dt"
    assert document["columns"][0]["path"] == ["place.of", "city"]


def test_check_config_reports_every_mistake_and_exits_with_2(tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text('[table]\nname = "x"\n[output]\nformat = "xml"\n[deploy]\nglacier_days = "soon"\n')

    result = run("check-config", "--config", str(file))

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count(f"{file}: ") == 4
    assert '[deploy] glacier_days has value "soon"' in result.stderr
    assert '[output] format has value "xml". It must be one of "jsonl", "csv"' in result.stderr


def test_check_config_without_a_file_says_how_to_name_one(tmp_path):
    result = run("check-config", cwd=tmp_path)

    assert result.returncode == 2
    assert result.stderr == "archive.toml: no such file. Write one, or let TTL_ARCHIVE_CONFIG name it\n"


def test_an_unknown_command_is_a_usage_error():
    result = run("frobnicate")

    assert result.returncode == 2
    assert "No such command 'frobnicate'" in result.stderr


def test_a_command_whose_extra_is_missing_says_how_to_install_it(tmp_path):
    (tmp_path / "duckdb.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'duckdb'\", name='duckdb')"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from ttl_archive.infra.cli import main; main()"
    )

    result = subprocess.run([sys.executable, "-c", code, "demo"], cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 1
    assert "pip install 'ttl-archive[local]'" in result.stderr


def test_a_missing_module_of_our_own_is_not_taken_for_a_missing_extra(monkeypatch):
    broken = cli.LazyCommand("infra.nowhere", "command", "local", "It is not there.")
    monkeypatch.setattr(cli.cli, "lazy_commands", {"broken": broken})

    with pytest.raises(ModuleNotFoundError, match=r"ttl_archive\.infra\.nowhere"):
        cli.cli.get_command(click.Context(cli.cli), "broken")


# Each takes 15 ms of CPU or more. A command imports them when it runs.
HEAVY = {"boto3", "rich", "duckdb", "moto", "awslambdaric", "aws_cdk", "jsii", "botocore.session"}
HEAVY |= {"jinja2", "urllib.request", "http.client", "asyncio", "sqlglot", "pyarrow", "sqlite3"}
SHOW_EVERY_HELP = """
import json, sys
from click.testing import CliRunner
from ttl_archive.infra.cli import cli
for names in json.loads(sys.argv[1]):
    assert CliRunner().invoke(cli, [*names, "--help"]).exit_code == 0
    print(json.dumps([names, sorted(sys.modules)]))
"""


def test_no_help_imports_what_only_the_command_needs():
    """A time would depend on the machine; on an idle one a help takes less than 0.15 s of CPU."""
    arguments = ["-c", SHOW_EVERY_HELP, json.dumps(list(paths(cli.cli)))]
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {tuple(names): set(modules) for names, modules in map(json.loads, done.stdout.splitlines())}

    assert ("replay", "run") in imported
    assert {" ".join(names): found & HEAVY for names, found in imported.items() if found & HEAVY} == {}


def paths(command, *parents):
    """Yield the names that lead to a command and to every command in it."""
    yield parents
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from paths(command.get_command(context, name), *parents, name)


@pytest.mark.parametrize("names", list(paths(cli.cli)), ids=" ".join)
def test_every_help_names_the_documents(names):
    result = CliRunner().invoke(cli.cli, [*names, "--help"])

    assert result.exit_code == 0
    (topic,) = re.findall(
        r"Documentation: ttl-archive docs(?: ([a-z-]+)$|, and )", result.output, re.MULTILINE
    )
    assert topic in {"", *TOPICS}


def test_every_command_takes_the_settings_file_as_config_and_none_as_an_argument():
    found = {}
    for names in paths(cli.cli):
        command, context = cli.cli, click.Context(cli.cli)
        for name in names:
            command = command.get_command(context, name)
        for parameter in command.params:
            if parameter.name in ("config", "config_file", "settings"):
                found[names] = parameter.opts

    assert {names: options for names, options in found.items() if options != ["--config"]} == {}
    assert {("check-config",), ("replay", "run"), ("query",)} <= found.keys()


def test_help_imports_nothing_that_takes_a_while():
    code = "import sys; from ttl_archive.infra.cli import cli; cli(['--help'], standalone_mode=False)"
    code += "; print(*sys.modules)"

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded = set(result.stdout.split())
    assert "click" in loaded
    assert {"boto3", "botocore", "msgspec", "rich", "duckdb", "importlib.metadata"} & loaded == set()


def test_the_version_has_that_of_the_verdicts():
    result = run("--version")

    assert (
        result.stdout == f"ttl-archive, version {version('ttl-archive')}, verdict version {VERDICT_VERSION}\n"
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_readmes_line_for_a_shell_defines_its_completion(shell):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "_TTL_ARCHIVE_COMPLETE=bash_source ttl-archive" in readme

    result = CliRunner().invoke(
        cli.cli, [], prog_name="ttl-archive", env={"_TTL_ARCHIVE_COMPLETE": f"{shell}_source"}
    )

    assert "_ttl_archive_completion" in result.output


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ttl-archive que", ["query"]),
        ("ttl-archive query --form", ["--format"]),
        ("ttl-archive query --format ", ["table", "csv", "jsonl", "parquet"]),
        ("ttl-archive replay re", ["retire"]),
    ],
)
def test_the_shell_completes_commands_options_and_choices(words, completed):
    given = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_TTL_ARCHIVE_COMPLETE": "bash_complete",
    }

    result = CliRunner().invoke(cli.cli, [], prog_name="ttl-archive", env=given)

    assert [line.partition(",")[2] for line in result.output.split()] == completed
