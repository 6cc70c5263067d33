"""The staged items into the file or the table that was asked for, with the remaining time."""

from datetime import datetime
from threading import Event

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.progress import counter
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.restore import item_files
from ttl_archive.replay.restore.destination_table import DestinationTable, TtlChoice
from ttl_archive.replay.restore.output_file import whole_file
from ttl_archive.replay.restore.restore_request import RestoreRequest
from ttl_archive.replay.restore.stage import Stage
from ttl_archive.replay.restore.table_writer import TableWriter, write_items
from ttl_archive.transform.settings import IMAGE_COLUMN


def write_staged(stage: Stage, request: RestoreRequest, begun: datetime, stop: Event) -> None:
    """Write what is staged. `begun` is when the restore began. Raises ReplayError or MisuseError."""
    if request.table and request.ttl:
        _write_table(stage, request, request.table, request.ttl, begun, stop)
    else:
        _write_file(stage, request)


def _write_file(stage: Stage, request: RestoreRequest) -> None:
    options, settings = request.options, request.place.settings
    if options.out is None:
        return
    lines = stage.lines()
    with whole_file(options.out) as file:
        if options.format == "csv":
            columns = [name for name in settings.row_columns if name != IMAGE_COLUMN]
            item_files.write_csv(lines, file, columns, guard=options.guard_formulas)
        elif options.format == "dynamodb-json":
            item_files.write_dynamodb_json(lines, file)
        else:
            item_files.write_jsonl(lines, file)


def _write_table(
    stage: Stage,
    request: RestoreRequest,
    table: DestinationTable,
    ttl: TtlChoice,
    begun: datetime,
    stop: Event,
) -> None:
    counts = stage.counts()
    rate = request.options.rate or table.write_units
    waiting = counts.items - sum(counts.outcomes.values())
    show.note(
        f"Putting {waiting:,} items into {table.name} ({table.mode} mode) at up to {rate:,.0f} write units a "
        f"second; they take {counts.units:,}, so about {describe_duration(counts.units / rate)} or more."
    )
    writer = TableWriter(table, ttl, begun)
    with counter("Putting", waiting) as progress:
        done = 0

        def on_items(items: int) -> None:
            nonlocal done
            done += items
            progress(done, waiting)

        limit, options = Rate(rate, wait=stop.wait), request.options
        write_items(stage, writer, limit, stop, options.concurrency, on_items, options.workers)


def describe_duration(seconds: float) -> str:
    """Return a duration for people: 45 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
