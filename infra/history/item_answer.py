"""The answer about one item: its verdict, its exit code, and its document for --json.

verdict              exit   it means
life                 0      every change of the item that the archive has, in order
item                 0      the item as it was at the moment
not-there            0      the item was not in the table at the moment: a removal came before
undecided            3      the recorded times allow several states at the moment; the answer has them all
not-yet              4      the archive's first change of the key is later than the moment
nothing-found        4      the archive has no change of this key, and everything in it could be read
nothing-there        5      there is no change of this key, and not everything could be read, or that was not
                            checked, or there is no row at all

`life`, `item`, `not-there` and `not-yet` have exit code 3 where something could not be read that may hold a
change of the item, or where a change is known to be missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ttl_archive.infra.history.item_changes import ItemChange, missing_before
from ttl_archive.infra.query.coverage import Coverage
from ttl_archive.replay.commands.options import NOTHING_FOUND, STILL_OPEN
from ttl_archive.replay.commands.show import plural

NOTHING_THERE = 5


class Verdict(StrEnum):
    """What the archive answers."""

    LIFE = "life"
    ITEM = "item"
    NOT_THERE = "not-there"
    UNDECIDED = "undecided"
    NOT_YET = "not-yet"
    NOTHING_FOUND = "nothing-found"
    NOTHING_THERE = "nothing-there"


_EXIT_CODES = {
    Verdict.UNDECIDED: STILL_OPEN,
    Verdict.NOTHING_FOUND: NOTHING_FOUND,
    Verdict.NOT_YET: NOTHING_FOUND,
    Verdict.NOTHING_THERE: NOTHING_THERE,
}


@dataclass(frozen=True, slots=True)
class ArchiveRows:
    """The rows of the archive, and how many of them have no key that can be read."""

    rows: int
    without_key: int


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """The verdict with the changes that it rests on.

    `changes` are the whole life, the possible states at the moment, or, with `not-yet`, the first change.
    `coverage` is None where nothing says what the answer does not see. `counted` is known where nothing was
    found.
    """

    key: Mapping[str, str]
    moment_us: int | None
    verdict: Verdict
    changes: Sequence[ItemChange] = ()
    coverage: Coverage | None = None
    counted: ArchiveRows | None = None
    missing: Sequence[ItemChange] = field(default_factory=tuple)

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        code = _EXIT_CODES.get(self.verdict, 0)
        is_open = bool(self.unread() or self.missing or self._has_shared_step())
        return STILL_OPEN if is_open and self.verdict not in _SURE_OF_NOTHING else code

    def unread(self) -> list[str]:
        """Return what could not be read, and may hold a change of the item."""
        return unread(self.coverage)

    def document(self) -> dict[str, Any]:
        """Return the answer for --json."""
        return {
            "key": dict(self.key),
            "as_of_us": self.moment_us,
            "verdict": self.verdict.value,
            "changes": [_document(each) for each in self.changes],
            "change_missing_before_us": [each.first_us for each in self.missing],
            "not_read": self.unread(),
            "coverage": self.coverage.document() if self.coverage else None,
        }

    def _has_shared_step(self) -> bool:
        return self.verdict is Verdict.LIFE and any(each.step_changes > 1 for each in self.changes)


_SURE_OF_NOTHING = (Verdict.NOTHING_FOUND, Verdict.NOTHING_THERE)


def life_answer(
    key: Mapping[str, str], changes: Sequence[ItemChange], coverage: Coverage | None
) -> ItemAnswer:
    """Return the answer about the whole life of an item that has changes."""
    return ItemAnswer(key, None, Verdict.LIFE, changes, coverage, missing=missing_before(changes))


def unread(coverage: Coverage | None) -> list[str]:
    """Return what a query could not read, in words."""
    if coverage is None:
        return []
    found = [plural(len(coverage.frozen), "object") + " in GLACIER"] if coverage.frozen else []
    return found + [f"{plural(n, 'error object')} {state}" for state, n in sorted(coverage.errors.items())]


def _document(change: ItemChange) -> dict[str, Any]:
    return {
        "event_name": change.event_name,
        "removed_by": change.removed_by,
        "first_us": change.first_us,
        "last_us": change.last_us,
        "step": change.step,
        "step_changes": change.step_changes,
        "image": change.image,
    }
