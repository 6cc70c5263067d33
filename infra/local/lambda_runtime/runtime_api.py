"""The Lambda Runtime API over HTTP, for one execution environment.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", version 2018-06-01.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ttl_archive.infra.local.firehose.function import MAX_RESPONSE_BYTES

_ROOT = "/2018-06-01/runtime"
_SHUTDOWN_POLL_S = 0.05


@dataclass(frozen=True)
class Invocation:
    """What `next` hands out."""

    payload: bytes
    timeout_s: float
    function_arn: str


@dataclass(frozen=True)
class Event:
    """What the function's process did: `ready`, `response`, `too-large`, `error`, `init-error`; or `exit`."""

    kind: str
    body: bytes = b""


class RuntimeApi:
    """The server that a runtime client asks for work; its owner reads `events` in the order they happen."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._invocations: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), _Handler, bind_and_activate=True)
        self._server.api = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL_S,), name="runtime-api", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Value for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        """Give work to the client that waits in `next`."""
        self._invocations.put(invocation)

    def next(self) -> Invocation | None:
        """Block until there is work; None when the server closes."""
        self.events.put(Event("ready"))
        return self._invocations.get()

    def close(self) -> None:
        """Stop serving. End the client's process before, else its open connection is waited for."""
        self._invocations.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    api: RuntimeApi
    daemon_threads = False  # so that server_close() waits for them and no socket is left open

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the client was killed in a request, and its exit is reported elsewhere."""


class _Handler(BaseHTTPRequestHandler):
    # Kept connections, no Nagle delay and one write a response: without these three an invoke costs 88 ms.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """`next`: wait for work and hand it out."""
        if self.path != f"{_ROOT}/invocation/next":
            self._answer(404)
            return
        invocation = self.server.api.next()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + invocation.timeout_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        }
        self._answer(200, invocation.payload, headers)

    def do_POST(self) -> None:
        """`response`, `error` and `init/error`: take what the function did."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = _kind(self.path)
        if kind == "response" and len(body) > MAX_RESPONSE_BYTES:
            message = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            self._answer(413, _json(errorType="RequestEntityTooLarge", errorMessage=message))
            self.server.api.events.put(Event("too-large", body))
        elif kind:
            self._answer(202, _json(status="OK"))
            self.server.api.events.put(Event(kind, body))
        else:
            self._answer(404)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


def _kind(path: str) -> str | None:
    if path == f"{_ROOT}/init/error":
        return "init-error"
    stem, _, last = path.rpartition("/")
    known = stem.startswith(f"{_ROOT}/invocation/") and last in ("response", "error")
    return last if known else None


def _json(**fields: str) -> bytes:
    return json.dumps(fields).encode()
