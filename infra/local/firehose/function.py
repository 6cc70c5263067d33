"""What the local Firehose invokes as a Lambda function, and one that runs in this process."""

from __future__ import annotations

import math
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import simplejson

# LDG: Lambda quotas, "Invocation payload (request and response)", 6 MB each, binary.
MAX_REQUEST_BYTES = 6_291_456
# The cut-off that the service's own message names, 100 bytes above (anomalyco/console #63, azul #8258).
MAX_RESPONSE_BYTES = 6_291_556


class FunctionError(Exception):
    """The function raised, exited, or returned a larger response than the service accepts.

    `error_type` is Lambda's `errorType`: an exception's class name, or one of the service's own names.
    """

    def __init__(self, message: str, error_type: str = "Unhandled") -> None:
        super().__init__(message)
        self.error_type = error_type


class FunctionTimedOut(Exception):  # noqa: N818 - named after the Firehose error code Lambda.FunctionTimedOut
    """The function did not answer before its timeout."""


class Function(Protocol):
    """Anything that takes a request of JSON and returns JSON, or raises one of the two errors above."""

    def invoke(self, payload: bytes) -> bytes:
        """Invoke the function synchronously. Raises FunctionError or FunctionTimedOut."""
        ...


@dataclass(frozen=True)
class Context:
    """The part of Lambda's context object that handlers read."""

    function_name: str
    memory_limit_in_mb: int
    deadline: float  # seconds on time.monotonic()
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def invoked_function_arn(self) -> str:
        """An ARN in the account and Region that stand for AWS here."""
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left before the timeout, never below 0."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class InProcess:
    """A Function around a Python callable, for tests: no process, the same JSON, sizes and errors.

    A handler cannot be stopped here: one that overruns is reported as timed out once it returns.
    """

    def __init__(
        self,
        handler: Callable[[Any, Any], Any],
        *,
        function_name: str = "transform",
        timeout_s: float = 60,
        memory_mb: int = 256,
    ) -> None:
        self._handler = handler
        self._function_name = function_name
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb

    def invoke(self, payload: bytes) -> bytes:
        """Call the handler. Raises FunctionError or FunctionTimedOut, see Function."""
        check_request_size(payload)
        deadline = time.monotonic() + self._timeout_s
        context = Context(self._function_name, self._memory_mb, deadline)
        try:
            body = encode(self._handler(simplejson.loads(payload), context))
        except SystemExit as stop:
            raise exit_error(stop.code) from stop
        except Exception as error:
            raise handler_error(type(error).__name__, str(error)) from error
        if time.monotonic() > deadline:
            raise timeout_error(self._timeout_s)
        check_response_size(body)
        return body


def encode(answer: object) -> bytes:
    """Return JSON as the runtimes python3.12 and later write it: `, ` and `: `, non-ASCII kept; bytes as is.

    Source: RIC, lambda_runtime_marshaller.py.
    """
    if isinstance(answer, bytes):
        return answer
    text: str = simplejson.dumps(
        answer, use_decimal=False, ensure_ascii=False, allow_nan=True, default=_decimal
    )
    return text.encode()


def check_request_size(payload: bytes) -> None:
    """Raise FunctionError for a request that is larger than a synchronous invocation accepts."""
    if len(payload) > MAX_REQUEST_BYTES:
        raise FunctionError(
            f"A request of {len(payload)} bytes is over the {MAX_REQUEST_BYTES} bytes an invocation may have:"
            " send fewer or smaller records.",
            "RequestEntityTooLarge",
        )


def check_response_size(body: bytes) -> None:
    """Raise FunctionError, with the service's message, for a response that is larger than it accepts."""
    if len(body) > MAX_RESPONSE_BYTES:
        raise FunctionError(
            f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
            "Function.ResponseSizeTooLarge",
        )


def handler_error(error_type: str, message: str) -> FunctionError:
    """Return the error for a handler that raised, with the class name: `'records'` alone says nothing."""
    return FunctionError(f"{error_type}: {message}", error_type)


def timeout_error(timeout_s: float) -> FunctionTimedOut:
    """Return the error for a deadline that has passed, with the service's message."""
    return FunctionTimedOut(f"Task timed out after {timeout_s:.2f} seconds")


def exit_error(status: object) -> FunctionError:
    """Return the error for a function whose process ended before it answered, with the service's message.

    A negative status is the signal that ended it, as in `subprocess`.
    """
    if isinstance(status, int) and status < 0:
        how = f"signal: {signal.strsignal(-status)}".lower()
    else:
        how = f"exit status {status}"
    return FunctionError(f"Runtime exited with error: {how}", "Runtime.ExitError")


def _decimal(value: object) -> object:
    if isinstance(value, Decimal):
        return math.nan if value.is_nan() else simplejson.RawJSON(str(value))
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
