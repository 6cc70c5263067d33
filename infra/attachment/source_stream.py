"""Find the stream of a table, or turn it on.

stream found                          with attach                                  without
none, or it is off                    turn it on with both images, wait            refuse
its view type has what is archived    nothing                                      nothing
its view type lacks it                refuse: a view type cannot be changed        the same

It is never turned off again, because other readers may use it, and a stream that nobody reads costs nothing.
Source: DynamoDB Developer Guide, Streams; DynamoDB API Reference, UpdateTable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import (
    POLL_S,
    Client,
    DestinationError,
    NoTableError,
    Waiter,
    client_error_code,
)

BOTH_IMAGES = "NEW_AND_OLD_IMAGES"


@dataclass(frozen=True, slots=True)
class WantedStream:
    """A table, and the view types of a stream that hold what is archived of it."""

    table: str
    view_types: tuple[str, ...]

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> "WantedStream":
        """Read the properties, where the view types are one text with commas."""
        return cls(properties["TableName"], tuple(properties["ViewTypes"].split(",")))


def turn_on(client: Client, wanted: WantedStream, waiter: Waiter) -> str:
    """Return the ARN of the table's stream once it is on.

    Raises DestinationError for a view type that lacks what is archived, and when the time is up.
    """
    requested = False
    while True:
        table = _described(client, wanted.table)
        _refuse_view_type(wanted, table)
        stream, settled = table.get("StreamSpecification", {}), table["TableStatus"] == "ACTIVE"
        if stream.get("StreamEnabled") and settled and table.get("LatestStreamArn"):
            return str(table["LatestStreamArn"])
        if not stream.get("StreamEnabled") and settled and not requested:
            requested = _request(client, wanted.table)
        _wait(wanted, waiter)


def check_view_type(client: Client, wanted: WantedStream) -> None:
    """Raise DestinationError when the table is missing, or its stream lacks what is archived."""
    _refuse_view_type(wanted, _described(client, wanted.table))


def _refuse_view_type(wanted: WantedStream, table: Mapping[str, Any]) -> None:
    """Raise DestinationError when the stream that DescribeTable shows lacks what is archived."""
    stream = table.get("StreamSpecification", {})
    found = stream.get("StreamViewType")
    if stream.get("StreamEnabled") and found not in wanted.view_types:
        raise DestinationError(
            f"The stream of table {wanted.table} has the view type {found}, which lacks what is archived: "
            f"it must be {' or '.join(wanted.view_types)}. A view type cannot be changed. Turn the stream "
            f"off with aws dynamodb update-table --table-name {wanted.table} --stream-specification "
            "StreamEnabled=false (its readers lose it), and deploy again: the stack turns it on. Or use "
            '[deploy] source = "kinesis"'
        )


def _described(client: Client, table: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = client.describe_table(TableName=table)["Table"]
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            raise NoTableError(table) from None
        raise
    return found


def _request(client: Client, table: str) -> bool:
    """Turn the stream on; return whether DynamoDB accepted it. A table that is changing refuses it."""
    specification = {"StreamEnabled": True, "StreamViewType": BOTH_IMAGES}
    try:
        client.update_table(TableName=table, StreamSpecification=specification)
    except ClientError as error:
        if client_error_code(error) not in ("ResourceInUseException", "LimitExceededException"):
            raise
        return False
    return True


def _wait(wanted: WantedStream, waiter: Waiter) -> None:
    if waiter.time_left() < POLL_S:
        raise DestinationError(
            f"The stream of table {wanted.table} is not on yet. Look at it with aws dynamodb describe-table "
            f"--table-name {wanted.table}; then deploy again."
        )
    waiter.pause(POLL_S)
