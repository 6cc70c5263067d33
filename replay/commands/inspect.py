"""`replay inspect`: the records of one error object, and why they failed."""

from dataclasses import asdict
from itertools import islice
from typing import Any

import click

from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import Place, aws_options, report_errors, split_url
from ttl_archive.replay.error_objects.inspection import Inspected, inspect
from ttl_archive.replay.error_objects.objects import ErrorObject, find_object
from ttl_archive.replay.error_objects.survey import find
from ttl_archive.replay.errors import MisuseError, NothingFoundError, ObjectGoneError
from ttl_archive.transform import layout

BUCKET_HELP = "Bucket of the archive; not needed with s3://BUCKET/KEY of an error object in it."


@click.command("inspect")
@click.option("--bucket", help=BUCKET_HELP)
@click.argument("error_object", metavar="OBJECT")
@click.option("--line", type=click.IntRange(1), help="Show this record only.")
@click.option("--show-content", is_flag=True, help="Show the change record itself, with the item's values.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="Records; 0 for all.")
@aws_options
@report_errors
def inspect_command(
    bucket: str | None,
    error_object: str,
    line: int | None,
    show_content: bool,
    limit: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the records of one error object: the error, the change, today's verdict, and what to do.

    OBJECT is a key or s3://BUCKET/KEY. No value of an item is shown without --show-content; a refusal names
    the attribute that causes it.

    \b
    To see why records failed:
      ttl-archive replay inspect s3://my-archive/errors/DeviceData/processing-failed/example
    To see one with its content:
      ttl-archive replay inspect s3://my-archive/errors/DeviceData/processing-failed/example --line 1 --show-content
    To have all as JSON lines:
      ttl-archive replay inspect --bucket my-archive errors/DeviceData/processing-failed/example --limit 0 --json
    """  # noqa: E501  a command stays on one line, to be copied
    place, key = object_place(bucket, error_object, options)
    found = find(place.claims, existing_object(place, key), place.transform)
    records = inspect(place.s3, found, place.settings, content=show_content)
    if line:
        records = (record for record in records if record.number == line)
    shown = 0
    for record in islice(records, limit or None):
        shown += 1
        if as_json:
            show.as_json_line(asdict(record))
        else:
            _print_record(record)
    if line and not shown:
        raise NothingFoundError(f"{found.object.url}: it has no line {line}")
    if limit and next(records, None):
        show.note(f"There are more than {limit} records. To see all: --limit 0")


def object_place(bucket: str | None, error_object: str, options: dict[str, Any]) -> tuple[Place, str]:
    """Return the place and the key of an object that is given as a key or as s3://BUCKET/KEY.

    With another bucket, the object is a discarded batch, and the bucket has its claim. Raises MisuseError.
    """
    given = split_url(bucket)[0] if bucket else None
    own, key = split_url(error_object) if error_object.startswith("s3://") else (given, error_object)
    if own is None:
        raise MisuseError("which bucket? Give --bucket, or the object as s3://BUCKET/KEY")
    if given is None and key.startswith(layout.ON_FAILURE):
        raise MisuseError("the claim of a discarded batch is in the archive's bucket: name it with --bucket")
    return Place(given or own, None, on_failure=own if given and own != given else None, **options), key


def existing_object(place: Place, key: str) -> ErrorObject:
    """Return the object with this key. Raises NothingFoundError, with the command that lists keys."""
    try:
        return find_object(place.s3, place.errors_bucket, key)
    except ObjectGoneError:
        raise NothingFoundError(
            f"s3://{place.errors_bucket}/{key}: there is no such object. To see the keys: "
            f"ttl-archive replay list --objects {place.arguments}"
        ) from None


def _print_record(record: Inspected) -> None:
    arrived = f", arrived {show.moment(record.arrived)}" if record.arrived else ""
    sent = f"{show.plural(record.attempts, 'attempt')}{arrived}, {record.bytes:,} bytes"
    click.echo(show.printable(f"{record.number}  {record.code}"))
    for text in (sent, record.message, record.change):
        if text:
            show.paragraph(text, "   ")
    where = f" at {record.attribute}" if record.attribute else ""
    show.paragraph(record.verdict + where, "   ")
    if record.remedy:
        show.paragraph(record.remedy, "     ")
        show.block(record.settings, "       ")
    if record.content is not None:
        show.block(record.content, "   ")
