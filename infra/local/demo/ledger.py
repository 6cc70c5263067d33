"""The ledger of the demo: every change of the table, and where its change record ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The kinds of change, each with the rule that drops it where archive.toml does not keep it.
RULES = {"expired": "ttl-removal", "deleted": "user-removal", "written": "not-a-removal"}


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many changes of each kind there were, and how many rows, drops and failed records they became.

    `delivered` are the rows that SQL counts in the bucket.
    """

    changes: Mapping[str, int]  # by what happened to the item: expired, deleted, inserted, modified
    kept: Sequence[str]  # the kinds of change that archive.toml keeps: expired, deleted, written
    dropped: Mapping[str, int]  # by rule, from the log of the function
    delivered: int
    failed: int

    def count(self, kind: str) -> int:
        """Return the number of changes of one kind: expired, deleted or written."""
        if kind == "written":
            return self.changes.get("inserted", 0) + self.changes.get("modified", 0)
        return self.changes.get(kind, 0)

    @property
    def to_keep(self) -> int:
        """The number of changes that should be rows."""
        return sum(map(self.count, self.kept))

    @property
    def adds_up(self) -> bool:
        """Whether each change to keep is a row or a failed record, and each other was dropped by its rule."""
        return self.to_keep == self.delivered + self.failed and all(
            self.dropped[rule] == (0 if kind in self.kept else self.count(kind))
            for kind, rule in RULES.items()
        )
