"""Ctrl-C: the first stops after the records in hand, the second ends the command at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from ttl_archive.replay.commands import show


@contextmanager
def ctrl_c(stop: Event) -> Iterator[None]:
    """Set `stop` at the first Ctrl-C; the next one is an ordinary KeyboardInterrupt."""

    def on_signal(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        show.note("Stopping after what is in hand. Ctrl-C again stops at once; nothing is lost either way.")
        stop.set()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
