"""A Lambda function in its own process, run by AWS's own runtime client awslambdaric."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from ttl_archive.infra.local.child_process import MAX_LOG_LINES, Child
from ttl_archive.infra.local.firehose.function import (
    FunctionError,
    check_request_size,
    check_response_size,
    exit_error,
    handler_error,
    timeout_error,
)
from ttl_archive.infra.local.lambda_runtime.runtime_api import Invocation, RuntimeApi, RuntimeEvent

# Lambda Developer Guide, execution environment: initialisation is limited to 10 seconds. Lambda repeats a
# longer one under the function's own timeout, so we wait for both.
INIT_TIMEOUT_S = 10
_PROJECT = Path(__file__).parents[4]  # the folder that holds the package ttl_archive


class LambdaRuntime:
    """A Function whose handler runs as in Lambda: imported from `task_root`, one invocation at a time.

    The handler sees the variables of `environment` and Lambda's own, and no others.
    `execution_env` decides how the runtime escapes JSON: python3.12 and later keep non-ASCII text.
    The process starts at once. It is replaced after it exited, timed out or returned too large a response.
    Every invocation reports a handler that cannot be imported, as Lambda does.
    """

    def __init__(
        self,
        handler: str = "ttl_archive.transform.handler.handler",
        *,
        function_name: str = "transform",
        timeout_s: float = 60,
        memory_mb: int = 256,
        environment: Mapping[str, str] | None = None,
        task_root: Path | None = None,
        execution_env: str | None = "AWS_Lambda_python3.13",
    ) -> None:
        self._handler = handler
        self._timeout_s = timeout_s
        self._arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
        self._task_root = task_root or _PROJECT
        self._variables = {
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "LAMBDA_TASK_ROOT": str(self._task_root),
            "PYTHONPATH": str(self._task_root),
            "TZ": ":UTC",
            "_HANDLER": handler,
            **({"AWS_EXECUTION_ENV": execution_env} if execution_env else {}),
            **(environment or {}),
        }
        self._lock = threading.Lock()
        self._old_logs: deque[str] = deque(maxlen=MAX_LOG_LINES)
        self._running: _ExecutionEnvironment | None = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        return self._running.child.pid if self._running else None

    def invoke(self, payload: bytes) -> bytes:
        """Invoke the function synchronously; see Function. Raises FunctionError or FunctionTimedOut."""
        check_request_size(payload)
        with self._lock, self._replaced_on_failure() as running:
            event = running.run(Invocation(payload, self._timeout_s, self._arn))
        if event.kind == "error":
            raise _raised(event.body)
        return event.body

    def wait_ready(self) -> None:
        """Block until the handler is imported. Raises FunctionError when it cannot be."""
        with self._lock, self._replaced_on_failure() as running:
            running.wait_ready(INIT_TIMEOUT_S + self._timeout_s)

    def logs(self) -> list[str]:
        """Return the last lines that the handler and its runtime wrote, oldest first."""
        return [*self._old_logs, *(self._running.child.logs() if self._running else [])]

    def restart(self) -> None:
        """Replace the process with a new one, which reads its files and settings again."""
        with self._lock:
            self._discard()
            self._running = self._start()

    def close(self) -> None:
        """End the process. Another invocation would start a new one."""
        with self._lock:
            self._discard()

    @contextlib.contextmanager
    def _replaced_on_failure(self) -> Iterator[_ExecutionEnvironment]:
        running = self._running
        if running is None or not running.child.is_alive():
            self._discard()
            running = self._running = self._start()
        try:
            yield running
        except BaseException:
            self._discard()
            raise

    def _start(self) -> _ExecutionEnvironment:
        return _ExecutionEnvironment(self._handler, self._variables, self._task_root)

    def _discard(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.close()
            self._old_logs.extend(running.child.logs())


class _ExecutionEnvironment:
    """One process of the function with its Runtime API. It cannot be used after its first failure."""

    def __init__(self, handler: str, variables: Mapping[str, str], task_root: Path) -> None:
        self._api = RuntimeApi()
        self._ready = False
        environment = {**variables, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        try:
            self.child = Child(
                "awslambdaric", [handler], environment=environment, cwd=task_root, on_exit=self._report_exit
            )
        except BaseException:
            self._api.close()
            raise

    def run(self, invocation: Invocation) -> RuntimeEvent:
        """Hand the invocation to the process and return its `response` or `error` event."""
        self.wait_ready(INIT_TIMEOUT_S + invocation.timeout_s)
        self._ready = False
        self._api.submit(invocation)
        return self._next_event(invocation.timeout_s)

    def wait_ready(self, timeout_s: float) -> None:
        while not self._ready:
            self._ready = self._next_event(timeout_s).kind == "ready"

    def close(self) -> None:
        self.child.stop()
        self._api.close()

    def _next_event(self, timeout_s: float) -> RuntimeEvent:
        try:
            event = self._api.events.get(timeout=timeout_s)
        except queue.Empty:
            raise timeout_error(timeout_s) from None
        if event.kind == "init-error":
            raise _raised(event.body)
        if event.kind == "too-large":
            check_response_size(event.body)
        if event.kind == "exit":
            raise exit_error(int(event.body))
        return event

    def _report_exit(self, status: int) -> None:
        self._api.events.put(RuntimeEvent("exit", str(status).encode()))


def _raised(body: bytes) -> FunctionError:
    """Return the error for an error document of the Runtime API: errorType, errorMessage, stackTrace."""
    error = json.loads(body)
    return handler_error(error.get("errorType", "Unhandled"), error.get("errorMessage", ""))
