"""Where records go: what every sink has, and the tally that must close for each object.

A sink opens a delivery for each object. The delivery takes the records that the transform would deliver, in
their order, and says in the end what it has delivered; what it has not, it raises.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects.error_lines import FailedRecord
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform.convert import Row


@dataclass(slots=True)
class Tally:
    """The ledger of one object: lines = rows + dropped + refused, when it is done."""

    lines: int = 0
    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def closes(self) -> bool:
        """Whether every line has one outcome."""
        return self.lines == self.rows + self.dropped.total() + self.refused.total()


class Delivery(Protocol):
    """One object's way into a sink."""

    def add(self, record: FailedRecord, row: Row) -> Refused | None:
        """Take one record that the transform would deliver as this row; or say why this sink cannot."""

    def finish(self) -> list[dict[str, Any]]:
        """Deliver what is left and verify; what was written, for the manifest. Raises UnsentError."""

    def close(self) -> None:
        """Give back what the delivery holds; nothing is delivered by this."""


class Sink(Protocol):
    """A place that records go to."""

    name: str

    def check(self) -> None:
        """Raise MisuseError when nothing can be sent there, before anything is."""

    def open(self, claim: Claim) -> Delivery:
        """Begin, or go on with, one object."""
