"""What people see: tables on stdout, progress on stderr, and plain text where there is no terminal."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table. Numbers stand to the right; without a terminal it is aligned text."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [all(isinstance(row[i], int) for row in rows) for i in range(len(headers))] if rows else []
    if sys.stdout.isatty():
        _rich_table(headers, cells, right)
    else:
        _plain_table(headers, cells, right)


def as_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def note(text: str) -> None:
    """Say something that is not data: on stderr."""
    click.echo(text, err=True)


def size(number: int) -> str:
    """Bytes for people: 1.5 MB."""
    value, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{number} B" if unit == "B" else f"{value:.1f} {unit}"


def moment(time: datetime | None) -> str:
    """A time in UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S") if time else ""


def counts(numbers: dict[str, int]) -> str:
    """`3 a, 1 b`; `none` when empty."""
    return ", ".join(f"{number:,} {name}" for name, number in sorted(numbers.items()) if number) or "none"


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        elapsed = task.elapsed or 0
        records = task.fields["records"]
        return Text(f"{records:,} records, {records / elapsed:,.0f}/s" if elapsed else "")


class Meter:
    """Counts records and bytes as they go by, from any thread."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress = progress
        self._task = task
        self._records = 0

    def __call__(self, records: int, read_bytes: int) -> None:
        """Move on by so many records and bytes."""
        self._records += records
        self._progress.update(self._task, advance=read_bytes, records=self._records)


@contextmanager
def meter(what: str, total_bytes: int) -> Iterator[Meter]:
    """A progress bar with rate and remaining time; nothing where stderr is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Meter(progress, progress.add_task(what, total=total_bytes, records=0))


@contextmanager
def counter(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A progress bar of things done, called with (done, of all); nothing where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def _cell(value: Any) -> str:
    if isinstance(value, datetime) or value is None:
        return moment(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _rich_table(headers: Sequence[str], cells: list[list[str]], right: list[bool]) -> None:
    made = Table()
    for position, header in enumerate(headers):
        made.add_column(header, justify="right" if right and right[position] else "left", overflow="fold")
    for row in cells:
        made.add_row(*map(Text, row))  # as it is: brackets in a key or a message are no markup
    Console().print(made)


def _plain_table(headers: Sequence[str], cells: list[list[str]], right: list[bool]) -> None:
    lines = [list(headers), *cells]
    widths = [max(len(line[position]) for line in lines) for position in range(len(headers))]
    for line in lines:
        padded = (
            text.rjust(width) if right and right[position] else text.ljust(width)
            for position, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        click.echo("  ".join(padded).rstrip())
