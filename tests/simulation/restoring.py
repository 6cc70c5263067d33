"""Histories of restore into a table: runs stall, are killed and resumed, while archive and table change.

The command's own code runs, its stage on disk included. After each run its answer is compared with the
archive as it was when the run began, and with the table:

complete   exit code 0: every wanted item is in the table, and the counts that were printed are true
erased     no item is written that no object of the archive has
kept       an item that was in the table is not overwritten
settled    a last run without faults restores everything
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError

from tests.fakes import client_error
from tests.replay.samples import change
from tests.simulation.clients import DynamoClient, S3Client
from tests.simulation.history import History
from tests.simulation.s3_model import BUCKET, S3Model
from tests.simulation.samples import TABLE, VERSIONS
from tests.simulation.scheduler import START, Process, Scheduler, SimEvent, SimWorkers
from ttl_archive.replay.errors import MisuseError, ReplayError
from ttl_archive.replay.restore import restore_run, table_writer, write_steps
from ttl_archive.replay.restore.destination_table import TtlChoice, find_table
from ttl_archive.replay.restore.restore_report import RestoreReport
from ttl_archive.replay.restore.restore_request import GivenSelection, RestoreOptions, RestoreRequest
from ttl_archive.replay.restore.stage import Stage
from ttl_archive.transform.convert import Row, converter

_KEYS = tuple(f"archive/{TABLE}/dt=2025-11-20/file-{letter}.jsonl.gz" for letter in "abc")
_DEVICES = 4
_OLD = "before"  # what an item has that was in the table before
_SETTINGS = VERSIONS[0].settings


@dataclass
class TableModel:
    """One table: its items by partition key. `number` differs after the table was created again."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    number: int = 0

    def describe_table(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTable."""
        description = {
            "TableName": request["TableName"],
            "TableArn": f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}",
            "TableId": f"table-{self.number}",
            "KeySchema": [{"AttributeName": "deviceID", "KeyType": "HASH"}],
            "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        }
        return {"Table": description}

    def put_item(self, request: dict[str, Any]) -> dict[str, Any]:
        """PutItem, under the condition that the key is not there."""
        key = request["Item"]["deviceID"]["S"]
        condition = request.get("ConditionExpression")
        assert condition in (None, "attribute_not_exists(#key)")
        if condition and key in self.items:
            raise client_error("ConditionalCheckFailedException", "PutItem", 400)
        self.items[key] = request["Item"]
        return {}


@dataclass
class _Run:
    """One run of the command: what the archive had when it began, and what the command said."""

    wanted: dict[str, str]  # partition key -> version of its newest change
    changes: int  # how often archive or table had changed
    report: RestoreReport | None = None


def simulate_restore(seed: int) -> History:
    """Run the history of that seed, and check it."""
    with TemporaryDirectory(prefix="ttl-archive-simulation-") as folder:
        return _RestoreStory(seed, Path(folder)).tell()


class _RestoreStory:
    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.scheduler = Scheduler(seed)
        self.chance = self.scheduler.chance
        self.s3 = S3Model(lambda: START + timedelta(seconds=self.scheduler.now_s))
        self.table = TableModel()
        self.findings: list[str] = []
        self.changes = 0
        self.versions = 0
        self.runs: dict[Process, _Run] = {}

    def tell(self) -> History:
        """Let runs of one restore and changes of what it reads and writes happen; check each answer."""
        chance = self.chance
        for key in _KEYS[: chance.choice((1, 2, 3))]:
            self._write(key)
        if chance.random() < 0.5:
            self.table.items["d0"] = {"deviceID": {"S": "d0"}, "n": {"S": _OLD}}
        for number in range(chance.choice((1, 2, 3))):
            faults = frozenset(chance.choices(range(1, 40), k=chance.choice((0, 1, 1, 2, 3))))
            self._start(f"run {number + 1}", chance.choice((0, 0, 5, 3000)) * number, faults)
        for _ in range(chance.choice((0, 0, 1, 2))):
            self.scheduler.at(chance.choice((0.5, 2, 100, 2500)), self._change)
        with self._patched():
            self.scheduler.run()
            self._start("last run", self.scheduler.now_s, frozenset())
            self.scheduler.run()
        wanted = self._wanted()
        if wanted.keys() - self.table.items.keys():
            self._find("settled", "the last run has not restored everything")
        return History(self.seed, self.scheduler.steps, self.findings, [], dict(self.scheduler.faults))

    def _start(self, name: str, at_s: float, faults: frozenset[int]) -> None:
        process = Process(name, 0.0, faults)

        def begin() -> None:
            self.scheduler.note("restore", "", name)
            self.scheduler.start(process, lambda: self._restore(process))

        self.scheduler.at(at_s, begin)

    def _restore(self, process: Process) -> None:
        stop = SimEvent(self.scheduler)
        process.interrupt = stop.set
        run = self.runs[process] = _Run(self._wanted(), self.changes)
        before = dict(self.table.items)
        try:
            code = restore_run.run_restore(self._request(process), stop)
        except (MisuseError, ReplayError, ClientError, BotoCoreError) as error:
            self.scheduler.note("ends", type(error).__name__)  # the text names a temporary folder
            return
        self.scheduler.note("ends", f"exit code {code}")
        if run.changes == self.changes:  # else nobody can say what the run had to restore
            self._check(process.name, run, code, before)

    def _check(self, name: str, run: _Run, code: int, before: dict[str, Any]) -> None:
        missing = run.wanted.keys() - self.table.items.keys()
        if code == 0 and missing:
            self._find("complete", f"{name}: exit code 0, and {sorted(missing)} are not in the table")
        if code == 4 and run.wanted:
            self._find("complete", f"{name}: nothing was found, and {sorted(run.wanted)} are there")
        counts = run.report.counts if run.report else None
        if code == 0 and counts and not counts.items == sum(counts.outcomes.values()) == len(run.wanted):
            self._find("complete", f"{name}: said {counts.outcomes}, and {len(run.wanted)} are wanted")
        for key, item in before.items():
            if self.table.items.get(key) != item:
                self._find("kept", f"{name}: {key} was overwritten")

    def _request(self, process: Process) -> RestoreRequest:
        s3 = S3Client(self.scheduler, process, self.s3, lambda key: None)
        dynamodb = DynamoClient(self.scheduler, process, self._put, self.table.describe_table)
        place = SimpleNamespace(settings=_SETTINGS, s3=s3, bucket=BUCKET, given_prefix=None)
        options = RestoreOptions(
            out=None, to_table=TABLE, format="jsonl", guard_formulas=False, dry_run=False, inexact=False,
            tier="Standard", days=7, wait=True, poll_s=60, rate=None, yes=True, work=self.folder,
            concurrency=2, as_json=True,
            workers=lambda number: SimWorkers(self.scheduler, process, 2 * number),
        )  # fmt: skip
        table = find_table(dynamodb, TABLE, "expiredAt")
        return RestoreRequest(place, GivenSelection(), options, "123456789012", table, TtlChoice("remove"))  # type: ignore[arg-type]

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        """Put an item; one that the archive does not have any more must not come back."""
        run = self.runs[self.scheduler.current]
        key, version = request["Item"]["deviceID"]["S"], request["Item"]["n"]["S"]
        if run.changes == self.changes and run.wanted.get(key) != version:
            self._find(
                "erased", f"{key} is written as of {version}, and the archive has {run.wanted.get(key)}"
            )
        return self.table.put_item(request)

    def _write(self, key: str) -> None:
        """Write a file of the archive, with the newest versions of some items."""
        lines = []
        for device in self.chance.sample(range(_DEVICES), self.chance.choice((1, 2, 3))):
            self.versions += 1
            row = converter(_SETTINGS)(
                change(self.versions, deviceID={"S": f"d{device}"}, n={"S": str(self.versions)})
            )
            assert isinstance(row, Row)
            lines.append(row.line)
        self.s3.store(key, gzip.compress(b"".join(lines), 1, mtime=0))

    def _change(self) -> None:
        """Delete or rewrite a file of the archive, or create the table again."""
        self.changes += 1
        key = self.chance.choice(_KEYS)
        what = self.chance.choice(("deleted", "written", "table"))
        if what == "table":
            self.table.items = {}
            self.table.number += 1
        elif what == "deleted":
            self.s3.objects.pop(key, None)
        else:
            self._write(key)
        self.scheduler.note(f"{what}: {TABLE if what == 'table' else key}", "", "somebody")

    def _wanted(self) -> dict[str, str]:
        """The newest version of each item in the archive."""
        newest: dict[str, int] = {}
        for stored in self.s3.objects.values():
            for line in gzip.decompress(stored.body).splitlines():
                image = json.loads(json.loads(line)["ddb_image"])
                key, version = image["deviceID"]["S"], int(image["n"]["S"])
                newest[key] = max(version, newest.get(key, 0))
        return {key: str(version) for key, version in newest.items()}

    @contextmanager
    def _patched(self) -> Iterator[None]:
        """Let the command use this scheduler, and be quiet."""
        story, scheduler = self, self.scheduler

        class KilledStage(Stage):
            """A stage that a kill closes at once: nothing is written to it afterwards."""

            def __init__(self, path: Path) -> None:
                super().__init__(path)
                scheduler.current.on_kill = self._db.close

        def hear(report: RestoreReport, request: RestoreRequest) -> None:
            story.runs[scheduler.current].report = report

        with ExitStack() as stack:
            for module, name, value in (
                (restore_run, "Stage", KilledStage),
                (restore_run, "print_report", hear),
                (restore_run.show, "note", lambda text: None),
                (restore_run.show, "counter", _no_counter),
                (write_steps, "Rate", lambda rate, wait: table_writer.Rate()),
            ):
                stack.enter_context(mock.patch.object(module, name, value))
            yield

    def _find(self, promise: str, text: str) -> None:
        self.findings.append(f"{promise}: {text}")


@contextmanager
def _no_counter(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, of: None
