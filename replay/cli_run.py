"""`replay plan` and `replay run`: what would be done, and doing it. One code path makes both plans."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import click

from replay import catalog, layout, one, plan, show
from replay.errors import MisuseError
from replay.one import Outcome, Run
from replay.options import (
    Place,
    as_filter,
    aws_options,
    filter_options,
    place_options,
    tells_errors,
    work_options,
)
from replay.plan import Plan
from replay.rate import Rate
from replay.run import Summary, execute
from replay.sinks import SINKS, make_sink, warning
from replay.state import Claims, new_owner
from replay.verdict import judge

sink_options = [
    click.option(
        "--sink", type=click.Choice(SINKS), default="s3", show_default=True, help="Where records go."
    ),
    click.option("--stream", help="kinesis: data stream, name or ARN. firehose: delivery stream name."),
    click.option("--archive", default=layout.ARCHIVE, show_default=True, help="s3: prefix of the archive."),
]


def _with_sink_options(command: Any) -> Any:
    for option in reversed(sink_options):
        command = option(command)
    return command


@click.command("plan")
@place_options
@filter_options
@_with_sink_options
@click.option("--out", type=click.Path(path_type=Path), default="replay-plan.json", show_default=True,
              help="File to write the plan to.")  # fmt: skip
@aws_options
@tells_errors
def plan_command(bucket: str, prefix: str | None, out: Path, as_json: bool, **options: Any) -> None:
    """Print what a run would do, and write it to a file that `run` executes. Changes nothing in AWS.

    \b
    To plan for all that failed:   ttl-archive replay plan --bucket my-archive
    To plan for the last week:     ttl-archive replay plan --bucket my-archive --since 7d
    To plan for one type:          ttl-archive replay plan --bucket my-archive --type processing-failed
    """
    place = Place(bucket, prefix, *(options.pop(name) for name in ("config", "profile", "region")))
    planned = make_plan(place, as_filter(options), **options)
    plan.write(planned, out)
    _tell(planned, as_json)
    if not as_json:
        show.note(f"The plan is in {out}. To execute it: ttl-archive replay run {out}")


@click.command("run")
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--bucket", help="Bucket that the delivery stream writes to; without PLAN.")
@click.option("--prefix", help="Error output prefix.  [default: errors/TABLE/]")
@filter_options
@_with_sink_options
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Records a second, at most.")
@work_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@aws_options
@tells_errors
def run_command(plan_file: Path | None, bucket: str | None, prefix: str | None, **options: Any) -> None:
    """Replay failed records: execute PLAN, or plan and execute at once.

    The sink s3 transforms the records with the code of this command and puts the rows into the archive, under
    names that a second run writes again. Killed at any point, the same command finishes.

    \b
    To execute a plan:             ttl-archive replay run replay-plan.json
    To plan and execute at once:   ttl-archive replay run --bucket my-archive --yes
    To go gently:                  ttl-archive replay run --bucket my-archive --yes --rate 500
    """
    as_json, yes, rate = options.pop("as_json"), options.pop("yes"), options.pop("rate")
    concurrency, attempts = options.pop("concurrency"), options.pop("max_attempts")
    config, profile, region = (options.pop(name) for name in ("config", "profile", "region"))
    planned = plan.read(plan_file) if plan_file else None
    if (planned is None) == (bucket is None):
        raise MisuseError("give either a plan or --bucket: replay run replay-plan.json")
    place = Place(
        planned.bucket if planned else str(bucket), prefix, config, profile, region, attempts, 4 * concurrency
    )
    if planned is None:
        planned = make_plan(place, as_filter(options), **options)
        if planned.objects and not yes:
            _ask(planned)
    if planned.transform != place.transform:
        raise MisuseError(
            f"the plan was made with the transform {planned.transform}, this one is {place.transform}: "
            "the code or archive.toml has changed since. Plan again"
        )
    summary = _execute(place, planned, rate, concurrency, as_json)
    sys.exit(summary.exit_code)


def make_plan(place: Place, only: catalog.Filter, *, sink: str, stream: str | None, archive: str) -> Plan:
    """The plan for a place and a filter. Raises MisuseError when the sink lacks its stream."""
    if (sink == "s3") != (stream is None):
        raise MisuseError(
            "--stream goes with the sinks kinesis and firehose, which need it: --sink kinesis --stream NAME"
        )
    target = archive if stream is None else stream
    found = catalog.survey(place.s3, place.bucket, place.prefix, only, place.transform)
    return plan.make(
        found, bucket=place.bucket, prefix=place.prefix, sink=sink, target=target, transform=place.transform
    )


def _execute(place: Place, planned: Plan, rate: float | None, concurrency: int, as_json: bool) -> Summary:
    stop = Event()
    sink = make_sink(planned, place.clients, place.settings, place.attempts, stop)
    if text := warning(planned):
        show.note(text)
    with show.meter("Replaying", planned.size) as progress, _ctrl_c(stop):
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
        summary = execute(run, planned.objects, concurrency=concurrency, on_outcome=_tell_trouble)
    summary.held = planned.held
    _tell_summary(planned, summary, as_json)
    return summary


@contextmanager
def _ctrl_c(stop: Event) -> Iterator[None]:
    """The first Ctrl-C lets the run end cleanly, the second ends it."""

    def on_signal(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        show.note(
            "Stopping after the records in hand. Ctrl-C again to stop at once; nothing is lost either way."
        )
        stop.set()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ask(planned: Plan) -> None:
    _tell(planned, as_json=False)
    if not sys.stdin.isatty():
        raise MisuseError(
            "there is no terminal to ask on. Add --yes, or run a plan: replay run replay-plan.json"
        )
    click.confirm("Replay them?", abort=True, err=True)


def _tell(planned: Plan, as_json: bool) -> None:
    types: dict[str, list[int]] = {}
    for each in planned.objects:
        types.setdefault(each.type, []).append(each.size)
    if as_json:
        show.as_json(
            {
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
        )
        return
    rows = [(kind, len(sizes), show.size(sum(sizes))) for kind, sizes in sorted(types.items())]
    show.table(("type", "objects", "size"), rows)
    click.echo(
        f"{len(planned.objects):,} objects, {show.size(planned.size)}, to {planned.sink}: {planned.target}"
    )
    click.echo(f"already done: {planned.done:,}; refused by this same transform before: {planned.held:,}")


def _tell_trouble(outcome: Outcome) -> None:
    if outcome.reason and outcome.status != one.STOPPED:
        show.note(f"{outcome.status}: {outcome.key}: {outcome.reason}")


def _tell_summary(planned: Plan, summary: Summary, as_json: bool) -> None:
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
    click.echo(f"objects    {show.counts(summary.objects)}")
    click.echo(f"records    {tally.lines:,}")
    click.echo(f"delivered  {tally.rows:,} to {planned.sink}: {planned.target}")
    click.echo(f"dropped    {show.counts(tally.dropped)}")
    click.echo(f"refused    {show.counts(tally.refused)}")
    if summary.possible_duplicates:
        click.echo(f"up to {summary.possible_duplicates:,} records may have been sent twice, after a kill")
    if tally.refused or summary.held:
        show.note(
            f"Refused records are kept under {layout.QUARANTINE}{planned.prefix} until the transform changes. "
            f"To see why: ttl-archive replay list --bucket {planned.bucket} --prefix {planned.prefix} --type quarantine"
        )
