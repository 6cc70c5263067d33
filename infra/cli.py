"""The command `ttl-archive`. Each of its subcommands is imported only when it is called.

So `ttl-archive replay` needs no extra, `--help` is fast, and a command whose extra is missing names it.
"""

import sys
from importlib import import_module
from typing import NamedTuple

import click

from ttl_archive.transform.errors import ArchiveError

EXIT_MISUSED = 2
_PACKAGE = "ttl_archive"


class LazyCommand(NamedTuple):
    """Where a command is defined, the extra that it needs, its line in --help, and its topic in `docs`."""

    module: str
    function: str
    extra: str | None
    summary: str
    topic: str = "readme"


_COMMANDS = {
    "backfill": LazyCommand(
        "replay.commands.backfill", "backfill", None, "Archive the items of a DynamoDB export.", "replay"
    ),
    "check-config": LazyCommand(
        "infra.check_config", "check_config", None, "Print the configuration, or all its mistakes."
    ),
    "demo": LazyCommand(
        "infra.local.demo.demo_command", "demo", "local", "See the whole pipeline work on this machine."
    ),
    "docs": LazyCommand("infra.documents", "docs", None, "Show the documents: guides, decisions, sources."),
    "firehose": LazyCommand(
        "infra.local.firehose_command",
        "firehose",
        "local",
        "Run a strict local Firehose for any AWS client.",
        "firehose",
    ),
    "drain": LazyCommand(
        "infra.drain", "drain", None, "Detach the table and wait until nothing is buffered.", "deploy"
    ),
    "init": LazyCommand(
        "infra.evidence.init_command", "init", None, "Write archive.toml for a table, from its items."
    ),
    "query": LazyCommand(
        "infra.query.query_command", "query", None, "Ask the archive with SQL: Athena, or this machine."
    ),
    "replay": LazyCommand(
        "replay.commands.groups", "replay", None, "Replay failed records into the archive.", "replay"
    ),
    "restore": LazyCommand(
        "replay.commands.groups", "restore", None, "Restore archived items to a table or a file.", "replay"
    ),
    "schema": LazyCommand(
        "infra.evidence.schema_command",
        "schema",
        None,
        "Compare the columns with the items, and with Athena.",
        "deploy",
    ),
    "synth": LazyCommand(
        "infra.synth", "command", "infra", "Write the CloudFormation template and its assets.", "deploy"
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and not for its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names, for --help."""
        return list(_COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands' lines of --help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in _COMMANDS.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command. Raises ClickException, with the next step, when its extra is missing."""
        if cmd_name not in _COMMANDS:
            return None
        lazy = _COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(import_module(f"{_PACKAGE}.{lazy.module}"), lazy.function)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if lazy.extra is None or package == _PACKAGE:
                raise
            hint = f"Install it: pip install 'ttl-archive[{lazy.extra}]'"
            raise click.ClickException(f'"{cmd_name}" needs the package "{package}". {hint}') from None
        _name_documents(command, lazy.topic)
        return command


def _name_documents(command: click.Command, topic: str) -> None:
    """Let the help of a command, and of the commands in it, end with the line that shows its document."""
    command.epilog = f"Documentation: ttl-archive docs {topic}"
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _name_documents(subcommand, topic)


@click.group(
    cls=LazyGroup, epilog="Documentation: ttl-archive docs, and ttl-archive docs --help for its topics"
)
@click.version_option(package_name="ttl-archive", prog_name="ttl-archive")
def cli() -> None:
    """Keep what DynamoDB lets expire: nothing lost, cheap for years, and found again.

    \b
    To see the pipeline on this machine:     ttl-archive demo
    To start with your own table:            ttl-archive init --help
    To check your archive.toml:              ttl-archive check-config
    To see which records failed:             ttl-archive replay list --help
    To ask the archive:                      ttl-archive query --help
    To restore archived items:               ttl-archive restore --help
    To archive the items of an export:       ttl-archive backfill --help
    To write the CloudFormation template:    ttl-archive synth
    """


def main() -> None:
    """Run the command; print an ArchiveError as its text and exit with 2, without a traceback."""
    try:
        cli()
    except ArchiveError as error:
        click.echo(f"{error}", err=True)
        sys.exit(EXIT_MISUSED)


if __name__ == "__main__":
    main()
