"""One data file of an export -> its rows in the archive: what the command and the function do for each file.

The file is read once, its rows are spooled, and its MD5 and its number of lines are compared with the
manifest. Only then rows are written, under names that every run finds again, and after them the record. So
a damaged file leaves nothing behind, and a run that is killed is finished by the next one.
"""

from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event
from typing import Any

from ttl_archive.replay.backfill.backfill_record import (
    BackfillRecord,
    FileTally,
    data_file_identity,
    outputs_hold,
    read_backfill_record,
    write_backfill_record,
)
from ttl_archive.replay.backfill.data_file_lines import CountRead, readable, verified_lines
from ttl_archive.replay.backfill.item_choice import Choice, line_judge
from ttl_archive.replay.claim_document import SinkOutput
from ttl_archive.replay.conditional_put import ABSENT, current_condition, put_if, put_verified
from ttl_archive.replay.errors import ClaimLostError, ObjectError, ReplayError, StoppedError
from ttl_archive.replay.items.export_manifest import DataFile, Export
from ttl_archive.replay.items.item_forms import NotAnItemError
from ttl_archive.replay.sinks.spool import Part, Spool
from ttl_archive.transform import layout
from ttl_archive.transform.convert import Row
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

_GZIP = "application/gzip"
_CHECKPOINT_LINES = 1000


class FileEnding(StrEnum):
    """How the backfill of one data file ended."""

    DONE = "done"  # every line is a row, was left out by a rule, or is refused
    BEFORE = "done before"  # the rows of an earlier run are there
    BUSY = "busy"  # another run wrote the record meanwhile
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class BackfillRun:
    """What it takes to backfill data files; one for the whole run, shared by its threads.

    With `dry` everything is read and counted, and nothing is written.
    """

    s3: Any
    bucket: str
    settings: Settings
    choice: Choice
    dry: bool = False
    stop: Event = field(default_factory=Event)
    progress: CountRead = lambda lines, read_bytes: None  # noqa: ARG005


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """How one data file ended; the tally is of its lines, also where an earlier run wrote the rows."""

    name: str
    ending: FileEnding
    tally: FileTally = field(default_factory=FileTally)
    reason: str = ""


def backfill_file(run: BackfillRun, export: Export, data: DataFile) -> FileOutcome:
    """Archive the chosen items of one data file. The outcome has the errors of this one file."""
    try:
        return _FileBackfill(run, export, data).outcome()
    except StoppedError as error:
        return FileOutcome(data.file.name, FileEnding.STOPPED, reason=str(error))
    except ClaimLostError as error:
        return FileOutcome(data.file.name, FileEnding.BUSY, reason=str(error))
    except (ReplayError, NotAnItemError) as error:
        return FileOutcome(data.file.name, FileEnding.FAILED, reason=str(error))
    except OSError as error:
        reason = f"{data.file.name} cannot be read: {error.strerror or error}"
        return FileOutcome(data.file.name, FileEnding.FAILED, reason=reason)


def data_file_record_key(run: BackfillRun, export: Export, data: DataFile) -> str:
    """Return the key of the record of a data file and the run's choice."""
    ident = data_file_identity(export.arn, data.key, data.md5 or "", run.choice)
    return layout.backfill_record_key(run.settings.table.name, data.key, ident)


def is_final(record: BackfillRecord, settings: Settings) -> bool:
    """Whether these settings cannot accept more than the record has; others may accept what it refused."""
    return record.transform == transform_identity(settings) or not record.tally.refused


class _FileBackfill:
    def __init__(self, run: BackfillRun, export: Export, data: DataFile) -> None:
        self._run, self._export, self._data = run, export, data
        self._transform = transform_identity(run.settings)
        self._ident = data_file_identity(export.arn, data.key, data.md5 or "", run.choice)
        self._record_key = data_file_record_key(run, export, data)
        self._tally = FileTally()

    def outcome(self) -> FileOutcome:
        run = self._run
        before, condition = read_backfill_record(run.s3, run.bucket, self._record_key)
        if before is not None and self._is_settled(before):
            run.progress(before.tally.lines, self._data.file.size)
            return FileOutcome(self._data.file.name, FileEnding.BEFORE, before.tally)
        # The name makes the bytes of a part the same in every run, and those of two data files differ.
        with closing(Spool(self._ident)) as spool:
            self._judge_lines(spool)
            if not run.dry:
                self._refuse_fewer_rows(before)
                outputs = [self._write(part) for part in spool.parts()]
                write_backfill_record(run.s3, run.bucket, self._record_key, self._record(outputs), condition)
        return FileOutcome(self._data.file.name, FileEnding.DONE, self._tally)

    def _is_settled(self, record: BackfillRecord) -> bool:
        """Whether an earlier run left nothing to do."""
        return is_final(record, self._run.settings) and outputs_hold(self._run.s3, self._run.bucket, record)

    def _refuse_fewer_rows(self, before: BackfillRecord | None) -> None:
        if before is not None and self._tally.rows < before.tally.rows:
            raise ObjectError(
                f"{self._data.file.name}: the archive has {before.tally.rows:,} rows of it, and today's "
                f"archive.toml would replace them with {self._tally.rows:,}. Undo what makes it refuse more"
            )

    def _judge_lines(self, spool: Spool) -> None:
        run, data, tally = self._run, self._data, self._tally
        judge = line_judge(run.settings, self._export, run.choice)
        file_name = data.key.rpartition("/")[2]
        for number, line in enumerate(verified_lines(data, run.progress), 1):
            if number % _CHECKPOINT_LINES == 0:
                self._checkpoint()
            tally.lines += 1
            try:
                verdict = judge(readable(line), f"{self._export.id}/{file_name}:{number}")
            except RecordError as error:
                tally.refused[error.code] = tally.refused.get(error.code, 0) + 1
                continue
            if isinstance(verdict, Row):
                spool.add(verdict.date, verdict.line)
                tally.rows += 1
            else:
                tally.left[verdict.rule] = tally.left.get(verdict.rule, 0) + 1
        run.progress(tally.lines % _CHECKPOINT_LINES, 0)

    def _checkpoint(self) -> None:
        self._run.progress(_CHECKPOINT_LINES, 0)
        if self._run.stop.is_set():
            raise StoppedError("stopped before the file was read to its end. Run again")

    def _write(self, part: Part) -> SinkOutput:
        """Write the rows of one date, unless they are there, and verify them. Raises ObjectError."""
        run = self._run
        key = layout.backfill_key(run.settings, part.date, self._ident)
        if put_if(run.s3, run.bucket, key, part.payload, ABSENT, _GZIP) is None:
            # A run with other settings, or with another zlib, wrote these items: the rows are replaced.
            condition = current_condition(run.s3, run.bucket, key)
            put_verified(run.s3, run.bucket, key, part.payload, condition, _GZIP)
        return SinkOutput(part.rows, key, part.payload.size, part.payload.sha256)

    def _record(self, outputs: list[SinkOutput]) -> BackfillRecord:
        return BackfillRecord(
            self._export.arn, self._data.key, self._run.choice, self._transform, self._tally, outputs
        )
