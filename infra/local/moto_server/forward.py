"""Passes an HTTP request on to the emulator, as a proxy does."""

from __future__ import annotations

import http.client

from ttl_archive.infra.local.firehose.http_server import HttpRequest, HttpResponse

_TIMEOUT_S = 60
# RFC 9110, 7.6.1: these headers belong to one connection, and each side of a proxy has its own.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class EmulatorUnreachable(Exception):  # noqa: N818 - named as the state that the caller reports
    """The emulator does not answer."""


def forward(request: HttpRequest, port: int) -> HttpResponse:
    """Return the response of the emulator on this port of 127.0.0.1. Raises EmulatorUnreachable."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        for key, value in request.headers:
            if key.lower() not in (*_HOP_BY_HOP, "host", "content-length"):
                connection.putheader(key, value)
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        response = connection.getresponse()
        headers = [pair for pair in response.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
        return HttpResponse(response.status, headers, response.read())
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorUnreachable(f"The emulator on port {port} does not answer: {error}") from error
    finally:
        connection.close()
