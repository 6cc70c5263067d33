"""The process in which moto serves S3, DynamoDB and Kinesis: `python -m infra.local.emulator_process FD`.

FD is a listening socket, so that its owner knows the port before this process has imported anything.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import moto.backends
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.dynamodb.models.table import StreamShard
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
    # moto 5.2.5 is worked round here by name; each reason is with the function.
    moto.backends.list_of_moto_modules = _listed_once(moto.backends.list_of_moto_modules)
    AttributePicker.__call__ = _quick_pick(AttributePicker.__call__)  # type: ignore[method-assign]
    StreamShard.add = _one_at_a_time(StreamShard.add)  # type: ignore[method-assign]
    app: Any = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler, fd=fd).serve_forever()


def _listed_once(list_modules: Callable[[], Iterable[str]]) -> Callable[[], Iterable[str]]:
    """moto reads its package's folder at every request: a third of what a small one costs."""
    modules = list(list_modules())
    return lambda: modules


def _one_at_a_time(add: Callable[..., None]) -> Callable[..., None]:
    """moto numbers stream records without a lock: of two writers' records a reader would see one twice."""
    lock = threading.Lock()

    def add_alone(self: StreamShard, old: Any, new: Any) -> None:
        with lock:
            add(self, old, new)

    return add_alone


def _quick_pick(pick: Callable[..., Any]) -> Callable[..., Any]:
    """Look a member up in a plain dict at once, else as moto does.

    moto tries every alias of each of the ten members of each attribute value: to read 20,000 stream records
    takes 6.5 s as it is and 2.5 s this way, with the same answers.
    """
    aliases: dict[tuple[object, str], tuple[str, ...]] = {}

    def quick_pick(self: AttributePicker, context: AttributePickerContext) -> Any:
        value, key = context.obj, context.key
        if type(value) is not dict or self.response_transformers:
            return pick(self, context)
        if key in value:
            return value[key]
        known = aliases.get((context.shape, key))
        if known is None:
            known = aliases[context.shape, key] = tuple(self.get_possible_keys(context))
        return pick(self, context) if any(alias in value or "." in alias for alias in known) else None

    return quick_pick


if __name__ == "__main__":
    main(int(sys.argv[1]))
