"""`replay list` and `replay inspect`: what failed, and why."""

import json
import shlex
import sys
from dataclasses import asdict
from itertools import islice
from typing import Any

import click

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import (
    FAILED,
    Place,
    as_filter,
    aws_options,
    filter_options,
    place_options,
    report_errors,
)
from ttl_archive.replay.error_objects.failure_counts import Failures, by_name, failures, look_into
from ttl_archive.replay.error_objects.inspection import Inspected, inspect
from ttl_archive.replay.error_objects.objects import find_object
from ttl_archive.replay.error_objects.survey import survey
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.verdict import judge

_LIST_HEADERS = ("day", "type", "code", "state", "records", "objects", "size", "oldest", "newest")


@click.command("list", short_help="Show what failed, counted.")
@place_options
@filter_options
@click.option("--names-only", is_flag=True, help="Count objects by their names, without reading them.")
@aws_options
@report_errors
def list_command(bucket: str, prefix: str | None, names_only: bool, as_json: bool, **options: Any) -> None:
    """Show what failed: by day, error output type, error code and state, with counts, sizes and times (UTC).

    The state is open (to be replayed), done (delivered and verified), or held (refused by this same transform
    before; it waits for a change of the code or of archive.toml).

    \b
    To see everything:                ttl-archive replay list --bucket my-archive
    To see the last two days:         ttl-archive replay list --bucket my-archive --since 2d
    To see one error code:            ttl-archive replay list --bucket my-archive --code Lambda.FunctionError
    To see what was refused again:    ttl-archive replay list --bucket my-archive --type quarantine
    To count a large backlog fast:    ttl-archive replay list --bucket my-archive --names-only --json
    """
    only = as_filter(options)
    if names_only and only.codes:
        raise MisuseError("--code is in the records, which --names-only does not read: give one of the two")
    place = Place(bucket, prefix, **options)
    problems: list[ReplayError] = []

    def on_problem(error: ReplayError) -> None:
        problems.append(error)
        show.note(str(error))

    found = survey(place.s3, bucket, place.prefix, only, place.transform)
    look = by_name if names_only else look_into
    groups = failures(place.s3, found, only.codes, look=look, on_problem=on_problem)
    if as_json:
        show.as_json([asdict(group) for group in groups])
    else:
        _print_groups(place, groups)
    if problems:
        sys.exit(FAILED)


@click.command("inspect", short_help="Show the records of one error object.")
@click.option("--bucket", help="Bucket of the object; not needed with s3://BUCKET/KEY.")
@click.argument("error_object", metavar="OBJECT")
@click.option("--show-content", is_flag=True, help="Show the change record itself, with the item's values.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="Records; 0 for all.")
@aws_options
@report_errors
def inspect_command(
    bucket: str | None, error_object: str, show_content: bool, limit: int, as_json: bool, **options: Any
) -> None:
    """Show the records of one error object: the error, the change, and what the transform says of it today.

    OBJECT is a key or s3://BUCKET/KEY. No name or value of an item is shown without --show-content.

    \b
    To see why records failed:
      ttl-archive replay inspect s3://my-archive/errors/DeviceData/processing-failed/example
    To see one with its content:
      ttl-archive replay inspect s3://my-archive/errors/DeviceData/processing-failed/example --show-content --limit 1
    To have all as JSON lines:
      ttl-archive replay inspect --bucket my-archive errors/DeviceData/processing-failed/example --limit 0 --json
    """  # noqa: E501  a command stays on one line, to be copied
    if error_object.startswith("s3://"):
        bucket, _, error_object = error_object.removeprefix("s3://").partition("/")
    if not bucket:
        raise click.UsageError("which bucket? Give --bucket, or the object as s3://BUCKET/KEY")
    place = Place(bucket, None, **options)
    found = find_object(place.s3, bucket, error_object)
    records = inspect(place.s3, found, judge(place.settings), content=show_content)
    shown = islice(records, limit or None)
    if as_json:
        for record in shown:
            click.echo(json.dumps(asdict(record), default=str, ensure_ascii=False))
    else:
        _print_records(list(shown), show_content)
        if limit and next(records, None):
            show.note(f"There are more than {limit} records. To see all: --limit 0")


def _print_groups(place: Place, groups: list[Failures]) -> None:
    rows = [
        (
            group.day, group.type, group.code, group.state, group.records, group.objects,
            show.size(group.bytes), group.oldest, group.newest,
        )
        for group in groups
    ]  # fmt: skip
    show.table(_LIST_HEADERS, rows)
    if not groups:
        show.note(
            f"Nothing failed under s3://{place.bucket}/{place.prefix}, or nothing that the filters take."
        )
    elif any(group.state == "open" for group in groups):
        show.note(
            f"To replay what is open: ttl-archive replay run --bucket {place.bucket} "
            f"--prefix {shlex.quote(place.prefix)}"
        )


def _print_records(records: list[Inspected], content: bool) -> None:
    headers = ("record", "code", "message", "attempts", "arrived", "bytes", "change", "verdict")
    show.table(
        headers,
        [
            (
                each.number,
                each.code,
                each.message,
                each.attempts,
                each.arrived,
                each.bytes,
                each.change,
                each.verdict,
            )
            for each in records
        ],
    )
    if content:
        for each in records:
            click.echo(f"\n{each.number}: {each.content}")
