"""The entry that Lambda calls for the layout guard, the layout record and the drain guard.

resource type          when                            what it does
Custom::LayoutGuard    before every part of the stack  refuses what would hide or strand rows, or fail later
Custom::LayoutRecord   after the delivery stream       writes the deployed layout into the bucket
Custom::DrainGuard     after the delivery stream       refuses to lose what the delivery stream has buffered
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.attachment.cloudformation_response import Send, put
from ttl_archive.infra.attachment.custom_resource import CustomResourceError, Event, make_client, respond
from ttl_archive.infra.attachment.deployed_layout import (
    Clients,
    StackParts,
    read_deployed,
    stack_parts,
    write_record,
)
from ttl_archive.infra.attachment.deployed_road import (
    SYSTEM_CLOCK,
    DeployedRoad,
    PausingClock,
    confirmed_reasons,
)
from ttl_archive.infra.attachment.drained import DeployedKinesisRoad
from ttl_archive.infra.attachment.forwarded import DeployedStreamsRoad
from ttl_archive.infra.attachment.layout_rules import Layout, incompatible_changes
from ttl_archive.infra.attachment.leaving_road import reasons_to_keep
from ttl_archive.infra.attachment.preflight import Wanted, problems

_PART_IDS = {
    "bucket": "BucketId",
    "database": "DatabaseId",
    "delivery_stream": "DeliveryStreamId",
    "stream": "StreamId",
    "table": "TableId",
}


class RefusedError(CustomResourceError):
    """A change that must not be made; the text names each reason with its way out."""


def handler(
    event: Event,
    context: Any,  # noqa: ARG001  Lambda passes it
    clients: Clients = make_client,
    send: Send = put,
    clock: PausingClock = SYSTEM_CLOCK,
) -> None:
    """Run one request and respond. Tests pass the last three arguments."""
    request = _Request(event, clients, clock)
    run = _ACTIONS[event["ResourceType"]]
    respond(event, _physical_id(event), lambda: run(request), send)


@dataclass(frozen=True, slots=True)
class _Request:
    event: Event
    clients: Clients
    clock: PausingClock

    @property
    def kind(self) -> str:
        return str(self.event["RequestType"])

    @property
    def properties(self) -> dict[str, str]:
        found: dict[str, str] = self.event["ResourceProperties"]
        return found

    def parts(self) -> StackParts:
        ids = {part: self.properties.get(name, "") for part, name in _PART_IDS.items()}
        return stack_parts(self.clients, self.event["StackId"], ids)


def _guard_layout(request: _Request) -> dict[str, str]:
    if request.kind == "Delete":
        return {}
    parts = request.parts()
    if _is_rollback(parts):
        return {}
    wanted = Wanted.from_properties(request.event["StackId"], request.properties)
    deployed = read_deployed(request.clients, parts, wanted.layout)
    refused = incompatible_changes(wanted.layout, deployed) if deployed else []
    refused += problems(request.clients, wanted, parts)
    if deployed:
        refused += reasons_to_keep(
            request.clients,
            wanted.stack_id,
            wanted.layout,
            deployed,
            int(request.properties["BuffersSeconds"]),
            request.clock.now(),
        )
    if refused:
        raise RefusedError(" ".join(f"({number}) {text}." for number, text in enumerate(refused, 1)))
    return {}


def _record_layout(request: _Request) -> dict[str, str]:
    """Write the record. A deletion keeps it, because the rows that it describes are kept."""
    if request.kind != "Delete":
        layout = Layout.from_json(request.properties["Layout"])
        write_record(request.clients, request.properties["Bucket"], layout)
    return {}


def _guard_drain(request: _Request) -> dict[str, str]:
    """Refuse to delete or replace a delivery stream that may hold records. A new one has none."""
    if request.kind == "Create" or _is_rollback(request.parts()):
        return {}
    lost = request.properties
    if request.kind == "Update":
        lost = request.event["OldResourceProperties"]
        if lost["DeliveryStreamName"] == request.properties["DeliveryStreamName"]:
            return {}
    road = _road(lost)
    waits = confirmed_reasons(request.clients, road, request.clock)
    if waits:
        raise RefusedError(
            f"The delivery stream {road.delivery_stream} would be deleted before it is drained: "
            f"{'; '.join(waits)}. Run ttl-archive drain, then delete or deploy again."
        )
    return {}


def _road(properties: dict[str, str]) -> DeployedRoad:
    """Return the road of a drain guard; only the Streams road has a function that forwards."""
    if "FunctionName" in properties:
        return DeployedStreamsRoad.from_properties(properties)
    return DeployedKinesisRoad.from_properties(properties)


def _is_rollback(parts: StackParts) -> bool:
    """Return whether CloudFormation restores an earlier state, which must never be refused.

    ROLLBACK_… is a failed creation, UPDATE_ROLLBACK_… a failed update.
    """
    return "ROLLBACK" in parts.status and not parts.status.endswith("_COMPLETE")


def _physical_id(event: Event) -> str:
    """Return a constant, so that an update is never a replacement."""
    return f"{event['ResourceType'].removeprefix('Custom::')} of {event['LogicalResourceId']}"


_ACTIONS: dict[str, Callable[[_Request], dict[str, str]]] = {
    "Custom::LayoutGuard": _guard_layout,
    "Custom::LayoutRecord": _record_layout,
    "Custom::DrainGuard": _guard_drain,
}
