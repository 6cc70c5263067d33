"""Kinesis data streams with a maximum record size, which moto 5.2.5 does not have.

Source: KDS-l; BC-kinesis: CreateStream, UpdateMaxRecordSize, DescribeStreamSummary, PutRecords.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.kinesis.exceptions import RecordSizeExceedsLimit, TooManyRecords, TotalRecordsSizeExceedsLimit
from moto.kinesis.models import KinesisBackend, Stream
from moto.kinesis.responses import KinesisResponse

DEFAULT_MAX_RECORD_KIB = 1024
MAX_CALL_RECORDS = 500
# BC-kinesis: PutRecords, 10 MiB with the partition keys. moto has the earlier limit of 5 MiB.
MAX_CALL_BYTES = 10 * 1024 * 1024


def support_large_records(replace: Callable[[Any, str, Any], None]) -> None:
    """Add the setting to moto's classes; `replace(owner, name, by)` fails for a name that moto has not."""
    create_stream, to_json_summary = KinesisResponse.create_stream, Stream.to_json_summary

    def create(self: KinesisResponse) -> ActionResult:
        answer = create_stream(self)
        _set_size(self, stream_name=self._get_param("StreamName"))
        return answer

    def summary(self: Stream) -> dict[str, Any]:
        answer = to_json_summary(self)
        answer["StreamDescriptionSummary"]["MaxRecordSizeInKiB"] = max_record_kib(self)
        return answer

    replace(KinesisResponse, "create_stream", create)
    replace(Stream, "to_json_summary", summary)
    replace(KinesisBackend, "put_records", _put_records)
    # moto finds an operation by the name of its method.
    KinesisResponse.update_max_record_size = _update_max_record_size  # type: ignore[attr-defined]


def max_record_kib(stream: Stream) -> int:
    """Return the maximum record size of a data stream."""
    return int(getattr(stream, "max_record_size_kib", DEFAULT_MAX_RECORD_KIB))


def _set_size(response: KinesisResponse, **name: str | None) -> None:
    size = response._get_param("MaxRecordSizeInKiB")  # moto's own way to read a parameter
    if size is not None:
        arn = name.get("stream_arn")
        stream = response.kinesis_backend.describe_stream(arn, name.get("stream_name"))
        stream.max_record_size_kib = int(size)  # type: ignore[attr-defined]


def _update_max_record_size(self: KinesisResponse) -> ActionResult:
    _set_size(self, stream_arn=self._get_param("StreamARN"), stream_name=self._get_param("StreamName"))
    return EmptyResult()


def _put_records(
    self: KinesisBackend, stream_arn: str, stream_name: str, records: list[dict[str, Any]]
) -> dict[str, Any]:
    """Do PutRecords as moto does, with the limits of today."""
    stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
    if len(records) > MAX_CALL_RECORDS:
        raise TooManyRecords
    sizes = [len(b64decode(r.get("Data", ""))) + len(r.get("PartitionKey", "").encode()) for r in records]
    if sum(sizes) > MAX_CALL_BYTES:
        raise TotalRecordsSizeExceedsLimit
    for position, size in enumerate(sizes, start=1):
        if size > max_record_kib(stream) * 1024:
            raise RecordSizeExceedsLimit(position=position)
    placed = [
        stream.put_record(r["PartitionKey"], r.get("ExplicitHashKey", ""), r.get("Data", "")) for r in records
    ]
    return {
        "FailedRecordCount": 0,
        "Records": [{"SequenceNumber": sequence, "ShardId": shard} for sequence, shard in placed],
    }
