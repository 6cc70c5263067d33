"""Where records go: what every sink does, and the ledger of one object.

A sink opens a delivery for each object. The delivery takes the records that the transform would deliver, in
their order, and returns at the end what it has delivered; when it could not, it raises.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from ttl_archive.replay.claim_document import SinkOutput
from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects.error_lines import FailedRecord
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform.convert import Row


@dataclass(slots=True)
class ObjectTally:
    """The ledger of one object. Once it is judged, lines = rows + dropped + refused + waived."""

    lines: int = 0
    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    waived: int = 0

    def closes(self) -> bool:
        """Whether every line was counted once."""
        return self.lines == self.rows + self.dropped.total() + self.refused.total() + self.waived

    def add(self, other: "ObjectTally") -> None:
        """Add the ledger of another object."""
        self.lines += other.lines
        self.rows += other.rows
        self.dropped += other.dropped
        self.refused += other.refused
        self.waived += other.waived


class Delivery(Protocol):
    """The records of one object on their way into a sink."""

    def add(self, record: FailedRecord, row: Row) -> Refused | None:
        """Take one record that the transform would deliver as this row; or say why this sink cannot."""

    def finish(self) -> tuple[SinkOutput, ...]:
        """Deliver what is left and verify it; return what was written. Raises ReplayError."""

    def close(self) -> None:
        """Free what the delivery uses; this delivers nothing."""


class Sink(Protocol):
    """A place that records go to."""

    name: str
    target: str  # the folder or the stream

    def check(self) -> None:
        """Raise MisuseError when nothing can be sent there, before anything is."""

    def refusal(self, record: FailedRecord) -> Refused | None:
        """Return why this sink cannot take a record that the transform would deliver; None where it can."""

    def open(self, claim: Claim) -> Delivery:
        """Begin, or resume, one object."""
