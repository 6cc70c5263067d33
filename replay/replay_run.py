"""Executes a plan: its objects, several at once, and one summary at the end."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.replay import replay_plan
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Ending, Outcome, Run, replay_object
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.sinks.sink import ObjectTally
from ttl_archive.replay.verdict import judge
from ttl_archive.replay.workers import in_parallel
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

DEFAULT_CONCURRENCY = 4
ALL_DONE, FAILED, STILL_OPEN = 0, 1, 3  # exit codes; 2 is misuse, 4 that nothing was found


@dataclass(slots=True)
class Summary:
    """All outcomes of a run, counted."""

    objects: Counter[str] = field(default_factory=Counter)  # by ending
    tally: ObjectTally = field(default_factory=ObjectTally)  # of the objects that were judged to the end
    possible_duplicates: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)  # (key, why it is not done)
    refused_before: int = 0  # objects that were left out, because this same transform has refused them

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.objects[outcome.ending] += 1
        self.possible_duplicates += outcome.possible_duplicates
        if outcome.reason:
            self.reasons.append((outcome.key, outcome.reason))
        if outcome.ending in (Ending.DONE, Ending.REFUSED):
            self.tally.add(outcome.tally)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 failed or stopped, 3 some records are refused or still open."""
        if self.objects[Ending.FAILED] or self.objects[Ending.STOPPED]:
            return FAILED
        unfinished = (Ending.REFUSED, Ending.UNSENT, Ending.BUSY)
        still_open = self.refused_before or any(self.objects[ending] for ending in unfinished)
        return STILL_OPEN if still_open else ALL_DONE


def execute(
    run: Run,
    objects: tuple[ErrorObject, ...],
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,  # noqa: ARG005
) -> Summary:
    """Replay the objects, `concurrency` at a time; after `run.stop` is set no other is begun.

    Raises MisuseError, before anything is read, when the sink takes nothing or the store ignores conditions.
    """
    summary = Summary()
    if objects:
        run.sink.check()
        run.claims.check_store()
    for outcome in _outcomes(run, objects, concurrency):
        summary.add(outcome)
        on_outcome(outcome)
    return summary


def replay_prefix(s3: Any, settings: Settings, *, bucket: str, prefix: str) -> Summary:
    """Plan and run with the sink s3 in one call, for programs: the demo, tests, scripts of your own."""
    table, transform = settings.table.name, transform_identity(settings)
    claims = Claims(s3, bucket, table, new_owner())
    found = survey.survey(claims, prefix, survey.Filter(), transform)
    planned = replay_plan.plan_for(found, replay_plan.Binding(bucket, table, prefix, "s3", None, transform))
    run = Run(s3, claims, S3Sink(s3, bucket, settings), judge(settings), transform, Rate())
    summary = execute(run, planned.objects)
    summary.refused_before = planned.states[State.REFUSED]
    return summary


def _outcomes(run: Run, objects: tuple[ErrorObject, ...], concurrency: int) -> Iterator[Outcome]:
    """Yield outcomes as the objects end. An error that is not one object's own stops the others."""
    waiting = iter(objects)

    def replay(error_object: ErrorObject) -> Outcome:
        return replay_object(run, error_object)

    yield from in_parallel(run.workers(concurrency), replay, waiting, at_once=concurrency, stop=run.stop)
    for each in waiting:
        yield Outcome(each.key, Ending.STOPPED, ObjectTally())
