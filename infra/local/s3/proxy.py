"""An HTTP proxy before the emulator's S3: restores that take hours, creation times by the clock, faults.

A client whose AWS_ENDPOINT_URL_S3 is the proxy sees S3 as it would be at the clock's time, except that
Last-Modified is the machine's time.
"""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.http_server import HttpRequest, HttpResponse, LocalServer
from ttl_archive.infra.local.moto_server.forward import EmulatorUnreachable, forward
from ttl_archive.infra.local.s3 import restore_status
from ttl_archive.infra.local.s3.retrievals import ARCHIVED, ObjectName, RetrievalRefused, Retrievals

# The requests that create, replace or delete an object: method and subresource.
_WRITES = {("PUT",), ("DELETE",), ("POST", "uploadId")}
# BC-s3: PutBucketLifecycleConfiguration; the first is the default.
_MINIMUM_SIZE = "x-amz-transition-default-minimum-object-size"
_MINIMUM_SIZES = ("all_storage_classes_128K", "varies_by_storage_class")
_RESTORE_NOW = b"<RestoreRequest><Days>1</Days></RestoreRequest>"


@dataclass
class Fault:
    """Requests to fail: by method and a part of the key, `times` of them after the first `skip`.

    With `truncate_to` the response is the true one, truncated after that many bytes of its body.
    """

    method: str
    key_part: str = ""
    skip: int = 0
    times: int = 1
    status: int = 503
    code: str = "SlowDown"
    truncate_to: int | None = None

    def strikes(self, request: HttpRequest) -> bool:
        """Return whether this request fails, and count it."""
        if request.method != self.method or self.key_part not in object_name(request)[1]:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0


class S3Proxy:
    """A context manager; `url` is the endpoint. `faults` may be added and cleared at any time."""

    def __init__(self, upstream_port: int, clock: Clock) -> None:
        self.faults: list[Fault] = []
        self._clock = clock
        self._retrievals = Retrievals(clock)
        self._created: dict[ObjectName, datetime] = {}
        self._minimum_sizes: dict[str, str] = {}
        self._upstream_port = upstream_port
        self._lock = threading.Lock()
        self._server = LocalServer(self.respond)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The S3 endpoint."""
        return self._server.url

    def created(self, bucket: str, key: str) -> datetime | None:
        """Return when an object was created through this proxy, by its clock."""
        return self._created.get((bucket, key))

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return the response to one request."""
        with self._lock:
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        if fault is not None and fault.truncate_to is None:
            return _error(fault.status, fault.code, "This fault was requested.")
        response = self._respond(request)
        cut_at = None if fault is None else fault.truncate_to
        return HttpResponse(response.status, response.headers, response.body, cut_at)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        name, parts = object_name(request), subresources(request)
        if "lifecycle" in parts:
            return self._lifecycle(request)
        if request.method == "POST" and "restore" in parts:
            return self._restore(request)
        if request.method in ("GET", "HEAD") and name[1] and not parts:
            return self._read(request)
        response = self._forward(request)
        if response.status == http.client.OK and "RestoreStatus" in request.header(restore_status.HEADER):
            return self._with_restore_status(request, response)
        if response.status < http.client.MULTIPLE_CHOICES and (request.method, *parts) in _WRITES:
            self._retrievals.forget(name)
            self._created.pop(name, None)
            if request.method != "DELETE":
                self._created[name] = self._clock.now()
        return response

    def _lifecycle(self, request: HttpRequest) -> HttpResponse:
        """Keep TransitionDefaultMinimumObjectSize, which moto 5.2.5 forgets (LS-s3)."""
        bucket = object_name(request)[0]
        size = request.header(_MINIMUM_SIZE) or _MINIMUM_SIZES[0]
        if request.method == "PUT" and size not in _MINIMUM_SIZES:
            return _error(400, "InvalidRequest", f"Invalid TransitionDefaultMinimumObjectSize found: {size}")
        response = self._forward(request)
        if response.status >= http.client.MULTIPLE_CHOICES:
            return response
        if request.method == "PUT":
            self._minimum_sizes[bucket] = size
        headers = [pair for pair in response.headers if pair[0].lower() != _MINIMUM_SIZE]
        headers.append((_MINIMUM_SIZE, self._minimum_sizes.get(bucket, _MINIMUM_SIZES[0])))
        return HttpResponse(response.status, headers, response.body)

    def _read(self, request: HttpRequest) -> HttpResponse:
        name = object_name(request)
        response = self._forward(request)
        if request.method == "GET" and _is_archived(response):
            if not self._retrievals.is_readable(name):
                return self._not_readable(request)
            if response.status == http.client.FORBIDDEN:
                self._forward(_about_same_object(request, "POST", "?restore", _RESTORE_NOW))
                response = self._forward(request)
        headers = [pair for pair in response.headers if pair[0].lower() != "x-amz-restore"]
        if restore := self._retrievals.header(name):
            headers.append(("x-amz-restore", restore))
        return HttpResponse(response.status, headers, response.body)

    def _with_restore_status(self, request: HttpRequest, listing: HttpResponse) -> HttpResponse:
        bucket, _ = object_name(request)
        body = restore_status.add_restore_status(
            listing.body, lambda key: self._retrievals.status((bucket, key))
        )
        return HttpResponse(listing.status, listing.headers, body)

    def _not_readable(self, request: HttpRequest) -> HttpResponse:
        # LS-s3: the error names the storage class.
        storage_class = self._storage_class(self._forward(_about_same_object(request, "HEAD")))
        message = "The operation is not valid for the object's storage class"
        return _error(403, "InvalidObjectState", message, StorageClass=storage_class)

    def _restore(self, request: HttpRequest) -> HttpResponse:
        head = self._forward(_about_same_object(request, "HEAD"))
        if head.status != http.client.OK:
            return _error(head.status, "NoSuchKey", "The specified key does not exist.")
        try:
            body = ElementTree.fromstring(request.body)  # noqa: S314 - our own clients write it
            tier = body.findtext(".//{*}Tier") or "Standard"
            days = int(body.findtext("{*}Days") or 1)
            with self._lock:
                status = self._retrievals.request(object_name(request), self._storage_class(head), tier, days)
        except (ElementTree.ParseError, ValueError):
            return _error(400, "MalformedXML", "The XML you provided was not well-formed.")
        except RetrievalRefused as refused:
            return _error(refused.status, refused.code, str(refused))
        return HttpResponse(status, [])

    @staticmethod
    def _storage_class(head: HttpResponse) -> str:
        return head.header("x-amz-storage-class") or "STANDARD"

    def _forward(self, request: HttpRequest) -> HttpResponse:
        try:
            return forward(request, self._upstream_port)
        except EmulatorUnreachable as error:
            return _error(503, "ServiceUnavailable", str(error))


def object_name(request: HttpRequest) -> ObjectName:
    """Return the bucket and key of a request; the key is empty for a request to a bucket."""
    bucket, _, key = unquote(urlsplit(request.target).path).lstrip("/").partition("/")
    return bucket, key


def subresources(request: HttpRequest) -> set[str]:
    """Return what the query names besides the object itself: `restore`, `uploadId`, `tagging`, ..."""
    return {*parse_qs(urlsplit(request.target).query, keep_blank_values=True)} - {"x-id", "versionId"}


def _about_same_object(request: HttpRequest, method: str, query: str = "", body: bytes = b"") -> HttpRequest:
    """Return another request about the same object, with the same credentials."""
    credentials = [pair for pair in request.headers if pair[0].lower() == "authorization"]
    return HttpRequest(method, urlsplit(request.target).path + query, credentials, body)


def _is_archived(response: HttpResponse) -> bool:
    """Return whether an object is archived. moto serves such an object for ever once it was restored."""
    refused = response.status == http.client.FORBIDDEN and b"InvalidObjectState" in response.body
    return refused or response.header("x-amz-storage-class") in ARCHIVED


def _error(status: int, code: str, message: str, **members: str) -> HttpResponse:
    elements = {"Code": code, "Message": message, **members}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
    return HttpResponse(status, [("Content-Type", "application/xml")], f"<Error>{inner}</Error>".encode())
