"""`ttl-archive demo`: options, progress, and what is shown when."""

import json
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import accumulate
from pathlib import Path

import click
import duckdb
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from ttl_archive.infra.local.demo import report, scenario, story
from ttl_archive.infra.local.demo.ask import how_to_reach
from ttl_archive.infra.local.demo.report import Report
from ttl_archive.infra.local.demo.scenario import Scenario
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.pipeline import Pipeline

_SERVE_STEP = timedelta(seconds=2)


@click.command()
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="Of the rows. A table file's archive.toml says it itself.",
)
@click.option(
    "--table-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your own items: DynamoDB JSON, one item a line, or a .json.gz of a DynamoDB export to S3.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="With --table-file: your archive.toml. [default: ./archive.toml]",
)
@click.option(
    "--key", "keys", multiple=True, help="With --table-file: a key attribute; give it twice for two."
)
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Leave the delivered files here."
)
@click.option("--sql", "query", help="Ask the archive this as well; the view is `archive`.")
@click.option("--serve", is_flag=True, help="Leave it running, and say how to reach it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
@click.pass_context
def demo(
    ctx: click.Context,
    file_format: str,
    table_file: Path | None,
    config: Path | None,
    keys: tuple[str, ...],
    keep: Path | None,
    query: str | None,
    serve: bool,
    as_json: bool,
) -> None:
    """See the whole pipeline work on this machine, with no AWS account.

    Two stations' real readings expire, travel through the real transform, land in a bucket, answer SQL and
    move to GLACIER; a user's delete is dropped, and a record that fails is brought home by replay.

    \b
    To see it:                        ttl-archive demo
    To see it in CSV:                 ttl-archive demo --format csv
    To ask a question of your own:    ttl-archive demo --sql "SELECT max(temperature) FROM archive"
    To look at the files:             ttl-archive demo --keep delivered
    To play with it:                  ttl-archive demo --serve
    With your own items:              ttl-archive demo --table-file items.jsonl --config archive.toml
    """
    _check_options(ctx)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: nothing is left running
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory() as folder:
        if table_file:
            chosen = scenario.theirs(table_file, config, keys)
        else:
            chosen = scenario.ours(Path(folder), file_format)
        with _running(console, chosen) as pipeline:
            found = Report(pipeline.table)
            _tell(console, pipeline, chosen, query, found)
            if keep:
                _keep(console, pipeline, keep)
            if not serve:  # who plays on wants to read what is there
                _grow_cold(console, pipeline, found)
            if as_json:
                click.echo(found.as_json())
            if serve:
                _serve(console, pipeline, chosen)


def _check_options(ctx: click.Context) -> None:
    """Refuse, before anything starts, what would be ignored and a --keep folder that cannot be used."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if "table_file" in given and "file_format" in given:
        raise click.UsageError(
            "--format is for the demo's own items: archive.toml says it for a --table-file."
        )
    if "table_file" not in given and given & {"config", "keys"}:
        raise click.UsageError("--config and --key are for your own items: give --table-file too.")
    folder = ctx.params["keep"]
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise click.UsageError(
                f"--keep {folder} is not empty: two runs' rows would mix. Name another folder."
            )
    except OSError as error:
        raise click.UsageError(f"--keep {folder} cannot be used: {error.strerror}.") from None


@contextmanager
def _running(console: Console, chosen: Scenario) -> Iterator[Pipeline]:
    with ExitStack() as stack:
        with console.status("Starting S3, DynamoDB, Kinesis, Firehose and the transform function …"):
            pipeline = Pipeline(chosen.settings, keys=chosen.keys, clock=Clock(chosen.start))
            stack.enter_context(pipeline)
        yield pipeline


def _tell(console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report) -> None:
    """The story, shown as it goes on."""
    _live(console, pipeline, chosen)
    _show_delivered(console, pipeline, found)
    yours = {} if query is None else {"Your question": query}
    for question, sql in {**chosen.questions, **yours}.items():
        try:
            found.answers.append(story.ask(pipeline, question, sql))
        except (duckdb.Error, story.NoAnswerError) as error:
            raise click.ClickException(f"{question}: {sql}\n{error}") from None
        report.show_answer(console, found.answers[-1])
    _show_failed(console, pipeline, found)
    if chosen.is_ours:
        _replay(console, pipeline, found)


def _live(console: Console, pipeline: Pipeline, chosen: Scenario) -> None:
    with Progress(TextColumn("{task.description}"), BarColumn(24), console=console) as progress:
        loading = progress.add_task("items written", total=len(chosen.items))
        for done in accumulate(story.load(pipeline, chosen.items)):
            progress.update(loading, completed=done, description=f"{done:,} items written")
        if chosen.is_ours:
            story.user_acts(pipeline)
        passing = progress.add_task("time passes", total=chosen.steps)
        for expired in accumulate(story.live_through(pipeline, chosen.step) for _ in range(chosen.steps)):
            day = f"{pipeline.clock.now():%Y-%m-%d}: {expired:,} items expired and travelled"
            progress.update(passing, advance=1, description=day)


def _show_delivered(console: Console, pipeline: Pipeline, found: Report) -> None:
    objects = story.delivered(pipeline)
    found.keys = [key for key, _ in objects]
    report.show_list(console, "Delivered", [f"{size:>7,} B  {key}" for key, size in objects])
    found.rows = story.rows(pipeline, most=3)
    report.show_list(console, "A few rows", found.rows)


def _show_failed(console: Console, pipeline: Pipeline, found: Report) -> None:
    lines = story.error_lines(pipeline)
    if lines:
        found.error_object = lines[0]
        report.show_list(
            console, "A record that could not become a row, kept in errors/", [json.dumps(lines[0])]
        )
    found.ledger = story.ledger(pipeline)
    report.show_ledger(console, "The ledger", found.ledger)


def _replay(console: Console, pipeline: Pipeline, found: Report) -> None:
    cause = "Its cause: attributes deviceID and device_id would meet in one column. archive.toml is mended:"
    report.show_list(console, cause, story.MEND.strip().splitlines())
    summary = story.fix_and_replay(pipeline)
    console.print(f"replay run: {summary.tally.rows} row delivered, exit code {summary.exit_code}")
    found.ledger_after_replay = story.ledger(pipeline, replayed=summary.tally.rows)
    report.show_ledger(console, "The ledger, closed", found.ledger_after_replay)


def _grow_cold(console: Console, pipeline: Pipeline, found: Report) -> None:
    """Objects move to GLACIER, where SQL does not see them, and one is restored."""
    found.storage = list(story.grow_cold(pipeline))
    table = Table("and then", "archive/", "rows that SQL sees")
    for moment in found.storage:
        table.add_row(moment.when, moment.classes, f"{moment.readable_rows:,}")
    console.print("\n[bold]Storage classes[/]")
    console.print(table)
    console.print(
        "Athena passes over what is in GLACIER without a word, too: ttl-archive restore brings it back."
    )


def _keep(console: Console, pipeline: Pipeline, folder: Path) -> None:
    objects = pipeline.objects()
    for key, body in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    console.print(f"\n{len(objects)} files are in {folder}")


def _serve(console: Console, pipeline: Pipeline, chosen: Scenario) -> None:
    """Let time pass until Ctrl-C; what expires is delivered within seconds."""
    try:
        console.print(how_to_reach(pipeline, chosen.keys), markup=False, highlight=False, soft_wrap=True)
        while True:
            time.sleep(_SERVE_STEP.total_seconds())
            story.live_through(pipeline, _SERVE_STEP)
    except KeyboardInterrupt:
        console.print("Stopped.")
