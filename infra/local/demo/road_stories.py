"""What the demo shows of each road, from the first item to the ledger."""

from itertools import accumulate

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ttl_archive.infra.local.demo import screen, story
from ttl_archive.infra.local.demo.export_story import ExportStory
from ttl_archive.infra.local.demo.history_story import HistoryStory
from ttl_archive.infra.local.demo.ingest_story import IngestStory
from ttl_archive.infra.local.demo.readings import is_reading
from ttl_archive.infra.local.demo.report import Report
from ttl_archive.infra.local.demo.roads import ROADS
from ttl_archive.infra.local.demo.scenario import Scenario
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.query.query_errors import QueryError
from ttl_archive.replay.commands import show
from ttl_archive.transform.layout import ARCHIVE, ERRORS

YOURS = "Your question"
_FIX_TITLE = "archive.toml gets a column for the second attribute"


def show_changes(
    console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report
) -> None:
    """Run the story, and show each part when it has happened."""
    _live(console, pipeline, chosen, found)
    _show_delivered(console, pipeline, found)
    _ask(console, pipeline, chosen, query, found)
    _show_failed(console, pipeline, found)
    if chosen.is_ours:
        _replay(console, pipeline, found)


def show_export(
    console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report
) -> None:
    """Run the story of an export: what had expired is backfilled, and then removed by TTL."""
    _load(console, pipeline, chosen)
    exporting = ExportStory(pipeline)
    lines = exporting.export_table(chosen.step * chosen.steps)
    console.print(f"TTL has removed nothing yet. The table is exported: {lines:,} items")
    backfilled = exporting.backfill()
    console.print(f"ttl-archive backfill: {backfilled.tally.rows:,} rows, exit code {backfilled.exit_code}")
    for code, number in backfilled.tally.refused.items():
        refused = show.plural(number, "item")
        console.print(f"  {refused} refused: {code}. The removal will fail for the same reason")
    screen.show_comparison(console, exporting.compare())
    console.print(f"TTL removes {exporting.remove_expired():,} items, and their removals are archived")
    if chosen.is_ours:
        screen.show_text(console, _FIX_TITLE, story.FIX.split("\n"))
        backfilled = exporting.fix()
        console.print("ttl-archive replay run and ttl-archive backfill accept the item now")
        screen.show_comparison(console, exporting.compare())
    found.objects = [each for each in story.delivered(pipeline) if each.key.startswith((ARCHIVE, ERRORS))]
    screen.show_objects(console, found.objects, "Backfill and Firehose have delivered")
    found.row = story.first_row(pipeline)
    screen.show_row(console, found.row)
    _ask(console, pipeline, chosen, query, found)
    found.export_ledger = exporting.ledger(backfilled)
    screen.show_export_ledger(console, found.export_ledger)


def show_history(
    console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report
) -> None:
    """Run the story of a history: the table is read at several moments, and compared with the archive."""
    _load(console, pipeline, chosen)
    remembering = HistoryStory(pipeline)
    if chosen.is_ours:
        story.user_acts(pipeline)
    for _ in range(chosen.steps):
        removed = story.live_through(pipeline, chosen.step)
        items = remembering.remember_table()
        day = f"{pipeline.clock.now():%Y-%m-%d}: {show.plural(removed, 'item')} expired"
        console.print(f"{day}, {items:,} in the table")
    _show_delivered(console, pipeline, found)
    _ask(console, pipeline, chosen, query, found)
    if chosen.is_ours:
        life = remembering.life_of_renewed()
        names = ", ".join(change.event_name for change in life.changes)
        console.print(f"ttl-archive history {' '.join(life.key.values())}: {names}", soft_wrap=True)
    _show_failed(console, pipeline, found)
    found.history_ledger = remembering.ledger()
    screen.show_history_ledger(console, found.history_ledger)


def _ask(console: Console, pipeline: Pipeline, chosen: Scenario, query: str | None, found: Report) -> None:
    yours = {} if query is None else {YOURS: query}
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
            progress.update(loading, completed=done, description=f"{show.plural(done, 'item')} written")


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
    if found.road == "ingest":
        _load_by_queue(console, pipeline, chosen, found)
    else:
        _load(console, pipeline, chosen)
    if chosen.is_ours:
        story.user_acts(pipeline)
    with Progress(TextColumn("{task.description}"), BarColumn(24), console=console) as progress:
        passing = progress.add_task("time passes", total=chosen.steps)
        for expired in accumulate(story.live_through(pipeline, chosen.step) for _ in range(chosen.steps)):
            day = f"{pipeline.clock.now():%Y-%m-%d}: {show.plural(expired, 'item')} expired"
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
