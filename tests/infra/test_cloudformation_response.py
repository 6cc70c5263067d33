"""The response to CloudFormation, sent over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ttl_archive.infra.attachment.cloudformation_response import ATTEMPTS, encoded, put, response

REQUEST = {"StackId": "s", "RequestId": "r", "LogicalResourceId": "l"}


class Server:
    """Accepts PUTs on this machine, after refusing the first `refuse` of them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.types: list[str | None] = []
        self.refuse = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.types.append(self.headers["Content-Type"])
                owner.bodies.append(body)
                status = 503 if len(owner.bodies) <= owner.refuse else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/response?signature=1"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()
    made.thread.join()


def test_the_response_is_put_with_the_content_type_that_is_signed(server: Server) -> None:
    put(server.url, b"{}")

    assert (server.bodies, server.types) == ([b"{}"], [""])


def test_a_refused_response_is_sent_again_after_growing_pauses(server: Server) -> None:
    server.refuse = 3
    pauses: list[float] = []
    put(server.url, b"{}", pauses.append)

    assert len(server.bodies) == 4
    assert pauses == [2, 4, 8]


def test_a_response_that_is_refused_every_time_is_an_error(server: Server) -> None:
    server.refuse = ATTEMPTS
    with pytest.raises(OSError, match="503"):
        put(server.url, b"{}", lambda _: None)

    assert len(server.bodies) == ATTEMPTS


def test_all_attempts_fit_into_the_time_that_is_kept_back() -> None:
    from ttl_archive.infra.attachment.attach_handler import RESPONSE_S

    assert sum(2**attempt for attempt in range(1, ATTEMPTS)) < RESPONSE_S


def test_a_long_reason_is_cut_so_that_the_response_is_accepted() -> None:
    """4,096 bytes. Source: AWS CloudFormation User Guide, custom resource response objects."""
    body = encoded(response(REQUEST, "id", "x" * 10_000, {}))

    assert len(body) <= 4096
    assert json.loads(body)["Status"] == "FAILED"
