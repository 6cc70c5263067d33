"""The Kinesis road: streaming destination, data stream, and a delivery stream with the transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ttl_archive.infra.deploy_settings import default_record_kib
from ttl_archive.infra.local.dynamodb.change_record import Precision
from ttl_archive.infra.local.dynamodb.ttl import ExpiredItem
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.in_process_function import (
    has_runtime_client,
    in_process_transform,
)
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime
from ttl_archive.infra.local.resources import (
    FUNCTION_ARN,
    NAME,
    STREAM_ARN,
    Buffering,
    pipeline_delivery_stream,
)
from ttl_archive.infra.local.roads.road import LocalFunction
from ttl_archive.infra.local.services import LocalServices
from ttl_archive.infra.local.started_parts import StartedParts
from ttl_archive.transform.settings import Settings

TRANSFORM = "ttl_archive.transform.handler.handler"


@dataclass(frozen=True)
class KinesisOptions:
    """Options of the road; see Pipeline."""

    precision: Precision | None = "MICROSECOND"
    max_record_kib: int | None = None
    shards: int = 1
    handler: str = TRANSFORM
    task_root: Path | None = None


class CountedFunction:
    """A function that counts how often it is invoked; Lambda charges each as one request."""

    def __init__(self, function: Function) -> None:
        self.invocations = 0
        self._function = function

    def invoke(self, payload: bytes) -> bytes:
        """Invoke the function; see Function."""
        self.invocations += 1
        return self._function.invoke(payload)


class LocalKinesisRoad(StartedParts):
    """See Road. `environment` are the variables of the function."""

    delivery_stream = NAME
    function: LocalFunction

    def __init__(
        self,
        services: LocalServices,
        settings: Settings,
        environment: Mapping[str, str],
        buffering: Buffering,
        options: KinesisOptions,
    ) -> None:
        super().__init__()
        self._services = services
        self._settings = settings
        self._table = settings.table.name
        self._environment = environment
        self._buffering = buffering
        self._options = options

    @property
    def changes(self) -> Mapping[str, int]:
        """The changes of the table since the destination was enabled, by kind."""
        destination = self._services.destinations.of(self._table)
        return {} if destination is None else {**destination.changes}

    @property
    def replicated(self) -> int:
        """The number of records that the data stream confirmed."""
        destination = self._services.destinations.of(self._table)
        return 0 if destination is None else destination.replicated

    @property
    def put_sizes(self) -> Mapping[int, int]:
        """How many records of each size the data stream confirmed."""
        destination = self._services.destinations.of(self._table)
        return {} if destination is None else dict(destination.sizes)

    @property
    def invocations(self) -> int:
        """How often Firehose invoked the transform."""
        return self._counted.invocations

    def create(self) -> None:
        """Create the data stream and the delivery stream, and wait for the function."""
        kib = self._options.max_record_kib or default_record_kib(self._settings)
        self._services.kinesis.create_stream(
            StreamName=NAME, ShardCount=self._options.shards, MaxRecordSizeInKiB=kib
        )
        self.function.wait_ready()
        self.create_delivery_stream()

    def create_delivery_stream(self) -> None:
        """Create the delivery stream that reads the data stream."""
        request = pipeline_delivery_stream(self._settings, self._buffering)
        self._services.firehose.create_delivery_stream(**request)

    def attach(self) -> None:
        """Enable the streaming destination: earlier changes are never replicated (DDB: kds)."""
        precision = self._options.precision
        settings = {"ApproximateCreationDateTimePrecision": precision} if precision else {}
        self._services.destinations.enable_kinesis_streaming_destination(
            TableName=self._table, StreamArn=STREAM_ARN, EnableKinesisStreamingConfiguration=settings
        )

    def detach(self) -> None:
        """Disable the streaming destination."""
        self._services.destinations.disable_kinesis_streaming_destination(
            TableName=self._table, StreamArn=STREAM_ARN
        )

    def expect(self, expired: ExpiredItem) -> None:
        """Note a removal that a TTL sweep has made."""
        destination = self._services.destinations.of(self._table)
        if destination is not None:
            destination.expect(expired)

    def receive(self) -> None:
        """Replicate what has changed."""
        self._services.destinations.run()

    def run(self) -> int:
        """Replicate what has changed, and return the number of records."""
        return self._services.destinations.run()

    def flush(self) -> None:
        """Replicate what has changed."""
        self._services.destinations.run()

    def _start(self) -> None:
        self.function = self._new_function()
        self._open.enter_context(self.function)
        self._counted = self._services.functions[FUNCTION_ARN] = CountedFunction(self.function)

    def _new_function(self) -> LocalFunction:
        if self._options.handler == TRANSFORM and not has_runtime_client():
            return in_process_transform(self._settings.file, self._services.emulator.client("kinesis"))
        return LambdaRuntime(
            self._options.handler,
            function_name=NAME,
            environment=self._environment,
            task_root=self._options.task_root,
        )
