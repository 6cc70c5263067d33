"""Our services at work in a thread, for tests that speak HTTP to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ttl_archive.infra.local.firehose.function import InProcess
from ttl_archive.infra.local.services import LocalServices

ACCOUNT = "123456789012"
_WORK_EVERY_S = 0.1


@contextmanager
def working_services(
    handlers: Mapping[str, Callable[[Any, Any], Any]],
) -> Iterator[tuple[LocalServices, dict[str, str]]]:
    """Run our services with these functions, and give them and the functions' ARNs by name."""
    arns = {name: f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}" for name in handlers}
    functions = {arns[name]: InProcess(handler, function_name=name) for name, handler in handlers.items()}
    ended = threading.Event()
    with LocalServices(functions=functions) as services:

        def work() -> None:
            while not ended.wait(_WORK_EVERY_S):
                services.work()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield services, arns
        finally:
            ended.set()
            thread.join()
