"""`ttl-archive demo`: its options."""

import signal
from pathlib import Path

import click
from click.core import ParameterSource

from ttl_archive.infra.local.demo.roads import ROADS


@click.command()
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="Format of the rows. With --table-file, archive.toml has it.",
)
@click.option(
    "--road",
    type=click.Choice(list(ROADS)),
    default="kinesis",
    show_default=True,
    help="How changes reach the archive. "
    + " ".join(f"{name}: {road.summary}." for name, road in ROADS.items()),
)
@click.option(
    "--table-file",
    "table_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of your own items; repeat it for several. DynamoDB JSON or plain JSON, one item a line; "
    "output of `aws dynamodb scan`; a data file or the manifest of a DynamoDB export.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="With --table-file: your archive.toml. [default: ./archive.toml]",
)
@click.option(
    "--key", "keys", multiple=True, help="With --table-file: a key attribute; repeat it for a sort key."
)
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Leave the delivered files here."
)
@click.option(
    "--sql",
    "query",
    help="A question of your own to the relations archive, archive_unique, archive_latest, errors.",
)
@click.option("--serve", is_flag=True, help="Leave it running, and print how to reach it.")
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --serve: write the environment of the demo to this file, to be read by a shell.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
@click.pass_context
def demo(
    ctx: click.Context,
    file_format: str,
    road: str,
    table_files: tuple[Path, ...],
    config: Path | None,
    keys: tuple[str, ...],
    keep: Path | None,
    query: str | None,
    serve: bool,
    env_file: Path | None,
    as_json: bool,
) -> None:
    """See the whole pipeline work on this machine, with no AWS account.

    Real readings of two stations expire, pass through the real transform, are delivered to a bucket, answer
    SQL and move to GLACIER. A deletion by a user is dropped. A record that fails is replayed.

    \b
    To see it:                        ttl-archive demo
    To see it in CSV:                 ttl-archive demo --format csv
    To see the cheaper road:          ttl-archive demo --road streams
    To see an export backfilled:      ttl-archive demo --road export
    To see the table at any moment:   ttl-archive demo --road history
    To see readings from a queue:     ttl-archive demo --road ingest
    To ask a question of your own:    ttl-archive demo --sql "SELECT max(temperature) FROM archive"
    To look at the files:             ttl-archive demo --keep delivered
    To leave it running:              ttl-archive demo --serve
    With your own items:              ttl-archive demo --table-file items.jsonl
    With a scan of your table:
      aws dynamodb scan --table-name Orders > scan.json
      ttl-archive demo --table-file scan.json --config archive.toml
    """
    from ttl_archive.infra.local.demo.demo_run import DemoOptions, run_demo  # imports the emulators

    _check_options(ctx)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves no process behind, like Ctrl-C
    run_demo(DemoOptions(file_format, road, table_files, config, keys, keep, query, serve, env_file, as_json))


def _check_options(ctx: click.Context) -> None:
    """Refuse options that would be ignored and a --keep folder that cannot be used."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if ctx.params["road"] == "history" and ctx.params["file_format"] == "csv":
        raise click.UsageError("--road history writes JSON lines: leave out --format csv.")
    if "table_files" in given and "file_format" in given:
        raise click.UsageError(
            "--format is for the demo's own items. For a --table-file, archive.toml has the format."
        )
    if "table_files" not in given and given & {"config", "keys"}:
        raise click.UsageError("--config and --key are for your own items: give --table-file too.")
    if "env_file" in given and not ctx.params["serve"]:
        raise click.UsageError("--env-file is for a demo that is left running: give --serve too.")
    if "table_files" in given and ctx.params["road"] == "ingest":
        raise click.UsageError("--road ingest shows the demo's own readings. Leave --table-file out.")
    folder = ctx.params["keep"]
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise click.UsageError(
                f"--keep {folder} is not empty, so rows of two runs would mix. Name another folder."
            )
    except OSError as error:
        raise click.UsageError(f"--keep {folder} cannot be used: {error.strerror}.") from None
