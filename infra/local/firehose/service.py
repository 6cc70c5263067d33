"""A strict Amazon Data Firehose on one machine: its operations, driven by `poll` and a clock.

    firehose = Firehose(s3=s3, functions={arn: function}, clock=clock)
    firehose.create_delivery_stream(DeliveryStreamName="d", ExtendedS3DestinationConfiguration={...})
    firehose.put_record(DeliveryStreamName="d", Record={"Data": b"..."})
    clock.advance(seconds=60)
    firehose.poll()                # does what is due; flush() does everything
    firehose.counts("d")

Requests and responses are those of boto3's firehose client, errors are ServiceError. What AWS does and this
Firehose does not is refused at creation, never ignored; README.md beside this file lists both.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ttl_archive.infra.local.firehose.checkpoints import Checkpoints
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.configuration import DeliveryStreamConfig, configuration, require_local
from ttl_archive.infra.local.firehose.control_limit import ControlLimit
from ttl_archive.infra.local.firehose.delivery_stream import DeliveryCounts, DeliveryStream, Shared
from ttl_archive.infra.local.firehose.description import DeliveryStreamEntry
from ttl_archive.infra.local.firehose.error_objects import LambdaArnField
from ttl_archive.infra.local.firehose.function import Function
from ttl_archive.infra.local.firehose.managed_stream import ManagedStream, ManagedStreams
from ttl_archive.infra.local.firehose.partitioning import ACTIVE_PARTITIONS_LIMIT
from ttl_archive.infra.local.firehose.processing import EventHead
from ttl_archive.infra.local.firehose.puts import PutFault, Puts, no_faults
from ttl_archive.infra.local.firehose.request_model import check_request
from ttl_archive.infra.local.firehose.source_opening import open_source

_DEFAULT_LIST_LIMIT = 10  # BC-firehose: ListDeliveryStreams
_DEFAULT_TAG_LIMIT = 50  # BC-firehose: ListTagsForDeliveryStream
_MAX_FLUSH_ROUNDS = 1000


class Firehose:
    """The service. It has no threads of its own: `poll` and `flush` do the work, `clock` says what is due.

    `s3` and `kinesis` are boto3 clients; `functions` are found by Lambda ARN, with or without qualifier.
    `before_put` may be replaced at any time to make puts fail, see PutFault. `control_limit.is_enforced`
    turns on the throttling of control calls. `checkpoints` is a mapping of text to text, such as an open
    `shelve`: a Firehose that is given the same one continues to read Kinesis data streams where the earlier
    one had stored everything, once its delivery streams are created again.

    The remaining options vary what is not verified about AWS: the name of the ARN in error objects, whether
    they are compressed, whether the date follows a prefix that has expressions but no timestamp, whether
    CustomTimeZone moves the time in the object's name; and the quota of active partitions and the source of
    unique names.

    Every operation may be called from any thread, and puts also from a function that is being invoked.
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
        suffix_in_time_zone: bool = True,
        active_partitions_limit: int = ACTIVE_PARTITIONS_LIMIT,
        enforce_control_limit: bool = False,
        checkpoints: MutableMapping[str, str] | None = None,
        before_put: PutFault = no_faults,
        uuids: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self.before_put = before_put
        self.control_limit = ControlLimit(clock, is_enforced=enforce_control_limit)
        self._shared = Shared(
            s3,
            functions,
            clock,
            uuids,
            lambda_arn_field,
            compress_error_objects,
            suffix_in_time_zone,
            active_partitions_limit,
        )
        self._kinesis = kinesis
        self._region = region
        self._account = account
        self._date_after_expressions = date_after_expressions
        self._checkpoints: MutableMapping[str, str] = {} if checkpoints is None else checkpoints
        self._streams = ManagedStreams(account)
        # Held while delivery streams work or change; never by a put, which may come from a function.
        self._lock = threading.RLock()
        self._stop_listening = clock.before_advance(self.receive)

    def create_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Create a delivery stream, shown as CREATING once. A Kinesis source is read from LATEST."""
        self._check("CreateDeliveryStream", request)
        config = self._configuration(request)
        name = request["DeliveryStreamName"]
        with self._lock:
            self._streams.check_absent(name)
            arn = f"arn:aws:firehose:{self._region}:{self._account}:deliverystream/{name}"
            head = EventHead(arn, self._region, config.kinesis_stream_arn)
            checkpoints = Checkpoints(self._checkpoints, name)
            source = open_source(
                self._kinesis,
                config.kinesis_stream_arn,
                self._shared.clock,
                self._shared.uuids,
                checkpoints,
            )
            stream = DeliveryStream(name, head, config, source, self._shared, checkpoints)
            entry = DeliveryStreamEntry.created(name, arn, request, self._shared.clock.now())
            self._streams.add(name, ManagedStream(stream, entry, checkpoints))
        return {"DeliveryStreamARN": arn}

    def describe_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Return the configuration with its defaults, and the version that update_destination asks for."""
        self._check("DescribeDeliveryStream", request)
        return {"DeliveryStreamDescription": self._streams.get(request["DeliveryStreamName"]).description()}

    def list_delivery_streams(self, /, **request: Any) -> dict[str, Any]:
        """Return names in alphabetical order, after ExclusiveStartDeliveryStreamName, at most Limit (10)."""
        self._check("ListDeliveryStreams", request)
        after = request.get("ExclusiveStartDeliveryStreamName", "")
        names = self._streams.names(after, request.get("DeliveryStreamType"))
        limit = request.get("Limit", _DEFAULT_LIST_LIMIT)
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def update_destination(self, /, **request: Any) -> dict[str, Any]:
        """Merge into the destination; ProcessingConfiguration is replaced as a whole (FLOCI probe)."""
        self._check("UpdateDestination", request)
        with self._lock:
            managed = self._streams.get(request["DeliveryStreamName"])
            entry = managed.entry.updated(request, managed.stream.version, self._shared.clock.now())
            config = self._configuration(entry.request)
            managed.update(entry, config)
        return {}

    def delete_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Delete at once, with everything that is buffered, as AWS does: flush first to keep it."""
        self._check("DeleteDeliveryStream", request)
        with self._lock:
            self._streams.remove(request["DeliveryStreamName"])
        return {}

    def tag_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Add tags, or overwrite those that have the same keys."""
        self._check("TagDeliveryStream", request)
        self._streams.get(request["DeliveryStreamName"]).tags.add(request["Tags"])
        return {}

    def untag_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Remove tags; a key that is absent is no error."""
        self._check("UntagDeliveryStream", request)
        self._streams.get(request["DeliveryStreamName"]).tags.remove(request["TagKeys"])
        return {}

    def list_tags_for_delivery_stream(self, /, **request: Any) -> dict[str, Any]:
        """Return tags after ExclusiveStartTagKey, at most Limit (50)."""
        self._check("ListTagsForDeliveryStream", request)
        tags = self._streams.get(request["DeliveryStreamName"]).tags
        return tags.page(request.get("ExclusiveStartTagKey"), request.get("Limit", _DEFAULT_TAG_LIMIT))

    def start_delivery_stream_encryption(self, /, **request: Any) -> dict[str, Any]:
        """Enable server-side encryption, of Direct PUT only; by default with a key that AWS owns."""
        self._check("StartDeliveryStreamEncryption", request)
        managed = self._streams.get(request["DeliveryStreamName"])
        managed.direct_put_encryption().start(request.get("DeliveryStreamEncryptionConfigurationInput"))
        return {}

    def stop_delivery_stream_encryption(self, /, **request: Any) -> dict[str, Any]:
        """Disable server-side encryption, of Direct PUT only."""
        self._check("StopDeliveryStreamEncryption", request)
        self._streams.get(request["DeliveryStreamName"]).direct_put_encryption().stop()
        return {}

    def put_record(self, /, **request: Any) -> dict[str, Any]:
        """Take one record (at most 1,024,000 bytes; empty is allowed, BC-firehose: Data)."""
        return Puts(self._streams.get, self.before_put).put_record(request)

    def put_record_batch(self, /, **request: Any) -> dict[str, Any]:
        """Take 1 to 500 records and 4 MiB; answer each entry, in order, refused ones with an ErrorCode."""
        return Puts(self._streams.get, self.before_put).put_record_batch(request)

    def receive(self) -> None:
        """Read every Kinesis source, so that what arrived until now is stamped with the time until now.

        The clock calls this before it advances. Raises botocore's ClientError when a source cannot be read.
        """
        with self._lock:
            for managed in self._streams:
                managed.stream.source.receive()

    def poll(self) -> int:
        """Do all that is due at clock.now(); return the records moved, 0 when nothing is left to do now.

        A record moves when it is read, when it is processed and when it is stored in S3.
        """
        return self._work(everything=False)

    def flush(self) -> None:
        """Deliver everything buffered, whatever the hints say, until nothing moves.

        What S3 refuses stays buffered (`counts(name).buffered`). Raises RuntimeError when records do not stop
        coming, as when a function re-ingests every record it is given.
        """
        for _ in range(_MAX_FLUSH_ROUNDS):
            if not self._work(everything=True):
                return
        raise RuntimeError(
            f"Records still move after {_MAX_FLUSH_ROUNDS} rounds: does a function re-ingest every record?"
        )

    def counts(self, name: str) -> DeliveryCounts:
        """Return what became of a delivery stream's records. Raises ServiceError for an unknown name."""
        return self._streams.get(name).stream.counts()

    def record_sizes(self, name: str) -> Mapping[int, int]:
        """Return how many records a delivery stream read of each size in bytes, before base64."""
        return dict(self._streams.get(name).stream.record_sizes)

    def close(self) -> None:
        """Stop reading sources when the clock advances."""
        self._stop_listening()

    def _work(self, *, everything: bool) -> int:
        with self._lock:
            return sum(managed.work(everything=everything) for managed in self._streams)

    def _check(self, operation: str, request: Mapping[str, Any]) -> None:
        self.control_limit.check(operation)
        check_request(operation, request)

    def _configuration(self, request: Mapping[str, Any]) -> DeliveryStreamConfig:
        config = configuration(request, date_after_expressions=self._date_after_expressions)
        require_local(config)
        return config
