"""The transform in this process, where AWS's Lambda runtime client is not installed, as on macOS.

What differs from the runtime client: the function shares this process, so a crash or an overrun of its
timeout is not contained. Requests, responses, their limits and the re-ingestion are the same.
"""

import contextlib
import io
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from ttl_archive.infra.local.firehose.function import InProcess
from ttl_archive.transform.batch import batch_transform
from ttl_archive.transform.reingest import source_of
from ttl_archive.transform.settings import load


def has_runtime_client() -> bool:
    """Return whether AWS's Lambda runtime client is installed."""
    return find_spec("awslambdaric") is not None


class InProcessTransform:
    """A Function that runs the transform of a settings file; `kinesis` is the client for its re-ingestion."""

    def __init__(self, settings_file: str | Path, kinesis: Any) -> None:
        self._settings_file = settings_file
        self._find_target: Callable[[dict[str, Any]], Any] = partial(source_of, client=kinesis)
        self._log = io.StringIO()
        self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Do nothing: there is no process to end."""

    def invoke(self, payload: bytes) -> bytes:
        """Invoke the function synchronously; see Function. Raises FunctionError or FunctionTimedOut."""
        # Lambda's log is standard output, which here belongs to the user's command.
        with contextlib.redirect_stdout(self._log):
            return self._function.invoke(payload)

    def wait_ready(self) -> None:
        """Do nothing: the function is ready when it is constructed."""

    def logs(self) -> list[str]:
        """Return the lines that the function wrote, oldest first."""
        return self._log.getvalue().splitlines()

    def restart(self) -> None:
        """Read the settings file again, as a new process does."""
        self._function = InProcess(batch_transform(load(self._settings_file), self._find_target))
