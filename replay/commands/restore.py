"""`ttl-archive restore`: its options and help."""

import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import click

from ttl_archive.replay.caller import caller_account
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import Moment, Place, aws_options, report_errors
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.restore import item_files
from ttl_archive.replay.restore.destination_table import find_table, parse_ttl
from ttl_archive.replay.restore.restore_request import (
    GivenSelection,
    GivenTime,
    RestoreOptions,
    RestoreRequest,
)
from ttl_archive.replay.restore.retrieval_cost import TIERS


class TimeOption(Moment):
    """A time that keeps the words it was given in, so that a killed restore with --since 7d can resume."""

    def convert(self, value: Any, param: Any, ctx: Any) -> GivenTime | None:  # type: ignore[override]
        """Return the time as it was given."""
        if value is None or isinstance(value, GivenTime):
            return value
        time = super().convert(value, param, ctx)
        if time is None:
            return None
        is_relative = re.fullmatch(r"\d+[dhm]", value)
        return GivenTime(value, time, datetime.now(UTC) - time if is_relative else None)


@click.command("restore")
@click.option("--bucket", required=True, help="Bucket of the archive; s3://BUCKET/PREFIX names both.")
@click.option("--prefix", help="Prefix of the archived rows.  [default: archive/TABLE/]")
@click.option("--since", type=TimeOption(), help="Changes at this time or later, UTC; 7d is 7 days ago.")
@click.option("--until", type=TimeOption(), help="Changes before this time, UTC.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="NAME=VALUE",
    help="Items whose attribute has this value; may be repeated.",
)
@click.option("--where", default="", help="Rows that match this filter: SQL's comparisons on columns.")
@click.option(
    "--late",
    "late_days",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Also read the folders of so many days later, for rows that arrived late.",
)
@click.option("--out", type=click.Path(path_type=Path), help='File to write; "-" is stdout.')
@click.option(
    "--format",
    "format",
    type=click.Choice(item_files.FORMATS),
    default="jsonl",
    show_default=True,
    help="Contents of the file: rows as JSON or CSV, or items as DynamoDB's import takes them.",
)
@click.option(
    "--guard-formulas",
    is_flag=True,
    help="With --format csv: put an apostrophe before text that a spreadsheet would run as a formula.",
)
@click.option("--to-table", help="Table to put items into, where their keys do not exist.")
@click.option("--ttl", help="With --to-table: remove the TTL attribute, keep it, or move it: +90d from now.")
@click.option("--dry-run", is_flag=True, help="Read and count, write nothing.")
@click.option("--inexact", is_flag=True, help="Include items whose rows have no image.")
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    default="Standard",
    show_default=True,
    help="How fast objects are retrieved from GLACIER.",
)
@click.option(
    "--days",
    type=click.IntRange(1),
    default=7,
    show_default=True,
    help="How many days retrieved objects stay readable.",
)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait for the retrieval, or end and run the command again later.",
)
@click.option(
    "--poll",
    "poll_s",
    type=click.FloatRange(min=0.01),
    default=60,
    show_default=True,
    help="Seconds between two questions whether objects are retrieved.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Write units a second, at most.  [default: half of what the table takes]",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=16,
    show_default=True,
    help="Calls and puts in parallel.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=".ttl-archive-restore",
    show_default=True,
    help="Folder for what is staged; a killed restore resumes from it.",
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

    Objects in GLACIER are retrieved first, when you agree to the cost. A killed restore resumes when the same
    command is run again. An item is put into the table only where its key does not exist, because what is
    there is newer.

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

    Exit codes: 0 all done, 1 failed or stopped, 2 misused, 3 something is not restored (not retrieved yet,
    not readable, or refused by the table), 4 nothing found; the message says what there is instead.
    """
    from ttl_archive.replay.restore.restore_run import run_restore  # what --help does not need

    selection = GivenSelection(
        keys=tuple(_pair(key) for key in options.pop("keys")),
        **{name: options.pop(name) for name in ("since", "until", "where", "late_days")},
    )
    ttl = options.pop("ttl")
    how = RestoreOptions(**options)
    _check(how, ttl)
    place = Place(bucket, prefix, config, profile, region, connections=2 * how.concurrency)
    request = _with_table(RestoreRequest(place, selection, how, _account(place)), ttl)
    stop = Event()
    with ctrl_c(stop):
        sys.exit(run_restore(request, stop))


def _check(options: RestoreOptions, ttl: str | None) -> None:
    if (options.out is None) == (options.to_table is None):
        raise MisuseError("say where to write: either --out FILE or --to-table TABLE")
    if (options.to_table is None) != (ttl is None):
        raise MisuseError(
            "--ttl goes with --to-table, which needs it: with its old TTL an item expires again at once. "
            "Use --ttl remove, --ttl +90d, or --ttl keep"
        )
    if options.guard_formulas and (options.to_table or options.format != "csv"):
        raise MisuseError("--guard-formulas goes with --format csv; no other format has formulas")


def _account(place: Place) -> str:
    """Return the account of the credentials, or their access key where STS does not tell the account.

    An access key belongs to one account. Source: AWS Security Token Service API Reference, GetAccessKeyInfo.
    Raises ReplayError without credentials.
    """
    try:
        return caller_account(place.clients("sts", retries=False))
    except ReplayError as error:
        access_key = place.clients.access_key_id
        if not access_key:
            raise
        show.note(f"{error}. Until STS answers, this restore resumes only with the same access key.")
        return f"access key {access_key}"


def _with_table(request: RestoreRequest, ttl: str | None) -> RestoreRequest:
    """Return the request with the table that it names. Raises MisuseError when it cannot be written to."""
    options, place = request.options, request.place
    if options.to_table is None or ttl is None:
        return request
    ttl_attribute = place.settings.table.ttl_attribute
    choice = parse_ttl(ttl, datetime.now(UTC))
    table = find_table(place.clients("dynamodb"), options.to_table, ttl_attribute)
    if table.ttl_attribute != ttl_attribute:
        show.note(
            f"The TTL of {table.name} reads {table.ttl_attribute}, not {ttl_attribute} as archive.toml says; "
            f"--ttl {ttl} applies to {table.ttl_attribute}."
        )
    if ttl == "keep":
        show.note(f"With --ttl keep, an item whose {table.ttl_attribute} has passed expires at once.")
    if not options.dry_run and not options.yes:
        if not sys.stdin.isatty():
            raise MisuseError("there is no terminal to ask on. Look with --dry-run, then add --yes")
        click.confirm(f"Put items into the table {options.to_table}?", abort=True, err=True)
    return replace(request, table=table, ttl=choice)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise MisuseError(f'--key has value "{text}". It must be NAME=VALUE, for example deviceID=d1')
    return name, value
