"""`replay plan`: what a run would do. `replay run` without a plan makes its own here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ttl_archive.replay import replay_plan
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import (
    Place,
    as_filter,
    aws_options,
    filter_options,
    place_options,
    report_errors,
    stack,
)
from ttl_archive.replay.error_objects.survey import Filter, survey, with_code
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.replay_plan import Plan
from ttl_archive.replay.sinks.registry import SINKS, warning
from ttl_archive.transform import layout

sink_options: Callable[[Any], Any] = stack(
    click.option(
        "--sink", type=click.Choice(SINKS), default="s3", show_default=True, help="Where records go."
    ),
    click.option("--stream", help="kinesis: data stream, name or ARN. firehose: delivery stream name."),
    click.option("--archive", default=layout.ARCHIVE, show_default=True, help="s3: prefix of the archive."),
    click.option("--held", is_flag=True, help="Also what this same transform has refused before."),
)


@click.command("plan", short_help="Print what a run would do (the default).")
@place_options
@filter_options
@sink_options
@click.option("--out", type=click.Path(path_type=Path), default="replay-plan.json", show_default=True,
              help="File to write the plan to.")  # fmt: skip
@aws_options
@report_errors
def plan_command(bucket: str, prefix: str | None, out: Path, as_json: bool, **options: Any) -> None:
    """Print what a run would do, and write it to a file that `run` executes. Changes nothing in AWS.

    \b
    To plan for all that failed:   ttl-archive replay plan --bucket my-archive
    To plan for the last week:     ttl-archive replay plan --bucket my-archive --since 7d
    To plan for one type:          ttl-archive replay plan --bucket my-archive --type processing-failed
    """
    only = as_filter(options)
    sink = {name: options.pop(name) for name in ("sink", "stream", "archive", "held")}
    planned = make_plan(Place(bucket, prefix, **options), only, **sink)
    replay_plan.write(planned, out)
    if as_json:
        show.as_json(as_document(planned))
    else:
        print_plan(planned)
        show.note(f"The plan is in {out}. To execute it: ttl-archive replay run {out}")


def make_plan(place: Place, only: Filter, *, sink: str, stream: str | None, archive: str, held: bool) -> Plan:
    """The plan for a place and a filter. Raises MisuseError when the sink lacks its stream."""
    if (sink == "s3") != (stream is None):
        raise MisuseError(
            "--stream goes with the sinks kinesis and firehose, which need it: --sink kinesis --stream NAME"
        )
    if archive and not archive.endswith("/"):
        raise MisuseError(f'--archive has value "{archive}", and TABLE/ follows it directly: end it with "/"')
    found = survey(place.s3, place.bucket, place.prefix, only, place.transform)
    return replay_plan.make(
        with_code(place.s3, found, only.codes),
        bucket=place.bucket,
        prefix=place.prefix,
        sink=sink,
        target=stream or archive,
        transform=place.transform,
        with_held=held,
    )


def as_document(planned: Plan) -> dict[str, Any]:
    """The plan without its objects, for --json."""
    return {
        "bucket": planned.bucket,
        "prefix": planned.prefix,
        "sink": planned.sink,
        "target": planned.target,
        "transform": planned.transform,
        "objects": len(planned.objects),
        "bytes": planned.size,
        "done": planned.done,
        "held": planned.held,
    }


def print_plan(planned: Plan) -> None:
    """Print the plan for people."""
    sizes: dict[str, list[int]] = {}
    for each in planned.objects:
        sizes.setdefault(each.type, []).append(each.size)
    if sizes:
        rows = [(kind, len(found), show.size(sum(found))) for kind, found in sorted(sizes.items())]
        show.table(("type", "objects", "size"), rows)
    number, size = len(planned.objects), show.size(planned.size)
    click.echo(f"to replay          {number:,} objects, {size}, to {planned.sink}: {planned.target}")
    click.echo(f"done already       {planned.done:,} objects")
    click.echo(f"held               {planned.held:,} objects that this same transform has refused")
    if text := warning(planned.sink, planned.target):
        show.note(text)
