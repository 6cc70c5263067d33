"""The command `ttl-archive`. Each of its subcommands is imported only when it is called.

So `ttl-archive replay` needs no extra, and `--help` is fast.
"""

import sys

import click

from ttl_archive.replay.commands.lazy_group import LazyCommand, LazyGroup
from ttl_archive.transform.errors import ArchiveError

EXIT_MISUSED = 2


_COMMANDS = {
    "advise": LazyCommand(
        "infra.advise.advise_command", "advise", None, "Estimate volumes, buffers and costs of an archive."
    ),
    "backfill": LazyCommand(
        "replay.commands.backfill", "backfill", None, "Archive the items of a DynamoDB export.", "replay"
    ),
    "check-config": LazyCommand(
        "infra.check_config", "check_config", None, "Print the configuration, or all its mistakes."
    ),
    "check-message": LazyCommand(
        "infra.ingest.check_message",
        "check_message",
        None,
        "Print the items that a queue's messages become.",
        "ingest",
    ),
    "demo": LazyCommand(
        "infra.local.demo.demo_command", "demo", "local", "See the whole pipeline work on this machine."
    ),
    "docs": LazyCommand("infra.documents", "docs", None, "Show the documents: guides, decisions, sources."),
    "doctor": LazyCommand(
        "infra.doctor.doctor_command", "doctor", None, "Check a deployed archive, with remedies.", "deploy"
    ),
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
    "history": LazyCommand(
        "infra.history.history_command",
        "history",
        None,
        "Show the life of an item, or what it was at a moment.",
        "deploy",
    ),
    "init": LazyCommand(
        "infra.evidence.init_command", "init", None, "Write archive.toml for a table, from its items."
    ),
    "query": LazyCommand(
        "infra.query.query_command",
        "query",
        None,
        "Ask the archive with SQL: Athena, or this machine.",
        "query",
    ),
    "replay": LazyCommand(
        "replay.commands.groups", "replay", None, "Replay failed records into the archive.", "replay"
    ),
    "report": LazyCommand(
        "infra.report.report_command",
        "report",
        "report",
        "Write a page about the archive: rows, sizes, failures, costs.",
        "report",
    ),
    "restore": LazyCommand(
        "replay.commands.restore", "restore", None, "Restore archived items to a table or a file.", "replay"
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
    "verify": LazyCommand(
        "infra.verify.verify_command", "verify", None, "Check that the archive has what DynamoDB deleted."
    ),
}


def _show_version(ctx: click.Context) -> None:
    """Print the versions and end. The verdict version is that of claims and plans, see its module."""
    from importlib.metadata import version  # --help is faster without them

    from ttl_archive.transform.verdict_version import VERDICT_VERSION

    click.echo(f"ttl-archive, version {version('ttl-archive')}, verdict version {VERDICT_VERSION}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    lazy_commands=_COMMANDS,
    epilog="Documentation: ttl-archive docs, and ttl-archive docs --help for its topics",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, given: _show_version(ctx) if given else None,
    help="Show the version, and the version of the transform's verdicts.",
)
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
    To check that nothing is missing:        ttl-archive verify --help
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
