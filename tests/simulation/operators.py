"""What operators do: plan and run with some version of the transform, waive, and retire.

Each command is a process of its own; the code under it is that of the command, down to the clients' calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.simulation.clients import S3Client, StreamClient
from tests.simulation.s3_model import BUCKET, S3Model
from tests.simulation.samples import PREFIX, TABLE, Version
from tests.simulation.scheduler import Process, Scheduler, SimEvent, SimWorkers
from tests.simulation.stream_model import NAME, StreamModel
from ttl_archive.replay import replay_plan, retirement, waiver
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.claims import Claims
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.error_objects.survey import Filter, Found, survey
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Outcome, Run
from ttl_archive.replay.replay_run import Summary, execute
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.sinks.sink import Sink
from ttl_archive.replay.sinks.stream_sink import StreamSink, firehose_sink, kinesis_sink

BATCH_RECORDS = 2  # a put holds so many, so that objects of some records take several puts
_ATTEMPTS = 3


@dataclass(frozen=True)
class Command:
    """What one process is asked to do."""

    kind: str  # run, retire, waive, undo
    version: Version
    sink: str = "s3"
    concurrency: int = 1
    with_refused: bool = False
    rate: float | None = None  # records a second
    ends_after_s: float | None = None  # no claim goes beyond, as in a function


@dataclass
class Answer:
    """What a command said: a summary with its outcomes, what it changed, or why it could not."""

    command: Command
    owner: str
    summary: Summary | None = None
    planned: tuple[ErrorObject, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def said(self) -> str:
        """The answer in a few words."""
        if self.problem:
            return self.problem
        if self.summary:
            return f"exit code {self.summary.exit_code}, {dict(self.summary.objects)}"
        return f"changed {self.changed}"


@dataclass
class World:
    """What all processes share: the bucket and the streams."""

    scheduler: Scheduler
    s3: S3Model
    stream: StreamModel
    overwrite: Callable[[str], None] = lambda key: None  # somebody overwrites an error object
    tokens: int = 0
    skews_s: dict[str, float] = field(default_factory=dict)  # of the clock of each process
    ends: dict[str, datetime] = field(default_factory=dict)  # no claim of the process goes beyond

    def token(self) -> str:
        """Return a token that no write has had."""
        self.tokens += 1
        return f"{self.tokens:08x}"

    def perform(self, command: Command, process: Process, tell: Callable[[Answer], None]) -> None:
        """Perform the command as a task of the process, and tell what it said, unless it is killed."""
        answer = Answer(command, process.name)
        try:
            _COMMANDS[command.kind](_Desk(self, command, process), answer)
        except MisuseError as error:
            answer.problem = f"misuse: {error}"
        except (ReplayError, ClientError, BotoCoreError) as error:
            answer.problem = f"failed: {error}"
        tell(answer)


class _Desk:
    """What a command has at hand: clients, claims, workers."""

    def __init__(self, world: World, command: Command, process: Process) -> None:
        scheduler = world.scheduler
        self.command, self.version = command, command.version
        self.stop = SimEvent(scheduler)
        self.s3 = S3Client(scheduler, process, world.s3, world.overwrite)
        self.stream = StreamClient(scheduler, process, world.stream)
        process.interrupt = self.stop.set
        now = scheduler.clock(process)
        end = command.ends_after_s
        not_after = None if end is None else now() + timedelta(seconds=end)
        world.skews_s[process.name] = process.skew_s
        if not_after:
            world.ends[process.name] = not_after
        self.claims = Claims(
            self.s3, BUCKET, TABLE, process.name, now=now, not_after=not_after, token=world.token
        )
        self.rate = Rate(command.rate, clock=lambda: scheduler.now_s, wait=self.stop.wait)
        self.workers = lambda number: SimWorkers(scheduler, process, number)

    def found(self) -> list[Found]:
        """Return every error object with its state."""
        fingerprint = self.version.fingerprint
        return list(survey(self.claims, PREFIX, Filter(), fingerprint, workers=self.workers))

    def sink(self) -> Sink:
        """Return the sink of the command."""
        if self.command.sink == "s3":
            return S3Sink(self.s3, BUCKET, self.version.settings)
        make = kinesis_sink if self.command.sink == "kinesis" else firehose_sink
        return _in_small_batches(make(self.stream, NAME, _ATTEMPTS, self.stop))


def _run(desk: _Desk, answer: Answer) -> None:
    command, version = desk.command, desk.version
    run = Run(
        desk.s3,
        desk.claims,
        desk.sink(),
        version.judge,
        version.fingerprint,
        desk.rate,
        desk.stop,
        workers=desk.workers,
        with_refused=command.with_refused,
    )
    stream = None if command.sink == "s3" else NAME
    binding = replay_plan.Binding(
        BUCKET, TABLE, PREFIX, command.sink, stream, version.fingerprint, command.with_refused
    )
    planned = replay_plan.plan_for(desk.found(), binding)
    answer.planned = planned.objects
    summary = execute(
        run, planned.objects, concurrency=command.concurrency, on_outcome=answer.outcomes.append
    )
    summary.refused_before = 0 if command.with_refused else planned.states[State.REFUSED]
    answer.summary = summary


def _retire(desk: _Desk, answer: Answer) -> None:
    desk.claims.check_store(deletes=True)
    for found, each in list(retirement.candidates(desk.claims, desk.found())):
        if not each.kept:
            retirement.retire(desk.claims, found.object, each.to)
            answer.changed.append(each.key)


def _waive(desk: _Desk, answer: Answer) -> None:
    desk.claims.check_store()
    for each in desk.found():
        if each.state == State.REFUSED:
            waiver.waive(desk.claims, each.object, None, desk.version.fingerprint, reason="poison", by="me")
            answer.changed.append(each.object.key)


def _undo(desk: _Desk, answer: Answer) -> None:
    for each in desk.found():
        if each.document and each.document.waived() and each.state != State.RETIRED:
            waiver.undo_waiver(desk.claims, each.object, None, by="me")
            answer.changed.append(each.object.key)


def _in_small_batches(sink: StreamSink) -> StreamSink:
    find = sink.find

    def find_small(name: str) -> Any:
        stream = find(name)
        return stream._replace(target=stream.target._replace(max_records=BATCH_RECORDS))

    sink.find = find_small
    return sink


_COMMANDS: dict[str, Callable[[_Desk, Answer], None]] = {
    "run": _run,
    "retire": _retire,
    "waive": _waive,
    "undo": _undo,
}
