"""The loopback server: whom it answers, and how it ends."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from ttl_archive.infra.local.firehose.http_server import HttpRequest, HttpResponse, LocalServer


def echo(request: HttpRequest) -> HttpResponse | None:
    if request.target == "/silence":
        return None
    if request.target == "/cut":
        return HttpResponse(200, [], b"0123456789", cut_at=4)
    return HttpResponse(200, [("X-Method", request.method)], request.body)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer(echo) as running:
        yield running


def ask(
    server: LocalServer, method: str = "POST", path: str = "/", body: bytes = b"body", **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, body, {name.capitalize(): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_client_on_this_machine_is_answered(server: LocalServer) -> None:
    assert ask(server) == (200, b"body")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5000", "[::1]:80", "s3.localhost:4566"])
def test_loopback_names_are_answered(server: LocalServer, host: str) -> None:
    assert ask(server, host=host) == (200, b"body")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "[::"])
def test_a_name_that_is_not_loopback_is_refused(server: LocalServer, host: str) -> None:
    status, body = ask(server, host=host)

    assert (status, body.decode()) == (
        403,
        f"Host has value '{host}'. This server answers to localhost and 127.0.0.1 only.",
    )


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS", "PUT", "DELETE"])
def test_a_page_of_another_site_is_refused(server: LocalServer, method: str, origin: str) -> None:
    status, body = ask(server, method, origin=origin)

    assert status == 403
    assert f"Origin has value '{origin}'" in body.decode()


def test_a_page_of_this_machine_is_answered(server: LocalServer) -> None:
    assert ask(server, origin="http://localhost:3000") == (200, b"body")


def test_the_server_listens_on_loopback_only(server: LocalServer) -> None:
    assert server._server.server_address[0] == "127.0.0.1"


def test_no_response_closes_the_connection(server: LocalServer) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, path="/silence")


def test_a_truncated_body_breaks_off(server: LocalServer) -> None:
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server, path="/cut")

    assert caught.value.partial == b"0123"


def test_a_given_port_is_used(server: LocalServer) -> None:
    port = server.port
    server.close()

    with LocalServer(echo, port=port) as again:
        assert (again.port, ask(again)) == (port, (200, b"body"))
    server.__init__(echo)  # type: ignore[misc]  # so that the fixture can close it


def test_a_kept_connection_serves_many_requests() -> None:
    with LocalServer(echo, keep_alive=True) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for body in (b"a", b"b"):
            connection.request("POST", "/", body)
            assert connection.getresponse().read() == body
        connection.close()
