"""The demo: its progress, and the order in which it shows what happens."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import click
from rich.console import Console

from ttl_archive.infra.local.demo import scenario, screen, story
from ttl_archive.infra.local.demo.archive_page import write_page
from ttl_archive.infra.local.demo.report import Report
from ttl_archive.infra.local.demo.road_stories import YOURS, show_changes, show_export, show_history
from ttl_archive.infra.local.demo.roads import ROADS, DemoRoad
from ttl_archive.infra.local.demo.scenario import Scenario
from ttl_archive.infra.local.demo.serve import serve
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.in_process_function import InProcessFunction
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.query.query_errors import QueryError
from ttl_archive.infra.query.translation.translate import translate_query
from ttl_archive.infra.sql.history_relation import NO_HISTORY, has_history
from ttl_archive.replay.backfill.backfill_run import check_settings

_EXPORT, _HISTORY, _INGEST = "export", "history", "ingest"
_OUR_ITEMS = (
    "Hourly temperatures of two stations in 2010, each of which expires after a year.",
    "The clock is the demo's own, so that nothing is waited for.",
)
_NEXT_STEPS = (
    "to use the commands on what is here:   ttl-archive demo --serve",
    "to start with a table of your own:     ttl-archive init --help",
)
_STORIES = {_EXPORT: show_export, _HISTORY: show_history}
_WITHOUT_RUNTIME_CLIENT = (
    "AWS's Lambda runtime client (awslambdaric) is not installed; it has no wheel for macOS."
    " The function runs in the process of the demo instead."
)


@dataclass(frozen=True)
class DemoOptions:
    """The options of the command, checked."""

    file_format: str
    road: str
    table_files: tuple[Path, ...]
    config: Path | None
    keys: tuple[str, ...]
    keep: Path | None
    query: str | None
    serve: bool
    env_file: Path | None
    as_json: bool


def run_demo(options: DemoOptions) -> None:
    """Run the pipeline, and show what happens."""
    console = Console(stderr=options.as_json)
    with tempfile.TemporaryDirectory() as folder:
        if options.table_files:
            chosen = scenario.theirs(options.table_files, options.config, options.keys)
        elif options.road == _HISTORY:
            chosen = scenario.item_history(Path(folder))
        else:
            chosen = scenario.ours(
                Path(folder),
                options.file_format,
                backfilled=options.road == _EXPORT,
                ingested=options.road == _INGEST,
            )
        _check_early(options, chosen)
        with _running(console, chosen, ROADS[options.road]) as pipeline:
            found = Report(pipeline.table, options.road, chosen.files)
            _introduce(console, chosen, options.road)
            show_story = _STORIES.get(options.road, show_changes)
            show_story(console, pipeline, chosen, options.query, found)
            if options.keep:
                _keep(console, pipeline, options.keep)
            # Before the objects move to GLACIER, so that every row is counted.
            found.page = str(write_page(pipeline, ROADS[options.road].pipeline_road, options.keep))
            if not options.serve:  # a user who goes on wants to read what is there
                _grow_cold(console, pipeline, found)
            screen.show_text(console, "A page about this archive, by ttl-archive report", [found.page])
            if not options.serve:
                screen.show_text(console, "Next", _NEXT_STEPS)
            if options.as_json:
                click.echo(found.as_json())
            if options.serve:
                serve(console, pipeline, chosen.keys, options.env_file)
    if not found.adds_up:
        raise click.ClickException("a ledger does not add up")


def _check_early(options: DemoOptions, chosen: Scenario) -> None:
    """Refuse a question that cannot be read, and a road that the settings do not have, before all starts."""
    if options.road == _HISTORY and not has_history(chosen.settings):
        raise click.ClickException(NO_HISTORY)
    if options.road == _EXPORT:
        check_settings(chosen.settings)
    if options.query is not None:
        try:
            translate_query(options.query, chosen.settings, (), chosen.start)
        except QueryError as error:
            raise click.ClickException(f"{YOURS}: {options.query}\n{error}") from None


def _introduce(console: Console, chosen: Scenario, road: str) -> None:
    """Say what comes: the road, and whose items."""
    screen.show_text(console, f"The road {road}", [])
    summary = ROADS[road].summary
    console.print(f"{summary[0].upper()}{summary[1:]}.", highlight=False)
    title, lines = ("Your items", chosen.files) if chosen.files else ("The items", _OUR_ITEMS)
    screen.show_text(console, title, [*lines, ""])


@contextmanager
def _running(console: Console, chosen: Scenario, road: DemoRoad) -> Iterator[Pipeline]:
    with ExitStack() as stack:
        with console.status("Starting S3, DynamoDB, Kinesis, Firehose and the function …"):
            pipeline = Pipeline(
                chosen.settings, road=road.pipeline_road, keys=chosen.keys, clock=Clock(chosen.start)
            )
            stack.enter_context(pipeline)
        if isinstance(pipeline.function, InProcessFunction):
            console.print(_WITHOUT_RUNTIME_CLIENT)
        yield pipeline


def _grow_cold(console: Console, pipeline: Pipeline, found: Report) -> None:
    found.storage = list(story.grow_cold(pipeline))
    screen.show_storage(console, found.storage)


def _keep(console: Console, pipeline: Pipeline, folder: Path) -> None:
    objects = pipeline.objects()
    for key, body in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    config = folder / "archive.toml"
    config.write_bytes(Path(pipeline.settings.file).read_bytes())
    ask = f'ttl-archive query --on {quote(str(folder))} --config {quote(str(config))} "{story.COUNT_ROWS}"'
    screen.show_text(console, f"{len(objects)} files are in {folder}, with archive.toml", [ask])
