"""`replay run`: executes a plan, here or in a state machine."""

import sys
from pathlib import Path
from threading import Event
from typing import Any

import click

from ttl_archive.replay import replay_plan
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.distributed import run_in_state_machine
from ttl_archive.replay.commands.options import (
    ON_FAILURE_HELP,
    Place,
    as_filter,
    aws_options,
    filter_options,
    report_errors,
    work_options,
)
from ttl_archive.replay.commands.plan import make_plan, print_plan, sink_options, target_of
from ttl_archive.replay.commands.progress import meter
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.error_objects.survey import Filter, survey
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Ending, Outcome, Run
from ttl_archive.replay.replay_plan import Plan
from ttl_archive.replay.replay_run import Summary, execute
from ttl_archive.replay.sinks.registry import make_sink, warning
from ttl_archive.replay.sinks.sink import ObjectTally
from ttl_archive.replay.verdict import judge

_NO_SINK_OPTIONS = {"sink": "s3", "stream": None, "with_refused": False}


@click.command("run")
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--bucket", help="Without PLAN: bucket of the archive, or s3://BUCKET/PREFIX.")
@click.option("--prefix", help="Prefix of the error objects.  [default: errors/TABLE/]")
@click.option("--on-failure", metavar="BUCKET", help=ON_FAILURE_HELP)
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

    With the sink s3 this command transforms the records and writes the rows into the archive, under names
    that a second run overwrites. If it is killed at any point, run the same command again.

    \b
    To execute a plan:             ttl-archive replay run replay-plan.json
    To plan and execute at once:   ttl-archive replay run --bucket my-archive --yes
    To limit the rate:             ttl-archive replay run --bucket my-archive --yes --rate 500
    """
    work = {name: options.pop(name) for name in ("rate", "concurrency", "yes", "state_machine")}
    planned = replay_plan.read_plan(plan_file) if plan_file else None
    if (planned is None) == (bucket is None):
        raise MisuseError("give either a plan or --bucket: ttl-archive replay run replay-plan.json")
    only = as_filter(options)
    sink = {name: options.pop(name) for name in _NO_SINK_OPTIONS}
    on_failure = options.pop("on_failure")
    if planned and (only, sink, prefix, on_failure) != (Filter(), _NO_SINK_OPTIONS, None, None):
        raise MisuseError(
            "a plan says itself what is replayed and into which sink: give these options to plan"
        )
    place = Place(
        planned.binding.bucket if planned else str(bucket),
        planned.binding.prefix if planned else prefix,
        attempts=options.pop("max_attempts"),
        connections=4 * work["concurrency"],
        on_failure=planned.binding.on_failure if planned else on_failure,
        **options,
    )
    planned = planned or _asked(place, make_plan(place, only, **sink)[1], work["yes"])
    planned.check(place.table, place.transform)
    if work["state_machine"]:
        summary = _distribute(place, planned, only, work["state_machine"])
    else:
        summary = _execute(place, planned, work["rate"], work["concurrency"])
    print_summary(place, planned, summary, as_json)
    sys.exit(summary.exit_code)


def _asked(place: Place, planned: Plan, yes: bool) -> Plan:
    """Return the plan when the operator agrees to it."""
    if planned.objects and not yes:
        print_plan(place, planned, None)
        if not sys.stdin.isatty():
            raise MisuseError(
                "no terminal to ask on. Add --yes, or execute a plan: replay run replay-plan.json"
            )
        click.confirm("Replay them?", abort=True, err=True)
    return planned


def _execute(place: Place, planned: Plan, rate: float | None, concurrency: int) -> Summary:
    stop, binding = Event(), planned.binding
    sink = make_sink(
        binding.sink, binding.stream, place.bucket, place.clients, place.settings,
        stop=stop, attempts=place.attempts,
    )  # fmt: skip
    if text := warning(binding.sink, str(binding.stream)):
        show.note(text)
    with meter("Replaying", planned.size) as progress, ctrl_c(stop):
        run = Run(
            place.s3,
            place.claims,
            sink,
            judge(place.settings),
            place.transform,
            Rate(rate, wait=stop.wait),
            stop,
            progress,
            with_refused=binding.with_refused,
        )
        summary = execute(run, planned.objects, concurrency=concurrency, on_outcome=_print_trouble)
    summary.refused_before = 0 if binding.with_refused else planned.states[State.REFUSED]
    return summary


def _distribute(place: Place, planned: Plan, only: Filter, state_machine_arn: str) -> Summary:
    """Replay everything under the prefix in the state machine; the claims say what became of it."""
    binding = planned.binding
    if only != Filter() or binding.sink != "s3" or binding.with_refused or binding.on_failure:
        raise MisuseError(
            "--distributed takes no filter, no sink, no --refused and no --on-failure: the state machine "
            "replays all that is open under the prefix, into the sink that it was deployed with"
        )
    run_in_state_machine(place.clients, state_machine_arn, {"prefix": binding.prefix}, "objects")
    summary = Summary()
    before = {each.key for each in planned.objects}
    for each in survey(place.claims, place.prefix, only, place.transform):
        if each.object.key in before:
            summary.add(_outcome(each.object.key, each.state))
    summary.refused_before = planned.states[State.REFUSED]
    return summary


def _outcome(key: str, state: State) -> Outcome:
    """Return the outcome of an object that the state machine replayed, as far as its state says."""
    if state == State.OPEN:
        return Outcome(key, Ending.UNSENT, ObjectTally(), "it is still open after the execution")
    return Outcome(key, Ending.REFUSED if state == State.REFUSED else Ending.DONE, ObjectTally())


def _print_trouble(outcome: Outcome) -> None:
    if outcome.reason and outcome.ending != Ending.STOPPED:
        show.note(f"{outcome.ending}: {outcome.key}: {outcome.reason}")


def print_summary(place: Place, planned: Plan, summary: Summary, as_json: bool) -> None:
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
                "waived": tally.waived,
                "refused_before": summary.refused_before,
                "possible_duplicates": summary.possible_duplicates,
                "not_done": [{"object": key, "reason": reason} for key, reason in summary.reasons],
                "exit_code": summary.exit_code,
            }
        )
        return
    show.field("objects", show.counts(summary.objects), 11)
    show.field("records", f"{tally.lines:,}", 11)
    show.field("  delivered", f"{tally.rows:,} to {target_of(planned.binding)}", 11)
    show.field("  dropped", show.counts(tally.dropped), 11)
    show.field("  refused", show.counts(tally.refused), 11)
    if tally.waived:
        show.field("  waived", f"{tally.waived:,}", 11)
    if summary.possible_duplicates:
        click.echo(
            f"Up to {summary.possible_duplicates:,} records may be in the stream twice: a call got no "
            "answer, or an earlier run was killed"
        )
    if tally.refused or summary.refused_before:
        show.note(
            "Refused records stay in their error objects. To see why, and what to do: "
            f"ttl-archive replay list --why {place.arguments}"
        )
