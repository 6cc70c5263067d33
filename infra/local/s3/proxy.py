"""An HTTP proxy before the emulator's S3: restores that take hours, creation times by the clock, faults.

Any S3 client that is pointed at it (AWS_ENDPOINT_URL_S3) sees S3 as it would be at the clock's time, except
that Last-Modified stays the machine's.
"""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.s3.retrievals import ARCHIVED, ObjectName, RestoreRefusedError, Restores

_SHUTDOWN_POLL_S = 0.05
_UPSTREAM_TIMEOUT_S = 60
# Of a connection, not of a message: each side of a proxy has its own (RFC 9110, 7.6.1).
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}
# What makes an object anew or ends it: method and subresource.
_WRITES = {("PUT",), ("DELETE",), ("POST", "uploadId")}
_THAW = b"<RestoreRequest><Days>1</Days></RestoreRequest>"


@dataclass
class Fault:
    """Requests to fail: by method and a part of the key, `times` of them after the first `skip`.

    With `truncate_to` the answer is the true one, cut after so many bytes of its body.
    """

    method: str
    key_part: str = ""
    skip: int = 0
    times: int = 1
    status: int = 503
    code: str = "SlowDown"
    truncate_to: int | None = None

    def strikes(self, request: Request) -> bool:
        """Whether it is this request's turn; counts it."""
        if request.method != self.method or self.key_part not in request.name[1]:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass(frozen=True)
class Request:
    """A request as it came; `target` is path and query, still quoted."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def name(self) -> ObjectName:
        """Bucket and key; the key is empty for a request to a bucket."""
        bucket, _, key = unquote(urlsplit(self.target).path).lstrip("/").partition("/")
        return bucket, key

    @property
    def subresources(self) -> set[str]:
        """What the query names beside the object itself: `restore`, `uploadId`, `tagging`, ..."""
        return {*parse_qs(urlsplit(self.target).query, keep_blank_values=True)} - {"x-id", "versionId"}

    def aside(self, method: str, query: str = "", body: bytes = b"") -> Request:
        """Another request about the same object, in the same caller's name."""
        name = [pair for pair in self.headers if pair[0].lower() == "authorization"]
        return Request(method, urlsplit(self.target).path + query, name, body)


@dataclass(frozen=True)
class Response:
    """An answer; `cut_at` is where its body breaks off."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut_at: int | None = None

    def header(self, name: str) -> str:
        """A header's value, empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class S3Proxy:
    """A context manager; `url` is the endpoint. `faults` may be added and cleared at any time."""

    def __init__(self, upstream_port: int, clock: Clock) -> None:
        self.faults: list[Fault] = []
        self._clock = clock
        self._restores = Restores(clock)
        self._created: dict[ObjectName, datetime] = {}
        self._upstream_port = upstream_port
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL_S,), name="s3-proxy", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The S3 endpoint."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def created(self, bucket: str, key: str) -> datetime | None:
        """When an object was made through this proxy, by its clock."""
        return self._created.get((bucket, key))

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: Request) -> Response:
        """Do one request."""
        with self._lock:
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        if fault is not None and fault.truncate_to is None:
            return _error(fault.status, fault.code, "A fault on demand.")
        response = self._served(request)
        cut_at = None if fault is None else fault.truncate_to
        return Response(response.status, response.headers, response.body, cut_at)

    def _served(self, request: Request) -> Response:
        name, subresources = request.name, request.subresources
        if request.method == "POST" and "restore" in subresources:
            return self._restore(request)
        if request.method in ("GET", "HEAD") and name[1] and not subresources:
            return self._read(request)
        response = self._forward(request)
        if response.status < http.client.MULTIPLE_CHOICES and (request.method, *subresources) in _WRITES:
            self._restores.forget(name)
            self._created.pop(name, None)
            if request.method != "DELETE":
                self._created[name] = self._clock.now()
        return response

    def _read(self, request: Request) -> Response:
        response = self._forward(request)
        if request.method == "GET" and self._is_archived(response):
            if not self._restores.is_readable(request.name):
                message = "The operation is not valid for the object's storage class"
                return _error(403, "InvalidObjectState", message)
            if response.status == http.client.FORBIDDEN:
                self._forward(request.aside("POST", "?restore", _THAW))
                response = self._forward(request)
        headers = [pair for pair in response.headers if pair[0].lower() != "x-amz-restore"]
        if told := self._restores.header(request.name):
            headers.append(("x-amz-restore", told))
        return Response(response.status, headers, response.body)

    def _restore(self, request: Request) -> Response:
        head = self._forward(request.aside("HEAD"))
        if head.status != http.client.OK:
            return _error(head.status, "NoSuchKey", "The specified key does not exist.")
        storage_class = head.header("x-amz-storage-class") or "STANDARD"
        try:
            body = ElementTree.fromstring(request.body)  # noqa: S314 - our own clients write it
            tier = body.findtext(".//{*}Tier") or "Standard"
            days = int(body.findtext("{*}Days") or 1)
            with self._lock:
                status = self._restores.request(request.name, storage_class, tier, days)
        except (ElementTree.ParseError, ValueError):
            return _error(400, "MalformedXML", "The XML you provided was not well-formed.")
        except RestoreRefusedError as refused:
            return _error(refused.status, refused.code, str(refused))
        return Response(status, [], b"")

    @staticmethod
    def _is_archived(response: Response) -> bool:
        """moto refuses what it has archived, and serves it for good once it was restored."""
        refused = response.status == http.client.FORBIDDEN and b"InvalidObjectState" in response.body
        return refused or response.header("x-amz-storage-class") in ARCHIVED

    def _forward(self, request: Request) -> Response:
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream_port, timeout=_UPSTREAM_TIMEOUT_S)
        try:
            connection.putrequest(request.method, request.target, skip_accept_encoding=True)
            for key, value in request.headers:
                if key.lower() not in (*_HOP_BY_HOP, "host", "content-length"):
                    connection.putheader(key, value)
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            headers = [pair for pair in response.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
            return Response(response.status, headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            return _error(503, "ServiceUnavailable", f"The emulator does not answer: {error}")
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    proxy: S3Proxy
    daemon_threads = False  # so that server_close() waits for them and no socket is left open
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the client went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        response = self.server.proxy.answer(Request(self.command, self.path, self.headers.items(), body))
        self.send_response_only(response.status)
        for key, value in response.headers:
            if key.lower() != "content-length" or self.command == "HEAD":
                self.send_header(key, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Connection", "close")  # so that closing the proxy waits for no idle client
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[: response.cut_at])

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - the base class looks for these

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


def _error(status: int, code: str, message: str) -> Response:
    body = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    return Response(status, [("Content-Type", "application/xml")], body.encode())
