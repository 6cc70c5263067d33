"""The process in which moto serves S3, DynamoDB and Kinesis.

`python -m ttl_archive.infra.local.moto_server.server_process FD`

FD is a listening socket, so that its owner knows the port before this process has imported anything.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

import moto.backends
from botocore.model import Shape
from moto.core.serialize import AttributePicker, AttributePickerContext, ResponseSerializer
from moto.dynamodb.models.table import StreamShard, Table
from moto.kinesis.models import Shard
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from ttl_archive.infra.local.firehose.http_server import refusal
from ttl_archive.infra.local.moto_server.dynamodb_values import hasten_values
from ttl_archive.infra.local.moto_server.kinesis_records import support_large_records


class _MotoHandler(MotoRequestHandler):
    """Serves many requests on a connection: a connection for each would double the time of a small one.

    Werkzeug closes a connection because an application may leave part of the body unread. Here the body is
    read first. Requests of web pages of other sites are refused, because moto reflects any Origin, and a page
    could read and reset everything.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits up to 40 ms for the client's delayed ACK

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        refused = refusal(self.headers.get("Host", ""), self.headers.get("Origin", ""))
        environ = self.make_environ()
        environ["wsgi.input"] = BytesIO(self._body(environ))
        app = self.server.app if refused is None else Response(refused, 403)
        try:
            body, status, headers = run_wsgi_app(app, environ, buffered=True)
        except ImportError as error:  # of a service whose extra of moto is not installed
            answer = _not_served(str(error), is_json="X-Amz-Target" in self.headers)
            body, status, headers = run_wsgi_app(answer, environ, buffered=True)
        payload = b"".join(body)
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if "content-length" not in headers:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):  # chunked
            return bytes(environ["wsgi.input"].read())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


def _not_served(reason: str, *, is_json: bool) -> Response:
    """Return an error that a client of this protocol can read; XML is also read as text by REST clients."""
    message = f"The emulator does not serve this: {reason}"
    if is_json:
        return Response(json.dumps({"__type": "NotImplemented", "message": message}), 501)
    error = f"<Error><Code>NotImplemented</Code><Message>{escape(message)}</Message></Error>"
    return Response(f"<ErrorResponse>{error}</ErrorResponse>", 501, mimetype="text/xml")


def main(fd: int) -> None:
    """Serve until the process ends."""
    _fix_moto()
    app: Any = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", 0, app, threaded=True, request_handler=_MotoHandler, fd=fd).serve_forever()


def _fix_moto() -> None:
    """Work around what moto 5.2.5 does slowly, or wrongly when several clients write."""
    # It reads its package's folder at every request, a third of what a small one costs.
    modules = list(moto.backends.list_of_moto_modules())
    _replace(moto.backends, "list_of_moto_modules", lambda: modules)
    # When the first items of a partition are put concurrently, all but the last writer's are lost.
    _replace(Table, "put_item", _one_at_a_time(Table.put_item))
    # It numbers records without a lock: of two concurrent changes one is read twice, and one put is lost.
    _replace(StreamShard, "add", _one_at_a_time(StreamShard.add))
    _replace(Shard, "put_record", _one_at_a_time(Shard.put_record))
    # It copies all sequence numbers of the shard at every put to find the last.
    _replace(Shard, "get_max_sequence_number", lambda shard: next(reversed(shard.records), 0))
    _replace(ResponseSerializer, "get_value", _quick(ResponseSerializer.get_value))
    support_large_records(_replace)
    hasten_values(_replace)


def _replace(owner: Any, name: str, by: Any) -> None:
    """Replace an attribute. Raises AttributeError when moto has renamed it, so that no fix is lost."""
    getattr(owner, name)
    setattr(owner, name, by)


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    lock = threading.Lock()

    def alone(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(*args, **kwargs)

    return alone


def _quick(get_value: Callable[..., Any]) -> Callable[..., Any]:
    """Return a faster `get_value`, which looks a member up directly where moto would find the same.

    moto tries every alias of each of the ten members of each attribute value. The aliases depend on the
    member alone; a dict that has none of them can only have the member itself.
    Reading 20,000 stream records takes 6.5 s in moto's way and 2.2 s in this one.
    """
    known: dict[tuple[Shape, str], frozenset[str] | None] = {}

    def other_names(picker: AttributePicker, key: str, shape: Shape) -> frozenset[str] | None:
        names = {*picker.get_possible_keys(AttributePickerContext({}, key, shape))}
        # A name with a dot is a path, which a look at the keys does not rule out.
        return None if any("." in name for name in names) else frozenset(names - {key})

    def quick(self: ResponseSerializer, value: Any, key: str, shape: Shape) -> Any:
        picker = self._value_picker
        if type(value) is not dict or not isinstance(picker, AttributePicker) or picker.response_transformers:
            return get_value(self, value, key, shape)
        if (shape, key) not in known:
            known[shape, key] = other_names(picker, key, shape)
        others = known[shape, key]
        if others is None or not value.keys().isdisjoint(others):
            return get_value(self, value, key, shape)
        return value.get(key)

    return quick


if __name__ == "__main__":
    main(int(sys.argv[1]))
