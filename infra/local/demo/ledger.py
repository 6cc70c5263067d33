"""The ledger of the demo: every change of the table, and where its change record ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The kinds of change, each with the rule that drops it where archive.toml does not keep it.
RULES = {"expired": "ttl-removal", "deleted": "user-removal", "written": "not-a-removal"}


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many changes of each kind there were, and how many rows, drops and failed records they became.

    `delivered` are the rows that SQL counts in the bucket. `passed_over` are the changes that a filter at the
    source left out, which keeps no account of their kinds.
    """

    changes: Mapping[str, int]  # by what happened to the item: expired, deleted, inserted, modified
    kept: Sequence[str]  # the kinds of change that archive.toml keeps: expired, deleted, written
    dropped: Mapping[str, int]  # by rule, from the log of the function
    delivered: int
    failed: int
    passed_over: int = 0

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
    def not_to_keep(self) -> int:
        """The number of changes that should be dropped by a rule, or passed over by a filter."""
        return sum(self.count(kind) for kind in RULES if kind not in self.kept)

    @property
    def adds_up(self) -> bool:
        """Whether each change to keep is a row or a failed record, and each other was left out by a rule."""
        return (
            self.to_keep == self.delivered + self.failed
            and self.not_to_keep == sum(self.dropped.values()) + self.passed_over
            and all(self._is_possible(kind) for kind in RULES)
        )

    def _is_possible(self, kind: str) -> bool:
        """Whether the drops by the rule of a kind agree with its changes; a filter may have left out some."""
        expected = 0 if kind in self.kept else self.count(kind)
        dropped = self.dropped[RULES[kind]]
        return dropped == expected or (self.passed_over > 0 and dropped < expected)
