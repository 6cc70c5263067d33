"""A context manager over parts that are started one after the other and closed in the opposite order."""

from contextlib import ExitStack
from typing import Self


class StartedParts:
    """Start the parts on entry, and close them on exit and when the start of one fails."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:  # also Ctrl-C: no process may stay behind
            self._open.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    def _start(self) -> None:
        """Start each part and register its end with `self._open`."""
        raise NotImplementedError
