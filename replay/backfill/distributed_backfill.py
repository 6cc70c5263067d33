"""Exports that the stack's state machine backfills: its input, and what its records say afterwards.

Its function writes the same rows and records as a run on this machine, so the records prove what it did.
"""

from collections.abc import Mapping, Sequence

from ttl_archive.replay.backfill.backfill_file import (
    BackfillRun,
    FileEnding,
    FileOutcome,
    data_file_record_key,
    is_final,
)
from ttl_archive.replay.backfill.backfill_record import BackfillRecord, outputs_hold, read_backfill_record
from ttl_archive.replay.backfill.backfill_run import BackfillSummary
from ttl_archive.replay.commands.show import plural
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.items.export_manifest import DataFile, Export
from ttl_archive.replay.items.export_store import SUMMARY
from ttl_archive.replay.workers import Threads, in_parallel
from ttl_archive.transform import layout

Recorded = Mapping[str, BackfillRecord | None]  # by the key of the data file; None without rows that hold


def machine_input(run: BackfillRun, export: Export) -> dict[str, str]:
    """Return the state machine's input for an export. Raises MisuseError for one that it may not read."""
    bucket = f"s3://{run.bucket}/"
    folder = bucket + layout.exports_folder(run.settings)
    if not export.manifest.startswith(folder):
        raise MisuseError(
            f"{export.manifest}: the state machine reads exports below {folder} only. Copy the whole export "
            "there, or leave out --distributed"
        )
    place = export.manifest.removeprefix(bucket).removesuffix(SUMMARY)
    return {"folder": place, "choice": run.choice.value}


def recorded(run: BackfillRun, exports: Sequence[Export], concurrency: int) -> Recorded:
    """Return the records of all data files whose rows are in the archive. Raises ObjectError."""

    def record(work: tuple[Export, DataFile]) -> tuple[str, BackfillRecord | None]:
        found, _ = read_backfill_record(run.s3, run.bucket, data_file_record_key(run, *work))
        return work[1].key, found if found and outputs_hold(run.s3, run.bucket, found) else None

    files = [(export, data) for export in exports for data in export.files]
    return dict(in_parallel(Threads(concurrency), record, files, at_once=concurrency))


def summary_of_records(run: BackfillRun, before: Recorded, after: Recorded) -> BackfillSummary:
    """Return what executions did, from what was recorded before and after them."""
    summary = BackfillSummary()
    for key, record in after.items():
        if record is None or not is_final(record, run.settings):
            reason = _why_not_done(record, layout.maps_folder(run.settings.table.name))
            summary.add(FileOutcome(key, FileEnding.FAILED, reason=reason))
            continue
        ending = FileEnding.BEFORE if record == before[key] else FileEnding.DONE
        summary.add(FileOutcome(key, ending, record.tally))
    return summary


def _why_not_done(record: BackfillRecord | None, maps: str) -> str:
    if record is None:
        return f"the execution left no record of it. Its results are under {maps}; run again"
    refused = plural(sum(record.tally.refused.values()), "item")
    return (
        f"the state machine has another archive.toml or version than this command, and refused {refused}. "
        "Deploy it again, and run again"
    )
