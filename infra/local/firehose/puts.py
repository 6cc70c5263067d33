"""PutRecord and PutRecordBatch, and faults on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.local.firehose.managed_stream import ManagedStream
from ttl_archive.infra.local.firehose.request_model import check_request, with_bytes
from ttl_archive.infra.local.firehose.service_error import ServiceError, invalid_argument

# FDG: limits, PutRecordBatch: data before base64. Records a call and bytes a record are in BC-firehose.
MAX_CALL_BYTES = 4 * 1024 * 1024
RECORDS_TOO_LARGE = "Records size exceeds 4 MB limit"  # SEEN osquery/osquery #3568
_SLOW_DOWN = "Slow down."  # SEEN boto/boto3 #2804

# Called before each put with the stream's name and the records' data. It returns the error code of each entry
# to refuse, by index (AWS: ServiceUnavailableException or InternalFailure), or raises ServiceError to refuse
# the call, such as throttled().
PutFault = Callable[[str, Sequence[bytes]], Mapping[int, str]]


def throttled() -> ServiceError:
    """Return the error for a call over the throughput limit, for a PutFault to raise."""
    return ServiceError("ServiceUnavailableException", _SLOW_DOWN)


def no_faults(_name: str, _data: Sequence[bytes]) -> Mapping[int, str]:
    """Refuse nothing."""
    return {}


@dataclass(frozen=True)
class Puts:
    """The two put operations over the delivery streams that `find` returns by name."""

    find: Callable[[str], ManagedStream]
    before_put: PutFault

    def put_record(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of PutRecord. Raises ServiceError for what the service refuses."""
        if "Record" in request:
            request["Record"] = with_bytes(request["Record"])
        check_request("PutRecord", request)
        managed = self.find(request["DeliveryStreamName"])
        source, data = managed.direct_put(), request["Record"]["Data"]
        refused = self.before_put(request["DeliveryStreamName"], [data])
        if 0 in refused:
            raise ServiceError(refused[0], _SLOW_DOWN)
        return {"RecordId": source.put(data), "Encrypted": managed.encryption.is_enabled}

    def put_record_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of PutRecordBatch. Raises ServiceError for what the service refuses."""
        records = request.get("Records")
        if isinstance(records, list):
            request["Records"] = [with_bytes(record) for record in records]
        check_request("PutRecordBatch", request)
        managed = self.find(request["DeliveryStreamName"])
        source, data = managed.direct_put(), [record["Data"] for record in request["Records"]]
        if sum(map(len, data)) > MAX_CALL_BYTES:
            raise invalid_argument(RECORDS_TOO_LARGE)
        refused = self.before_put(request["DeliveryStreamName"], data)
        responses = [
            {"ErrorCode": refused[index], "ErrorMessage": _SLOW_DOWN}
            if index in refused
            else {"RecordId": source.put(item)}
            for index, item in enumerate(data)
        ]
        return {
            "FailedPutCount": sum("ErrorCode" in response for response in responses),
            "Encrypted": managed.encryption.is_enabled,
            "RequestResponses": responses,
        }
