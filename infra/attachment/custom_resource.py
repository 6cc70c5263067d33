"""The entry that the custom resources share: run one request of CloudFormation and respond to it."""

from collections.abc import Callable, Mapping
from typing import Any

from ttl_archive.infra.attachment.cloudformation_response import Send, encoded, put, response

Event = Mapping[str, Any]
# Does what one request type asks, and returns the attributes that Fn::GetAtt reads.
Action = Callable[[], dict[str, str]]


class CustomResourceError(Exception):
    """A request that cannot be fulfilled; the text says why and what to do, for the stack's events."""


def respond(event: Event, physical_id: str, action: Action, send: Send = put) -> None:
    """Run the action and send its result, or the reason why it failed.

    Every exception becomes a response: without one, CloudFormation waits until ServiceTimeout.
    """
    print(f"{event['RequestType']} {physical_id}")  # noqa: T201  Lambda's log is stdout
    reason: str | None = None
    data: dict[str, str] = {}
    try:
        data = action()
    except CustomResourceError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  see the docstring
        reason = f"{type(error).__name__}: {error}"
    if reason:
        print(reason)  # noqa: T201
    send(event["ResponseURL"], encoded(response(event, physical_id, reason, data)))


def make_client(service: str) -> Any:
    """Return a boto3 client that retries. Imported here, so that tests can pass clients of their own."""
    import boto3
    from botocore.config import Config

    return boto3.client(service, config=Config(retries={"mode": "standard", "total_max_attempts": 5}))
