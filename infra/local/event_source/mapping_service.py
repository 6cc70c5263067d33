"""The event source mappings of one machine: the operations of Lambda's API, driven by `poll` and a clock.

    mappings = EventSourceMappings(streams={arn: stream}, functions={arn: function}, s3=s3, clock=clock)
    created = mappings.create_event_source_mapping(EventSourceArn=..., FunctionName=..., StartingPosition=...)
    clock.advance(seconds=60)
    mappings.poll()                # does what is due; flush() does everything
    mappings.counts(created["UUID"])

Requests and answers are those of boto3's Lambda client, errors are ServiceError. README.md beside this file
says what is emulated.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.local.event_source.batch_processor import (
    BatchProcessor,
    MappingIdentity,
    Unverified,
)
from ttl_archive.infra.local.event_source.counts import MappingCounts
from ttl_archive.infra.local.event_source.faults import Fault, no_fault
from ttl_archive.infra.local.event_source.mapping import EventSourceMapping
from ttl_archive.infra.local.event_source.mapping_configuration import (
    DEFAULTS,
    MappingConfig,
    invalid_parameter,
    mapping_config,
)
from ttl_archive.infra.local.event_source.record_filter import DEFAULT_MAX_FILTERS
from ttl_archive.infra.local.event_source.stream import StreamReader
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.encryption import DelayedStatus
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.firehose.request_model import check_request
from ttl_archive.infra.local.firehose.service_error import ServiceError

_MAX_FLUSH_ROUNDS = 1000


@dataclass
class _Managed:
    request: dict[str, Any]
    mapping: EventSourceMapping
    state: DelayedStatus


class EventSourceMappings:
    """The service. It has no threads of its own: `poll` and `flush` do the work, `clock` says what is due.

    `streams` are found by ARN, `functions` by Lambda ARN without qualifier; `s3` takes the objects of
    on-failure destinations. `checkpoints` is a mapping of text to text: mappings that are created with the
    same `uuid` and the same checkpoints go on where the earlier ones had settled everything.

    `unverified` chooses what AWS does where that is not known; `all_operators` accepts every operator of
    EventBridge in filters. `fault` makes mappings fail, see faults.py, and may be replaced between polls.
    """

    def __init__(
        self,
        *,
        streams: Mapping[str, StreamReader],
        functions: Mapping[str, Function],
        clock: Clock,
        s3: Any = None,
        region: str = "us-east-1",
        account: str = "123456789012",
        checkpoints: MutableMapping[str, str] | None = None,
        unverified: Unverified | None = None,
        all_operators: bool = False,
        max_filters: int = DEFAULT_MAX_FILTERS,
        fault: Fault = no_fault,
        uuids: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self.fault = fault
        self._streams = streams
        self._functions = functions
        self._clock = clock
        self._s3 = s3
        self._region = region
        self._account = account
        self._checkpoints: MutableMapping[str, str] = {} if checkpoints is None else checkpoints
        self._unverified = unverified or Unverified()
        self._all_operators = all_operators
        self._max_filters = max_filters
        self._uuids = uuids
        self._mappings: dict[str, _Managed] = {}
        self._stop_listening = clock.before_advance(self.receive)

    def create_event_source_mapping(self, /, *, uuid: str | None = None, **request: Any) -> dict[str, Any]:
        """Create a mapping, shown as Creating once. `uuid`, which is ours, resumes an earlier one."""
        config = self._config(request)
        stream, function = self._stream(request), self._function_arn(request)
        self._require_new(request["EventSourceArn"], function)
        mapping_uuid = uuid or str(self._uuids())
        processor = BatchProcessor(
            MappingIdentity(mapping_uuid, function, request["EventSourceArn"]),
            config,
            self._functions[function],
            self._clock,
            MappingCounts(),
            self._s3,
            self._unverified,
            lambda point, records: self.fault(point, records),
            self._uuids,
        )
        mapping = EventSourceMapping(stream, processor, self._checkpoints)
        kept = {**DEFAULTS, **request, "FunctionArn": function}
        is_enabled = request.get("Enabled", True)
        state = DelayedStatus("Creating", "Enabled" if is_enabled else "Disabled")
        self._mappings[mapping_uuid] = _Managed(kept, mapping, state)
        if is_enabled:
            mapping.enable()
        return self._described(mapping_uuid)

    def get_event_source_mapping(self, /, *, UUID: str) -> dict[str, Any]:  # noqa: N803 - a name of the API
        """Return the configuration and the state."""
        return self._described(UUID)

    def list_event_source_mappings(self, /, **request: Any) -> dict[str, Any]:
        """Return the mappings, of one stream or one function when these are named."""
        arn, function = request.get("EventSourceArn"), request.get("FunctionName")
        found = [
            self._described(each)
            for each, managed in self._mappings.items()
            if arn in (None, managed.request["EventSourceArn"])
            and (function is None or self._arn(function) == managed.request["FunctionArn"])
        ]
        return {"EventSourceMappings": found}

    def update_event_source_mapping(self, /, *, UUID: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        """Change members, or enable and disable. What is not settled is read again.

        An empty FilterCriteria removes all filters, an empty Destination the destination.
        """
        check_request("UpdateEventSourceMapping", {"UUID": UUID, **request}, "lambda")
        managed = self._managed(UUID)
        changed = {**managed.request, **request}
        managed.mapping.configure(self._config(_created(changed)))
        managed.request = changed
        if request.get("Enabled") is not None:
            managed.mapping.enable() if request["Enabled"] else managed.mapping.disable()
        final = "Enabled" if managed.mapping.is_enabled else "Disabled"
        pending = {True: "Enabling", False: "Disabling", None: "Updating"}[request.get("Enabled")]
        managed.state = DelayedStatus(pending, final)
        return self._described(UUID)

    def delete_event_source_mapping(self, /, *, UUID: str) -> dict[str, Any]:  # noqa: N803
        """Delete a mapping with its place in the stream: another one begins at its starting position."""
        managed = self._managed(UUID)
        managed.state = DelayedStatus("Deleting", "Deleting")
        answer = self._described(UUID)
        managed.mapping.forget()
        del self._mappings[UUID]
        return answer

    def receive(self) -> None:
        """Read every stream. The clock calls this before it advances: AWS polls all the time."""
        for managed in list(self._mappings.values()):
            managed.mapping.receive()

    def poll(self) -> int:
        """Do all that is due now; return how often something changed, 0 when nothing is left to do now."""
        return self._work(everything=False)

    def flush(self) -> None:
        """Hand everything to the functions, whatever windows and pauses say, until nothing changes.

        A batch that fails is tried again at once while its retries are limited. What is throttled, or fails
        without such a limit, stays (`counts(uuid).waiting`).
        """
        for _ in range(_MAX_FLUSH_ROUNDS):
            if not self._work(everything=True):
                return
        raise RuntimeError(
            f"Records still move after {_MAX_FLUSH_ROUNDS} rounds: does a function write to its own table?"
        )

    def counts(self, UUID: str) -> MappingCounts:  # noqa: N803
        """Return what became of a mapping's records. Raises ServiceError for an unknown UUID."""
        return self._managed(UUID).mapping.counts()

    def close(self) -> None:
        """Stop reading streams when the clock advances."""
        self._stop_listening()

    def _work(self, *, everything: bool) -> int:
        return sum(managed.mapping.work(everything=everything) for managed in list(self._mappings.values()))

    def _config(self, request: Mapping[str, Any]) -> MappingConfig:
        return mapping_config(request, max_filters=self._max_filters, all_operators=self._all_operators)

    def _stream(self, request: Mapping[str, Any]) -> StreamReader:
        arn = request.get("EventSourceArn", "")
        if arn not in self._streams:
            raise invalid_parameter(f"Stream not found: {arn}")  # LS-esm
        return self._streams[arn]

    def _arn(self, function_name: str) -> str:
        """Return the ARN, without a qualifier, of a function that is named by name or ARN."""
        if function_name.startswith("arn:"):
            return ":".join(function_name.split(":")[:7])
        return f"arn:aws:lambda:{self._region}:{self._account}:function:{function_name}"

    def _function_arn(self, request: Mapping[str, Any]) -> str:
        arn = self._arn(request["FunctionName"])
        if arn not in self._functions:
            raise invalid_parameter("Function does not exist")
        return arn

    def _require_new(self, stream: str, function: str) -> None:
        for each, managed in self._mappings.items():
            if (managed.request["EventSourceArn"], managed.request["FunctionArn"]) == (stream, function):
                name = function.rpartition(":")[2]
                raise ServiceError(
                    "ResourceConflictException",
                    f'The event source arn (" {stream} ") and function (" {name} ") provided mapping already'
                    f" exists. Please update or delete the existing mapping with UUID {each}",
                )

    def _managed(self, mapping_uuid: str) -> _Managed:
        if mapping_uuid not in self._mappings:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")
        return self._mappings[mapping_uuid]

    def _described(self, mapping_uuid: str) -> dict[str, Any]:
        """Return the members that AWS shows (LS-esm, test_dynamodb_event_source_mapping)."""
        managed = self._managed(mapping_uuid)
        shown = {name: value for name, value in managed.request.items() if name not in _NOT_SHOWN}
        polled = managed.mapping.counts().acknowledged
        return {
            **shown,
            "UUID": mapping_uuid,
            "EventSourceMappingArn": (
                f"arn:aws:lambda:{self._region}:{self._account}:event-source-mapping:{mapping_uuid}"
            ),
            "LastProcessingResult": "OK" if polled else "No records processed",
            "State": managed.state.read(),
            "StateTransitionReason": "User action",
        }


_NOT_SHOWN = ("FunctionName", "Enabled")


def _created(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that a creation takes of what is kept."""
    return {name: value for name, value in request.items() if name != "FunctionArn"}
