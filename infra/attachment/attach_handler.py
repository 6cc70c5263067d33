"""The entry that Lambda calls: CloudFormation's Create, Update and Delete of one streaming destination."""

from collections.abc import Callable
from typing import Any

from ttl_archive.infra.attachment.attach import Destination, DestinationError, Patience, attach, detach
from ttl_archive.infra.attachment.cloudformation_response import Send, answer, encoded, put
from ttl_archive.infra.attachment.ttl_check import ttl_told

# Kept back from the function's time to send the answer.
ANSWER_S = 60.0


def handler(
    event: dict[str, Any], context: Any, client: Any = None, send: Send = put, pause: Any = None
) -> None:
    """Do what CloudFormation asks and answer it, whatever happens. The last three are for tests."""
    print(f"{event['RequestType']} {_physical_id(event)}")  # noqa: T201  Lambda's log is stdout
    reason: str | None = None
    data: dict[str, str] = {}
    try:
        data = _requests(event)(event, client or _client(), _patience(context, pause))
    except DestinationError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  unanswered, CloudFormation would wait for an hour
        reason = f"{type(error).__name__}: {error}"
    if reason:
        print(reason)  # noqa: T201
    send(event["ResponseURL"], encoded(answer(event, _physical_id(event), reason, data)))


def _attach(event: dict[str, Any], client: Any, patience: Patience) -> dict[str, str]:
    wanted = _destination(event["ResourceProperties"])
    ttl = ttl_told(client, wanted.table, event["ResourceProperties"]["TtlAttribute"])
    attach(client, wanted, patience, instead_of=_left_stream(event, wanted))
    return {"Ttl": ttl}


def _detach(event: dict[str, Any], client: Any, patience: Patience) -> dict[str, str]:
    detach(client, _destination(event["ResourceProperties"]), patience)
    return {}


def _requests(event: dict[str, Any]) -> Callable[[dict[str, Any], Any, Patience], dict[str, str]]:
    return {"Create": _attach, "Update": _attach, "Delete": _detach}[event["RequestType"]]


def _destination(properties: dict[str, str]) -> Destination:
    return Destination(properties["TableName"], properties["StreamArn"], properties["Precision"])


def _left_stream(event: dict[str, Any], wanted: Destination) -> str | None:
    """On an update that moves the same table to another stream of ours: the stream it leaves."""
    old = event.get("OldResourceProperties") or {}
    return old.get("StreamArn") if old.get("TableName") == wanted.table else None


def _physical_id(event: dict[str, Any]) -> str:
    """Table and stream: when one changes, CloudFormation deletes the old pair after the new one is made."""
    properties = event["ResourceProperties"]
    return f"{properties['TableName']} to {properties['StreamArn']}"


def _patience(context: Any, pause: Any) -> Patience:
    def time_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - ANSWER_S  # type: ignore[no-any-return]

    return Patience(time_left, pause) if pause else Patience(time_left)


def _client() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 5}))
