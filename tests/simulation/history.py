"""One history: what operators do, what goes wrong, and what is then true. A seed decides all of it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import timedelta
from unittest import mock

from tests.simulation.checker import Checker
from tests.simulation.operators import BATCH_RECORDS, Answer, Command, World
from tests.simulation.s3_model import S3Model, Weakness
from tests.simulation.samples import KEYS, SOURCES, TABLE, VERSIONS, object_body
from tests.simulation.scheduler import START, Process, Scheduler, Step
from tests.simulation.stream_model import StreamModel
from ttl_archive.replay import replay_object as replay_module
from ttl_archive.transform import layout

WEAK_STORES = (
    Weakness(if_match=True),
    Weakness(if_match=True),
    Weakness(if_none_match=True),
    Weakness(if_match=True, if_none_match=True),
    Weakness(refuses=True),
)
_LEASES_OVER_S = 7200


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
        with mock.patch.object(replay_module, "KINESIS_CALL_RECORDS", BATCH_RECORDS):
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
        if weakness.is_weak:
            self.scheduler.note(f"a weak store: {weakness}", "", "bucket")
        self.world = World(self.scheduler, s3, StreamModel())
        self.originals = self._fill()

    def tell(self) -> History:
        """Let the operators work, then check; let one run without faults finish, and check again."""
        for number in range(self.chance.choice((2, 2, 3))):
            self._start_operator(number)
        self.scheduler.run()
        self._check()
        if not self.findings and not self.world.s3.weakness.is_weak:
            self._settle()
        faults = dict(self.scheduler.faults)
        return History(self.seed, self.scheduler.steps, self.findings, self.answers, faults)

    def _fill(self) -> dict[str, bytes]:
        sources = self.chance.sample(SOURCES, self.chance.choice((1, 2, 3, 4, 5, 6)))
        objects = self.chance.choice((1, 1, 1, 2)) if len(sources) > 1 else 1
        parts = [tuple(sources[number::objects]) for number in range(objects)]
        originals = {key: object_body(part) for key, part in zip(KEYS, parts, strict=False)}
        for key, body in originals.items():
            self.world.s3.store(key, body)
        return originals

    def _start_operator(self, number: int) -> None:
        """Let an operator perform a command or two, each in a process of its own."""
        skew_s = self.chance.choice((0.0, 0.0, 300.0, 600.0))
        commands = [self._command() for _ in range(self.chance.choice((1, 1, 2)))]
        start_s = self.chance.choice((0, 0, 1, 3, 60, 900))
        self._start(commands, f"operator {number + 1}", skew_s, start_s)

    def _start(self, commands: list[Command], name: str, skew_s: float, at_s: float) -> None:
        command, *rest = commands
        faults = frozenset(self.chance.choices(range(1, 70), k=self.chance.choice((0, 1, 1, 2, 3))))
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
        if chance.random() < 0.12:
            return Command("retire", version)
        sink = chance.choice(("s3", "s3", "s3", "s3", "kinesis", "kinesis", "firehose"))
        return Command("run", version, sink, chance.choice((1, 2)), chance.random() < 0.2)

    def _hear(self, answer: Answer) -> None:
        said = answer.problem or (f"exit code {answer.summary.exit_code}" if answer.summary else "moved")
        counts = dict(answer.summary.objects) if answer.summary else answer.moved
        self.scheduler.note(f"ends: {said}", str(counts))
        self.answers.append(answer)

    def _check(self) -> None:
        checker = Checker(self.world.s3, self.world.stream.taken, self.originals)
        self.findings += checker.check(self.answers)

    def _settle(self) -> None:
        self.scheduler.now_s += _LEASES_OVER_S
        # Rows that may be in the archive already can only be finished there.
        noted = any(
            b'"outputs": [\n' in self.world.s3.objects[key].body
            for key in self.world.s3.keys(layout.claims_folder(TABLE))
        )
        sink = "s3" if noted else self.chance.choice(("s3", "kinesis"))
        command = Command("run", self.chance.choice(VERSIONS), sink)
        process = Process("last run", 0.0)
        self.scheduler.start(process, lambda: self.world.perform(command, process, self._hear))
        self.scheduler.refusing = 0.0
        self.scheduler.run()
        self._check()
        checker = Checker(self.world.s3, self.world.stream.taken, self.originals)
        self.findings += checker.check_settled()
