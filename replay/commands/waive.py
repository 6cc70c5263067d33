"""`replay waive`: accepts the loss of records that cannot be delivered."""

import re
from typing import Any

import click

from ttl_archive.replay import waiver
from ttl_archive.replay.caller import caller_arn
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.inspect import BUCKET_HELP, existing_object, object_place
from ttl_archive.replay.commands.options import Place, aws_options, report_errors
from ttl_archive.replay.error_objects.objects import ErrorObject, find_object
from ttl_archive.replay.errors import MisuseError, ObjectGoneError


@click.command("waive")
@click.option("--bucket", help=BUCKET_HELP)
@click.argument("error_object", metavar="OBJECT[:LINE]")
@click.option("--reason", help="Why the loss is acceptable; it is recorded with your identity and the time.")
@click.option("--undo", is_flag=True, help="Undo the waiver: the records are refused again.")
@aws_options
@report_errors
def waive_command(
    bucket: str | None, error_object: str, reason: str | None, undo: bool, as_json: bool, **options: Any
) -> None:
    """Accept the loss of records that a run has refused, or undo that.

    OBJECT is a key or s3://BUCKET/KEY; with :LINE only that record is waived, else every refused one. The
    records stay in the object until it is retired, and then in the retired copy.

    \b
    To waive one record:
      ttl-archive replay waive s3://my-archive/errors/DeviceData/processing-failed/poison:1 --reason "a test item"
    To undo it:
      ttl-archive replay waive s3://my-archive/errors/DeviceData/processing-failed/poison:1 --undo
    """  # noqa: E501  a command stays on one line, to be copied
    if bool(reason and reason.strip()) == undo:
        raise MisuseError('give a reason, which is recorded: --reason "TEXT"; or --undo, without a reason')
    place, key = object_place(bucket, error_object, options)
    found, line = _object_and_line(place, key)
    place.claims.check_store()
    by = caller_arn(place.clients("sts"))
    if undo:
        count = waiver.undo_waiver(place.claims, found, line, by=by)
    else:
        count = waiver.waive(place.claims, found, line, place.transform, reason=str(reason).strip(), by=by)
    if as_json:
        show.as_json({"object": found.key, "line": line, "records": count, "by": by, "undone": undo})
    else:
        done = "refused again" if undo else "waived"
        click.echo(f"{show.plural(count, 'record')} {done} by {by}")
        show.note(f"To see what is left: ttl-archive replay list {place.arguments}")


def _object_and_line(place: Place, key: str) -> tuple[ErrorObject, int | None]:
    """Return the object and line of KEY:LINE. A key may end like this itself; then the object is meant."""
    found = re.fullmatch(r"(.+):([0-9]{1,9})", key, re.DOTALL)
    if not found:
        return existing_object(place, key), None
    try:
        return find_object(place.s3, place.errors_bucket, key), None
    except ObjectGoneError:
        return existing_object(place, found[1]), int(found[2])
