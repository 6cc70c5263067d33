"""The clients of one process: each call is two points, before and after it took effect, where faults happen.

stall, kill        the process stops for some time, or for ever; interrupt: Ctrl-C
error, denied      the service refuses the call: after the SDK's own attempts, or at once
unreachable        the call never arrives
lost               the call takes effect and its answer is lost; resent: the SDK sends it again
late               the call arrives minutes later: the SDK sends it again, gives up, or the process is killed
conflict           S3 answers 409 to a conditional write
broken             the connection breaks within the body
corrupted          a byte of a file of rows changes on its way
short              the body ends early, without an error
overwritten        somebody overwrites the error object just before the call takes effect
partial, throttled a stream refuses some records, or all
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.fakes import client_error
from tests.simulation.s3_model import Body, S3Model
from tests.simulation.scheduler import DISTURBANCES, Process, Scheduler
from tests.simulation.stream_model import StreamModel

_ATTEMPTS = 3
_LATE_S = (1, 60, 600, 1000, 1900)
_COMMON = ("stall", "stall", "kill", "error", "denied", "unreachable")
_WRITE = (*_COMMON, "lost", "lost, resent", "late", "late, resent", "late, killed")
_CONDITIONAL = (*_WRITE, "conflict")
_ROWS = (*_CONDITIONAL, "corrupted", "corrupted")
_STREAM = (*_COMMON, "lost", "lost", "late", "late, killed", "throttled")
_READ = (*_COMMON, "broken", "broken", "short")
_ON_ERRORS = (*_COMMON, "overwritten", "overwritten", "overwritten")

Effect = Callable[[dict[str, Any]], dict[str, Any]]


class _Client:
    def __init__(
        self, scheduler: Scheduler, process: Process, overwrite: Callable[[str], None] = lambda key: None
    ) -> None:
        self._scheduler = scheduler
        self._process = process
        self._overwrite = overwrite

    def _call(
        self, operation: str, effect: Effect, request: dict[str, Any], kinds: tuple[str, ...], about: str
    ) -> dict[str, Any]:
        scheduler = self._scheduler
        for _ in range(_ATTEMPTS):
            fault = scheduler.chance.choice(kinds) if scheduler.point() else ""
            if fault:
                scheduler.note(f"{operation} {about}", f"fault: {fault}")
            if fault in DISTURBANCES:
                scheduler.disturb(fault)
            elif fault:
                scheduler.faults[fault] += 1
            self._refuse(operation, fault)
            if fault == "overwritten":
                self._overwrite(about.split()[0])
            if fault == "corrupted":
                request = request | {"Body": b"?" + request["Body"][1:]}
            if fault.startswith(("lost", "late")):
                self._lose(operation, effect, request, fault, about)
                continue
            return self._answer(operation, effect, request, about)
        raise ReadTimeoutError(endpoint_url="https://aws")

    def _answer(self, operation: str, effect: Effect, request: dict[str, Any], about: str) -> dict[str, Any]:
        try:
            answer = effect(request)
        except ClientError as error:
            self._scheduler.note(f"{operation} {about}", error.response["Error"]["Code"])
            raise
        self._scheduler.note(f"{operation} {about}")
        if self._scheduler.point():
            self._scheduler.disturb()
        return answer

    def _refuse(self, operation: str, fault: str) -> None:
        if fault == "error":
            raise client_error("InternalError", operation, 500)
        if fault == "denied":
            raise client_error("AccessDenied", operation, 403)
        if fault == "conflict":
            raise client_error("ConditionalRequestConflict", operation, 409)
        if fault == "throttled":
            raise client_error("ThrottlingException", operation, 400)
        if fault == "unreachable":
            raise EndpointConnectionError(endpoint_url="https://aws")

    def _lose(self, operation: str, effect: Effect, request: dict[str, Any], fault: str, about: str) -> None:
        """Let the call take effect now, or later, without an answer to whoever made it."""
        who = self._process.name

        def arrive() -> None:
            result = ""
            try:
                effect(request)
            except ClientError as error:
                result = error.response["Error"]["Code"]
            self._scheduler.note(f"{operation} {about} ({fault})", result, who)

        if fault.startswith("lost"):
            arrive()
        else:
            self._scheduler.at(self._scheduler.now_s + self._scheduler.chance.choice(_LATE_S), arrive)
        if fault.endswith("killed"):
            self._scheduler.note("killed")
            self._scheduler.kill()
        if not fault.endswith("resent"):
            raise ReadTimeoutError(endpoint_url="https://aws")


class S3Client(_Client):
    """boto3's S3 client, as far as replay and restore use it."""

    meta = SimpleNamespace(endpoint_url="https://s3.us-east-1.amazonaws.com", region_name="us-east-1")

    def __init__(
        self, scheduler: Scheduler, process: Process, model: S3Model, overwrite: Callable[[str], None]
    ) -> None:
        super().__init__(scheduler, process, overwrite)
        self._model = model

    def put_object(self, **request: Any) -> dict[str, Any]:
        """PutObject."""
        if not isinstance(request["Body"], bytes):
            request["Body"] = request["Body"].read()
        return self._write("PutObject", self._model.put_object, request)

    def copy_object(self, **request: Any) -> dict[str, Any]:
        """CopyObject."""
        return self._write("CopyObject", self._model.copy_object, request)

    def delete_object(self, **request: Any) -> dict[str, Any]:
        """DeleteObject."""
        return self._write("DeleteObject", self._model.delete_object, request)

    def head_object(self, **request: Any) -> dict[str, Any]:
        """HeadObject."""
        return self._call("HeadObject", self._model.head_object, request, _kinds(request), request["Key"])

    def restore_object(self, **request: Any) -> dict[str, Any]:
        """RestoreObject."""
        return self._call("RestoreObject", self._model.restore_object, request, _WRITE, request["Key"])

    def get_object(self, **request: Any) -> dict[str, Any]:
        """GetObject, whose body may break."""
        answer = self._call("GetObject", self._model.get_object, request, _kinds(request), request["Key"])
        scheduler = self._scheduler
        if scheduler.point():
            fault = scheduler.chance.choice(_READ if request["Key"].startswith("errors/") else _READ[:-1])
            scheduler.note(f"body of {request['Key']}", f"fault: {fault}")
            if fault in DISTURBANCES:
                scheduler.disturb(fault)
            elif fault in ("broken", "short"):
                scheduler.faults[fault] += 1
                content = answer["Body"].content
                length = scheduler.chance.randrange(len(content) + 1)
                answer["Body"] = Body(content, length) if fault == "broken" else Body(content[:length])
        return answer

    def get_paginator(self, operation: str) -> S3Client:
        """Return what pages through a listing."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        """ListObjectsV2, page by page."""
        after, truncated = "", True
        while truncated:
            page = self._call("ListObjectsV2", self._page(after), request, _COMMON, request["Prefix"])
            yield page
            truncated = page["IsTruncated"]
            after = page["Contents"][-1]["Key"] if truncated else ""

    def _page(self, after: str) -> Effect:
        return lambda request: self._model.list_objects(request, after)

    def _write(self, operation: str, effect: Effect, request: dict[str, Any]) -> dict[str, Any]:
        conditional = "IfMatch" in request or "IfNoneMatch" in request
        key = request["CopySource"]["Key"] if operation == "CopyObject" else request["Key"]
        about = key + "".join(f" {name}" for name in ("IfMatch", "IfNoneMatch") if name in request)
        if operation != "PutObject":
            kinds = (*_WRITE, *_ON_ERRORS)
        elif request["Key"].startswith("archive/"):
            kinds = _ROWS
        else:
            kinds = _CONDITIONAL if conditional else _WRITE
        return self._call(operation, effect, request, kinds, about)


def _kinds(request: dict[str, Any]) -> tuple[str, ...]:
    return _ON_ERRORS if request["Key"].startswith("errors/") else _COMMON


class StreamClient(_Client):
    """boto3's clients of Kinesis and Firehose, with the SDK's own attempts off."""

    def __init__(self, scheduler: Scheduler, process: Process, model: StreamModel) -> None:
        super().__init__(scheduler, process)
        self._model = model

    def describe_stream_summary(self, **request: Any) -> dict[str, Any]:
        """DescribeStreamSummary."""
        effect = self._model.describe_stream_summary
        return self._call("DescribeStreamSummary", effect, request, _COMMON, "")

    def describe_delivery_stream(self, **request: Any) -> dict[str, Any]:
        """DescribeDeliveryStream."""
        effect = self._model.describe_delivery_stream
        return self._call("DescribeDeliveryStream", effect, request, _COMMON, "")

    def put_records(self, **request: Any) -> dict[str, Any]:
        """PutRecords."""
        return self._put("PutRecords", self._model.put_records, request)

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        """PutRecordBatch."""
        return self._put("PutRecordBatch", self._model.put_record_batch, request)

    def _put(
        self, operation: str, put: Callable[..., dict[str, Any]], request: dict[str, Any]
    ) -> dict[str, Any]:
        """Send, where the stream may refuse some of the records."""
        records, scheduler, refused = len(request["Records"]), self._scheduler, frozenset[int]()
        if scheduler.chance.random() < scheduler.refusing:
            refused = frozenset(n for n in range(records) if scheduler.chance.random() < 0.5)
            scheduler.faults["partial"] += 1
        about = f"{records} records, {len(refused)} of them refused"
        return self._call(operation, lambda request: put(request, refused), request, _STREAM, about)


class DynamoClient(_Client):
    """boto3's DynamoDB client, as far as restore uses it."""

    meta = SimpleNamespace(endpoint_url="https://dynamodb.us-east-1.amazonaws.com", region_name="us-east-1")

    def __init__(self, scheduler: Scheduler, process: Process, put: Effect, describe: Effect) -> None:
        super().__init__(scheduler, process)
        self._put, self._describe = put, describe

    def describe_table(self, **request: Any) -> dict[str, Any]:
        """DescribeTable."""
        return self._call("DescribeTable", self._describe, request, _COMMON, "")

    def describe_time_to_live(self, **request: Any) -> dict[str, Any]:
        """DescribeTimeToLive."""
        answer = {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        return self._call("DescribeTimeToLive", lambda request: answer, request, _COMMON, "")

    def put_item(self, **request: Any) -> dict[str, Any]:
        """PutItem."""
        kinds = tuple(kind for kind in _WRITE if not kind.startswith("late"))
        return self._call("PutItem", self._put, request, kinds, request["Item"]["deviceID"]["S"])
