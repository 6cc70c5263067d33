"""S3, DynamoDB, Kinesis and our Firehose at one endpoint, without a pipeline of ours."""

from __future__ import annotations

from collections.abc import MutableMapping

from ttl_archive.infra.local.dynamodb.streaming_api import StreamingDestinations
from ttl_archive.infra.local.firehose.clock import Clock, SystemClock
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.infra.local.gateway import Gateway
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.local.s3.proxy import S3Proxy
from ttl_archive.infra.local.started_parts import StartedParts


class LocalServices(StartedParts):
    """A context manager; `url` is the endpoint of every service, and `work` does what is due.

    `functions` are the Lambda functions that delivery streams can invoke, by ARN; they may be added later.
    The clock is the machine's by default. Nothing is kept on disk. The first request waits for the emulator.

    Pending changes are replicated before the clock advances, so a change and its arrival in the data stream
    have the time at which they happened.
    """

    firehose: Firehose
    _gateway: Gateway

    def __init__(
        self,
        *,
        functions: MutableMapping[str, Function] | None = None,
        clock: Clock | None = None,
        port: int = 0,
    ) -> None:
        super().__init__()
        self.clock = clock or SystemClock()
        self.functions: MutableMapping[str, Function] = {} if functions is None else functions
        self._port = port
        self._checkpoints: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return self._gateway.url

    def environment(self) -> dict[str, str]:
        """Return the variables that make any AWS client in another process use this endpoint."""
        return {**self.emulator.environment(), "AWS_ENDPOINT_URL": self.url}

    def work(self) -> int:
        """Replicate changes, do all that Firehose has to do now, and return the number of records moved."""
        self.destinations.run_until_refused()
        return self.firehose.poll()

    def restart_firehose(self) -> None:
        """Replace Firehose as after a crash: only its checkpoints are kept."""
        self.firehose.close()
        self.firehose = self._new_firehose()
        self._gateway.firehose = self.firehose

    def _start(self) -> None:
        self.emulator = Emulator()
        self._open.callback(self.emulator.stop)
        self.s3_proxy = self._open.enter_context(S3Proxy(self.emulator.port, self.clock))
        self.s3 = self.emulator.client("s3", endpoint_url=self.s3_proxy.url)
        self.dynamodb = self.emulator.client("dynamodb")
        self.kinesis = self.emulator.client("kinesis")
        self.firehose = self._new_firehose()
        self._open.callback(lambda: self.firehose.close())
        self.destinations = StreamingDestinations(
            dynamodb=self.dynamodb,
            streams=self.emulator.client("dynamodbstreams"),
            kinesis=self.kinesis,
            clock=self.clock,
        )
        self._open.callback(self.clock.before_advance(self._replicate))
        self._gateway = self._open.enter_context(
            Gateway(
                firehose=self.firehose,
                destinations=self.destinations,
                s3=self.s3_proxy,
                emulator_port=self.emulator.port,
                port=self._port,
            )
        )

    def _new_firehose(self) -> Firehose:
        return Firehose(
            s3=self.s3,
            kinesis=self.kinesis,
            functions=self.functions,
            clock=self.clock,
            checkpoints=self._checkpoints,
        )

    def _replicate(self) -> None:
        """Let what happened until now reach the data stream and be received at this time."""
        self.destinations.run_until_refused()
        self.firehose.receive()
