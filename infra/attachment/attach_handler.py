"""The entry that Lambda calls for the Create, Update and Delete of one streaming destination."""

from typing import Any

from ttl_archive.infra.attachment.attach import Destination, Waiter, attach, detach
from ttl_archive.infra.attachment.cloudformation_response import Send, put
from ttl_archive.infra.attachment.custom_resource import Event, make_client, respond
from ttl_archive.infra.attachment.ttl_check import describe_ttl

# Kept back from the function's time for sending the response, in seconds.
RESPONSE_S = 60.0


def handler(event: Event, context: Any, client: Any = None, send: Send = put, pause: Any = None) -> None:
    """Attach or detach the table, then respond. Tests pass the last three arguments."""

    def action() -> dict[str, str]:
        dynamodb = client or make_client("dynamodb")
        run = {"Create": _attach, "Update": _attach, "Delete": _detach}[event["RequestType"]]
        return run(event, dynamodb, lambda_waiter(context, pause))

    respond(event, _physical_id(event), action, send)


def _attach(event: Event, client: Any, waiter: Waiter) -> dict[str, str]:
    wanted = _destination(event["ResourceProperties"])
    ttl = describe_ttl(client, wanted.table, event["ResourceProperties"]["TtlAttribute"])
    attach(client, wanted, waiter, replaces=_previous_stream(event, wanted))
    return {"Ttl": ttl}


def _detach(event: Event, client: Any, waiter: Waiter) -> dict[str, str]:
    detach(client, _destination(event["ResourceProperties"]), waiter)
    return {}


def _destination(properties: dict[str, str]) -> Destination:
    return Destination(properties["TableName"], properties["StreamArn"], properties["Precision"])


def _previous_stream(event: Event, wanted: Destination) -> str | None:
    """Return the stream that the same table had before this update."""
    old = event.get("OldResourceProperties") or {}
    return old.get("StreamArn") if old.get("TableName") == wanted.table else None


def _physical_id(event: Event) -> str:
    """Return table and stream: when one changes, CloudFormation deletes the old pair after the update."""
    properties = event["ResourceProperties"]
    return f"{properties['TableName']} to {properties['StreamArn']}"


def lambda_waiter(context: Any, pause: Any) -> Waiter:
    """Return a waiter for the function's time, without what is kept back for the response."""

    def time_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - RESPONSE_S  # type: ignore[no-any-return]

    return Waiter(time_left, pause) if pause else Waiter(time_left)
