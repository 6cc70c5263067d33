"""A backfill from its beginning to its end: the exports of a place, checked, then their data files.

For programs: `find_exports`, then `run_backfill` with a `BackfillRun`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ttl_archive.replay.backfill.backfill_file import BackfillRun, FileEnding, FileOutcome, backfill_file
from ttl_archive.replay.backfill.backfill_record import FileTally
from ttl_archive.replay.claims import new_owner
from ttl_archive.replay.conditional_put import check_conditions
from ttl_archive.replay.errors import MisuseError, NothingFoundError, ObjectError
from ttl_archive.replay.items.export_manifest import DataFile, Export, read_export
from ttl_archive.replay.items.export_store import SUMMARY, ExportStore, LocalStore, S3Store
from ttl_archive.replay.items.item_forms import NotAnItemError
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.workers import Threads, in_parallel
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

FindClient = Callable[[str], Any]  # the client of a service: aws.Clients, or what a test puts in its place
DEFAULT_CONCURRENCY = 4
ALL_DONE, FAILED, SOME_REFUSED = 0, 1, 3  # exit codes; 2 is misuse, 4 that nothing was found


@dataclass(slots=True)
class BackfillSummary:
    """All outcomes of a run, counted. `before` are the rows of data files that an earlier run has done."""

    files: Counter[str] = field(default_factory=Counter)  # by ending
    tally: FileTally = field(default_factory=FileTally)  # of the files that are done, by this run or before
    before: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)  # (data file, why it is not done)

    def add(self, outcome: FileOutcome) -> None:
        """Count one outcome."""
        self.files[outcome.ending] += 1
        if outcome.reason:
            self.reasons.append((outcome.name, outcome.reason))
        if outcome.ending in (FileEnding.DONE, FileEnding.BEFORE):
            self.tally.add(outcome.tally)
        if outcome.ending is FileEnding.BEFORE:
            self.before += outcome.tally.rows

    @property
    def exit_code(self) -> int:
        """0 all done, 1 failed or stopped, 3 some items are refused, or another run has a data file."""
        if self.files[FileEnding.FAILED] or self.files[FileEnding.STOPPED]:
            return FAILED
        return SOME_REFUSED if self.tally.refused or self.files[FileEnding.BUSY] else ALL_DONE


def find_exports(place: str, clients: FindClient, settings: Settings) -> tuple[Export, ...]:
    """Return the exports at a manifest, folder or s3://BUCKET/PREFIX, the oldest first.

    Their manifests are verified. Raises NothingFoundError where there is none, MisuseError for an export of
    another table, and ObjectError for one that is damaged, incomplete or in Ion.
    """
    store = export_store(place, clients)
    summaries = store.summaries()
    if not summaries:
        raise NothingFoundError(
            f"{place}: no {SUMMARY} is there, so there is no export that was completed. Name the folder that "
            "holds AWSDynamoDB/, or a manifest"
        )
    try:
        exports = [read_export(store, summary) for summary in summaries]
    except NotAnItemError as error:
        raise ObjectError(str(error)) from None
    for export in exports:
        if export.table != settings.table.name:
            raise MisuseError(
                f"{export.manifest} is an export of the table {export.table}, archive.toml is for "
                f"{settings.table.name}. Name the file of {export.table} with --config"
            )
    return tuple(sorted(exports, key=lambda export: (export.time_us, export.arn)))


def export_store(place: str, clients: FindClient) -> ExportStore:
    """Return the store of a path or of s3://BUCKET/PREFIX. Raises MisuseError for what does not exist."""
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        return S3Store(clients("s3"), bucket, prefix)
    if not Path(place).exists():
        raise MisuseError(f"{place}: no such file or folder. An export in a bucket is s3://BUCKET/PREFIX")
    return LocalStore(Path(place))


def check_settings(settings: Settings) -> None:
    """Raise MisuseError when the relations would show an exported item twice."""
    if not settings.table.backfilled:
        raise MisuseError(
            f"{settings.file}: set [table] backfilled = true and keys, and deploy it. Without it, "
            "archive_unique shows an item twice when it is removed after the export"
        )


def check_archive(run: BackfillRun) -> None:
    """Raise MisuseError when rows of exports cannot be written, or would be shown twice."""
    check_settings(run.settings)
    S3Sink(run.s3, run.bucket, run.settings).check()
    if not run.dry:
        key = layout.condition_check_key(run.settings.table.name)
        check_conditions(run.s3, run.bucket, key, new_owner())


def run_backfill(
    run: BackfillRun,
    exports: Sequence[Export],
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    on_outcome: Callable[[FileOutcome], None] = lambda outcome: None,  # noqa: ARG005
) -> BackfillSummary:
    """Backfill the exports' data files, `concurrency` at a time; after `run.stop` is set none is begun.

    Raises MisuseError before anything is written: see `check_archive`.
    """
    check_archive(run)
    summary = BackfillSummary()
    for outcome in _outcomes(run, exports, concurrency):
        summary.add(outcome)
        on_outcome(outcome)
    return summary


def _outcomes(run: BackfillRun, exports: Sequence[Export], concurrency: int) -> Iterator[FileOutcome]:
    waiting = iter([(export, data) for export in exports for data in export.files])

    def backfill(work: tuple[Export, DataFile]) -> FileOutcome:
        return backfill_file(run, *work)

    yield from in_parallel(Threads(concurrency), backfill, waiting, at_once=concurrency, stop=run.stop)
    for _, data in waiting:
        yield FileOutcome(data.file.name, FileEnding.STOPPED, reason="not begun. Run again")
