"""The process in which moto serves S3, DynamoDB and Kinesis.

`python -m ttl_archive.infra.local.moto_server.server_process FD`

FD is a listening socket, so that its owner knows the port before this process has imported anything.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any

import moto.backends
from botocore.model import Shape
from moto.core.serialize import AttributePicker, AttributePickerContext, ResponseSerializer
from moto.dynamodb.models.table import StreamShard, Table
from moto.kinesis.models import Shard
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app


class _Handler(MotoRequestHandler):
    """Serves many requests on a connection: a connection for each would double what a small one takes.

    Werkzeug closes it because an application may leave a part of the body unread; here it is read beforehand.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits up to 40 ms for the client's delayed ACK

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        environ["wsgi.input"] = BytesIO(self._body(environ))
        body, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
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


def main(fd: int) -> None:
    """Serve until the process ends."""
    _mend_moto()
    app: Any = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler, fd=fd).serve_forever()


def _mend_moto() -> None:
    """Work round what moto 5.2.5 does slowly, or wrongly when several clients write. By name."""
    # It reads its package's folder at every request, a third of what a small one costs.
    modules = list(moto.backends.list_of_moto_modules())
    _replace(moto.backends, "list_of_moto_modules", lambda: modules)
    # The first items of a partition that are put at once: all but the last writer's are lost.
    _replace(Table, "put_item", _one_at_a_time(Table.put_item))
    # It numbers records without a lock: of two writers' changes one is seen twice, of two puts one is lost.
    _replace(StreamShard, "add", _one_at_a_time(StreamShard.add))
    _replace(Shard, "put_record", _one_at_a_time(Shard.put_record))
    # It copies all sequence numbers of the shard at every put to find the last.
    _replace(Shard, "get_max_sequence_number", lambda shard: next(reversed(shard.records), 0))
    _replace(ResponseSerializer, "get_value", _quick(ResponseSerializer.get_value))


def _replace(owner: Any, name: str, by: Any) -> None:
    """Raises AttributeError when moto has renamed it, before anything goes wrong quietly."""
    getattr(owner, name)
    setattr(owner, name, by)


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    lock = threading.Lock()

    def alone(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(*args, **kwargs)

    return alone


def _quick(get_value: Callable[..., Any]) -> Callable[..., Any]:
    """Look a member of an answer up in a plain dict at once, where that is what moto would find.

    moto tries every alias of each of the ten members of each attribute value. Which those are depends on the
    member alone; a dict that has none of them can only have the member itself.
    20,000 stream records take 6.5 s to read with moto's way and 2.2 s with this.
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
