"""`ttl-archive restore`: its options and help."""

import sys
from pathlib import Path
from threading import Event
from typing import Any

import click

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import Moment, Place, aws_options, report_errors
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.restore import item_files, restore_job
from ttl_archive.replay.restore.restore_job import Order
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.replay.restore.table_writer import Target, find_target


@click.command("restore", short_help="Get archived items back.")
@click.option("--bucket", required=True, help="Bucket of the archive.")
@click.option("--prefix", help="Prefix of the archived rows.  [default: archive/TABLE/]")
@click.option("--since", type=Moment(), help="Changes at this time or later, UTC.")
@click.option("--until", type=Moment(), help="Changes before this time, UTC.")
@click.option(
    "--key", "keys", multiple=True, metavar="NAME=VALUE", help="Items with this value; may be given again."
)
@click.option("--where", default="", help="Rows for which this holds: SQL's comparisons on columns.")
@click.option(
    "--late",
    "late_days",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Look also in the folders of so many days later, for rows that arrived late.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help='File to write; "-" is stdout.')
@click.option(
    "--format",
    "format",
    type=click.Choice(item_files.FORMATS),
    default="jsonl",
    show_default=True,
    help="What the file holds: rows as JSON or CSV, or items as DynamoDB's import takes them.",
)
@click.option("--to-table", help="Table to put the items into, where their keys are not there.")
@click.option("--ttl", help="With --to-table: remove the TTL attribute, keep it, or +90d to move it forward.")
@click.option("--dry-run", is_flag=True, help="Read and count, write nothing.")
@click.option("--inexact", is_flag=True, help="Also items whose rows have no image.")
@click.option(
    "--tier",
    type=click.Choice(("Standard", "Bulk", "Expedited")),
    default="Standard",
    show_default=True,
    help="How fast objects come back from GLACIER.",
)
@click.option(
    "--days", type=click.IntRange(1), default=7, show_default=True, help="How long they stay readable."
)
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for GLACIER, or come back later."
)
@click.option(
    "--poll",
    "poll_s",
    type=click.FloatRange(min=0.01),
    default=60,
    show_default=True,
    help="Seconds between two looks at GLACIER.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=100,
    show_default=True,
    help="Items put into the table a second, at most.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=8, show_default=True, help="Calls at a time."
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=".ttl-archive-restore",
    show_default=True,
    help="Folder for what is staged; a later run goes on from it.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@aws_options
@report_errors
def restore(
    bucket: str,
    prefix: str | None,
    config: Path | None,
    profile: str | None,
    region: str | None,
    **options: Any,
) -> None:
    """Get archived items back from the bucket, into a file or into a table.

    Objects in GLACIER are asked for first, when the cost is agreed to; the same command goes on where it was
    killed. An item goes into the table only where its key is not there, for what is there is newer.

    \b
    To have a day as JSON lines:
      ttl-archive restore --bucket my-archive --since 2025-11-20 --until 2025-11-21 --out day.jsonl --yes
    To have some rows as CSV:
      ttl-archive restore --bucket my-archive --where "device_id = 'd1'" --format csv --out d1.csv --yes
    To see what a table would get:
      ttl-archive restore --bucket my-archive --to-table DeviceData --ttl remove --dry-run
    To put one device's items back for 90 days:
      ttl-archive restore --bucket my-archive --key deviceID=d1 --to-table DeviceData --ttl +90d --yes
    To feed DynamoDB's own import:
      ttl-archive restore --bucket my-archive --format dynamodb-json --out items.json.gz --yes
    """
    selection = Selection(
        keys=tuple(_pair(key) for key in options.pop("keys")),
        **{name: options.pop(name) for name in ("since", "until", "where", "late_days")},
    )
    order = Order(**options)
    _check(order)
    place = Place(bucket, prefix, config, profile, region, connections=4 * order.concurrency)
    target = _target(place, order)
    stop = Event()
    with ctrl_c(stop):
        sys.exit(restore_job.run(place, selection, order, target, stop))


def _check(order: Order) -> None:
    if (order.out is None) == (order.to_table is None):
        raise MisuseError("say where to: either --out FILE or --to-table TABLE")
    if (order.to_table is None) != (order.ttl is None):
        raise MisuseError(
            "--ttl goes with --to-table, which needs it: with its old TTL an item expires again at once. "
            "Use --ttl remove, --ttl +90d, or --ttl keep"
        )


def _target(place: Place, order: Order) -> Target | None:
    if order.to_table is None or order.ttl is None:
        return None
    ttl_attribute = place.settings.table.ttl_attribute
    target = find_target(place.clients("dynamodb"), order.to_table, ttl_attribute, order.ttl)
    if order.ttl == "keep":
        show.note(f"With --ttl keep, an item whose {ttl_attribute} is past expires at once.")
    if not order.dry_run and not order.yes:
        if not sys.stdin.isatty():
            raise MisuseError("no terminal to ask on. Look with --dry-run, then add --yes")
        click.confirm(f"Put items into the table {order.to_table}?", abort=True, err=True)
    return target


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise MisuseError(f'--key has value "{text}". It must be NAME=VALUE, for example deviceID=d1')
    return name, value
