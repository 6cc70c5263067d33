"""Histories of restore: runs stall, are killed and resumed, while archive and destination change.

The command's own code runs, its stage on disk included: into a table, or into a file of rows or of items;
from an archive of which some objects are in GLACIER. After each run its answer is compared with the archive
as it was when the run began, and with the destination:

complete   exit code 0: everything wanted is in the table or the file, once, and the counts are true;
           exit code 4: nothing is wanted; exit code 3: something cannot be read yet
erased     nothing is written that no object of the archive has
kept       an item that was in the table is not overwritten
whole      a file under its name has all that is wanted, whatever happened to the runs
retrieval  a retrieval that is said to be in progress was requested for every object that needs one
dry        a dry run retrieves nothing and writes nothing
settled    last runs without faults restore everything, and leave no file behind
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError

from tests.simulation.clients import DynamoClient, S3Client
from tests.simulation.glacier_model import GLACIER, GlacierModel
from tests.simulation.history import History
from tests.simulation.restore_world import (
    KEYS,
    SETTINGS,
    TableModel,
    Version,
    archived_line,
    archived_versions,
    newest,
    restored_versions,
)
from tests.simulation.s3_model import BUCKET, S3Model
from tests.simulation.samples import TABLE
from tests.simulation.scheduler import START, Process, Scheduler, SimEvent, SimWorkers
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.restore import restore_run, write_steps
from ttl_archive.replay.restore.destination_table import TtlChoice, find_table
from ttl_archive.replay.restore.item_extraction import StagedItem
from ttl_archive.replay.restore.restore_report import RestoreReport
from ttl_archive.replay.restore.restore_request import GivenSelection, RestoreOptions, RestoreRequest
from ttl_archive.replay.restore.stage import Stage

_Staged = TypeVar("_Staged", str, StagedItem)
_DEVICES = 4
_OLD = "before"  # what an item has that was in the table before
_ACCOUNT = "123456789012"
_LAST_RUNS = 3  # of which one may find that a copy expires


@dataclass
class _Run:
    """One run of the command: what the archive had when it began, and what the command said."""

    wanted: set[Version]
    changes: int  # how often archive or table had changed
    dry: bool
    unreadable: bool  # whether an object could not be read when the run began
    report: RestoreReport | None = None


def simulate_restore(seed: int) -> History:
    """Run the history of that seed, and check it."""
    with TemporaryDirectory(prefix="ttl-archive-simulation-") as folder:
        return _RestoreStory(seed, Path(folder)).tell()


class _RestoreStory:
    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder, self.out = seed, folder, folder / "out.jsonl"
        self.scheduler = Scheduler(seed)
        self.chance = chance = self.scheduler.chance
        self.format = chance.choice(("", "", "jsonl", "dynamodb-json"))  # none is into the table
        self.glacier = GlacierModel(
            lambda: self.scheduler.now_s,
            takes_s=chance.choice((90, 700)),
            lasts_s=chance.choice((2_500, 100_000)),
            lists_status=chance.random() < 0.7,
        )
        self.frozen = chance.choice((0.0, 0.5, 1.0))  # how probable it is that an object is in GLACIER
        self.s3 = S3Model(lambda: START + timedelta(seconds=self.scheduler.now_s), glacier=self.glacier)
        self.table = TableModel()
        self.findings: list[str] = []
        self.changes = 0
        self.versions = 0
        self.lines: list[bytes] = []
        self.runs: dict[Process, _Run] = {}

    def tell(self) -> History:
        """Let runs of one restore and changes of what it reads and writes happen; check each answer."""
        chance = self.chance
        for key in KEYS[: chance.choice((1, 2, 3))]:
            self._write(key)
        if chance.random() < 0.5:
            self.table.items["d0"] = {"deviceID": {"S": "d0"}, "n": {"S": _OLD}}
        for number in range(chance.choice((1, 2, 3))):
            faults = frozenset(chance.choices(range(1, 40), k=chance.choice((0, 1, 1, 2, 3))))
            start_s = chance.choice((0, 0, 5, 3000)) * number
            wait, dry = chance.random() < 0.8, chance.random() < 0.1
            self._start(f"run {number + 1}", start_s, faults, wait=wait, dry=dry)
        for _ in range(chance.choice((0, 0, 1, 2))):
            self.scheduler.at(chance.choice((0.5, 2, 100, 2500)), self._change)
        with self._patched():
            self.scheduler.run()
            for number in range(_LAST_RUNS):
                if number == 0 or not self._is_settled():
                    self._start(f"last run {number + 1}", self.scheduler.now_s, frozenset())
                    self.scheduler.run()
        if not self._is_settled():
            self._find("settled", "the last run has not restored everything")
        if left := [path.name for path in self.folder.rglob("*") if path.name.endswith(".part")]:
            self._find("settled", f"{left} is left")
        return History(self.seed, self.scheduler.steps, self.findings, [], dict(self.scheduler.faults))

    def _start(
        self, name: str, at_s: float, faults: frozenset[int], *, wait: bool = True, dry: bool = False
    ) -> None:
        process = Process(name, 0.0, faults)

        def begin() -> None:
            words = (self.format or "table", "" if wait else "no wait", "dry run" if dry else "")
            self.scheduler.note(f"restore {' '.join(words).strip()}", "", name)
            self.scheduler.start(process, lambda: self._restore(process, wait=wait, dry=dry))

        self.scheduler.at(at_s, begin)

    def _restore(self, process: Process, *, wait: bool, dry: bool) -> None:
        stop = SimEvent(self.scheduler)
        process.interrupt = stop.set
        run = self.runs[process] = _Run(self._wanted(), self.changes, dry, bool(self._unreadable()))
        before, file_before = dict(self.table.items), restored_versions(self.out)
        try:
            code = restore_run.run_restore(self._request(process, wait=wait, dry=dry), stop)
        except (MisuseError, ReplayError, ClientError, BotoCoreError) as error:
            self.scheduler.note("ends", type(error).__name__)  # the text names a temporary folder
            self._check_whole(process.name)
            return
        self.scheduler.note("ends", f"exit code {code}")
        self._check_whole(process.name)
        if dry:
            self._check_dry(process.name, file_before)
        if run.changes == self.changes:  # else nobody can say what the run had to restore
            self._check(process.name, run, code, before)

    def _check(self, name: str, run: _Run, code: int, before: dict[str, Any]) -> None:
        missing = self._missing(run.wanted)
        if code == 0 and missing and not run.dry:
            self._find("complete", f"{name}: exit code 0, and {sorted(missing)} are not restored")
        if code == 3 and not (run.unreadable or self._unreadable()):  # a copy may expire meanwhile
            self._find("complete", f"{name}: exit code 3, and everything can be read")
        if code == 4 and run.wanted:
            self._find("complete", f"{name}: nothing was found, and {sorted(run.wanted)} are there")
        counts = run.report.counts if run.report else None
        if code == 0 and counts and counts.items != len(run.wanted):
            self._find("complete", f"{name}: said {counts.items}, and {len(run.wanted)} are wanted")
        if (
            code == 0
            and counts
            and not (self.format or run.dry or sum(counts.outcomes.values()) == counts.items)
        ):
            self._find("complete", f"{name}: said {counts.outcomes} of {counts.items}")
        for key, item in before.items():
            if self.table.items.get(key) != item:
                self._find("kept", f"{name}: {key} was overwritten")

    def _check_dry(self, name: str, file_before: Counter[Version] | None) -> None:
        if restored_versions(self.out) != file_before:
            self._find("dry", f"{name}: the file is another one")
        if any(step.who == name and step.what.startswith("RestoreObject") for step in self.scheduler.steps):
            self._find("dry", f"{name}: an object was retrieved")

    def _check_whole(self, name: str) -> None:
        """A file has all that is wanted, each version once; only a change of the archive makes it older."""
        found = restored_versions(self.out)
        if found is not None and (repeated := [each for each, times in found.items() if times > 1]):
            self._find("complete", f"{name}: {repeated} are in the file more than once")
        if found is not None and not self.changes and set(found) != self._wanted():
            self._find("whole", f"{name}: the file has {sorted(found)}, and not {sorted(self._wanted())}")

    def _request(self, process: Process, *, wait: bool, dry: bool) -> RestoreRequest:
        s3 = S3Client(self.scheduler, process, self.s3, lambda key: None)
        place = SimpleNamespace(settings=SETTINGS, s3=s3, bucket=BUCKET, given_prefix=None)
        options = RestoreOptions(
            out=self.out if self.format else None, to_table=None if self.format else TABLE,
            format=self.format or "jsonl", guard_formulas=False, dry_run=dry, inexact=False,
            tier="Standard", days=7, wait=wait, poll_s=60, rate=None, yes=True, work=self.folder / "work",
            concurrency=2, as_json=True,
            workers=lambda number: SimWorkers(self.scheduler, process, 2 * number),
        )  # fmt: skip
        request = RestoreRequest(place, GivenSelection(), options, _ACCOUNT)  # type: ignore[arg-type]
        if self.format:
            return request
        dynamodb = DynamoClient(self.scheduler, process, self._put, self.table.describe_table)
        table = find_table(dynamodb, TABLE, "expiredAt")
        return RestoreRequest(place, GivenSelection(), options, _ACCOUNT, table, TtlChoice("remove"))  # type: ignore[arg-type]

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        """Put an item; one that the archive does not have any more must not come back."""
        run = self.runs[self.scheduler.current]
        version = request["Item"]["deviceID"]["S"], request["Item"]["n"]["S"]
        if run.dry:
            self._find("dry", f"{version} is written")
        if run.changes == self.changes and version not in run.wanted:
            self._find("erased", f"{version} is written, and the archive has {sorted(run.wanted)}")
        return self.table.put_item(request)

    def _write(self, key: str) -> None:
        """Write a file of the archive: new versions of some items, or one that was delivered before, too."""
        chance = self.chance
        for device in chance.sample(range(_DEVICES), chance.choice((1, 2, 3))):
            self.versions += 1
            self.lines.append(archived_line(device, self.versions))
        content = self.lines[-chance.choice((1, 2, 3)) :]
        storage_class = GLACIER if chance.random() < self.frozen else "STANDARD"
        self.s3.store(key, gzip.compress(b"".join(content), 1, mtime=0), storage_class=storage_class)

    def _change(self) -> None:
        """Delete or rewrite a file of the archive, or create the table again."""
        self.changes += 1
        key = self.chance.choice(KEYS)
        what = self.chance.choice(("deleted", "written", "table"))
        if what == "table":
            self.table.items = {}
            self.table.number += 1
        elif what == "deleted":
            self.s3.objects.pop(key, None)
        else:
            self._write(key)
        self.scheduler.note(f"{what}: {TABLE if what == 'table' else key}", "", "somebody")

    def _wanted(self) -> set[Version]:
        """Every change for a file, the newest version of each item for a table."""
        found = archived_versions(self.s3)
        return found if self.format else newest(found)

    def _missing(self, wanted: set[Version]) -> set[Version]:
        """What is wanted and not restored. An item that was in the table before counts as there."""
        if self.format:
            return wanted - set(restored_versions(self.out) or ())
        return {(device, version) for device, version in wanted if device not in self.table.items}

    def _is_settled(self) -> bool:
        return not self._missing(self._wanted())

    def _unreadable(self) -> list[str]:
        """The versions in GLACIER that cannot be read now."""
        frozen = [each.version for each in self.s3.objects.values() if each.storage_class == GLACIER]
        return [version for version in frozen if not self.glacier.is_readable(version)]

    def _hear_note(self, text: str) -> None:
        """Check what is said of retrievals."""
        run = self.runs[self.scheduler.current]
        if run.changes != self.changes or not text.startswith(
            ("The retrieval is in progress", "Stopped wait")
        ):
            return
        never = [version for version in self._unreadable() if version not in self.glacier.copies]
        if never:
            self._find("retrieval", f"said {text!r}, and it was not requested for {never}")

    @contextmanager
    def _patched(self) -> Iterator[None]:
        """Let the command use this scheduler, and be quiet."""
        story, scheduler = self, self.scheduler

        class KilledStage(Stage):
            """A stage that a kill closes at once, and whose items are read with a point before each."""

            def __init__(self, path: Path) -> None:
                super().__init__(path)
                scheduler.current.on_kill = self.close

            def lines(self) -> Iterator[str]:
                return with_points(super().lines())

            def waiting_items(self) -> Iterator[StagedItem]:
                return with_points(super().waiting_items())

        def with_points(found: Iterator[_Staged]) -> Iterator[_Staged]:
            for each in found:
                if scheduler.point():
                    scheduler.disturb()
                yield each

        def hear(report: RestoreReport, request: RestoreRequest) -> None:
            story.runs[scheduler.current].report = report

        with ExitStack() as stack:
            for module, name, value in (
                (restore_run, "Stage", KilledStage),
                (restore_run, "print_report", hear),
                (restore_run.show, "note", self._hear_note),
                (restore_run, "counter", _no_counter),
                (write_steps, "Rate", lambda rate, wait: Rate()),
            ):
                stack.enter_context(mock.patch.object(module, name, value))
            yield

    def _find(self, promise: str, text: str) -> None:
        self.findings.append(f"{promise}: {text}")


@contextmanager
def _no_counter(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, of: None
