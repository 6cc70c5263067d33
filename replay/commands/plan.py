"""`replay plan`: what a run would do. `replay run` without a plan makes its own here."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import click

from ttl_archive.replay import replay_plan
from ttl_archive.replay.causes import explainer
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.causes_report import causes_document, print_causes
from ttl_archive.replay.commands.list import find_all
from ttl_archive.replay.commands.options import (
    FAILED,
    Place,
    as_filter,
    aws_options,
    filter_options,
    place_options,
    report_errors,
    stack,
)
from ttl_archive.replay.commands.progress import meter
from ttl_archive.replay.error_objects.forecast import Forecast, forecast
from ttl_archive.replay.error_objects.survey import Filter, Found
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.replay_plan import Binding, Plan
from ttl_archive.replay.sinks.registry import SINKS, make_sink, warning
from ttl_archive.replay.sinks.sink import Sink
from ttl_archive.replay.verdict import judge
from ttl_archive.transform import layout

_SHOWN_PROBLEMS = 20

sink_options: Callable[[Any], Any] = stack(
    click.option(
        "--sink", type=click.Choice(SINKS), default="s3", show_default=True, help="Where records go."
    ),
    click.option("--stream", help="kinesis: data stream, name or ARN. firehose: delivery stream name."),
    click.option(
        "--refused", "with_refused", is_flag=True, help="Also objects that today's transform has refused."
    ),
)


@click.command("plan")
@place_options
@filter_options
@sink_options
@click.option("--out", type=click.Path(path_type=Path), default="replay-plan.json", show_default=True,
              help="File to write the plan to.")  # fmt: skip
@aws_options
@report_errors
def plan_command(bucket: str, prefix: str | None, out: Path, as_json: bool, **options: Any) -> None:
    """Print what a run would do, and write it to a file that `run` executes. Changes nothing in AWS.

    Every record is read and judged: the plan says how many would be delivered, dropped or refused, and why,
    by the transform or by the sink. Objects that a run would fail on are named, and the exit code is then 1.

    \b
    To plan for all that failed:   ttl-archive replay plan --bucket my-archive
    To plan for the last week:     ttl-archive replay plan --bucket my-archive --since 7d
    To plan for one type:          ttl-archive replay plan --bucket my-archive --type processing-failed
    """
    only = as_filter(options)
    sink = {name: options.pop(name) for name in ("sink", "stream", "with_refused")}
    place = Place(bucket, prefix, **options)
    checked = _checked_sink(place, sink["sink"], sink["stream"])
    found, planned = make_plan(place, only, **sink)
    problems: list[ReplayError] = []
    counted = judge_plan(place, found, planned, checked, problems.append)
    replay_plan.write_plan(planned, out)
    if as_json:
        would_fail = {"would_fail": [str(problem) for problem in problems]}
        show.as_json(as_document(planned) | causes_document(counted, place.settings) | would_fail)
    else:
        print_plan(place, planned, counted, problems)
        if planned.objects:
            config = f" --config {place.config}" if place.config else ""
            show.note(f"The plan is in {out}. To execute it: ttl-archive replay run {out}{config}")
    if problems:
        sys.exit(FAILED)


def _checked_sink(place: Place, name: str, stream: str | None) -> Sink:
    """Return the sink. Raises MisuseError, before anything is read, when it takes nothing."""
    _check_stream(name, stream)
    _check_road(place, name)
    sink = make_sink(name, stream, place.bucket, place.clients, place.settings, stop=Event())
    sink.check()
    return sink


def _check_stream(sink: str, stream: str | None) -> None:
    if (sink == "s3") != (stream is None):
        raise MisuseError(
            "--stream goes with the sinks kinesis and firehose, which need it: --sink kinesis --stream NAME"
        )


def _check_road(place: Place, sink: str) -> None:
    """Raise MisuseError for a stream as the sink of the Streams road, where nothing transforms records."""
    source = place.settings.sections.get("deploy", {}).get("source")
    if sink != "s3" and (place.on_failure or source == "streams"):
        raise MisuseError(
            f"the sink {sink} is not for the Streams road: its delivery stream has no transform, so the "
            "records would be delivered as they are. Use --sink s3"
        )


def make_plan(
    place: Place, only: Filter, *, sink: str, stream: str | None, with_refused: bool
) -> tuple[list[Found], Plan]:
    """Return what was found, and the plan for it.

    Raises MisuseError when the sink lacks its stream, NothingFoundError when nothing was found.
    """
    _check_stream(sink, stream)
    _check_road(place, sink)
    found = find_all(place, only)
    binding = Binding(
        place.bucket,
        place.table,
        place.prefix,
        sink,
        stream,
        place.transform,
        with_refused,
        place.on_failure,
    )
    return found, replay_plan.plan_for(found, binding)


def judge_plan(
    place: Place,
    found: list[Found],
    planned: Plan,
    sink: Sink,
    on_problem: Callable[[ReplayError], None],
) -> Forecast:
    """Judge every record as a run of the plan would. Objects that would fail go to `on_problem`."""
    keys = {each.key for each in planned.objects}
    chosen = [each for each in found if each.object.key in keys]
    with meter("Reading", planned.size) as progress:
        return forecast(
            place.s3,
            chosen,
            judge(place.settings),
            explainer(place.settings),
            sink=sink,
            on_problem=on_problem,
            on_read=progress,
        )


def target_of(binding: Binding) -> str:
    """Return where a plan's records go, for people."""
    return f"{binding.sink}: {binding.stream or layout.ARCHIVE + binding.table + '/'}"


def as_document(planned: Plan) -> dict[str, Any]:
    """Return the plan without its objects, for --json."""
    binding = planned.binding
    return {
        "bucket": binding.bucket,
        "table": binding.table,
        "prefix": binding.prefix,
        "on_failure": binding.on_failure,
        "sink": binding.sink,
        "stream": binding.stream,
        "transform": binding.transform,
        "objects": len(planned.objects),
        "bytes": planned.size,
        "states": dict(planned.states),
    }


def print_plan(
    place: Place, planned: Plan, counted: Forecast | None, problems: Sequence[ReplayError] = ()
) -> None:
    """Print the plan for people, with the forecast and the objects that would fail where it was made."""
    show.field("found", show.counts(planned.states))
    objects = show.plural(len(planned.objects), "object")
    show.field("to replay", f"{objects}, {show.size(planned.size)}")
    show.field("into", target_of(planned.binding))
    if counted and planned.objects:
        print_causes(place, counted)
    if problems:
        show.field("would fail", show.plural(len(problems), "object"))
    for problem in problems[:_SHOWN_PROBLEMS]:
        show.note(f"  {problem}")
    if len(problems) > _SHOWN_PROBLEMS:
        show.note(f"  and {len(problems) - _SHOWN_PROBLEMS:,} more; --json lists them all")
    refused = planned.states[State.REFUSED]
    if refused and not planned.binding.with_refused:
        show.note(
            f"Left out: {show.plural(refused, 'object')} of which today's settings refuse some records. "
            f"To see why: ttl-archive replay list --why {place.arguments}"
        )
    if text := warning(planned.binding.sink, str(planned.binding.stream)):
        show.note(text)
