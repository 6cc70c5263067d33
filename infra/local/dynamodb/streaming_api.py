"""Enable, Describe, Update and Disable of the Kinesis streaming destination, which moto does not have.

The answers are those recorded on AWS (LS-ddb, test_kinesis_streaming_destination_crud, 2025-07-23). A message
without a source beside it is ours.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from botocore.exceptions import ClientError

from ttl_archive.infra.local.dynamodb.change_record import Precision
from ttl_archive.infra.local.dynamodb.streaming_destination import NotReplicated, StreamingDestination
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.encryption import DelayedStatus
from ttl_archive.infra.local.firehose.service_error import ServiceError

_log = logging.getLogger(__name__)

Request = Mapping[str, Any]

PRECISIONS = get_args(Precision)
_BOTH_IMAGES = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
NOTHING_TO_UPDATE = (
    "Streaming destination cannot be updated with given parameters:"
    " UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
)


@dataclass
class TableDestination:
    """The streaming destination of a table and what Describe shows of it."""

    stream_arn: str
    table_id: str
    status: DelayedStatus
    destination: StreamingDestination

    def described(self) -> dict[str, Any]:
        """Return the entry of DescribeKinesisStreamingDestination; without a precision none is shown."""
        shown = {"StreamArn": self.stream_arn, "DestinationStatus": self.status.read()}
        precision = self.destination.precision
        return shown if precision is None else {**shown, "ApproximateCreationDateTimePrecision": precision}


class StreamingDestinations:
    """The streaming destinations of all tables, one for each (DDB: kds); `run` replicates their changes.

    `dynamodb`, `streams` and `kinesis` are boto3 clients of the emulator. The operations take the arguments
    of boto3's DynamoDB client and return its answers; they raise ServiceError.
    """

    def __init__(self, *, dynamodb: Any, streams: Any, kinesis: Any, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._streams = streams
        self._kinesis = kinesis
        self._clock = clock
        self._tables: dict[str, TableDestination] = {}
        self._lock = threading.RLock()  # held while destinations run or change

    def of(self, table: str) -> StreamingDestination | None:
        """Return the destination of a table, also a disabled one; None when there was none."""
        found = self._tables.get(table)
        return None if found is None else found.destination

    def run(self) -> int:
        """Replicate all pending changes and return the number of records put; see StreamingDestination."""
        with self._lock:
            return sum(found.destination.run() for found in self._tables.values())

    def run_until_refused(self) -> None:
        """Replicate what data streams accept; what they refuse is kept, and the next run reports it."""
        with self._lock:
            for table, found in self._tables.items():
                try:
                    found.destination.run()
                except NotReplicated as error:
                    _log.warning("%s: %s", table, error)

    def enable_kinesis_streaming_destination(self, /, **request: Any) -> dict[str, Any]:
        """Replicate a table's changes to a data stream from now on."""
        with self._lock:
            table, arn = self._table(request), request["StreamArn"]
            settings = request.get("EnableKinesisStreamingConfiguration") or {}
            precision = _precision(settings, "enableKinesisStreamingConfiguration")
            found = self._tables.get(table["TableName"])
            if found is not None and found.destination.is_running:
                raise _invalid(
                    "Table is not in a valid state to enable Kinesis Streaming Destination:"
                    f" it has the streaming destination {found.stream_arn}. Disable it first."
                )
            self._check_stream(arn)
            self._enable_stream_of(table)
            if found is None or found.stream_arn != arn:
                found = self._new(table, arn)
                self._tables[table["TableName"]] = found
            found.destination.precision = precision
            found.destination.start()
            found.status = DelayedStatus("ENABLING", "ACTIVE")
            return _answer(request, "ENABLING", EnableKinesisStreamingConfiguration=dict(settings))

    def describe_kinesis_streaming_destination(self, /, **request: Any) -> dict[str, Any]:
        """Return the destinations of a table."""
        name = self._table(request)["TableName"]
        found = self._tables.get(name)
        return {
            "TableName": name,
            "KinesisDataStreamDestinations": [] if found is None else [found.described()],
        }

    def update_kinesis_streaming_destination(self, /, **request: Any) -> dict[str, Any]:
        """Change the precision."""
        with self._lock:
            self._table(request)
            settings = request.get("UpdateKinesisStreamingConfiguration") or {}
            precision = _precision(settings, "updateKinesisStreamingConfiguration")
            if precision is None:
                raise _invalid(NOTHING_TO_UPDATE)
            found = self._attached(request, "enable")
            if found.destination.precision == precision:
                raise _invalid(
                    f"Invalid Request: Precision is already set to the desired value of {precision}"
                    f" for tableId: {found.table_id}, kdsArn: {found.stream_arn}"
                )
            found.destination.run()  # changes until now keep the old precision
            found.destination.precision = precision
            found.status = DelayedStatus("UPDATING", "ACTIVE")
            return _answer(request, "UPDATING", UpdateKinesisStreamingConfiguration=dict(settings))

    def disable_kinesis_streaming_destination(self, /, **request: Any) -> dict[str, Any]:
        """Replicate what has changed until now, and then no more."""
        with self._lock:
            self._table(request)
            found = self._attached(request, "disable")
            found.destination.run()
            found.destination.stop()
            found.status = DelayedStatus("DISABLING", "DISABLED")
            return _answer(request, "DISABLING")

    def _attached(self, request: Request, what: str) -> TableDestination:
        found = self._tables.get(request["TableName"])
        if found is None or found.stream_arn != request["StreamArn"] or not found.destination.is_running:
            raise _invalid(
                f"Table is not in a valid state to {what} Kinesis Streaming Destination: No streaming"
                f" destination with streamArn: {request['StreamArn']} found for table with tableName:"
                f" {request['TableName']}"
            )
        return found

    def _new(self, table: Mapping[str, Any], stream_arn: str) -> TableDestination:
        name = table["TableName"]
        destination = StreamingDestination(
            streams=self._streams,
            kinesis=self._kinesis,
            table=name,
            stream_name=stream_arn.rpartition("/")[2],
            clock=self._clock,
            precision=None,
        )
        table_id = table.get("TableId", name)  # moto has no table id
        return TableDestination(stream_arn, table_id, DelayedStatus("ENABLING", "ACTIVE"), destination)

    def _table(self, request: Request) -> Mapping[str, Any]:
        name = request["TableName"]
        try:
            table: Mapping[str, Any] = self._dynamodb.describe_table(TableName=name)["Table"]
        except self._dynamodb.exceptions.ResourceNotFoundException as error:
            raise _not_found(f"Table: {name} not found") from error
        return table

    def _check_stream(self, arn: str) -> None:
        name = arn.rpartition("/")[2]
        try:
            self._kinesis.describe_stream_summary(StreamName=name)
        except ClientError as error:
            raise _not_found(f"Kinesis data stream: {arn} not found") from error

    def _enable_stream_of(self, table: Mapping[str, Any]) -> None:
        """Give the table the DynamoDB stream that the changes are read from. AWS needs none."""
        has = table.get("StreamSpecification") or {}
        if not has.get("StreamEnabled"):
            self._dynamodb.update_table(TableName=table["TableName"], StreamSpecification=_BOTH_IMAGES)
        elif has != _BOTH_IMAGES:
            raise _invalid(
                f"The local streaming destination reads the table's stream, whose view type is"
                f" {has.get('StreamViewType')}. Use NEW_AND_OLD_IMAGES, or no stream."
            )


OPERATIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "EnableKinesisStreamingDestination": StreamingDestinations.enable_kinesis_streaming_destination,
    "DescribeKinesisStreamingDestination": StreamingDestinations.describe_kinesis_streaming_destination,
    "UpdateKinesisStreamingDestination": StreamingDestinations.update_kinesis_streaming_destination,
    "DisableKinesisStreamingDestination": StreamingDestinations.disable_kinesis_streaming_destination,
}


def _answer(request: Request, status: str, **members: Any) -> dict[str, Any]:
    named = {name: request[name] for name in ("TableName", "StreamArn")}
    return {**named, "DestinationStatus": status, **members}


def _precision(settings: Mapping[str, Any], member: str) -> Precision | None:
    given: Precision | None = settings.get("ApproximateCreationDateTimePrecision")
    if given is not None and given not in PRECISIONS:
        raise _invalid(
            f"1 validation error detected: Value '{given}' at '{member}.approximateCreationDateTimePrecision'"
            " failed to satisfy constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]"
        )
    return given


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _not_found(what: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"Requested resource not found: {what}")
