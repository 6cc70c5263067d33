"""`replay retire`: moves done and waived error objects out of the way."""

import sys
from dataclasses import asdict
from typing import Any

import click

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.list import find_all
from ttl_archive.replay.commands.options import (
    FAILED,
    Place,
    as_filter,
    aws_options,
    filter_options,
    place_options,
    report_errors,
)
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import ReplayError
from ttl_archive.replay.retirement import Retirement, candidates, retire
from ttl_archive.transform import layout


@click.command("retire")
@place_options
@filter_options
@click.option("--yes", is_flag=True, help="Move them; without it, only show what would be moved.")
@aws_options
@report_errors
def retire_command(bucket: str, prefix: str | None, yes: bool, as_json: bool, **options: Any) -> None:
    """Move error objects that are done or waived to replay/table=TABLE/retired/, with --yes.

    An object is moved when its claim says that it is done or waived, and the rows that the claim names are
    still there. It is copied, the copy is verified, and only then the original is removed.

    \b
    To see what would be moved:   ttl-archive replay retire --bucket my-archive
    To move it:                   ttl-archive replay retire --bucket my-archive --yes
    """
    only = as_filter(options)
    place = Place(bucket, prefix, **options)
    if yes:
        place.claims.check_store(deletes=True)
    planned = list(candidates(place.claims, find_all(place, only)))
    failed = _move(place, planned) if yes else 0
    if as_json:
        show.as_json([asdict(each) for _, each in planned])
    else:
        for _, each in planned:
            click.echo(show.printable(each.key))
            show.paragraph(
                f"stays: {each.kept}" if each.kept else f"{show.size(each.size)}, to {each.to}", "  "
            )
        show.note(_summary(place, [each for _, each in planned], failed, yes))
    if failed:
        sys.exit(FAILED)


def _move(place: Place, planned: list[tuple[Found, Retirement]]) -> int:
    """Move the objects that are not kept; return how many could not be moved."""
    failed = 0
    for found, each in planned:
        if each.kept:
            continue
        try:
            retire(place.claims, found.object, each.to)
        except ReplayError as error:
            failed += 1
            show.note(str(error))
    return failed


def _summary(place: Place, planned: list[Retirement], failed: int, yes: bool) -> str:
    kept = sum(1 for each in planned if each.kept)
    number = len(planned) - kept - failed
    if not planned:
        return f"Nothing is done or waived. To see why: ttl-archive replay list --why {place.arguments}"
    if not yes:
        return f"{number:,} objects would be moved, {kept:,} stay. To move them: add --yes"
    folder = layout.retired_folder(place.table)
    return f"{number:,} objects were moved to {folder}, {kept:,} stay, {failed:,} failed"
