"""Attaches a table to a data stream and detaches it, whatever state the two are in, and waits until it is so.

found                      attach                        detach
nothing, DISABLED          enable, wait                  nothing to do
ENABLE_FAILED              enable, wait                  disable, wait
ENABLING, UPDATING         wait, look again              wait, look again
ACTIVE                     update a wrong precision      disable, wait
DISABLING                  wait, look again              wait, look again

Source: DynamoDB API Reference, DescribeKinesisStreamingDestination.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

POLL_S = 5.0
_IN_BETWEEN = frozenset({"ENABLING", "UPDATING", "DISABLING"})
_OFF = frozenset({None, "DISABLED"})
# Another change of the table is under way, or too many are. Source: the same reference, errors of Enable.
_PASSING = frozenset({"ResourceInUseException", "LimitExceededException", "ThrottlingException"})

Client = Any  # boto3's clients have no types
TimeLeft = Callable[[], float]


class DestinationError(Exception):
    """The table cannot be attached or detached; the text tells why and what to do."""


class NoTableError(DestinationError):
    """There is no such table in this account and Region."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"There is no table {table} in this account and Region. "
            'Check [table] name in archive.toml, or set [deploy] table = "create".'
        )


@dataclass(frozen=True, slots=True)
class Destination:
    """A table, the stream its changes go to, and the unit of their time: MICROSECOND or MILLISECOND."""

    table: str
    stream_arn: str
    precision: str = "MICROSECOND"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long there is to wait, in seconds, and how to."""

    time_left: TimeLeft
    pause: Callable[[float], None] = time.sleep


def attach(client: Client, wanted: Destination, patience: Patience, instead_of: str | None = None) -> None:
    """Bring the destination to ACTIVE. `instead_of`: a stream of ours that the table leaves for this one.

    Raises DestinationError.
    """
    if instead_of and instead_of != wanted.stream_arn:
        detach(client, Destination(wanted.table, instead_of), patience)
    asked = False
    while True:
        found = _settled(client, wanted, patience)
        status = found.get("DestinationStatus")
        precision = found.get("ApproximateCreationDateTimePrecision", wanted.precision if asked else None)
        if status == "ACTIVE" and precision == wanted.precision:
            return
        if status == "ENABLE_FAILED" and asked:
            why = found.get("DestinationStatusDescription") or "DynamoDB gives no reason"
            raise DestinationError(f"Table {wanted.table} cannot stream to {wanted.stream_arn}: {why}.")
        if status == "ACTIVE":
            asked |= _update_precision(client, wanted, patience)
        else:
            _refuse_second_stream(client, wanted)
            asked |= _enable(client, wanted, patience)


def detach(client: Client, wanted: Destination, patience: Patience) -> None:
    """Bring the destination to DISABLED, or find it gone, or the table. Raises DestinationError."""
    while True:
        try:
            found = _settled(client, wanted, patience)
        except NoTableError:
            return
        if found.get("DestinationStatus") in _OFF:
            return
        _call(client.disable_kinesis_streaming_destination, wanted, patience)


def _settled(client: Client, wanted: Destination, patience: Patience) -> dict[str, Any]:
    """What DynamoDB says of the destination, once it is in no state between two; {} if it knows none."""
    while True:
        found: dict[str, Any] = next(
            (known for known in _all(client, wanted) if known["StreamArn"] == wanted.stream_arn), {}
        )
        if found.get("DestinationStatus") not in _IN_BETWEEN:
            return found
        _wait(wanted, patience, f"is still {found['DestinationStatus']}")


def _all(client: Client, wanted: Destination) -> list[dict[str, Any]]:
    try:
        answer = client.describe_kinesis_streaming_destination(TableName=wanted.table)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise NoTableError(wanted.table) from None
        raise
    destinations: list[dict[str, Any]] = answer.get("KinesisDataStreamDestinations", [])
    return destinations


def _refuse_second_stream(client: Client, wanted: Destination) -> None:
    """A table streams to one Kinesis data stream. Source: DynamoDB Developer Guide, kds."""
    for other in _all(client, wanted):
        if other["StreamArn"] != wanted.stream_arn and other["DestinationStatus"] in ("ACTIVE", "UPDATING"):
            raise DestinationError(
                f"Table {wanted.table} streams to {other['StreamArn']} already, and a table can have one "
                "stream only. Disable that one first: aws dynamodb disable-kinesis-streaming-destination "
                f"--table-name {wanted.table} --stream-arn {other['StreamArn']}"
            )


def _enable(client: Client, wanted: Destination, patience: Patience) -> bool:
    configuration = {"ApproximateCreationDateTimePrecision": wanted.precision}
    return _call(
        client.enable_kinesis_streaming_destination,
        wanted,
        patience,
        EnableKinesisStreamingConfiguration=configuration,
    )


def _update_precision(client: Client, wanted: Destination, patience: Patience) -> bool:
    configuration = {"ApproximateCreationDateTimePrecision": wanted.precision}
    return _call(
        client.update_kinesis_streaming_destination,
        wanted,
        patience,
        UpdateKinesisStreamingConfiguration=configuration,
    )


def _call(call: Callable[..., Any], wanted: Destination, patience: Patience, **more: Any) -> bool:
    """Ask for a change; whether DynamoDB took it. One that is refused for now is asked for again, later."""
    try:
        call(TableName=wanted.table, StreamArn=wanted.stream_arn, **more)
    except ClientError as error:
        if error_code(error) not in _PASSING:
            raise
        _wait(wanted, patience, f"refuses the change for now ({error_code(error)})")
        return False
    # The status may come late: a look too early would see the state before, and ask again.
    _wait(wanted, patience, "has not begun to change")
    return True


def _wait(wanted: Destination, patience: Patience, why: str) -> None:
    if patience.time_left() < POLL_S:
        raise DestinationError(
            f"The streaming of table {wanted.table} to {wanted.stream_arn} {why}. Look at it with "
            f"aws dynamodb describe-kinesis-streaming-destination --table-name {wanted.table}; deploy again."
        )
    patience.pause(POLL_S)


def error_code(error: ClientError) -> str:
    """The service's own code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
