"""The command `ttl-archive`: its subcommands, each loaded only when it is called.

So `ttl-archive replay` needs no extra, and one that needs an extra says which.
"""

import json
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.transform.errors import ArchiveError, SettingsError
from ttl_archive.transform.settings import load

EXIT_MISUSED = 2
_OUR_ROOMS = ("infra", "replay", "transform")


class Lazy(NamedTuple):
    """Where a command is, the extra that it needs, and what --help says of it."""

    place: str
    extra: str | None
    summary: str


_COMMANDS = {
    "check-config": Lazy(
        "ttl_archive.infra.cli:check_config", None, "Print the configuration, or all its mistakes."
    ),
    "demo": Lazy(
        "ttl_archive.infra.local.demo.demo_command:demo",
        "local",
        "See the whole pipeline work on this machine.",
    ),
    "replay": Lazy("ttl_archive.replay.commands.groups:replay", None, "Bring failed records home."),
    "restore": Lazy("ttl_archive.replay.commands.groups:restore", None, "Get archived items back."),
    "synth": Lazy(
        "ttl_archive.infra.synth:command", "infra", "Write the CloudFormation template and its assets."
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and not for its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names, for --help."""
        return list(_COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The commands' own lines in --help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in _COMMANDS.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported; a missing extra is told with the line that installs it."""
        if cmd_name not in _COMMANDS:
            return None
        place, extra, _ = _COMMANDS[cmd_name]
        module, _, attribute = place.partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if extra is None or package in _OUR_ROOMS:
                raise
            hint = f"Install it: pip install 'ttl-archive[{extra}]'"
            raise click.ClickException(f'"{cmd_name}" needs the package "{package}". {hint}') from None
        return command


@click.group(cls=LazyGroup)
@click.version_option(version("ttl-archive"), prog_name="ttl-archive")
def cli() -> None:
    """Keep what DynamoDB lets expire: nothing lost, cheap for years, and found again.

    \b
    To see it all work on this machine:      ttl-archive demo
    To check your archive.toml:              ttl-archive check-config
    To see what failed, and bring it home:   ttl-archive replay list --help
    To get archived items back:              ttl-archive restore --help
    To write the CloudFormation template:    ttl-archive synth
    """


@click.command("check-config")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of TOML.")
def check_config(file: Path | None, as_json: bool) -> None:
    """Print the configuration with every default filled in, or all its mistakes (exit code 2).

    Without FILE: the file that TTL_ARCHIVE_CONFIG names, else archive.toml in the current folder.

    \b
    To check the file in this folder:   ttl-archive check-config
    To check another one:               ttl-archive check-config path/to/archive.toml
    """
    try:
        settings = load(file)
    except SettingsError as error:
        raise SettingsError(error.file, [*error.problems, *deploy_settings.mistakes(error.file)]) from None
    document = asdict(settings) | {"deploy": asdict(deploy_settings.load(settings))}
    del document["file"]
    click.echo(json.dumps(document, indent=2) if as_json else _toml(document))


def main() -> None:
    """Run the command; what we raise on purpose becomes its text and an exit code, never a traceback."""
    try:
        cli()
    except ArchiveError as error:
        click.echo(f"{error}", err=True)
        sys.exit(EXIT_MISUSED)


def _toml(document: dict[str, Any]) -> str:
    lines: list[str] = []
    for name, section in document.items():
        entries, header = (section, f"[[{name}]]") if name == "columns" else ([section], f"[{name}]")
        for entry in entries:
            given = {key: value for key, value in entry.items() if value is not None}
            lines += [header, *(f"{key} = {_toml_value(value)}" for key, value in given.items()), ""]
    return "\n".join(lines).rstrip()


def _toml_value(value: object) -> str:
    # A JSON string, boolean or list of strings is TOML as well, once DEL is escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


if __name__ == "__main__":
    main()
