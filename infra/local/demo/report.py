"""What the demo found, and how it is shown: tables for people, JSON for machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


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

    @property
    def adds_up(self) -> bool:
        """Whether each expired item is a row or in an error object, and all else was dropped by its rule."""
        return (
            self.expired == self.delivered + self.failed
            and self.deleted == self.dropped["user-removal"]
            and self.written == self.dropped["not-a-removal"]
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
    table = Table(*answer.columns)
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
    table.add_row("expired", f"{ledger.expired:,}", "delivered", f"{ledger.delivered:,}")
    table.add_row("", "", "failed, kept in errors/", f"{ledger.failed:,}")
    table.add_row(
        "deleted by a user",
        f"{ledger.deleted:,}",
        "dropped: user-removal",
        f"{ledger.dropped['user-removal']:,}",
    )
    table.add_row(
        "written", f"{ledger.written:,}", "dropped: not-a-removal", f"{ledger.dropped['not-a-removal']:,}"
    )
    console.print(f"\n[bold]{escape(title)}[/]")
    console.print(table)
    verdict = "[green]it adds up[/]" if ledger.adds_up else "[red]it does not add up[/]"
    sums = f"{ledger.expired:,} expired = {ledger.delivered:,} delivered + {ledger.failed:,} failed"
    console.print(f"{sums}: {verdict}")
