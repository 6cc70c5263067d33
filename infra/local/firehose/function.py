"""What the local pipeline takes for a Lambda function, and one that runs in this process."""

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
    """The function raised, exited, or answered more than the service takes.

    `error_type` is what Lambda calls `errorType`: an exception's class name, or a name of the service's own.
    """

    def __init__(self, message: str, error_type: str = "Unhandled") -> None:
        super().__init__(message)
        self.error_type = error_type


class FunctionTimedOut(Exception):  # noqa: N818 - named after the Firehose error code Lambda.FunctionTimedOut
    """No answer came before the function's timeout."""


class Function(Protocol):
    """Anything that takes a request of JSON and answers JSON, or raises one of the two errors above."""

    def invoke(self, payload: bytes) -> bytes:
        """One synchronous invocation."""
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
        """An ARN in the account and region that the local pipeline stands for."""
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Time left before the timeout, never below 0."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class InProcess:
    """A Function around a Python callable, for tests: no process, the same JSON, sizes and errors.

    A handler cannot be stopped from outside here: one that overruns is reported as timed out once it returns.
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
        """Call the handler; see Function."""
        check_request_size(payload)
        deadline = time.monotonic() + self._timeout_s
        context = Context(self._function_name, self._memory_mb, deadline)
        try:
            body = encode(self._handler(simplejson.loads(payload), context))
        except SystemExit as stop:
            raise exited(stop.code) from stop
        except Exception as error:
            raise raised(type(error).__name__, str(error)) from error
        if time.monotonic() > deadline:
            raise timed_out(self._timeout_s)
        check_response_size(body)
        return body


def encode(answer: object) -> bytes:
    """JSON as the runtimes python3.12 and later write it: `, ` and `: `, non-ASCII kept; bytes untouched.

    Source: awslambdaric, lambda_runtime_marshaller.py.
    """
    if isinstance(answer, bytes):
        return answer
    text: str = simplejson.dumps(
        answer, use_decimal=False, ensure_ascii=False, allow_nan=True, default=_decimal
    )
    return text.encode()


def check_request_size(payload: bytes) -> None:
    """Raise FunctionError for a request larger than a synchronous invocation takes."""
    if len(payload) > MAX_REQUEST_BYTES:
        raise FunctionError(
            f"A request of {len(payload)} bytes is over the {MAX_REQUEST_BYTES} bytes an invocation may have:"
            " send fewer or smaller records.",
            "RequestEntityTooLarge",
        )


def check_response_size(body: bytes) -> None:
    """Raise FunctionError, in the service's words, for a response larger than it passes on."""
    if len(body) > MAX_RESPONSE_BYTES:
        raise FunctionError(
            f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
            "Function.ResponseSizeTooLarge",
        )


def raised(error_type: str, message: str) -> FunctionError:
    """The error for a handler that raised: the class name belongs to it, `'records'` alone says nothing."""
    return FunctionError(f"{error_type}: {message}", error_type)


def timed_out(timeout_s: float) -> FunctionTimedOut:
    """The error for a deadline that passed, in the service's words."""
    return FunctionTimedOut(f"Task timed out after {timeout_s:.2f} seconds")


def exited(status: object) -> FunctionError:
    """The error for a function whose process ended before it answered, in the service's words.

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
