"""What operators do: plan and run with some version of the transform, and retire what is done.

Each command is a process of its own; the code under it is that of the command, down to the clients' calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.simulation.clients import S3Client, StreamClient
from tests.simulation.s3_model import BUCKET, S3Model
from tests.simulation.samples import PREFIX, TABLE, Version
from tests.simulation.scheduler import Process, Scheduler, SimEvent, SimWorkers
from tests.simulation.stream_model import NAME, StreamModel
from ttl_archive.replay import replay_plan, retirement
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.claims import Claims
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.error_objects.survey import Filter, survey
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.replay_object import Outcome, Run
from ttl_archive.replay.replay_plan import Binding
from ttl_archive.replay.replay_run import Summary, execute
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.sinks.sink import Sink
from ttl_archive.replay.sinks.stream_sink import StreamSink, firehose_sink, kinesis_sink

BATCH_RECORDS = 2  # a put holds so many, so that objects of some records take several puts
_ATTEMPTS = 3


@dataclass(frozen=True)
class Command:
    """What one process is asked to do."""

    kind: str  # run, retire
    version: Version
    sink: str = "s3"
    concurrency: int = 1
    with_refused: bool = False


@dataclass
class Answer:
    """What a command said: a summary with its outcomes, or why there is none."""

    command: Command
    owner: str
    summary: Summary | None = None
    planned: tuple[ErrorObject, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass
class World:
    """What all processes share: the bucket and the streams."""

    scheduler: Scheduler
    s3: S3Model
    stream: StreamModel
    tokens: int = 0

    def token(self) -> str:
        """Return a token that no write has had."""
        self.tokens += 1
        return f"{self.tokens:08x}"

    def perform(self, command: Command, process: Process, tell: Callable[[Answer], None]) -> None:
        """Perform the command as a task of the process, and tell what it said, unless it is killed."""
        answer = Answer(command, process.name)
        try:
            _COMMANDS[command.kind](self, command, process, answer)
        except MisuseError as error:
            answer.problem = f"misuse: {error}"
        except (ReplayError, ClientError, BotoCoreError) as error:
            answer.problem = f"failed: {error}"
        tell(answer)


def _run(world: World, command: Command, process: Process, answer: Answer) -> None:
    s3 = S3Client(world.scheduler, process, world.s3)
    stop = SimEvent(world.scheduler)
    run = Run(
        s3,
        _claims(world, process, s3),
        _sink(world, command, process, s3, stop),
        command.version.judge,
        command.version.fingerprint,
        Rate(),
        stop,
        workers=lambda number: SimWorkers(world.scheduler, process),
        with_refused=command.with_refused,
    )
    found = survey(run.claims, PREFIX, Filter(), run.transform, run.workers)
    stream = None if command.sink == "s3" else NAME
    binding = Binding(BUCKET, TABLE, PREFIX, command.sink, stream, run.transform, command.with_refused)
    planned = replay_plan.make(found, binding)
    answer.planned = planned.objects
    summary = execute(
        run, planned.objects, concurrency=command.concurrency, on_outcome=answer.outcomes.append
    )
    summary.refused_before = 0 if command.with_refused else planned.states[State.REFUSED]
    answer.summary = summary


def _retire(world: World, command: Command, process: Process, answer: Answer) -> None:
    s3 = S3Client(world.scheduler, process, world.s3)
    claims = _claims(world, process, s3)
    claims.check_store(deletes=True)

    def workers(number: int) -> SimWorkers:
        return SimWorkers(world.scheduler, process)

    found = survey(claims, PREFIX, Filter(), command.version.fingerprint, workers)
    for each, planned in list(retirement.candidates(claims, found)):
        if not planned.kept:
            retirement.retire(claims, each.object, planned.to)
            answer.moved.append(planned.key)


def _claims(world: World, process: Process, s3: S3Client) -> Claims:
    clock = world.scheduler.clock(process)
    return Claims(s3, BUCKET, TABLE, process.name, now=clock, token=world.token)


def _sink(world: World, command: Command, process: Process, s3: S3Client, stop: SimEvent) -> Sink:
    if command.sink == "s3":
        return S3Sink(s3, BUCKET, command.version.settings)
    make = kinesis_sink if command.sink == "kinesis" else firehose_sink
    client = StreamClient(world.scheduler, process, world.stream)
    return _in_small_batches(make(client, NAME, _ATTEMPTS, stop))


def _in_small_batches(sink: StreamSink) -> StreamSink:
    find = sink.find

    def find_small(name: str) -> Any:
        stream = find(name)
        return stream._replace(target=stream.target._replace(max_records=BATCH_RECORDS))

    sink.find = find_small
    return sink


_COMMANDS: dict[str, Callable[[World, Command, Process, Answer], None]] = {"run": _run, "retire": _retire}
