"""What the demo found, and how it is shown: tables for people, JSON for machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

# The kinds of change, each with the rule that drops it where archive.toml does not keep it.
RULES = {"expired": "ttl-removal", "deleted": "user-removal", "written": "not-a-removal"}
_WORDS = {"expired": "expired", "deleted": "deleted by a user", "written": "written"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A question to the archive, in words and in SQL, and what came back."""

    question: str
    sql: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every change record of the run, and where it is. `delivered` are rows counted in the bucket by SQL."""

    changes: Mapping[str, int]  # what happened to the table
    kept: Sequence[str]  # the kinds of change that archive.toml keeps: expired, deleted, written
    dropped: Mapping[str, int]  # by rule, as the function's log has it
    delivered: int
    failed: int

    @property
    def expired(self) -> int:
        """Removals by TTL."""
        return self.changes.get("expired", 0)

    @property
    def deleted(self) -> int:
        """Removals by a user."""
        return self.changes.get("deleted", 0)

    @property
    def written(self) -> int:
        """Inserts and updates."""
        return self.changes.get("inserted", 0) + self.changes.get("modified", 0)

    def count(self, kind: str) -> int:
        """Changes of one kind: expired, deleted or written."""
        return {"expired": self.expired, "deleted": self.deleted, "written": self.written}[kind]

    @property
    def to_keep(self) -> int:
        """Changes that should be rows."""
        return sum(map(self.count, self.kept))

    @property
    def adds_up(self) -> bool:
        """Whether each change to keep is a row or in an error object, and all else dropped by its rule."""
        return self.to_keep == self.delivered + self.failed and all(
            self.dropped[rule] == (0 if kind in self.kept else self.count(kind))
            for kind, rule in RULES.items()
        )


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the archive's objects lie at one time, and how many rows SQL finds in them."""

    when: str
    classes: str  # 12 GLACIER, 3 STANDARD
    readable_rows: int


@dataclass(slots=True)
class Report:
    """All that the demo shows, in the order in which it happens."""

    table: str
    keys: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    error_object: dict[str, Any] | None = None
    ledger: Ledger | None = None
    ledger_after_replay: Ledger | None = None
    storage: list[Storage] = field(default_factory=list)

    def as_json(self) -> str:
        """One JSON document with the same content."""
        return json.dumps(asdict(self), indent=2, default=str, ensure_ascii=False)


def show_answer(console: Console, answer: Answer) -> None:
    """The question, its SQL, and the rows."""
    console.print(f"\n[bold]{escape(answer.question)}[/]\n[dim]{escape(answer.sql)}[/]")
    table = Table(*map(escape, answer.columns))
    for row in answer.rows:
        table.add_row(*(escape(str(value)) for value in row))
    console.print(table)


def show_list(console: Console, title: str, lines: Sequence[str], most: int = 12) -> None:
    """A title, the first lines as they are, and how many more there are."""
    console.print(f"\n[bold]{escape(title)}[/]")
    for line in lines[:most]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if len(lines) > most:
        console.print(f"[dim]… and {len(lines) - most} more[/]")


def show_ledger(console: Console, title: str, ledger: Ledger) -> None:
    """The ledger, and the sum that must agree."""
    table = Table("in the table", "items", "in the archive", "records")
    kept = [(_WORDS[kind], f"{ledger.count(kind):,}") for kind in ledger.kept]
    ends = [("delivered", f"{ledger.delivered:,}"), ("failed, kept in errors/", f"{ledger.failed:,}")]
    for left, right in zip_longest(kept, ends, fillvalue=("", "")):
        table.add_row(*left, *right)
    for kind, rule in RULES.items():
        if kind not in ledger.kept:
            table.add_row(
                _WORDS[kind], f"{ledger.count(kind):,}", f"dropped: {rule}", f"{ledger.dropped[rule]:,}"
            )
    console.print(f"\n[bold]{escape(title)}[/]")
    console.print(table)
    verdict = "[green]it adds up[/]" if ledger.adds_up else "[red]it does not add up[/]"
    kinds = " or ".join(ledger.kept)
    sums = f"{ledger.to_keep:,} {kinds} = {ledger.delivered:,} delivered + {ledger.failed:,} failed"
    console.print(f"{sums}: {verdict}")
