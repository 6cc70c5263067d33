"""What the bucket says about one error object: its state, who holds it, how far it is, what became of it.

The claim object is the only truth about an error object: its state changes by conditional writes of this one
object. A manifest is a copy of the part of it that proves `done`, for people and programs.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import DecodeError, Struct, to_builtins
from msgspec.json import Decoder, encode
from msgspec.json import format as indented

from ttl_archive.replay.errors import ObjectError, ReplayError
from ttl_archive.replay.line_ranges import LineRanges

VERSION = 1
_LINE_DIGITS = 16


class State(StrEnum):
    """The state of an error object: that of its worst record, open > refused > waived > done."""

    OPEN = "open"  # no run has judged it to the end, or none since the settings changed
    REFUSED = "refused"  # judged to the end; today's transform refuses some records
    WAIVED = "waived"  # an operator accepted the loss of every record that was refused
    DONE = "done"  # every record is delivered, or dropped by a rule
    RETIRED = "retired"  # it was done or waived, and was moved out of the way


class SinkOutput(Struct, frozen=True, omit_defaults=True):
    """What a sink has delivered of an object: rows in one object, or records in a stream."""

    rows: int
    key: str = ""
    bytes: int = 0
    sha256: str = ""
    stream: str = ""


class Result(Struct, frozen=True):
    """How an object was judged to the end. lines = rows + dropped + refused + waived."""

    transform: str  # identity of the transform that judged
    sink: str
    by: str
    started: datetime
    finished: datetime
    bytes: int
    sha256: str
    version_id: str | None
    lines: int
    rows: int
    dropped: dict[str, int]  # by rule
    refused: dict[str, int]  # by code
    waived: int
    refused_lines: tuple[tuple[int, int], ...]  # those that were waived included
    outputs: tuple[SinkOutput, ...]
    possible_duplicates: int


class Waiver(Struct, frozen=True):
    """An operator's decision to accept the loss of some records: their line numbers with their hashes."""

    by: str
    at: datetime
    reason: str
    records: dict[str, str]  # line number -> sha256 of the error line
    undone_by: str = ""
    undone_at: datetime | None = None


class ReplayProgress(Struct, frozen=True):
    """How far a run is that has not judged the object to the end."""

    sink: str = "s3"
    outputs: tuple[str, ...] = ()  # every key under archive/ that may have been written
    sent: dict[str, tuple[tuple[int, int], ...]] = {}  # stream -> lines whose records it has confirmed
    unanswered: int = 0  # records sent again because a call got no answer
    unfinished_runs: int = 0  # runs with a stream that ended without releasing the claim


class ClaimDocument(Struct, frozen=True):
    """The content of a claim object."""

    bucket: str
    object: str
    etag: str
    owner: str
    until: datetime | None  # the claim's end; None when nobody holds it
    token: str  # differs in every write
    state: State = State.OPEN
    progress: ReplayProgress = ReplayProgress()
    result: Result | None = None
    waivers: tuple[Waiver, ...] = ()
    retired_to: str = ""
    version: int = VERSION

    def is_held(self, now: datetime) -> bool:
        """Whether a run holds the object at this time."""
        return self.until is not None and self.until > now

    def state_for(self, transform: str) -> State:
        """Return the state as it is with today's transform: another one may deliver what was refused."""
        judged_otherwise = self.result is None or self.result.transform != transform
        return State.OPEN if self.state == State.REFUSED and judged_otherwise else self.state

    def check_sink(self, sink: str) -> None:
        """Raise ReplayError when the sink is a stream and the archive may have rows of the object."""
        if self.progress.outputs and sink != "s3":
            url = f"s3://{self.bucket}/{self.object}"
            raise ReplayError(
                f"{url}: the archive may have rows of it, from a run with the sink s3. Use --sink s3"
            )

    def waived(self) -> dict[int, str]:
        """Return the waived lines, each with the hash of its record."""
        active = (waiver for waiver in self.waivers if not waiver.undone_by)
        return {int(line): sha256 for waiver in active for line, sha256 in waiver.records.items()}

    def refused_lines(self) -> LineRanges:
        """Return the lines that were refused when the object was judged, waived since or not."""
        return LineRanges(self.result.refused_lines if self.result else ())

    def as_bytes(self) -> bytes:
        """Return the document as it is written, JSON."""
        return indented(encode(self), indent=1)


_decode = Decoder(ClaimDocument).decode


def read_claim(content: bytes, url: str) -> ClaimDocument:
    """Return the claim in some bytes. Raises ObjectError when the bytes are not a claim."""
    problem = ""
    try:
        found = _decode(content)
        problem = _problem(found)
    except (DecodeError, ValueError, RecursionError) as error:
        problem = str(error)
    if problem:
        raise ObjectError(
            f"{url}: it is not a claim ({problem}). No run can take the object until it is repaired or "
            "removed. Only the replay commands may write there"
        )
    return found


def _problem(found: ClaimDocument) -> str:
    """Return what is wrong with a claim whose types are right; "" when nothing is."""
    if found.version != VERSION:
        return f"version {found.version}, not {VERSION}"
    if found.until and found.until.tzinfo is None:
        return "a time without a zone"
    lines = (line for waiver in found.waivers for line in waiver.records)
    if not all(line.isascii() and line.isdigit() and len(line) < _LINE_DIGITS for line in lines):
        return "a line number that is none"
    return ""


def manifest_of(document: ClaimDocument) -> bytes:
    """Return the manifest of a done object: JSON, the same bytes whoever writes it."""
    proof: dict[str, Any] = {"version": VERSION, **to_builtins(document.result)}
    proof.pop("refused_lines")
    head = {"bucket": document.bucket, "object": document.object, "etag": document.etag}
    return indented(encode(head | proof), indent=1)
