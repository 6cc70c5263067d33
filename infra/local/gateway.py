"""One endpoint for every service of this machine, for the AWS command line and any SDK.

Firehose and the Kinesis streaming destination are ours, S3 goes through the fault proxy, and the emulator
answers the rest.
"""

from __future__ import annotations

import json
from typing import Any, Self

from ttl_archive.infra.local.dynamodb.streaming_api import OPERATIONS, StreamingDestinations
from ttl_archive.infra.local.firehose.http_endpoint import TARGET_PREFIX, firehose_response, json_response
from ttl_archive.infra.local.firehose.http_server import HttpRequest, HttpResponse, LocalServer
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.infra.local.firehose.service_error import ServiceError
from ttl_archive.infra.local.moto_server.forward import EmulatorUnreachable, forward
from ttl_archive.infra.local.s3.proxy import S3Proxy

_DYNAMODB = "DynamoDB_20120810"  # BC-dynamodb, metadata


class Gateway:
    """A context manager; `url` is the endpoint of every service. `firehose` may be replaced."""

    def __init__(
        self,
        *,
        firehose: Firehose,
        destinations: StreamingDestinations,
        s3: S3Proxy,
        emulator_port: int,
        port: int = 0,
    ) -> None:
        self.firehose = firehose
        self._destinations = destinations
        self._s3 = s3
        self._emulator_port = emulator_port
        self._server = LocalServer(self.respond, port=port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        """The endpoint."""
        return self._server.url

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return the response of the service that a request is for."""
        prefix, _, operation = request.header("X-Amz-Target").partition(".")
        if prefix == TARGET_PREFIX:
            return firehose_response(self.firehose, request)
        if prefix == _DYNAMODB and operation in OPERATIONS:
            return self._stream(operation, request.body)
        if _signed_service(request) == "s3":
            return self._s3.respond(request)
        try:
            return forward(request, self._emulator_port)
        except EmulatorUnreachable as error:
            return json_response(503, {"__type": "ServiceUnavailable", "message": str(error)}, "1.0")

    def _stream(self, operation: str, body: bytes) -> HttpResponse:
        try:
            answer = OPERATIONS[operation](self._destinations, **_members(operation, body))
        except ServiceError as error:
            return json_response(400, {"__type": error.code, "message": error.message}, "1.0")
        return json_response(200, answer, "1.0")


def _members(operation: str, body: bytes) -> dict[str, Any]:
    """Return the members of a streaming request. Raises ServiceError for what is not readable or absent."""
    try:
        members = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request cannot be read: {error}") from error
    if not isinstance(members, dict):
        raise ServiceError("SerializationException", "The request is not a JSON object.")
    required = ("TableName",) if operation.startswith("Describe") else ("TableName", "StreamArn")
    for name in required:
        if not isinstance(members.get(name), str):
            raise ServiceError(
                "ValidationException",
                f"1 validation error detected: Value null at '{name[0].lower()}{name[1:]}' failed to satisfy"
                " constraint: Member must not be null",
            )
    # A table may be named by its ARN (BC-dynamodb: TableArn).
    return {**members, "TableName": members["TableName"].rpartition("/")[2]}


def _signed_service(request: HttpRequest) -> str:
    """Return the service that a request was signed for, from its credential scope; empty for none."""
    _, _, scope = request.header("Authorization").partition("Credential=")
    parts = scope.partition(",")[0].split("/")
    return parts[3] if len(parts) > 3 else ""
