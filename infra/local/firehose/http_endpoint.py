"""An HTTP endpoint in front of a Firehose, for clients that speak AWS's protocol, such as boto3's.

    with endpoint(firehose) as url:
        client = boto3.client("firehose", endpoint_url=url, ...)

The protocol is AWS JSON 1.1: POST, the operation in X-Amz-Target, blobs in base64, times in seconds since the
epoch (BC-firehose, metadata and shapes). Signatures are not checked.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pybase64
from botocore.model import Shape

from ttl_archive.infra.local.firehose.http_server import HttpRequest, HttpResponse, LocalServer
from ttl_archive.infra.local.firehose.request_model import operation
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.infra.local.firehose.service_error import ServiceError

TARGET_PREFIX = "Firehose_20150804"  # BC-firehose, metadata
_OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "CreateDeliveryStream": Firehose.create_delivery_stream,
    "DeleteDeliveryStream": Firehose.delete_delivery_stream,
    "DescribeDeliveryStream": Firehose.describe_delivery_stream,
    "ListDeliveryStreams": Firehose.list_delivery_streams,
    "ListTagsForDeliveryStream": Firehose.list_tags_for_delivery_stream,
    "PutRecord": Firehose.put_record,
    "PutRecordBatch": Firehose.put_record_batch,
    "StartDeliveryStreamEncryption": Firehose.start_delivery_stream_encryption,
    "StopDeliveryStreamEncryption": Firehose.stop_delivery_stream_encryption,
    "TagDeliveryStream": Firehose.tag_delivery_stream,
    "UntagDeliveryStream": Firehose.untag_delivery_stream,
    "UpdateDestination": Firehose.update_destination,
}
# BC-firehose marks these as faults of the service; every other error is the client's, 400.
_STATUSES = {"ServiceUnavailableException": 503, "InternalFailure": 500}


@contextmanager
def endpoint(firehose: Firehose, *, port: int = 0) -> Iterator[str]:
    """Serve a Firehose on 127.0.0.1 until the block ends; the value of the block is its URL.

    The caller polls. Calls may arrive at any time, also while it polls.
    """
    with LocalServer(lambda request: firehose_response(firehose, request), port=port) as server:
        yield server.url


def firehose_response(firehose: Firehose, request: HttpRequest) -> HttpResponse:
    """Return the response to one HTTP request, errors included."""
    try:
        status, body = 200, call(firehose, request.header("X-Amz-Target"), request.body)
    except ServiceError as error:
        status = _STATUSES.get(error.code, 400)
        body = {"__type": error.code, "message": error.message}
    return json_response(status, body)


def json_response(status: int, body: Mapping[str, Any], version: str = "1.1") -> HttpResponse:
    """Return a response of AWS's JSON protocol, with a request id as every AWS response has."""
    headers = [("Content-Type", f"application/x-amz-json-{version}"), ("x-amzn-RequestId", str(uuid.uuid4()))]
    return HttpResponse(status, headers, json.dumps(body).encode())


def call(firehose: Firehose, target: str, body: bytes) -> dict[str, Any]:
    """Return the JSON value that answers one request; `target` is its X-Amz-Target header.

    Raises ServiceError for an unknown operation, an unreadable body, and whatever the operation refuses.
    """
    prefix, _, name = target.partition(".")
    if prefix != TARGET_PREFIX or name not in _OPERATIONS:
        raise ServiceError(
            "UnknownOperationException",
            f"X-Amz-Target has value '{target}'. Use one of {', '.join(_OPERATIONS)}.",
        )
    try:
        request = _decoded(operation(name).input_shape, json.loads(body or b"{}"))
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request cannot be read: {error}") from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "The request is not a JSON object.")
    answer: dict[str, Any] = _encoded(_OPERATIONS[name](firehose, **request))
    return answer


def _decoded(shape: Shape, value: Any) -> Any:
    """Return a JSON value as the model's: blobs become bytes. The check refuses what does not fit."""
    if isinstance(value, Mapping) and shape.type_name == "structure":
        members = shape.members
        # A null member is an absent one in this protocol.
        given = {name: member for name, member in value.items() if member is not None}
        return {n: _decoded(members[n], member) if n in members else member for n, member in given.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [_decoded(shape.member, member) for member in value]
    if isinstance(value, str) and shape.type_name == "blob":
        try:
            return pybase64.b64decode(value, validate=True)
        except ValueError as error:
            raise ValueError(f"a blob is not base64, {error}") from error
    return value


def _encoded(value: Any) -> Any:
    """Return an answer as JSON values: times become seconds."""
    if isinstance(value, Mapping):
        return {name: _encoded(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_encoded(member) for member in value]
    return value.timestamp() if isinstance(value, datetime) else value
