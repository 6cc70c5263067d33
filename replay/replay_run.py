"""Obeys a plan: its objects side by side, one summary in the end."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.replay import replay_object, replay_plan
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Outcome, Run
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.sinks.sink import Tally
from ttl_archive.replay.verdict import judge
from ttl_archive.replay.workers import in_parallel
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

DEFAULT_CONCURRENCY = 4
# What ended without every record delivered or dropped, though nothing failed.
_STILL_OPEN = (replay_object.UNSENT, replay_object.BUSY, replay_object.LEFT)


@dataclass(slots=True)
class Summary:
    """All outcomes of a run, counted."""

    objects: Counter[str] = field(default_factory=Counter)  # by status
    tally: Tally = field(default_factory=Tally)  # of what is done
    possible_duplicates: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)  # (key, why it is not done)
    held: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.objects[outcome.status] += 1
        self.possible_duplicates += outcome.possible_duplicates
        if outcome.reason:
            self.reasons.append((outcome.key, outcome.reason))
        if outcome.status == replay_object.DONE:
            self.tally.lines += outcome.tally.lines
            self.tally.rows += outcome.tally.rows
            self.tally.dropped += outcome.tally.dropped
            self.tally.refused += outcome.tally.refused

    @property
    def exit_code(self) -> int:
        """0 all done, 1 failed or stopped, 3 some records are still not delivered."""
        if self.objects[replay_object.FAILED] or self.objects[replay_object.STOPPED]:
            return 1
        still_open = self.held or self.tally.refused or any(self.objects[status] for status in _STILL_OPEN)
        return 3 if still_open else 0


def execute(
    run: Run,
    objects: tuple[ErrorObject, ...],
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,  # noqa: ARG005
) -> Summary:
    """Replay the objects, `concurrency` at a time. Once `run.stop` is set no other is begun."""
    summary = Summary()
    if objects:
        run.sink.check()
        run.claims.check_store()
    for outcome in _outcomes(run, objects, concurrency):
        summary.add(outcome)
        on_outcome(outcome)
    return summary


def replay_prefix(
    s3: Any, settings: Settings, *, bucket: str, prefix: str, archive: str = layout.ARCHIVE
) -> Summary:
    """Plan and run with the s3 sink in one call, for programs: the demo, tests, scripts of your own."""
    transform = transform_identity(settings)
    found = survey.survey(s3, bucket, prefix, survey.Filter(), transform)
    planned = replay_plan.make(
        found, bucket=bucket, prefix=prefix, sink="s3", target=archive, transform=transform
    )
    sink = S3Sink(s3, bucket, settings, archive)
    run = Run(s3, Claims(s3, bucket, new_owner()), sink, judge(settings), transform, Rate())
    summary = execute(run, planned.objects)
    summary.held = planned.held
    return summary


def _outcomes(run: Run, objects: tuple[ErrorObject, ...], concurrency: int) -> Iterator[Outcome]:
    """Yield outcomes as the objects end. An error that is not one object's own stops the others."""
    waiting = iter(objects)

    def replay(error_object: ErrorObject) -> Outcome:
        return replay_object.replay_object(run, error_object)

    yield from in_parallel(run.workers(concurrency), replay, waiting, at_once=concurrency, stop=run.stop)
    for each in waiting:
        yield Outcome(each.key, replay_object.STOPPED, Tally())
