"""One error object, from its claim to its state: what the command and the function do for each object."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from threading import Event
from typing import Any

from ttl_archive.replay.claim_document import ClaimDocument, ReplayProgress, Result, SinkOutput, State
from ttl_archive.replay.claims import Claim, Claims
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable, read_lines
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader
from ttl_archive.replay.errors import ClaimLostError, MisuseError, ReplayError, StoppedError, UnsentError
from ttl_archive.replay.line_ranges import LineRanges
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.settled_lines import SettledLines
from ttl_archive.replay.sinks.sink import Delivery, ObjectTally, Sink
from ttl_archive.replay.verdict import Judge, Refused
from ttl_archive.replay.workers import Threads, Workers
from ttl_archive.transform.convert import Drop, Row
from ttl_archive.transform.limits import KINESIS_CALL_RECORDS

# Between two checkpoints, at which Ctrl-C is noticed and the claim is renewed if it is time for that.
_CHECKPOINT_RECORDS = 1000
_CHECKPOINT_BYTES = 1 << 20
_CHECKPOINT_S = 60.0


class Ending(StrEnum):
    """How the replay of one object ended."""

    DONE = "done"  # every record is delivered or dropped, or an operator had waived it
    REFUSED = "refused"  # judged to the end; some records were refused
    SETTLED = "settled before"  # another run has judged it since this one began
    BUSY = "busy"  # another run holds it
    UNSENT = "unsent"  # the sink refused records at every attempt
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Run:
    """What it takes to replay objects; one for the whole run, shared by its threads."""

    s3: Any
    claims: Claims
    sink: Sink
    judge: Judge
    transform: str  # identity of the transform that judges
    rate: Rate
    stop: Event = field(default_factory=Event)
    progress: Callable[[int, int], None] = lambda records, read_bytes: None  # noqa: ARG005
    workers: Callable[[int], Workers] = Threads  # called with how many objects are replayed at a time
    with_refused: bool = False  # also objects that this same transform has refused


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one object ended. The tally is what this run did, whatever an earlier one had done."""

    key: str
    ending: Ending
    tally: ObjectTally
    reason: str = ""
    possible_duplicates: int = 0


def replay_object(run: Run, error_object: ErrorObject) -> Outcome:
    """Replay one object. The outcome has the errors of this one object; MisuseError is raised."""
    tally = ObjectTally()
    try:
        claim = run.claims.take(error_object, run.sink.name, run.transform, with_refused=run.with_refused)
        if isinstance(claim, ClaimDocument):
            return _taken(error_object, claim, run)
        return _Replay(run, claim, tally).outcome()
    except StoppedError as error:
        return Outcome(error_object.key, Ending.STOPPED, tally, str(error))
    except UnsentError as error:
        return Outcome(error_object.key, Ending.UNSENT, tally, str(error))
    except ClaimLostError as error:
        return Outcome(error_object.key, Ending.BUSY, tally, str(error))
    except MisuseError:
        raise
    except ReplayError as error:
        return Outcome(error_object.key, Ending.FAILED, tally, str(error))


def _taken(error_object: ErrorObject, found: ClaimDocument, run: Run) -> Outcome:
    """Return the outcome of an object that this run could not claim."""
    state = found.state_for(run.transform)
    if state == State.OPEN:  # it was held when it was looked at, whatever the time is now
        reason = f"{error_object.url}: the run {found.owner} holds it. Run again later"
        return Outcome(error_object.key, Ending.BUSY, ObjectTally(), reason)
    if state == State.REFUSED:
        reason = f"{error_object.url}: another run has replayed it; some records are refused"
        return Outcome(error_object.key, Ending.REFUSED, ObjectTally(), reason)
    return Outcome(error_object.key, Ending.SETTLED, ObjectTally())


class _Replay:
    """The replay of one claimed object."""

    def __init__(self, run: Run, claim: Claim, tally: ObjectTally) -> None:
        self._run = run
        self._claim = claim
        self._tally = tally
        self._reader = Reader(run.s3, claim.error_object)
        self._refused_lines: list[int] = []
        self._lines = SettledLines(claim.document)
        self._seen = (0, 0, 0)  # lines, bytes read and bytes of lines at the last checkpoint
        self._line_bytes = 0

    def outcome(self) -> Outcome:
        """Judge and deliver the object; the claim is released whatever happens, if that is possible."""
        try:
            return self._settled(self._run.claims.now(), self._delivered())
        except Exception:
            with suppress(ReplayError):
                self._claim.release()  # else its time runs out
            raise

    def _delivered(self) -> tuple[SinkOutput, ...]:
        """Judge every record and deliver what the transform delivers; return the objects written."""
        delivery = self._run.sink.open(self._claim)
        try:
            for record in read_lines(self._chunks()):
                self._count(record, delivery)
            self._checkpoint()
            return delivery.finish()
        finally:
            delivery.close()

    def _chunks(self) -> Iterator[bytes]:
        """Read the object; a checkpoint at each chunk, for a chunk may take long and end no line."""
        for chunk in self._reader.chunks():
            self._checkpoint()
            yield chunk

    def _count(self, record: FailedRecord | Unreadable, delivery: Delivery) -> None:
        """Give one record to the delivery, or count why it is not delivered."""
        tally = self._tally
        tally.lines += 1
        self._line_bytes += len(record.content)
        verdict = self._verdict(record, delivery)
        if isinstance(verdict, Refused):
            tally.refused[verdict.code] += 1
            self._refused_lines.append(record.number)
        elif isinstance(verdict, Drop):
            tally.dropped[verdict.rule] += 1
        elif verdict is None:
            tally.waived += 1
            self._refused_lines.append(record.number)
        else:
            tally.rows += 1
        lines, _, line_bytes = self._seen
        if tally.lines - lines >= _CHECKPOINT_RECORDS or self._line_bytes - line_bytes >= _CHECKPOINT_BYTES:
            self._checkpoint()

    def _verdict(self, record: FailedRecord | Unreadable, delivery: Delivery) -> Row | Drop | Refused | None:
        """Return what becomes of the record: None for one that was waived, any Row for one sent before."""
        if self._lines.is_sent(record):
            return _SENT
        if self._lines.is_waived(record):
            return None
        verdict = self._run.judge(record)
        if isinstance(verdict, Row) and isinstance(record, FailedRecord):
            return delivery.add(record, verdict) or verdict
        return verdict

    def _checkpoint(self) -> None:
        """Report progress, keep to the rate, renew the claim in time. Raises StoppedError, ClaimLostError."""
        lines, read_bytes, _ = self._seen
        now = (self._tally.lines, self._reader.read_bytes, self._line_bytes)
        self._seen = now
        self._run.progress(now[0] - lines, now[1] - read_bytes)
        wait = self._run.rate.reserve(now[0] - lines)
        self._keep()
        while wait > 0:
            self._run.stop.wait(min(wait, _CHECKPOINT_S))
            wait -= _CHECKPOINT_S
            self._keep()

    def _keep(self) -> None:
        if self._run.stop.is_set():
            raise StoppedError("stopped on request; run again to resume")
        self._claim.keep()

    def _settled(self, started: datetime, written: tuple[SinkOutput, ...]) -> Outcome:
        """Write the object's state and, where it is done, its manifest."""
        error_object, tally, run = self._claim.error_object, self._tally, self._run
        if not tally.closes():
            raise ReplayError(
                f"{error_object.url}: the ledger does not close: {tally}. The object stays open. "
                "Please report this defect"
            )
        progress = self._claim.progress
        streams = (
            SinkOutput(len(LineRanges(lines)), stream=stream)
            for stream, lines in sorted(progress.sent.items())
        )
        duplicates = _possible_duplicates(progress, tally.lines)
        result = Result(
            transform=run.transform,
            sink=run.sink.name,
            by=run.claims.owner,
            started=started,
            finished=run.claims.now(),
            bytes=error_object.size,
            sha256=self._reader.sha256,
            version_id=self._reader.version_id,
            lines=tally.lines,
            rows=tally.rows,
            dropped=dict(sorted(tally.dropped.items())),
            refused=dict(sorted(tally.refused.items())),
            waived=tally.waived,
            refused_lines=LineRanges().with_lines(self._refused_lines).ranges(),
            outputs=(*written, *streams),
            possible_duplicates=duplicates,
        )
        state = _state(tally)
        self._claim.settle(state, result)
        reason = self._write_manifest() if state == State.DONE else ""
        ending = Ending.REFUSED if state == State.REFUSED else Ending.DONE
        return Outcome(error_object.key, ending, tally, reason, duplicates)

    def _write_manifest(self) -> str:
        """Write the manifest. The object is done without it, so an error is reported and nothing more."""
        try:
            self._run.claims.write_manifest(self._claim.document)
        except ReplayError as error:
            return f"it is done, but its manifest was not written; retire writes it. {error}"
        return ""


_SENT = Row(b"", 0)


def _state(tally: ObjectTally) -> State:
    if tally.refused:
        return State.REFUSED
    return State.WAIVED if tally.waived else State.DONE


def _possible_duplicates(progress: ReplayProgress, lines: int) -> int:
    """Return how many records a stream may have taken twice, at most.

    A run that did not release its claim may have sent one call more than the claim says.
    """
    return progress.unanswered + progress.unfinished_runs * min(KINESIS_CALL_RECORDS, lines)
