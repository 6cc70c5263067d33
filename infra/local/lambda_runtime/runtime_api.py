"""The Lambda Runtime API over HTTP, for one execution environment.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", version 2018-06-01.
"""

from __future__ import annotations

import json
import queue
import time
import uuid
from dataclasses import dataclass
from typing import Literal

from ttl_archive.infra.local.firehose.function import MAX_RESPONSE_BYTES
from ttl_archive.infra.local.firehose.http_server import HttpRequest, HttpResponse, LocalServer

_ROOT = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """What `next` returns to the runtime client."""

    payload: bytes
    timeout_s: float
    function_arn: str


@dataclass(frozen=True)
class RuntimeEvent:
    """What the process of the function did."""

    kind: Literal["ready", "response", "too-large", "error", "init-error", "exit"]
    body: bytes = b""


class RuntimeApi:
    """The server that a runtime client asks for work; its owner reads `events` in the order they happen."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[RuntimeEvent] = queue.SimpleQueue()
        self._invocations: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._server = LocalServer(self._answer, keep_alive=True)

    @property
    def address(self) -> str:
        """The value for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.port}"

    def submit(self, invocation: Invocation) -> None:
        """Hand an invocation to the client that waits in `next`."""
        self._invocations.put(invocation)

    def close(self) -> None:
        """Stop serving. End the client's process first: closing waits for its open connection."""
        self._invocations.put(None)
        self._server.close()

    def _answer(self, request: HttpRequest) -> HttpResponse | None:
        if request.method == "GET" and request.target == f"{_ROOT}/invocation/next":
            return self._next()
        kind = _posted(request.target) if request.method == "POST" else None
        if kind is None:
            return HttpResponse(404, [])
        if kind == "response" and len(request.body) > MAX_RESPONSE_BYTES:
            self.events.put(RuntimeEvent("too-large", request.body))
            message = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            return _json(413, errorType="RequestEntityTooLarge", errorMessage=message)
        self.events.put(RuntimeEvent(kind, request.body))
        return _json(202, status="OK")

    def _next(self) -> HttpResponse | None:
        """Block until there is an invocation; close the connection when the server closes."""
        self.events.put(RuntimeEvent("ready"))
        invocation = self._invocations.get()
        if invocation is None:
            return None
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4())),
            ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + invocation.timeout_s) * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn),
        ]
        return HttpResponse(200, headers, invocation.payload)


def _posted(path: str) -> Literal["response", "error", "init-error"] | None:
    """Return the kind of event that a POST to this path reports."""
    if path == f"{_ROOT}/init/error":
        return "init-error"
    stem, _, last = path.rpartition("/")
    if not stem.startswith(f"{_ROOT}/invocation/"):
        return None
    return "response" if last == "response" else "error" if last == "error" else None


def _json(code: int, **fields: str) -> HttpResponse:
    return HttpResponse(code, [("Content-Type", "application/json")], json.dumps(fields).encode())
