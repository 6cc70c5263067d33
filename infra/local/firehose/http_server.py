"""The HTTP server of every local endpoint: on loopback only, and closed to the web pages of other sites."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

_SHUTDOWN_POLL_S = 0.05
_IDLE_TIMEOUT_S = 60  # a client that sends nothing must not keep the server from closing
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class HttpRequest:
    """A request as it arrived; `target` is path and query, still quoted."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the value of a header, empty when it is absent."""
        return header(self.headers, name)


@dataclass(frozen=True)
class HttpResponse:
    """A response; its body is sent up to `cut_at` bytes, all of it when that is None."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    cut_at: int | None = None

    def header(self, name: str) -> str:
        """Return the value of a header, empty when it is absent."""
        return header(self.headers, name)


def header(headers: Iterable[tuple[str, str]], name: str) -> str:
    """Return the value of a header, whatever its case; empty when it is absent."""
    return next((value for key, value in headers if key.lower() == name.lower()), "")


# Returns None to close the connection without a response.
Respond = Callable[[HttpRequest], HttpResponse | None]


class LocalServer:
    """An HTTP server on 127.0.0.1 that passes each request to `answer`, each connection in its own thread.

    `port` 0 chooses a free port. With `keep_alive` a connection serves many requests, and closing waits for
    the client to close it; without, closing waits for the requests under way only.
    """

    def __init__(self, answer: Respond, *, port: int = 0, keep_alive: bool = False) -> None:
        # A kept connection is idle for as long as the client works, so it has no timeout.
        timeout = None if keep_alive else _IDLE_TIMEOUT_S
        bound = {"answer": staticmethod(answer), "keep_alive": keep_alive, "timeout": timeout}
        handler = type("_BoundHandler", (_Handler,), bound)
        self._server = _Server(("127.0.0.1", port), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL_S,), name="local-http-server", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """The URL of the server, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop listening and wait for the requests under way."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def refusal(host: str, origin: str) -> str | None:
    """Say why a request with these headers is refused, or return None.

    A browser sends Origin with the requests of a page, and Host as the page named the server. Refusing other
    names than loopback keeps out the pages of other sites, also those whose name resolves to 127.0.0.1.
    """
    if not _is_loopback(f"//{host}"):
        return f"Host has value '{host}'. This server answers to localhost and 127.0.0.1 only."
    if origin and not _is_loopback(origin):
        return f"Origin has value '{origin}'. This server answers no web page of another site."
    return None


def _is_loopback(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return name in _LOOPBACK_NAMES or name.endswith(".localhost")  # RFC 6761: *.localhost is loopback


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for them and no socket stays open
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that closed its connection."""


class _Handler(BaseHTTPRequestHandler):
    # Without these three settings each request costs 40 to 88 ms, the client's delayed acknowledgement.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    answer: Respond
    keep_alive: bool

    def handle_expect_100(self) -> bool:
        """Send "100 Continue" at once: it would stay in the write buffer while the client waits for it."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refused = refusal(self.headers.get("Host", ""), self.headers.get("Origin", ""))
        request = HttpRequest(self.command, self.path, self.headers.items(), body)
        response = _forbidden(refused) if refused else self.answer(request)
        if response is None:
            self.close_connection = True
        else:
            self._send(response)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_PATCH = _serve  # noqa: N815 - required

    def _send(self, response: HttpResponse) -> None:
        is_head = self.command == "HEAD"
        self.send_response_only(response.status)
        for key, value in response.headers:
            if key.lower() != "content-length" or is_head:
                self.send_header(key, value)
        if not is_head:
            self.send_header("Content-Length", str(len(response.body)))
        if not self.keep_alive:
            self.send_header("Connection", "close")
        self.end_headers()
        if not is_head:
            self.wfile.write(response.body[: response.cut_at])
        if response.cut_at is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Write no access log."""


def _forbidden(message: str) -> HttpResponse:
    return HttpResponse(403, [("Content-Type", "text/plain; charset=utf-8")], message.encode())
