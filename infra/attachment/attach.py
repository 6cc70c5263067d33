"""Attach a table to a data stream, detach it, and wait until DynamoDB reports the new state.

state found                attach                        detach
none, DISABLED             enable, wait                  nothing
ENABLE_FAILED              enable, wait                  disable, wait
ENABLING, UPDATING         wait, look again              wait, look again
ACTIVE                     correct the precision         disable, wait
DISABLING                  wait, look again              wait, look again

Source: DynamoDB API Reference, DescribeKinesisStreamingDestination.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.custom_resource import CustomResourceError

POLL_S = 5.0
_CHANGING = frozenset({"ENABLING", "UPDATING", "DISABLING"})
_OFF = frozenset({None, "DISABLED"})
# Another change of the table is in progress, or too many are. Source: BC-dynamodb.
_TRANSIENT = frozenset({"ResourceInUseException", "LimitExceededException", "ThrottlingException"})
# UpdateKinesisStreamingDestination with the precision that is set already is a ValidationException with this
# text. Source: LS, services/dynamodb/test_dynamodb.snapshot.json, recorded 2025-07-23.
_PRECISION_IS_SET = "Precision is already set"

Client = Any  # boto3's clients have no types


class DestinationError(CustomResourceError):
    """The table cannot be attached or detached; the text says why and what to do."""


class NoTableError(DestinationError):
    """The table does not exist in this account and Region."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"There is no table {table} in this account and Region. "
            'Check [table] name in archive.toml, or set [deploy] table = "create".'
        )


@dataclass(frozen=True, slots=True)
class Destination:
    """A table, the stream that receives its changes, and their time unit: MICROSECOND or MILLISECOND."""

    table: str
    stream_arn: str
    precision: str = "MICROSECOND"


@dataclass(frozen=True, slots=True)
class Waiter:
    """The seconds that are left for waiting, and the function that waits."""

    time_left: Callable[[], float]
    pause: Callable[[float], None] = time.sleep


def attach(client: Client, wanted: Destination, waiter: Waiter, replaces: str | None = None) -> None:
    """Bring the destination to ACTIVE; first detach the table from the stream `replaces`, if there is one.

    Raises DestinationError.
    """
    if replaces and replaces != wanted.stream_arn:
        detach(client, Destination(wanted.table, replaces), waiter)
    changed = False
    while True:
        found = _settled(client, wanted, waiter)
        status = found.get("DestinationStatus")
        # DynamoDB does not report the precision of a destination that was enabled without one. Once this run
        # has set it, a missing value is no reason to set it again.
        precision = found.get("ApproximateCreationDateTimePrecision", wanted.precision if changed else None)
        if status == "ACTIVE" and precision == wanted.precision:
            return
        if status == "ENABLE_FAILED" and changed:
            why = found.get("DestinationStatusDescription") or "DynamoDB states no reason"
            raise DestinationError(f"Table {wanted.table} cannot stream to {wanted.stream_arn}: {why}.")
        if status == "ACTIVE":
            changed |= _update_precision(client, wanted, waiter)
        else:
            refuse_second_stream(client, wanted)
            changed |= _enable(client, wanted, waiter)


def detach(client: Client, wanted: Destination, waiter: Waiter) -> None:
    """Bring the destination to DISABLED; a missing destination or table counts as detached.

    Raises DestinationError when the time is up.
    """
    while True:
        try:
            found = _settled(client, wanted, waiter)
        except NoTableError:
            return
        if found.get("DestinationStatus") in _OFF:
            return
        _request_change(client.disable_kinesis_streaming_destination, wanted, waiter)


def destinations(client: Client, table: str) -> list[dict[str, Any]]:
    """Return every destination of the table as DynamoDB describes it. Raises NoTableError."""
    try:
        answer = client.describe_kinesis_streaming_destination(TableName=table)
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            raise NoTableError(table) from None
        raise
    found: list[dict[str, Any]] = answer.get("KinesisDataStreamDestinations", [])
    return found


def refuse_second_stream(client: Client, wanted: Destination) -> None:
    """Raise DestinationError when the table streams to another data stream, because it can have only one.

    Source: DynamoDB Developer Guide, kds.
    """
    for other in destinations(client, wanted.table):
        if other["StreamArn"] != wanted.stream_arn and other["DestinationStatus"] in ("ACTIVE", "UPDATING"):
            raise DestinationError(
                f"Table {wanted.table} already streams to {other['StreamArn']}, and a table can have only "
                "one stream. Disable that one first: aws dynamodb disable-kinesis-streaming-destination "
                f"--table-name {wanted.table} --stream-arn {other['StreamArn']}"
            )


def client_error_code(error: ClientError) -> str:
    """Return the error code of the service."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _settled(client: Client, wanted: Destination, waiter: Waiter) -> dict[str, Any]:
    """Return the destination once it is not changing; an empty dict when DynamoDB has none."""
    while True:
        found: dict[str, Any] = next(
            (
                known
                for known in destinations(client, wanted.table)
                if known["StreamArn"] == wanted.stream_arn
            ),
            {},
        )
        if found.get("DestinationStatus") not in _CHANGING:
            return found
        _wait(wanted, waiter, f"is still {found['DestinationStatus']}")


def _enable(client: Client, wanted: Destination, waiter: Waiter) -> bool:
    configuration = {"ApproximateCreationDateTimePrecision": wanted.precision}
    return _request_change(
        client.enable_kinesis_streaming_destination,
        wanted,
        waiter,
        EnableKinesisStreamingConfiguration=configuration,
    )


def _update_precision(client: Client, wanted: Destination, waiter: Waiter) -> bool:
    configuration = {"ApproximateCreationDateTimePrecision": wanted.precision}
    return _request_change(
        client.update_kinesis_streaming_destination,
        wanted,
        waiter,
        UpdateKinesisStreamingConfiguration=configuration,
    )


def _request_change(call: Callable[..., Any], wanted: Destination, waiter: Waiter, **more: Any) -> bool:
    """Request a change and wait once; return whether DynamoDB accepted it or had made it already."""
    try:
        call(TableName=wanted.table, StreamArn=wanted.stream_arn, **more)
    except ClientError as error:
        if _PRECISION_IS_SET in str(error):
            return True
        if client_error_code(error) not in _TRANSIENT:
            raise
        _wait(wanted, waiter, f"cannot be changed at the moment ({client_error_code(error)})")
        return False
    # The new status can appear late; a look too early would see the old one and request the change again.
    _wait(wanted, waiter, "has not begun to change")
    return True


def _wait(wanted: Destination, waiter: Waiter, why: str) -> None:
    if waiter.time_left() < POLL_S:
        raise DestinationError(
            f"The streaming of table {wanted.table} to {wanted.stream_arn} {why}. Look at it with "
            f"aws dynamodb describe-kinesis-streaming-destination --table-name {wanted.table}; "
            "then deploy again."
        )
    waiter.pause(POLL_S)
