"""Obeys a plan: its objects side by side, one summary in the end."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from replay import catalog, layout, one, plan
from replay.one import Outcome, Run
from replay.rate import Rate
from replay.sink import Tally
from replay.sink_s3 import S3Sink
from replay.source import ErrorObject
from replay.state import Claims, new_owner
from replay.verdict import judge
from replay.version import fingerprint
from transform.settings import Settings

DEFAULT_CONCURRENCY = 4
# What ended without every record delivered or dropped, though nothing failed.
_STILL_OPEN = (one.UNSENT, one.BUSY, one.LEFT)


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
        if outcome.status == one.DONE:
            self.tally.lines += outcome.tally.lines
            self.tally.rows += outcome.tally.rows
            self.tally.dropped += outcome.tally.dropped
            self.tally.refused += outcome.tally.refused

    @property
    def exit_code(self) -> int:
        """0 all done, 1 failed or stopped, 3 some records are still not delivered."""
        if self.objects[one.FAILED] or self.objects[one.STOPPED]:
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
    transform = fingerprint(settings)
    found = catalog.survey(s3, bucket, prefix, catalog.Filter(), transform)
    planned = plan.make(found, bucket=bucket, prefix=prefix, sink="s3", target=archive, transform=transform)
    sink = S3Sink(s3, bucket, settings, archive)
    run = Run(s3, Claims(s3, bucket, new_owner()), sink, judge(settings), transform, Rate())
    summary = execute(run, planned.objects)
    summary.held = planned.held
    return summary


def _outcomes(run: Run, objects: tuple[ErrorObject, ...], concurrency: int) -> Iterator[Outcome]:
    """Outcomes as they come. An error that is not an object's own stops the others and is raised."""
    waiting = iter(objects)
    with ThreadPoolExecutor(concurrency, thread_name_prefix="replay") as pool:
        running: set[Future[Outcome]] = set()
        try:
            while True:
                while len(running) < concurrency and not run.stop.is_set() and (each := next(waiting, None)):
                    running.add(pool.submit(one.replay_object, run, each))
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
        except BaseException:
            run.stop.set()
            raise
        for each in waiting:
            yield Outcome(each.key, one.STOPPED, Tally())
