"""A restore from its selection to its end: retrieve, stage, write. Each step goes on where a kill left it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import click

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import Place
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.restore import item_files, table_writer
from ttl_archive.replay.restore.archived_rows import inexactness
from ttl_archive.replay.restore.intake import Intake
from ttl_archive.replay.restore.retrieval import estimate, request_all, states, wait_until_readable
from ttl_archive.replay.restore.row_selection import ArchivedObject, Selection, find_objects
from ttl_archive.replay.restore.stage import Stage, stage_path
from ttl_archive.replay.restore.table_writer import Target
from ttl_archive.transform import layout
from ttl_archive.transform.settings import IMAGE_COLUMN, Settings

_NOT_ALL = 3


@dataclass(frozen=True)
class Order:
    """What the command was asked to do, beside the selection."""

    out: Path | None
    to_table: str | None
    format: str
    ttl: str | None
    dry_run: bool
    inexact: bool
    tier: str
    days: int
    wait: bool
    poll_s: float
    rate: float
    yes: bool
    work: Path
    concurrency: int
    as_json: bool

    @property
    def wants_items(self) -> bool:
        """Whether items are written, rather than rows."""
        return self.to_table is not None or self.format == "dynamodb-json"


def run(place: Place, selection: Selection, order: Order, target: Target | None, stop: Event) -> int:
    """Retrieve, stage and write; the exit code."""
    settings = place.settings
    given = place.given_prefix
    prefix = f"{layout.ARCHIVE}{settings.table.name}/" if given is None else given
    # A mistake in the filter is told here, before it costs a retrieval.
    intake = Intake(place.s3, settings, selection, order.wants_items, target.keys if target else ())
    objects = list(find_objects(place.s3, place.bucket, prefix, settings, selection))
    readable = [each for each in objects if not each.is_parquet]
    if len(readable) < len(objects):
        show.note(
            f"{len(objects) - len(readable):,} objects are Parquet or ORC, which this command does not read. "
            "Use Athena for them"
        )
    if not _make_readable(place.s3, readable, order, stop):
        return _NOT_ALL
    what = (place.bucket, prefix, selection, order.wants_items, order.to_table)
    with Stage(stage_path(order.work, *what)) as stage:
        _stage_all(intake, readable, stage, stop)
        if stop.is_set():
            show.note("Stopped. The same command goes on from here.")
            return 1
        _check_exact(stage, order, settings)
        if not order.dry_run:
            _write(stage, order, target, settings, stop)
        exit_code, is_over = _tell(stage, order, len(objects) - len(readable))
    if is_over:
        stage_path(order.work, *what).unlink()  # asked again, it is to be done again
    return exit_code


def _make_readable(s3: Any, objects: Sequence[ArchivedObject], order: Order, stop: Event) -> bool:
    """Whether everything can be read; if not, it has been asked for, or the operator said no."""
    cold = [each for each in objects if each.is_cold]
    now = states(s3, cold, order.concurrency)
    if all(state == "readable" for state in now.values()):
        return True
    if not _ask_for([each for each in cold if now[each.key] == "cold"], s3, order):
        return False
    if not order.wait or order.dry_run:
        show.note("The retrieval has been asked for. Run the same command again when it is over.")
        return False
    show.note(f"Waiting for the retrieval: a look every {order.poll_s:g} s. Ctrl-C ends only the waiting")
    with show.counter("Retrieving", len(cold)) as progress:
        ready = wait_until_readable(
            s3, cold, concurrency=order.concurrency, poll_s=order.poll_s, stop=stop, on_step=progress
        )
    if not ready:
        show.note("Stopped waiting; the retrieval goes on. The same command goes on from here.")
    return ready


def _ask_for(cold: Sequence[ArchivedObject], s3: Any, order: Order) -> bool:
    """Start the retrieval of what is cold, once its cost is agreed to; not in a dry run."""
    if not cold:
        return True
    cost = estimate(cold, order.tier, order.days)
    show.note(
        f"{cost.objects:,} objects, {show.size(cost.size)}, are in GLACIER. To retrieve them ({order.tier}, "
        f"readable for {order.days} days) takes {cost.takes} and costs about ${cost.usd:,.2f} at us-east-1's "
        "prices"
    )
    if order.dry_run:
        show.note("A dry run retrieves nothing, so their rows cannot be counted.")
        return False
    if not order.yes:
        if not sys.stdin.isatty():
            raise MisuseError("no terminal to ask on. Add --yes to retrieve them")
        click.confirm("Retrieve them?", abort=True, err=True)
    request_all(s3, cold, tier=order.tier, days=order.days, concurrency=order.concurrency)
    return True


def _stage_all(intake: Intake, objects: Sequence[ArchivedObject], stage: Stage, stop: Event) -> None:
    read = 0
    with show.counter("Reading", len(objects)) as progress:
        for number, each in enumerate(objects, 1):
            if stop.is_set():
                return
            if not stage.has_read(each.key, each.etag):
                stage.add_object(each.key, each.etag, intake.items(each))
                read += 1
            progress(number, len(objects))
    if read and intake.unseen:
        show.note(f"No row that was read has a column {', '.join(sorted(intake.unseen))}: check --where")


def _check_exact(stage: Stage, order: Order, settings: Settings) -> None:
    inexact = stage.counts().inexact
    if inexact and not order.inexact:
        raise MisuseError(
            f"{inexact:,} items have no image in their rows ([output] image was false), so they cannot be "
            f"restored exactly: {'; '.join(inexactness(settings))}. To restore them like this: --inexact. "
            "To have their rows as they are: --format jsonl --out FILE"
        )


def _write(stage: Stage, order: Order, target: Target | None, settings: Settings, stop: Event) -> None:
    total = stage.counts().items
    if target:
        with show.counter("Putting", total) as progress:
            done = 0

            def on_items(items: int) -> None:
                nonlocal done
                done += items
                progress(done, total)

            table_writer.write(
                stage, target, Rate(order.rate, wait=stop.wait), stop, order.concurrency, on_items
            )
    elif order.out:
        columns = [name for name in settings.row_columns if name != IMAGE_COLUMN]
        with item_files.whole_file(order.out) as file:
            item_files.WRITERS[order.format]((staged.line for staged in stage.items()), columns, file)


def _tell(stage: Stage, order: Order, unread: int) -> tuple[int, bool]:
    """The exit code, and whether nothing is left to write."""
    counts = stage.counts()
    left = counts.items - sum(counts.outcomes.values()) if order.to_table and not order.dry_run else 0
    refused = counts.outcomes.get(table_writer.REFUSED, 0)
    exit_code = 1 if left else _NOT_ALL if unread or counts.bad or refused else 0
    is_over = not left and not order.dry_run
    if order.as_json:
        if str(order.out) != "-":
            show.as_json(
                {
                    "objects": counts.objects,
                    "rows": counts.rows,
                    "items": counts.items,
                    "inexact": counts.inexact,
                    "unreadable_lines": counts.bad,
                    "unread_objects": unread,
                    "outcomes": counts.outcomes,
                    "dry_run": order.dry_run,
                    "exit_code": exit_code,
                }
            )
        return exit_code, is_over
    show.note(f"objects read   {counts.objects:,}")
    show.note(f"rows wanted    {counts.rows:,}; without duplicates {counts.items:,}")
    if counts.bad:
        show.note(
            f"lines that could not be read: {counts.bad:,}. They are damaged, or rows of CSV with "
            "columns that archive.toml has no more"
        )
    if order.dry_run:
        show.note(f"would write    {counts.items:,}, to {order.to_table or order.out}; this was a dry run")
    elif order.to_table:
        show.note(f"written        {show.counts(counts.outcomes)}; table {order.to_table}")
    else:
        show.note(f"written        {counts.items:,}, to {order.out}")
    return exit_code, is_over
