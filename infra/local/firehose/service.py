"""A strict Amazon Data Firehose on one machine: its operations, driven by `poll` and a clock.

    firehose = Firehose(s3=s3, functions={arn: function}, clock=clock)
    firehose.create_delivery_stream(DeliveryStreamName="d", ExtendedS3DestinationConfiguration={...})
    firehose.put_record(DeliveryStreamName="d", Record={"Data": b"..."})
    clock.advance(seconds=60)
    firehose.poll()                # does what is due; flush() does everything
    firehose.counts("d")

Requests and responses are those of boto3's firehose client, errors are ServiceError. Sources are Direct PUT
and Kinesis data streams, the destination is S3, the transformation is a Lambda function, with dynamic
partitioning by keys it returns. What AWS does beyond that is refused at creation, never ignored.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.configuration import DeliveryStreamConfig, configuration, require_local
from ttl_archive.infra.local.firehose.delivery_stream import Counts, DeliveryStream, Shared
from ttl_archive.infra.local.firehose.description import DeliveryStreamEntry
from ttl_archive.infra.local.firehose.error_objects import LambdaArnField
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.firehose.partitioning import ACTIVE_PARTITIONS_LIMIT
from ttl_archive.infra.local.firehose.processing import EventHead
from ttl_archive.infra.local.firehose.request_model import check_request, with_bytes
from ttl_archive.infra.local.firehose.service_error import ServiceError, invalid_argument
from ttl_archive.infra.local.firehose.source import DirectPut, KinesisShards, Source

__all__ = ["Counts", "Firehose", "PutFault", "ServiceError", "throttled"]

# FDG: limits, PutRecordBatch: data before base64. Records a call and bytes a record are in BC-firehose.
MAX_CALL_BYTES = 4 * 1024 * 1024
RECORDS_TOO_LARGE = "Records size exceeds 4 MB limit"  # SEEN osquery/osquery #3568
# SEEN aws/aws-cli #7010, awslabs/lambda-streams-to-firehose #60.
NOT_PERMITTED = "This operation is not permitted on KinesisStreamAsSource delivery stream type."
_SLOW_DOWN = "Slow down."  # SEEN boto/boto3 #2804
_DEFAULT_LIST_LIMIT = 10  # BC-firehose: ListDeliveryStreams
_MAX_FLUSH_ROUNDS = 1000

# Called before each put with the stream's name and the records' data. It gives the error code of each entry
# to refuse, by index (AWS: ServiceUnavailableException or InternalFailure), or raises ServiceError to refuse
# the call, such as throttled().
PutFault = Callable[[str, Sequence[bytes]], Mapping[int, str]]


def throttled() -> ServiceError:
    """The error of a call that came too fast, for a PutFault to raise."""
    return ServiceError("ServiceUnavailableException", _SLOW_DOWN)


def _no_faults(_name: str, _data: Sequence[bytes]) -> Mapping[int, str]:
    return {}


class Firehose:
    """The service. It has no threads of its own: `poll` and `flush` do the work, `clock` says what is due.

    `s3` and `kinesis` are boto3 clients; `functions` are found by Lambda ARN, with or without qualifier.
    `before_put` may be replaced at any time to make puts fail, see PutFault.

    The remaining options vary what is not verified about AWS: the name of the ARN in error objects, whether
    they are compressed, whether the date follows a prefix that has expressions but no timestamp; and the
    quota of active partitions and the source of unique names.

    Puts are safe from any thread, also from a function that is being invoked. Everything else belongs to the
    thread that polls.
    """

    def __init__(
        self,
        *,
        s3: Any,
        functions: Mapping[str, Function],
        clock: Clock,
        kinesis: Any = None,
        region: str = "us-east-1",
        account: str = "123456789012",
        lambda_arn_field: LambdaArnField = "lambdaARN",
        compress_error_objects: bool = False,
        date_after_expressions: bool = False,
        active_partitions_limit: int = ACTIVE_PARTITIONS_LIMIT,
        before_put: PutFault = _no_faults,
        uuids: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self.before_put = before_put
        self._shared = Shared(
            s3, functions, clock, uuids, lambda_arn_field, compress_error_objects, active_partitions_limit
        )
        self._kinesis = kinesis
        self._region = region
        self._account = account
        self._date_after_expressions = date_after_expressions
        self._streams: dict[str, DeliveryStream] = {}
        self._entries: dict[str, DeliveryStreamEntry] = {}

    def create_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Create a delivery stream, ACTIVE at once. A Kinesis source is read from LATEST."""
        check_request("CreateDeliveryStream", request)
        config = self._configuration(request)
        name = request["DeliveryStreamName"]
        if name in self._streams:
            raise ServiceError(
                "ResourceInUseException", f"Firehose {name} under accountId {self._account} already exists"
            )
        arn = f"arn:aws:firehose:{self._region}:{self._account}:deliverystream/{name}"
        head = EventHead(arn, self._region, config.kinesis_stream_arn)
        self._streams[name] = DeliveryStream(name, head, config, self._source(config), self._shared)
        self._entries[name] = DeliveryStreamEntry.created(name, arn, request, self._shared.clock.now())
        return {"DeliveryStreamARN": arn}

    def describe_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """The configuration with its defaults filled in, and the version that update_destination asks for."""
        check_request("DescribeDeliveryStream", request)
        name = request["DeliveryStreamName"]
        version = self._stream(name).version
        return {"DeliveryStreamDescription": self._entries[name].description(version)}

    def list_delivery_streams(self, /, **request: Any) -> dict[str, Any]:
        """Names in alphabetical order, after ExclusiveStartDeliveryStreamName, at most Limit (10)."""
        check_request("ListDeliveryStreams", request)
        kind = request.get("DeliveryStreamType")
        start = request.get("ExclusiveStartDeliveryStreamName", "")
        names = sorted(
            name
            for name, stream in self._streams.items()
            if name > start and kind in (None, stream.config.stream_type)
        )
        limit = request.get("Limit", _DEFAULT_LIST_LIMIT)
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def update_destination(self, /, **request: Any) -> dict[str, Any]:
        """Merge into the destination; ProcessingConfiguration is replaced as a whole (FLOCI probe)."""
        check_request("UpdateDestination", request)
        name = request["DeliveryStreamName"]
        stream = self._stream(name)
        updated = self._entries[name].updated(request, stream.version, self._shared.clock.now())
        config = self._configuration(updated.request)
        if config.dynamic_partitioning != stream.config.dynamic_partitioning:
            # FDG: dynamic-partitioning. The sentence is ours.
            raise invalid_argument(
                "Dynamic partitioning is set at creation: it cannot be turned on or off later."
            )
        if stream.config.backup and not config.backup:
            # FDG: "you can't update the Firehose stream to disable it". The sentence is ours.
            raise invalid_argument("S3BackupMode cannot be disabled once it was enabled.")
        self._entries[name] = updated
        stream.configure(config)
        return {}

    def delete_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Delete at once, with everything that is buffered, as AWS does: flush first to keep it."""
        check_request("DeleteDeliveryStream", request)
        name = request["DeliveryStreamName"]
        self._stream(name)
        del self._streams[name], self._entries[name]
        return {}

    def put_record(self, /, **request: Any) -> dict[str, Any]:
        """Take one record (at most 1,024,000 bytes; empty is allowed, BC-firehose: Data)."""
        if "Record" in request:
            request["Record"] = with_bytes(request["Record"])
        check_request("PutRecord", request)
        source = self._direct_put(request["DeliveryStreamName"])
        data = request["Record"]["Data"]
        refused = self.before_put(request["DeliveryStreamName"], [data])
        if 0 in refused:
            raise ServiceError(refused[0], _SLOW_DOWN)
        return {"RecordId": source.put(data), "Encrypted": False}

    def put_record_batch(self, /, **request: Any) -> dict[str, Any]:
        """Take 1 to 500 records and 4 MiB; answers each entry, in order, refused ones with an ErrorCode."""
        records = request.get("Records")
        if isinstance(records, list):
            request["Records"] = [with_bytes(record) for record in records]
        check_request("PutRecordBatch", request)
        source = self._direct_put(request["DeliveryStreamName"])
        data = [record["Data"] for record in request["Records"]]
        if sum(map(len, data)) > MAX_CALL_BYTES:
            raise invalid_argument(RECORDS_TOO_LARGE)
        refused = self.before_put(request["DeliveryStreamName"], data)
        responses = [
            {"ErrorCode": refused[index], "ErrorMessage": _SLOW_DOWN}
            if index in refused
            else {"RecordId": source.put(item)}
            for index, item in enumerate(data)
        ]
        failed = sum("ErrorCode" in response for response in responses)
        return {"FailedPutCount": failed, "Encrypted": False, "RequestResponses": responses}

    def poll(self) -> int:
        """Do all that is due at clock.now(); give the records moved, 0 when nothing is left to do now.

        A record is moved by being read, by being processed and by being stored in S3.
        """
        return sum(stream.work() for stream in list(self._streams.values()))

    def flush(self) -> None:
        """Deliver everything buffered, whatever the hints say, until nothing moves.

        What S3 refuses stays buffered (`counts(name).buffered`). Raises RuntimeError when records do not stop
        coming, as when a function re-ingests every record it is given.
        """
        for _ in range(_MAX_FLUSH_ROUNDS):
            if not sum(stream.work(everything=True) for stream in list(self._streams.values())):
                return
        raise RuntimeError(
            f"Records still move after {_MAX_FLUSH_ROUNDS} rounds: does a function re-ingest every record?"
        )

    def counts(self, name: str) -> Counts:
        """What became of a delivery stream's records, see Counts."""
        return self._stream(name).counts()

    def _configuration(self, request: Mapping[str, Any]) -> DeliveryStreamConfig:
        config = configuration(request, date_after_expressions=self._date_after_expressions)
        require_local(config)
        return config

    def _source(self, config: DeliveryStreamConfig) -> Source:
        if config.kinesis_stream_arn is None:
            return DirectPut(self._shared.clock, self._shared.uuids)
        if self._kinesis is None:
            raise invalid_argument("KinesisStreamAsSource needs a Kinesis client: Firehose(kinesis=...).")
        try:
            return KinesisShards(self._kinesis, config.kinesis_stream_arn, self._shared.clock)
        except ClientError as error:
            detail = error.response["Error"]
            raise invalid_argument(
                f"{config.kinesis_stream_arn} cannot be read: {detail['Code']}, {detail.get('Message', '')}"
            ) from error

    def _stream(self, name: str) -> DeliveryStream:
        if name not in self._streams:
            raise ServiceError(
                "ResourceNotFoundException", f"Firehose {name} under account {self._account} not found."
            )
        return self._streams[name]

    def _direct_put(self, name: str) -> DirectPut:
        source = self._stream(name).source
        if not isinstance(source, DirectPut):
            raise invalid_argument(NOT_PERMITTED)
        return source
