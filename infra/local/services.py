"""S3, DynamoDB, Kinesis and our Firehose at one endpoint, without a pipeline of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Self

from ttl_archive.infra.local.dynamodb.streaming_api import StreamingDestinations
from ttl_archive.infra.local.firehose.clock import Clock, SystemClock
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.infra.local.gateway import Gateway
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.local.s3.proxy import S3Proxy


class LocalServices:
    """A context manager; `url` is the endpoint of every service, and `work` does what is due.

    `functions` are the Lambda functions that delivery streams can invoke, by ARN. The clock is the machine's
    by default. Nothing is kept on disk.
    """

    def __init__(
        self,
        *,
        functions: Mapping[str, Function] | None = None,
        clock: Clock | None = None,
        port: int = 0,
    ) -> None:
        self.clock = clock or SystemClock()
        self._functions = functions or {}
        self._port = port
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:  # also Ctrl-C: no process may stay behind
            self._open.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

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

    def _start(self) -> None:
        self.emulator = self._open.enter_context(Emulator())
        s3_proxy = self._open.enter_context(S3Proxy(self.emulator.port, self.clock))
        kinesis = self.emulator.client("kinesis")
        self.firehose = Firehose(
            s3=self.emulator.client("s3", endpoint_url=s3_proxy.url),
            kinesis=kinesis,
            functions=self._functions,
            clock=self.clock,
        )
        self._open.callback(self.firehose.close)
        self.destinations = StreamingDestinations(
            dynamodb=self.emulator.client("dynamodb"),
            streams=self.emulator.client("dynamodbstreams"),
            kinesis=kinesis,
            clock=self.clock,
        )
        self._gateway = self._open.enter_context(
            Gateway(
                firehose=self.firehose,
                destinations=self.destinations,
                s3=s3_proxy,
                emulator_port=self.emulator.port,
                port=self._port,
            )
        )
