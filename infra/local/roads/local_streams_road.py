"""The Streams road: DynamoDB stream, event source mapping, forwarder, and a Direct PUT delivery stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.infra.local.dynamodb.table_stream import TableStream
from ttl_archive.infra.local.dynamodb.ttl import ExpiredItem
from ttl_archive.infra.local.event_source.batch_processor import Unverified
from ttl_archive.infra.local.event_source.counts import MappingCounts
from ttl_archive.infra.local.event_source.faults import Fault, no_fault
from ttl_archive.infra.local.event_source.mapping_service import EventSourceMappings
from ttl_archive.infra.local.event_source.stream import StreamReader
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.in_process_function import (
    has_runtime_client,
    in_process_forwarder,
)
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime
from ttl_archive.infra.local.resources import (
    DIRECT_NAME,
    FAILURE_BUCKET,
    FORWARDER_ARN,
    NAME,
    Buffering,
    direct_delivery_stream,
)
from ttl_archive.infra.local.roads.road import LocalFunction
from ttl_archive.infra.local.services import LocalServices
from ttl_archive.infra.local.started_parts import StartedParts
from ttl_archive.infra.stream_mapping import mapping_settings
from ttl_archive.transform.settings import Settings

FORWARDER = "ttl_archive.transform.forwarder_handler.handler"
_DELIVERY_STREAM_VARIABLE = "TTL_ARCHIVE_DELIVERY_STREAM"
_BUCKET_VARIABLE = "TTL_ARCHIVE_BUCKET"


@dataclass(frozen=True)
class StreamsOptions:
    """`mapping` replaces members of the mapping's settings; the others are those of EventSourceMappings."""

    mapping: Mapping[str, Any] = field(default_factory=dict)
    unverified: Unverified = field(default_factory=Unverified)
    fault: Fault = no_fault


class LocalStreamsRoad(StartedParts):
    """See Road. `environment` are the variables of the function."""

    delivery_stream = DIRECT_NAME
    function: LocalFunction

    def __init__(
        self,
        services: LocalServices,
        settings: Settings,
        environment: Mapping[str, str],
        buffering: Buffering,
        options: StreamsOptions,
    ) -> None:
        super().__init__()
        self._services = services
        self._settings = settings
        self._environment = environment
        self._buffering = buffering
        self._options = options
        self._stream: TableStream | None = None
        self._mapping_uuid: str | None = None

    @property
    def changes(self) -> Mapping[str, int]:
        """The changes of the table since its stream was enabled, by kind."""
        return {} if self._stream is None else {**self._stream.changes}

    @property
    def replicated(self) -> int:
        """The number of records that the mapping has read."""
        return self.mapping_counts().polled

    @property
    def put_sizes(self) -> Mapping[int, int]:
        """Nothing: the table's own stream has the changes."""
        return {}

    @property
    def invocations(self) -> int:
        """How often the mapping invoked the forwarder."""
        return self.mapping_counts().invocations

    def mapping_counts(self) -> MappingCounts:
        """Return what became of the records of the stream in the mapping."""
        if self._mapping_uuid is None:
            return self._last_counts
        return self.mappings.counts(self._mapping_uuid)

    def create(self) -> None:
        """Create the failure bucket and the delivery stream, and wait for the function."""
        self._services.s3.create_bucket(Bucket=FAILURE_BUCKET)
        self.create_delivery_stream()
        self.function.wait_ready()

    def create_delivery_stream(self) -> None:
        """Create the delivery stream that the forwarder puts into."""
        request = direct_delivery_stream(self._settings, self._buffering)
        self._services.firehose.create_delivery_stream(**request)

    def attach(self) -> None:
        """Enable the table's stream, which has what changes from now on, and create the mapping on it."""
        stream = TableStream(
            streams=self._services.emulator.client("dynamodbstreams"),
            table=self._settings.table.name,
            clock=self._services.clock,
        )
        self._stream = self._streams[stream.arn] = stream
        self._open.callback(self._services.clock.before_advance(self._read_ahead))
        created = self.mappings.create_event_source_mapping(
            EventSourceArn=stream.arn,
            FunctionName=FORWARDER_ARN,
            **mapping_settings(self._settings, f"arn:aws:s3:::{FAILURE_BUCKET}")
            | dict(self._options.mapping),
        )
        self._mapping_uuid = created["UUID"]

    def detach(self) -> None:
        """Hand over what the stream has, and delete the mapping."""
        self.flush()
        if self._mapping_uuid is not None:
            self._last_counts = self.mapping_counts()
            self.mappings.delete_event_source_mapping(UUID=self._mapping_uuid)
        self._mapping_uuid = None

    def expect(self, expired: ExpiredItem) -> None:
        """Note a removal that a TTL sweep has made."""
        if self._stream is not None:
            self._stream.expect(expired)

    def receive(self) -> None:
        """Take in what has changed."""
        if self._stream is not None and self._mapping_uuid is not None:
            self._stream.receive()

    def run(self) -> int:
        """Take in what has changed, invoke the forwarder for what is due, and return how often that was."""
        self.receive()
        return self.mappings.poll()

    def flush(self) -> None:
        """Hand everything to the forwarder, whatever the window says."""
        self.receive()
        self.mappings.flush()

    def _read_ahead(self) -> None:
        """Let what happened until now be received, and read by the mapping, at this time."""
        self.receive()
        self.mappings.receive()

    def _start(self) -> None:
        self._last_counts = MappingCounts()
        self._streams: dict[str, StreamReader] = {}
        self.function = self._new_function()
        self._open.enter_context(self.function)
        functions: dict[str, Function] = {FORWARDER_ARN: self.function}
        self.mappings = EventSourceMappings(
            streams=self._streams,
            functions=functions,
            clock=self._services.clock,
            s3=self._services.s3,
            unverified=self._options.unverified,
            fault=self._options.fault,
        )
        self._open.callback(self.mappings.close)

    def _new_function(self) -> LocalFunction:
        if not has_runtime_client():
            firehose = self._services.emulator.client("firehose", endpoint_url=self._services.url)
            return in_process_forwarder(
                self._settings.file,
                firehose=firehose,
                stream_name=DIRECT_NAME,
                s3=self._services.s3,
                bucket=NAME,
            )
        own = {_DELIVERY_STREAM_VARIABLE: DIRECT_NAME, _BUCKET_VARIABLE: NAME}
        return LambdaRuntime(
            FORWARDER,
            function_name=FORWARDER_ARN.rpartition(":")[2],
            environment={**self._environment, **own},
        )
