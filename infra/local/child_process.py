"""Python child processes that write to a bounded log and never outlive this process."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

MAX_LOG_LINES = 10_000

# The child exits when its standard input ends: the parent closes it, or the system does when the parent dies.
# Unlike prctl(PR_SET_PDEATHSIG) this works on every system, and not when only the starting thread ends.
_BOOTSTRAP = """\
import os, runpy, sys, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Child:
    """`python -m module args` in its own session, so that Ctrl-C in a terminal reaches only the parent.

    It sees the variables of `environment` only, so that no real credentials of the parent reach it.
    `on_exit` is called with its exit status from another thread; a negative one is the signal that ended it.
    """

    def __init__(
        self,
        module: str,
        args: Sequence[str] = (),
        *,
        environment: Mapping[str, str],
        cwd: Path | None = None,
        pass_fds: Collection[int] = (),
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-c", _BOOTSTRAP, module, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONUTF8": "1", **environment},
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self._log = _Log(self._process)
        self._on_exit = on_exit
        self._exited = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"watch-{self.pid}", daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session and process group."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Return whether it runs."""
        return not self._exited.is_set()

    def logs(self) -> list[str]:
        """Return the last lines that it wrote to standard output and error."""
        return self._log.lines()

    def stop(self) -> None:
        """Kill it and every process that it started. Calling this again does nothing."""
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.killpg(self.pid, signal.SIGKILL)
        self._watcher.join()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._log.close()

    def _watch(self) -> None:
        status = self._process.wait()
        self._exited.set()
        if self._on_exit is not None:
            self._on_exit(status)


class _Log:
    """Lines from a pipe, which a thread empties. A reader empties it first, so that no line is missing."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - for the type checker; opened with PIPE
        self._pipe = process.stdout
        os.set_blocking(self._pipe.fileno(), False)
        self._lines: deque[str] = deque(maxlen=MAX_LOG_LINES)
        self._rest = b""
        self._ended = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, name=f"log-of-{process.pid}", daemon=True)
        self._thread.start()

    def lines(self) -> list[str]:
        self._drain()
        with self._lock:
            return [*self._lines, *([_text(self._rest)] if self._rest else [])]

    def close(self) -> None:
        self._thread.join()
        self._pipe.close()

    def _follow(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while not self._ended:
                selector.select()
                self._drain()

    def _drain(self) -> None:
        with self._lock:
            while not self._ended:
                try:
                    chunk = os.read(self._pipe.fileno(), 65_536)
                except BlockingIOError:
                    return
                self._ended = not chunk
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                self._lines.extend(map(_text, lines))


def _text(line: bytes) -> str:
    return line.decode(errors="replace")
