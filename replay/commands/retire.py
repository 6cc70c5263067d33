"""`replay retire`: moves what is done out of the way."""

import sys
from dataclasses import asdict
from typing import Any

import click

from ttl_archive.replay.claims import Claims, new_owner
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
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.error_objects.survey import survey
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.retirement import Retirement, candidates, retire
from ttl_archive.transform import layout


@click.command("retire", short_help="Move what is done out of the way.")
@place_options
@filter_options
@click.option("--to", default=layout.RETIRED, show_default=True, help="Prefix to move them under.")
@click.option("--yes", is_flag=True, help="Move them; without it, only show what would be moved.")
@aws_options
@report_errors
def retire_command(
    bucket: str, prefix: str | None, to: str, yes: bool, as_json: bool, **options: Any
) -> None:
    """Move error objects that are done under another prefix; without --yes only show which.

    Done means that a manifest stands for it and that what the manifest names is still there. Each object is
    copied, the copy is verified, and only then the original is removed.

    \b
    To see what would be moved:   ttl-archive replay retire --bucket my-archive
    To move it:                   ttl-archive replay retire --bucket my-archive --yes
    """
    only = as_filter(options)
    place = Place(bucket, prefix, **options)
    _check_place(to, place.prefix)
    found = list(survey(place.s3, bucket, place.prefix, only, place.transform))
    objects = {each.object.key: each.object for each in found}
    moved = list(candidates(place.s3, found, Claims(place.s3, bucket, new_owner()), to))
    failed = _move(place, moved, objects) if yes else 0
    if as_json:
        show.as_json([asdict(each) for each in moved])
    else:
        show.table(("object", "size", "to"), [(m.key, show.size(m.size), m.kept or m.to) for m in moved])
        show.note(_summary(moved, failed, yes))
    if failed:
        sys.exit(FAILED)


def _check_place(to: str, prefix: str) -> None:
    """Raise MisuseError where what was moved would be found again, or would be read as rows."""
    if not to.endswith("/"):
        raise MisuseError(f'--to has value "{to}", which the object\'s key follows: end it with "/"')
    for taken in (prefix, layout.ERRORS, layout.ARCHIVE, layout.QUARANTINE):
        if to.startswith(taken):
            raise MisuseError(f"--to {to} is under {taken}, where objects are read. Name another place")


def _move(place: Place, planned: list[Retirement], objects: dict[str, ErrorObject]) -> int:
    failed = 0
    for each in planned:
        if each.kept:
            continue
        try:
            retire(place.s3, objects[each.key], each.to.removesuffix(each.key))
        except ReplayError as error:
            failed += 1
            show.note(str(error))
    return failed


def _summary(moved: list[Retirement], failed: int, yes: bool) -> str:
    kept = sum(1 for each in moved if each.kept)
    number = len(moved) - kept - failed
    if not yes:
        return f"{number:,} objects would be moved, {kept:,} kept. To move them: add --yes"
    return f"{number:,} objects were moved, {kept:,} kept, {failed:,} failed"
