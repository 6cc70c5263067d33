"""Progress bars on stderr, where that is a terminal.

`rich` is imported when a bar is shown: it would be a third of the time of a command's --help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress


class Meter:
    """Counts records and bytes as they are read, from any thread."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress = progress
        self._task = task
        self._records = 0

    def __call__(self, records: int, read_bytes: int) -> None:
        """Add so many records and bytes."""
        self._records += records
        elapsed = self._progress.tasks[0].elapsed or 0
        rate = f"{self._records:,} records, {self._records / elapsed:,.0f}/s" if elapsed else ""
        self._progress.update(self._task, advance=read_bytes, rate=rate)


@contextmanager
def meter(what: str, total_bytes: int) -> Iterator[Meter]:
    """Show a progress bar with rate and remaining time."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    text = TextColumn("{task.description}")
    rate = TextColumn("{task.fields[rate]}", markup=False, style="")
    with _shown(text, BarColumn(), DownloadColumn(), rate, TimeRemainingColumn()) as progress:
        yield Meter(progress, progress.add_task(what, total=total_bytes, rate=""))


@contextmanager
def counter(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar of things done, called with (done, of all)."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    text = TextColumn("{task.description}")
    with _shown(text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def _shown(*columns: Any) -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
