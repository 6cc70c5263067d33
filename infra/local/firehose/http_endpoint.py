"""An HTTP endpoint in front of a Firehose, for clients that speak AWS's protocol, such as boto3's.

    with endpoint(firehose) as url:
        client = boto3.client("firehose", endpoint_url=url, ...)

The protocol is AWS JSON 1.1: POST, the operation in X-Amz-Target, blobs in base64, times in seconds since the
epoch (BC-firehose, metadata and shapes). Signatures are not checked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pybase64
from botocore.model import Shape

from ttl_archive.infra.local.firehose.request_model import operation, service_model
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.infra.local.firehose.service_error import ServiceError

_OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "CreateDeliveryStream": Firehose.create_delivery_stream,
    "DeleteDeliveryStream": Firehose.delete_delivery_stream,
    "DescribeDeliveryStream": Firehose.describe_delivery_stream,
    "ListDeliveryStreams": Firehose.list_delivery_streams,
    "PutRecord": Firehose.put_record,
    "PutRecordBatch": Firehose.put_record_batch,
    "UpdateDestination": Firehose.update_destination,
}
# BC-firehose marks these as faults of the service; every other error is the client's, 400.
_STATUSES = {"ServiceUnavailableException": 503, "InternalFailure": 500}


@contextmanager
def endpoint(firehose: Firehose) -> Iterator[str]:
    """Serve a Firehose on 127.0.0.1, on a free port, and give its URL; it ends with the block.

    One request is answered at a time. Polling stays with the caller: puts may arrive while it polls; create,
    update and delete streams from elsewhere only while it does not.
    """
    lock = threading.Lock()

    class Handler(_Handler):
        def answer(self, name: str, body: bytes) -> dict[str, Any]:
            with lock:
                return call(firehose, name, body)

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def call(firehose: Firehose, target: str, body: bytes) -> dict[str, Any]:
    """Answer one request: `target` is the X-Amz-Target header. Gives JSON values; raises ServiceError."""
    prefix, _, name = target.partition(".")
    if prefix != service_model().metadata["targetPrefix"] or name not in _OPERATIONS:
        raise ServiceError(
            "UnknownOperationException",
            f"X-Amz-Target has value '{target}'. Use one of {', '.join(_OPERATIONS)}.",
        )
    try:
        request = _decoded(operation(name).input_shape, json.loads(body or b"{}"))
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request cannot be read: {error}") from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "The request is not a JSON object.")
    answer: dict[str, Any] = _encoded(_OPERATIONS[name](firehose, **request))
    return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the answers under way


class _Handler(BaseHTTPRequestHandler):
    """One connection, one request: HTTP/1.0, so that nothing is left open when the server ends."""

    timeout = 10  # seconds; a client that sends nothing must not keep the server from closing

    def answer(self, name: str, body: bytes) -> dict[str, Any]:
        raise NotImplementedError

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, answer = 200, self.answer(self.headers.get("X-Amz-Target", ""), body)
        except ServiceError as error:
            status = _STATUSES.get(error.code, 400)
            answer = {"__type": error.code, "message": error.message}
        self._send(status, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the access log of a test is noise."""


def _decoded(shape: Shape, value: Any) -> Any:
    """A JSON value as the model's: blobs become bytes. What does not fit is left as it is, for the check."""
    if isinstance(value, Mapping) and shape.type_name == "structure":
        members = shape.members
        # A null member is an absent one in this protocol.
        given = {name: member for name, member in value.items() if member is not None}
        return {n: _decoded(members[n], member) if n in members else member for n, member in given.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [_decoded(shape.member, member) for member in value]
    if isinstance(value, str) and shape.type_name == "blob":
        try:
            return pybase64.b64decode(value, validate=True)
        except ValueError as error:
            raise ValueError(f"a blob is not base64, {error}") from error
    return value


def _encoded(value: Any) -> Any:
    """An answer as JSON values: times become seconds."""
    if isinstance(value, Mapping):
        return {name: _encoded(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_encoded(member) for member in value]
    return value.timestamp() if isinstance(value, datetime) else value
