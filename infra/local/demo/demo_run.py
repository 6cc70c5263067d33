"""The demo: its progress, and the order in which it shows what happens."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ttl_archive.infra.local.demo import scenario, screen, story
from ttl_archive.infra.local.demo.archive_page import write_page
from ttl_archive.infra.local.demo.export_story import ExportStory
from ttl_archive.infra.local.demo.history_story import HistoryStory
from ttl_archive.infra.local.demo.ingest_story import IngestStory
from ttl_archive.infra.local.demo.readings import is_reading
from ttl_archive.infra.local.demo.report import Report
from ttl_archive.infra.local.demo.roads import ROADS, DemoRoad
from ttl_archive.infra.local.demo.scenario import Scenario
from ttl_archive.infra.local.demo.serve import serve
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.in_process_function import InProcessFunction
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.query.query_errors import QueryError
from ttl_archive.infra.query.translation.translate import translate_query
from ttl_archive.infra.sql.history_relation import NO_HISTORY, has_history
from ttl_archive.transform.layout import ARCHIVE, ERRORS

_EXPORT, _HISTORY, _INGEST = "export", "history", "ingest"
_FIX_TITLE = "archive.toml gets a column for the second attribute"
_YOURS = "Your question"
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
            if chosen.files:
                screen.show_text(console, "Your items", chosen.files)
            show_story = _STORIES.get(options.road, _show_story)
            show_story(console, pipeline, chosen, options.query, found)
            if options.keep:
                _keep(console, pipeline, options.keep)
            # Before the objects move to GLACIER, so that every row is counted.
            found.page = str(write_page(pipeline, ROADS[options.road].pipeline_road, options.keep))
            if not options.serve:  # a user who goes on wants to read what is there
                _grow_cold(console, pipeline, found)
            screen.show_text(console, "A page about this archive, by ttl-archive report", [found.page])
            if options.as_json:
                click.echo(found.as_json())
            if options.serve:
                serve(console, pipeline, chosen.keys, options.env_file)


def _check_early(options: DemoOptions, chosen: Scenario) -> None:
    """Refuse a question that cannot be read, and a road that the settings do not have, before all starts."""
    if options.road == _HISTORY and not has_history(chosen.settings):
        raise click.ClickException(NO_HISTORY)
    if options.query is not None:
        try:
            translate_query(options.query, chosen.settings, (), chosen.start)
        except QueryError as error:
            raise click.ClickException(f"{_YOURS}: {options.query}\n{error}") from None


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


def _show_story(
    console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report
) -> None:
    """Run the story, and show each part when it has happened."""
    _live(console, pipeline, chosen, found)
    _show_delivered(console, pipeline, found)
    _ask(console, pipeline, chosen, query, found)
    _show_failed(console, pipeline, found)
    if chosen.is_ours:
        _replay(console, pipeline, found)


def _show_export(
    console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report
) -> None:
    """Run the story of an export: what had expired is backfilled, and then removed by TTL."""
    _load(console, pipeline, chosen)
    exporting = ExportStory(pipeline)
    lines = exporting.export_table(chosen.step * chosen.steps)
    console.print(f"TTL has removed nothing yet. The table is exported: {lines:,} items")
    backfilled = exporting.backfill()
    console.print(f"ttl-archive backfill: {backfilled.tally.rows:,} rows, exit code {backfilled.exit_code}")
    screen.show_comparison(console, exporting.compare())
    console.print(f"TTL removes {exporting.remove_expired():,} items, and their removals are archived")
    if chosen.is_ours:
        screen.show_text(
            console, "archive.toml gets a column for the second attribute", story.FIX.split("\n")
        )
        backfilled = exporting.fix()
        screen.show_comparison(console, exporting.compare())
    found.objects = [each for each in story.delivered(pipeline) if each.key.startswith((ARCHIVE, ERRORS))]
    screen.show_objects(console, found.objects, "Backfill and Firehose have delivered")
    found.row = story.first_row(pipeline)
    screen.show_row(console, found.row)
    _ask(console, pipeline, chosen, query, found)
    found.export_ledger = exporting.ledger(backfilled)
    screen.show_export_ledger(console, found.export_ledger)


def _show_history(
    console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report
) -> None:
    """Run the story of a history: the table is read at several moments, and compared with the archive."""
    _load(console, pipeline, chosen)
    telling = HistoryStory(pipeline)
    if chosen.is_ours:
        story.user_acts(pipeline)
    for _ in range(chosen.steps):
        removed = story.live_through(pipeline, chosen.step)
        items = telling.remember_table()
        console.print(f"{pipeline.clock.now():%Y-%m-%d}: {removed:,} items expired, {items:,} in the table")
    _show_delivered(console, pipeline, found)
    _ask(console, pipeline, chosen, query, found)
    if chosen.is_ours:
        life = telling.life_of_renewed()
        names = ", ".join(change.event_name for change in life.changes)
        console.print(f"ttl-archive history {' '.join(life.key.values())}: {names}", soft_wrap=True)
    _show_failed(console, pipeline, found)
    found.history_ledger = telling.ledger()
    screen.show_history_ledger(console, found.history_ledger)


_STORIES = {_EXPORT: _show_export, _HISTORY: _show_history}


def _ask(console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report) -> None:
    yours = {} if query is None else {_YOURS: query}
    for question, sql in {**chosen.questions, **yours}.items():
        try:
            found.answers.append(story.ask_archive(pipeline, question, sql))
        except QueryError as error:
            raise click.ClickException(f"{question}: {sql}\n{error}") from None
        screen.show_query_answer(console, found.answers[-1])


def _load(console: Console, pipeline: Pipeline, chosen: Scenario) -> None:
    with Progress(TextColumn("{task.description}"), BarColumn(24), console=console) as progress:
        loading = progress.add_task("items written", total=len(chosen.items))
        for done in accumulate(story.put_items(pipeline, chosen.items)):
            progress.update(loading, completed=done, description=f"{done:,} items written")


def _load_by_queue(console: Console, pipeline: Pipeline, chosen: Scenario, found: Report) -> None:
    """Let the readings come in by a queue; the special items are written to the table."""
    readings = [item for item in chosen.items if is_reading(item)]
    written = sum(story.put_items(pipeline, [item for item in chosen.items if not is_reading(item)]))
    columns = TextColumn("{task.description}"), BarColumn(24)
    with IngestStory(pipeline) as ingesting, Progress(*columns, console=console) as progress:
        ingesting.send(readings)
        storing = progress.add_task("messages confirmed", total=None)
        for done in accumulate(ingesting.store()):
            progress.update(storing, completed=done, description=f"{done:,} messages confirmed")
        found.ingest_ledger = ingesting.ledger(written)
    screen.show_ingest_ledger(console, found.ingest_ledger)


def _live(console: Console, pipeline: Pipeline, chosen: Scenario, found: Report) -> None:
    if found.road == _INGEST:
        _load_by_queue(console, pipeline, chosen, found)
    else:
        _load(console, pipeline, chosen)
    if chosen.is_ours:
        story.user_acts(pipeline)
    with Progress(TextColumn("{task.description}"), BarColumn(24), console=console) as progress:
        passing = progress.add_task("time passes", total=chosen.steps)
        for expired in accumulate(story.live_through(pipeline, chosen.step) for _ in range(chosen.steps)):
            day = f"{pipeline.clock.now():%Y-%m-%d}: {expired:,} items expired"
            progress.update(passing, advance=1, description=day)


def _show_delivered(console: Console, pipeline: Pipeline, found: Report) -> None:
    found.objects = story.delivered(pipeline)
    screen.show_objects(console, found.objects)
    found.row = story.first_row(pipeline)
    if found.row:
        screen.show_row(console, found.row)


def _show_failed(console: Console, pipeline: Pipeline, found: Report) -> None:
    found.causes = story.causes(pipeline)
    if found.causes:
        screen.show_causes(console, found.causes)
    found.ledger = story.ledger(pipeline, ROADS[found.road])
    screen.show_ledger(console, "The ledger", found.ledger)
    found.usage = pipeline.usage()
    screen.show_usage(console, found.usage)


def _replay(console: Console, pipeline: Pipeline, found: Report) -> None:
    screen.show_text(console, _FIX_TITLE, story.FIX.split("\n"))
    summary = story.fix_and_replay(pipeline)
    console.print(
        f"ttl-archive replay run: {summary.tally.rows} row delivered, exit code {summary.exit_code}"
    )
    found.ledger_after_replay = story.ledger(pipeline, ROADS[found.road], replayed=summary.tally.rows)
    screen.show_ledger(console, "The ledger after replay", found.ledger_after_replay)


def _grow_cold(console: Console, pipeline: Pipeline, found: Report) -> None:
    found.storage = list(story.grow_cold(pipeline))
    screen.show_storage(console, found.storage)


def _keep(console: Console, pipeline: Pipeline, folder: Path) -> None:
    objects = pipeline.objects()
    for key, body in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    console.print(f"\n{len(objects)} files are in {folder}")
