"""Waivers: an operator accepts the loss of refused records, with a reason and a name; it can be undone.

A waiver is one conditional write of the claim, so it is refused while a run holds the object.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec.structs import replace

from ttl_archive.replay.claim_document import ClaimDocument, State, Waiver
from ttl_archive.replay.claims import Claims
from ttl_archive.replay.error_objects.error_lines import read_lines
from ttl_archive.replay.error_objects.objects import ErrorObject, Reader
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.settled_lines import record_hash


def waive(
    claims: Claims, error_object: ErrorObject, line: int | None, transform: str, *, reason: str, by: str
) -> int:
    """Waive one refused line, or all; return how many. Raises MisuseError where none is refused."""
    records: dict[str, str] = {}

    def alter(document: ClaimDocument) -> ClaimDocument:
        _check_judged(document, error_object, transform, claims)
        records.update(_refused_records(claims.s3, document, error_object, line))
        if not records:
            raise MisuseError(f"{_named(error_object, line)}: it is not refused. {_refused_text(document)}")
        waiver = Waiver(by, claims.now(), reason, dict(records))
        return _with_waivers(document, (*document.waivers, waiver))

    claims.change(error_object, alter)
    return len(records)


def undo_waiver(claims: Claims, error_object: ErrorObject, line: int | None, *, by: str) -> int:
    """Undo the waiver of one line, or of all; return how many. Raises MisuseError where none is waived."""
    undone = 0

    def alter(document: ClaimDocument) -> ClaimDocument:
        nonlocal undone
        _check_not_retired(document, error_object)
        waived = document.waived()
        lines = set(waived) if line is None else {line} & set(waived)
        if not lines:
            raise MisuseError(f"{_named(error_object, line)}: nothing of it is waived")
        undone = len(lines)
        split = [part for each in document.waivers for part in _split(each, lines, by, claims.now)]
        return _with_waivers(document, tuple(split))

    claims.change(error_object, alter)
    return undone


def _check_judged(document: ClaimDocument, error_object: ErrorObject, transform: str, claims: Claims) -> None:
    """Raise MisuseError unless a run has judged the object with today's transform."""
    _check_not_retired(document, error_object)
    if document.state_for(transform) == State.OPEN:
        raise MisuseError(
            f"{error_object.url}: it is open, and a run may deliver its records. "
            f"Replay it first: {claims.run_command(error_object)}"
        )


def _refused_records(
    s3: Any, document: ClaimDocument, error_object: ErrorObject, line: int | None
) -> dict[str, str]:
    """Return the refused lines that are not waived, or the one asked for, each with its record's hash."""
    refused, waived = document.refused_lines(), document.waived()
    return {
        str(record.number): record_hash(record)
        for record in read_lines(Reader(s3, error_object).chunks())
        if record.number in refused and record.number not in waived and line in (None, record.number)
    }


def _refused_text(document: ClaimDocument) -> str:
    waived = document.waived()
    refused = islice((line for line in document.refused_lines() if line not in waived), 10)
    return f"Refused lines: {', '.join(map(str, refused)) or 'none'}"


def _with_waivers(document: ClaimDocument, waivers: tuple[Waiver, ...]) -> ClaimDocument:
    """Return the claim with these waivers, and the state that follows from them."""
    changed = replace(document, waivers=waivers)
    if document.result is None:
        return changed
    refused = document.refused_lines()
    waived = sum(1 for line in changed.waived() if line in refused)
    return replace(changed, state=State.WAIVED if waived == len(refused) else State.REFUSED)


def _split(waiver: Waiver, lines: set[int], by: str, now: Callable[[], datetime]) -> Iterable[Waiver]:
    """Yield what remains of a waiver, and what is undone of it."""
    undone = {line: sha256 for line, sha256 in waiver.records.items() if int(line) in lines}
    if waiver.undone_by or not undone:
        yield waiver
        return
    if rest := {line: sha256 for line, sha256 in waiver.records.items() if line not in undone}:
        yield replace(waiver, records=rest)
    yield replace(waiver, records=undone, undone_by=by, undone_at=now())


def _check_not_retired(document: ClaimDocument, error_object: ErrorObject) -> None:
    if document.state == State.RETIRED:
        raise MisuseError(f"{error_object.url}: it is retired, to {document.retired_to}")


def _named(error_object: ErrorObject, line: int | None) -> str:
    return error_object.url if line is None else f"{error_object.url}:{line}"
