"""A function of ours in this process, where AWS's Lambda runtime client is not installed, as on macOS.

What differs from the runtime client: the function shares this process, so a crash or an overrun of its
timeout is not contained. Requests, responses, their limits and the calls that it makes are the same.
"""

import contextlib
import io
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from ttl_archive.infra.local.firehose.function import InProcess
from ttl_archive.transform.batch import batch_transform
from ttl_archive.transform.forwarder import batch_forwarder
from ttl_archive.transform.ingest import batch_ingester, table_writer
from ttl_archive.transform.ingest_dead_letters import dead_letter_queue
from ttl_archive.transform.ingest_settings import required_ingest
from ttl_archive.transform.refusals import error_objects
from ttl_archive.transform.reingest import delivery_stream, source_of
from ttl_archive.transform.settings import load

Handler = Callable[[Any, Any], Any]


def has_runtime_client() -> bool:
    """Return whether AWS's Lambda runtime client is installed."""
    return find_spec("awslambdaric") is not None


class InProcessFunction:
    """A Function whose handler is created again at each restart, as a new process reads its settings."""

    def __init__(self, new_handler: Callable[[], Handler]) -> None:
        self._new_handler = new_handler
        self._log = io.StringIO()
        self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Do nothing: there is no process to end."""

    def invoke(self, payload: bytes) -> bytes:
        """Invoke the function synchronously; see Function. Raises FunctionError or FunctionTimedOut."""
        # Lambda's log is standard output, which here belongs to the user's command.
        with contextlib.redirect_stdout(self._log):
            return self._function.invoke(payload)

    def wait_ready(self) -> None:
        """Do nothing: the function is ready when it is constructed."""

    def logs(self) -> list[str]:
        """Return the lines that the function wrote, oldest first."""
        return self._log.getvalue().splitlines()

    def restart(self) -> None:
        """Create the handler again."""
        self._function = InProcess(self._new_handler())


def in_process_transform(settings_file: str | Path, kinesis: Any) -> InProcessFunction:
    """Return the transform of a settings file; `kinesis` is the client for its re-ingestion."""
    find_target: Callable[[dict[str, Any]], Any] = partial(source_of, client=kinesis)
    return InProcessFunction(lambda: batch_transform(load(settings_file), find_target))


def in_process_ingester(
    settings_file: str | Path, *, dynamodb: Any, sqs: Any, dead_letters: str
) -> InProcessFunction:
    """Return the ingestion of a settings file, with the clients of its calls. Raises SettingsError."""

    def new_handler() -> Handler:
        settings = load(settings_file)
        write = table_writer(dynamodb, settings.table.name)
        return batch_ingester(
            settings, required_ingest(settings), write, dead_letter_queue(sqs, dead_letters)
        )

    return InProcessFunction(new_handler)


def in_process_forwarder(
    settings_file: str | Path, *, firehose: Any, stream_name: str, s3: Any, bucket: str
) -> InProcessFunction:
    """Return the forwarder of a settings file, with the clients for its puts."""
    delivery, errors = delivery_stream(firehose, stream_name), error_objects(s3, bucket)
    return InProcessFunction(lambda: batch_forwarder(load(settings_file), delivery, errors))
