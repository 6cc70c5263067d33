"""One error object, from its claim to its manifest. The command and the function both come through here."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Any

from ttl_archive.replay.claims import Claim, Claims
from ttl_archive.replay.error_objects.error_lines import FailedRecord, read
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader
from ttl_archive.replay.errors import ClaimLostError, MisuseError, ReplayError, StoppedError, UnsentError
from ttl_archive.replay.rate import Rate
from ttl_archive.replay.sinks.quarantine import Quarantine
from ttl_archive.replay.sinks.sink import Delivery, Sink, Tally
from ttl_archive.replay.verdict import OTHER_TABLE, Judge
from ttl_archive.replay.workers import Threads, Workers
from ttl_archive.transform import layout
from ttl_archive.transform.convert import Drop, Row

_CHECKPOINT_EVERY = 1000  # records between two looks at the clock and at Ctrl-C

# How an object ended -> what it means for the whole run.
DONE, ALREADY, BUSY, LEFT, UNSENT, FAILED, STOPPED = (
    "done",
    "already",  # done by an earlier run
    "busy",  # another run is at it
    "left",  # not ours: another table's, or no error object at all
    "unsent",  # the sink went on refusing
    "failed",
    "stopped",
)


@dataclass(frozen=True, slots=True)
class Run:
    """All that an object needs to be replayed; one for the whole run, shared by its threads."""

    s3: Any
    claims: Claims
    sink: Sink
    judge: Judge
    transform: str  # its identity, transform_identity
    rate: Rate
    stop: Event = field(default_factory=Event)
    progress: Callable[[int, int], None] = lambda records, read_bytes: None  # noqa: ARG005
    workers: Callable[[int], Workers] = Threads  # called with how many objects are replayed at a time


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one object ended."""

    key: str
    status: str
    tally: Tally
    reason: str = ""
    possible_duplicates: int = 0


def replay_object(run: Run, error_object: ErrorObject) -> Outcome:
    """Replay one object. Errors that are the object's own are in the outcome; MisuseError is raised."""
    tally = Tally()
    try:
        claim = run.claims.take(error_object, run.sink.name, run.transform)
        if not isinstance(claim, Claim):
            reason = f"{error_object.url}: another run is at it. Run again later" if claim == BUSY else ""
            return Outcome(error_object.key, claim, tally, reason)
        return _released_unless_done(run, claim, tally)
    except StoppedError as error:
        return Outcome(error_object.key, STOPPED, tally, str(error))
    except UnsentError as error:
        return Outcome(error_object.key, UNSENT, tally, str(error))
    except ClaimLostError as error:
        return Outcome(error_object.key, BUSY, tally, str(error))
    except MisuseError:
        raise
    except ReplayError as error:
        return Outcome(error_object.key, FAILED, tally, str(error))


def _released_unless_done(run: Run, claim: Claim, tally: Tally) -> Outcome:
    """An object that is not done need not wait until its claim runs out."""
    try:
        outcome = _replay_claimed(run, claim, tally)
    except Exception:
        _release_quietly(claim)
        raise
    if outcome.status != DONE:
        _release_quietly(claim)
    return outcome


def _replay_claimed(run: Run, claim: Claim, tally: Tally) -> Outcome:
    error_object = claim.error_object
    started = run.claims.now()
    if claim.progress.outputs and run.sink.name != "s3":
        raise ReplayError(
            f"{error_object.url}: rows of it may be in the archive already, from a run with the sink s3 that "
            "did not end. Finish it with --sink s3"
        )
    reader = Reader(run.s3, error_object)
    delivery = run.sink.open(claim)
    quarantine = Quarantine(run.s3, claim, run.transform)
    try:
        known = _judge_all(run, claim, reader, delivery, quarantine, tally)
        if reason := _not_ours(error_object, tally, known):
            return Outcome(error_object.key, LEFT, tally, reason)
        outputs = delivery.finish()
        quarantined = quarantine.finish()
    finally:
        delivery.close()
        quarantine.close()
    if not tally.closes():
        raise ReplayError(f"{error_object.url}: the ledger does not close: {tally}. Nothing is marked done")
    duplicates = min(claim.progress.possible_duplicates, tally.rows)
    proof = {"outputs": outputs, "quarantine": quarantined, "possible_duplicates": duplicates}
    times = {"started": _text(started), "finished": _text(run.claims.now())}
    run.claims.finish(error_object, _manifest(run, error_object, reader, tally) | proof | times)
    return Outcome(error_object.key, DONE, tally, possible_duplicates=duplicates)


def _manifest(run: Run, error_object: ErrorObject, reader: Reader, tally: Tally) -> dict[str, Any]:
    """What was read and what became of it."""
    return {
        "version": 1,
        "bucket": error_object.bucket,
        "object": error_object.key,
        "etag": error_object.etag,
        "version_id": reader.version_id,
        "bytes": error_object.size,
        "sha256": reader.sha256,
        "lines": tally.lines,
        "rows": tally.rows,
        "dropped": dict(sorted(tally.dropped.items())),
        "refused": dict(sorted(tally.refused.items())),
        "sink": run.sink.name,
        "transform": run.transform,
        "by": run.claims.owner,
    }


def _judge_all(
    run: Run, claim: Claim, reader: Reader, delivery: Delivery, quarantine: Quarantine, tally: Tally
) -> bool:
    """Give every record to the delivery, the quarantine or the rule that drops it.

    Whether any of them was an error line at all.
    """
    before = claim.progress
    known = False
    read_before = 0
    for record in read(reader.chunks()):
        tally.lines += 1
        verdict = run.judge(record)
        if isinstance(verdict, Row) and isinstance(record, FailedRecord):
            refused = None if before.sent(record.number) else delivery.add(record, verdict)
            verdict = refused or verdict
        if isinstance(verdict, Row):
            tally.rows += 1
        elif isinstance(verdict, Drop):
            tally.dropped[verdict.rule] += 1
        else:
            quarantine.add(record, verdict)
            tally.refused[verdict.code] += 1
        known = known or (isinstance(record, FailedRecord) and record.fields.raw_data is not None)
        if tally.lines % _CHECKPOINT_EVERY == 0:
            run.rate.take(_CHECKPOINT_EVERY)
            run.progress(_CHECKPOINT_EVERY, reader.read_bytes - read_before)
            read_before = reader.read_bytes
            _checkpoint(run, claim)
    _checkpoint(run, claim)
    run.rate.take(tally.lines % _CHECKPOINT_EVERY)
    run.progress(tally.lines % _CHECKPOINT_EVERY, reader.read_bytes - read_before)
    return known


def _checkpoint(run: Run, claim: Claim) -> None:
    if run.stop.is_set():
        raise StoppedError("stopped on request; run again to go on")
    claim.keep()


def _not_ours(error_object: ErrorObject, tally: Tally, known: bool) -> str:
    """Why the object is left as it is; empty when it is for us."""
    if tally.lines and tally.refused[OTHER_TABLE] == tally.lines:
        return "its records are of another table: use that table's archive.toml"
    if tally.lines and not known and error_object.type == layout.UNKNOWN:
        return "none of its lines is an error line: it is no error object"
    return ""


def _release_quietly(claim: Claim) -> None:
    """Release the claim; when that cannot be, its time runs out."""
    with suppress(ReplayError):
        claim.release()


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
