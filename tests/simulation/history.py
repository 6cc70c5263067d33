"""One history: what operators do, what goes wrong, and what is then true. A seed decides all of it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from unittest import mock

from tests.simulation.checker import Checker, ErrorFile
from tests.simulation.operators import BATCH_RECORDS, Answer, Command, World
from tests.simulation.s3_model import S3Model, Weakness
from tests.simulation.samples import KEYS, SOURCES, VERSIONS, Source, Version, object_body
from tests.simulation.scheduler import START, Process, Scheduler, Step
from tests.simulation.stream_model import StreamModel
from ttl_archive.replay import replay_object

WEAK_STORES = (
    Weakness(if_match=True),
    Weakness(if_match=True),
    Weakness(if_none_match=True),
    Weakness(if_match=True, if_none_match=True),
    Weakness(if_match_on_read=True),
    Weakness(if_match_on_delete=True),
    Weakness(refuses=True),
)
_LEASES_OVER_S = 7200
_SPARE = 3  # records for objects that somebody overwrites


@dataclass
class History:
    """What happened, and every promise that was broken."""

    seed: int
    steps: list[Step]
    findings: list[str]
    answers: list[Answer]
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def trace(self) -> str:
        """The hash of all that happened: the same for the same seed."""
        return hashlib.sha256(repr(self.steps).encode()).hexdigest()[:16]


def simulate(seed: int) -> History:
    """Run the history of that seed, and check it."""
    state = random.getstate()
    random.seed(seed)  # re-ingestion spreads its retries by chance
    try:
        with mock.patch.object(replay_object, "KINESIS_CALL_RECORDS", BATCH_RECORDS):
            return _Story(seed).tell()
    finally:
        random.setstate(state)


class _Story:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.scheduler = Scheduler(seed)
        self.chance = self.scheduler.chance
        self.answers: list[Answer] = []
        self.findings: list[str] = []
        weakness = self.chance.choice(WEAK_STORES) if self.chance.random() < 0.15 else Weakness()
        s3 = S3Model(
            lambda: START + timedelta(seconds=self.scheduler.now_s),
            weakness,
            versioned=self.chance.random() < 0.5,
        )
        if weakness.forbids_deletions:
            self.scheduler.note(f"a weak store: {weakness}", "", "bucket")
        self.world = World(self.scheduler, s3, StreamModel())
        self.world.overwrite = self._overwrite
        self.spare: list[Source] = []
        self.files = self._fill()

    def tell(self) -> History:
        """Let the operators work, then check; let one run without faults finish, and check again."""
        for number in range(self.chance.choice((2, 2, 3))):
            self._start_operator(number)
        self.scheduler.run()
        self._check()
        if not self.findings and not self.world.s3.weakness.forbids_runs:
            self._settle()
        faults = dict(self.scheduler.faults)
        return History(self.seed, self.scheduler.steps, self.findings, self.answers, faults)

    def _fill(self) -> list[ErrorFile]:
        """Write the error objects; some come later, and some are overwritten by somebody else."""
        chance = self.chance
        self.spare = chance.sample(SOURCES, chance.choice((1, 2, 3, 4, 5, 6)) + _SPARE)
        sources = [self.spare.pop() for _ in range(len(self.spare) - _SPARE)]
        objects = chance.choice((1, 1, 1, 2)) if len(sources) > 1 else 1
        files = []
        for key, number in zip(KEYS, range(objects), strict=False):
            at_s = chance.choice((0, 0, 0, 1, 60, 900))
            files.append(ErrorFile(key, object_body(tuple(sources[number::objects]))))
            self.scheduler.at(at_s, partial(self._write, files[-1]))
        return files

    def _write(self, file: ErrorFile) -> None:
        self.world.s3.store(file.key, file.body)
        self.scheduler.note(f"PutObject {file.key}", "", "Firehose")

    def _overwrite(self, key: str) -> None:
        """Overwrite an error object, as somebody does who repairs it by hand."""
        if not self.spare or key not in self.world.s3.objects or not key.startswith("errors/"):
            return
        for each in self.files:
            each.is_overwritten |= each.key == key
        self.files.append(ErrorFile(key, object_body((self.spare.pop(),))))
        self.world.s3.store(key, self.files[-1].body)
        self.scheduler.note(f"PutObject {key}", "", "somebody")

    def _start_operator(self, number: int) -> None:
        """Let an operator perform a command or two, each in a process of its own."""
        skew_s = self.chance.choice((0.0, 0.0, 300.0, 600.0))
        commands = [self._command() for _ in range(self.chance.choice((1, 1, 2)))]
        start_s = self.chance.choice((0, 0, 1, 3, 60, 900))
        self._start(commands, f"operator {number + 1}", skew_s, start_s)

    def _start(self, commands: list[Command], name: str, skew_s: float, at_s: float) -> None:
        command, *rest = commands
        faults = frozenset(self.chance.choices(range(1, 70), k=self.chance.choice((0, 1, 1, 2, 3, 4))))
        process = Process(name, skew_s, faults)

        def work() -> None:
            try:
                self.world.perform(command, process, self._hear)
            finally:
                if rest:
                    pause_s = self.chance.choice((0, 10, 400, 1000))
                    self._start(rest, f"{name}, again", skew_s, self.scheduler.now_s + pause_s)

        def begin() -> None:
            what = f"{command.kind} with {command.version.fingerprint[:1]} into {command.sink}"
            self.scheduler.note(what, "", name)
            self.scheduler.start(process, work)

        self.scheduler.at(at_s, begin)

    def _command(self) -> Command:
        chance = self.chance
        version = chance.choice(VERSIONS) if chance.random() < 0.5 else VERSIONS[0]
        if chance.random() < 0.25:
            return Command(chance.choice(("retire", "retire", "waive", "waive", "undo")), version)
        sink = chance.choice(("s3", "s3", "s3", "s3", "kinesis", "kinesis", "firehose"))
        rate = chance.choice((0.01, 1.0)) if chance.random() < 0.1 else None
        ends_after_s = chance.choice((60, 600)) if chance.random() < 0.1 else None
        return Command("run", version, sink, chance.choice((1, 2)), chance.random() < 0.2, rate, ends_after_s)

    def _hear(self, answer: Answer) -> None:
        self.scheduler.note("ends", answer.said)
        self.answers.append(answer)

    def _check(self, settled_by: Version | None = None) -> None:
        checker = Checker(self.world, self.files)
        self.findings += checker.check(self.answers, settled_by)

    def _settle(self) -> None:
        """Let one run finish everything, when every lease is over and nothing fails any more."""
        self.scheduler.now_s += _LEASES_OVER_S
        self.scheduler.refusing = 0.0
        process = Process("last run", 0.0)
        command = Command("run", self.chance.choice(VERSIONS), with_refused=self.chance.random() < 0.5)
        self.scheduler.start(process, lambda: self.world.perform(command, process, self._hear))
        self.scheduler.run()
        self._check(settled_by=command.version)
