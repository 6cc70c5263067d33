"""The progress of a query in Athena, as one line on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ttl_archive.infra.query.athena_runner import ENDED_STATES, QueryProgress
from ttl_archive.replay.commands import show

if TYPE_CHECKING:
    from rich.status import Status


class ProgressLine:
    """One line on a terminal that says what Athena does; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __call__(self, progress: QueryProgress) -> None:
        """Show the progress; the line disappears when the query has ended."""
        from rich.console import Console  # not for the help of a command

        text = f"Athena: {progress.state}, {show.size(progress.read_bytes)} read, {progress.seconds:.0f} s"
        if progress.state in ENDED_STATES:
            self.stop()
        elif self._status is not None:
            self._status.update(text)
        elif (console := Console(stderr=True)).is_terminal:
            self._status = console.status(text)
            self._status.start()

    def stop(self) -> None:
        """Remove the line."""
        if self._status is not None:
            self._status.stop()
            self._status = None
