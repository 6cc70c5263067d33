"""`replay run`: executes a plan, here or in a state machine."""

import shlex
import sys
from pathlib import Path
from threading import Event
from typing import Any

import click

from ttl_archive.replay import distributed_map, replay_object, replay_plan
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import (
    Place,
    as_filter,
    aws_options,
    filter_options,
    report_errors,
    work_options,
)
from ttl_archive.replay.commands.plan import make_plan, print_plan, sink_options
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.distributed_map import Execution
from ttl_archive.replay.error_objects.survey import Filter
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Outcome, Run
from ttl_archive.replay.replay_plan import Plan
from ttl_archive.replay.replay_run import Summary, execute
from ttl_archive.replay.sinks.registry import make_sink, warning
from ttl_archive.replay.verdict import judge
from ttl_archive.transform import layout

_ARCHIVE_SINK = {"sink": "s3", "stream": None, "archive": layout.ARCHIVE, "held": False}


@click.command("run", short_help="Replay failed records.")
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--bucket", help="Bucket that the delivery stream writes to; without PLAN.")
@click.option("--prefix", help="Error output prefix.  [default: errors/TABLE/]")
@filter_options
@sink_options
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Records a second, at most.")
@work_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--distributed", "state_machine", metavar="ARN",
              help="Replay all under the prefix in this state machine, and follow it.")  # fmt: skip
@aws_options
@report_errors
def run_command(
    plan_file: Path | None, bucket: str | None, prefix: str | None, as_json: bool, **options: Any
) -> None:
    """Replay failed records: execute PLAN, or plan and execute at once.

    The sink s3 transforms the records with the code of this command and puts the rows into the archive, under
    names that a second run writes again. Killed at any point, the same command finishes what it began.

    \b
    To execute a plan:             ttl-archive replay run replay-plan.json
    To plan and execute at once:   ttl-archive replay run --bucket my-archive --yes
    To go gently:                  ttl-archive replay run --bucket my-archive --yes --rate 500
    """
    work = {name: options.pop(name) for name in ("rate", "concurrency", "yes", "state_machine")}
    planned = replay_plan.read(plan_file) if plan_file else None
    if (planned is None) == (bucket is None):
        raise MisuseError("give either a plan or --bucket: ttl-archive replay run replay-plan.json")
    only = as_filter(options)
    sink = {name: options.pop(name) for name in ("sink", "stream", "archive", "held")}
    if planned and (only, sink, prefix) != (Filter(), _ARCHIVE_SINK, None):
        raise MisuseError(
            "a plan says itself what is replayed and into which sink: give these options to plan"
        )
    place = Place(
        planned.bucket if planned else str(bucket),
        planned.prefix if planned else prefix,
        attempts=options.pop("max_attempts"),
        connections=4 * work["concurrency"],
        **options,
    )
    planned = planned or _asked(make_plan(place, only, **sink), work["yes"])
    _check_transform(place, planned)
    if work["state_machine"]:
        summary = _distribute(place, planned, only, work["state_machine"])
    else:
        summary = _execute(place, planned, work["rate"], work["concurrency"])
    print_summary(planned, summary, as_json)
    sys.exit(summary.exit_code)


def _asked(planned: Plan, yes: bool) -> Plan:
    """The plan, once the operator agrees to it."""
    if planned.objects and not yes:
        print_plan(planned)
        if not sys.stdin.isatty():
            raise MisuseError(
                "no terminal to ask on. Add --yes, or execute a plan: replay run replay-plan.json"
            )
        click.confirm("Replay them?", abort=True, err=True)
    return planned


def _check_transform(place: Place, planned: Plan) -> None:
    if planned.transform != place.transform:
        raise MisuseError(
            f"the plan was made with the transform {planned.transform}, this one is {place.transform}: "
            "the code or archive.toml has changed since. Plan again"
        )


def _execute(place: Place, planned: Plan, rate: float | None, concurrency: int) -> Summary:
    stop = Event()
    sink = make_sink(
        planned.sink, planned.target, place.bucket, place.clients, place.settings,
        stop=stop, attempts=place.attempts,
    )  # fmt: skip
    if text := warning(planned.sink, planned.target):
        show.note(text)
    with show.meter("Replaying", planned.size) as progress, ctrl_c(stop):
        run = Run(
            place.s3,
            Claims(place.s3, place.bucket, new_owner()),
            sink,
            judge(place.settings),
            place.transform,
            Rate(rate, wait=stop.wait),
            stop,
            progress,
        )
        summary = execute(run, planned.objects, concurrency=concurrency, on_outcome=_print_trouble)
    summary.held = planned.held
    return summary


def _distribute(place: Place, planned: Plan, only: Filter, state_machine_arn: str) -> Summary:
    """Replay everything under the prefix elsewhere; what came of it the manifests tell."""
    if only != Filter() or planned.sink != "s3":
        raise MisuseError(
            "--distributed takes no filter and no sink: the state machine replays all under the prefix, into "
            "the sink it was deployed with"
        )
    stop = Event()

    def on_step(now: Execution) -> None:
        show.note(f"{now.status}: {now.succeeded:,} of {now.total:,} done, {now.failed:,} failed")

    with ctrl_c(stop):
        stepfunctions = place.clients("stepfunctions")
        distributed_map.run(stepfunctions, state_machine_arn, planned.prefix, stop, on_step)
    after = make_plan(place, only, sink="s3", stream=None, archive=planned.target, held=False)
    summary = Summary(held=after.held)
    summary.objects[replay_object.DONE] = max(0, after.done - planned.done)
    for each in after.objects:
        summary.add(
            Outcome(each.key, replay_object.UNSENT, summary.tally, "it is still open after the execution")
        )
    return summary


def _print_trouble(outcome: Outcome) -> None:
    if outcome.reason and outcome.status != replay_object.STOPPED:
        show.note(f"{outcome.status}: {outcome.key}: {outcome.reason}")


def print_summary(planned: Plan, summary: Summary, as_json: bool) -> None:
    """Print what a run did."""
    tally = summary.tally
    if as_json:
        show.as_json(
            {
                "objects": dict(summary.objects),
                "lines": tally.lines,
                "rows": tally.rows,
                "dropped": dict(tally.dropped),
                "refused": dict(tally.refused),
                "held": summary.held,
                "possible_duplicates": summary.possible_duplicates,
                "not_done": [{"object": key, "reason": reason} for key, reason in summary.reasons],
                "exit_code": summary.exit_code,
            }
        )
        return
    click.echo(f"objects      {show.counts(summary.objects)}")
    click.echo(f"records      {tally.lines:,}")
    click.echo(f"  delivered  {tally.rows:,} to {planned.sink}: {planned.target}")
    click.echo(f"  dropped    {show.counts(tally.dropped)}")
    click.echo(f"  refused    {show.counts(tally.refused)}")
    if summary.possible_duplicates:
        click.echo(
            f"Up to {summary.possible_duplicates:,} records may have been sent twice, after a run was killed"
        )
    if tally.refused or summary.held:
        prefix = shlex.quote(planned.prefix)
        where = f"--bucket {planned.bucket} --prefix {prefix} --type {layout.QUARANTINED}"
        show.note(
            f"Refused records wait under {layout.QUARANTINE} until the code or archive.toml changes. "
            f"To see why they were refused: ttl-archive replay list {where}"
        )
