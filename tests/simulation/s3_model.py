"""S3 as its documentation has it: one bucket, strongly consistent, with conditions, versions and checksums.

A call takes boto3's arguments and returns boto3's answer, or raises what boto3 raises. `Weakness` takes the
conditions away, as some stores do that speak S3's protocol.
Source: Amazon S3 User Guide, conditional requests; S3 API Reference, PutObject, CopyObject, DeleteObject.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ResponseStreamingError

from tests.fakes import client_error
from tests.simulation.glacier_model import GLACIER, GlacierModel

BUCKET = "bucket"
_PAGE = 3  # keys in a page of a listing: few, so that paging is always at work


@dataclass(frozen=True)
class Weakness:
    """Which conditions a store ignores. With `refuses` it answers NotImplemented to each of them."""

    if_match: bool = False
    if_none_match: bool = False
    if_match_on_read: bool = False
    if_match_on_delete: bool = False
    refuses: bool = False

    @property
    def forbids_runs(self) -> bool:
        """Whether a run must refuse the store: it cannot keep two runs apart there."""
        return self.if_match or self.if_none_match or self.if_match_on_read or self.refuses

    @property
    def forbids_deletions(self) -> bool:
        """Whether nothing may be deleted in the store."""
        return self.forbids_runs or self.if_match_on_delete


@dataclass(frozen=True)
class Stored:
    """One version of an object."""

    body: bytes
    etag: str  # without quotes
    version: str
    modified: datetime
    metadata: dict[str, str]
    storage_class: str = "STANDARD"


@dataclass
class S3Model:
    """The bucket. `versions` has every object that ever was, also where versioning is off.

    Only with `glacier` may an object be in GLACIER.
    """

    now: Callable[[], datetime]
    weakness: Weakness = Weakness()
    versioned: bool = False
    glacier: GlacierModel | None = None
    objects: dict[str, Stored] = field(default_factory=dict)
    versions: list[tuple[str, Stored]] = field(default_factory=list)

    def keys(self, prefix: str) -> list[str]:
        """Every key under the prefix, in the order of a listing."""
        return sorted(key for key in self.objects if key.startswith(prefix))

    def store(
        self, key: str, body: bytes, metadata: dict[str, str] | None = None, storage_class: str = "STANDARD"
    ) -> Stored:
        """Write without a condition."""
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        version = f"v{len(self.versions)}"
        stored = Stored(body, etag, version, self.now(), metadata or {}, storage_class)
        self.objects[key] = stored
        self.versions.append((key, stored))
        return stored

    def put_object(self, request: dict[str, Any]) -> dict[str, Any]:
        """PutObject. If-Match on a key that is not there is NoSuchKey, else PreconditionFailed."""
        key, body = request["Key"], request["Body"]
        self._check_write(key, request, "PutObject")
        if "ChecksumSHA256" in request and _sha256(body) != request["ChecksumSHA256"]:
            raise client_error("BadDigest", "PutObject", 400)
        stored = self.store(key, body, dict(request.get("Metadata", {})))
        return {"ETag": f'"{stored.etag}"'} | self._version_of(stored)

    def get_object(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetObject, with If-Match and a Range that has no end."""
        stored = self._found(request["Key"], "GetObject", "NoSuchKey", request.get("VersionId"))
        self._check_read(stored, request, "GetObject")
        if self.glacier and stored.storage_class == GLACIER and not self.glacier.is_readable(stored.version):
            raise client_error("InvalidObjectState", "GetObject", 403)
        start = int(request.get("Range", "bytes=0-")[6:-1])
        answer = {"ETag": f'"{stored.etag}"', "Body": Body(stored.body[start:]), "Metadata": stored.metadata}
        return answer | {"ContentLength": len(stored.body) - start} | self._version_of(stored)

    def head_object(self, request: dict[str, Any]) -> dict[str, Any]:
        """HeadObject. Its errors have no body, so their code is the status."""
        stored = self._found(request["Key"], "HeadObject", "404", request.get("VersionId"))
        self._check_read(stored, request, "HeadObject")
        retrieval = self.glacier.header(stored.version) if self.glacier else {}
        return (
            retrieval
            | {
                "ETag": f'"{stored.etag}"',
                "ContentLength": len(stored.body),
                "LastModified": stored.modified,
                "Metadata": stored.metadata,
            }
            | self._version_of(stored)
        )

    def copy_object(self, request: dict[str, Any]) -> dict[str, Any]:
        """CopyObject within the bucket; the condition is on the source."""
        source = request["CopySource"]
        stored = self._found(source["Key"], "CopyObject", "NoSuchKey", source.get("VersionId"))
        expected = request.get("CopySourceIfMatch", stored.etag).strip('"')
        if expected != stored.etag:
            raise client_error("PreconditionFailed", "CopyObject", 412)
        self._check_write(request["Key"], request, "CopyObject")
        copy = self.store(request["Key"], stored.body, stored.metadata)
        return {"CopyObjectResult": {"ETag": f'"{copy.etag}"'}} | self._version_of(copy)

    def delete_object(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteObject. Without a condition, deleting what is not there succeeds."""
        stored = self.objects.get(request["Key"])
        if (expected := request.get("IfMatch")) and not self.weakness.if_match_on_delete:
            if stored is None:
                raise client_error("NoSuchKey", "DeleteObject", 404)
            if expected not in ("*", f'"{stored.etag}"', stored.etag):
                raise client_error("PreconditionFailed", "DeleteObject", 412)
        self.objects.pop(request["Key"], None)
        return {}

    def restore_object(self, request: dict[str, Any]) -> dict[str, Any]:
        """RestoreObject."""
        stored = self._found(request["Key"], "RestoreObject", "NoSuchKey", None)
        if not self.glacier or stored.storage_class != GLACIER:
            raise client_error("InvalidObjectState", "RestoreObject", 403)
        self.glacier.request(stored.version)
        return {}

    def list_objects(self, request: dict[str, Any], after: str) -> dict[str, Any]:
        """Return one page of a listing, of the keys after that one."""
        keys = [key for key in self.keys(request.get("Prefix", "")) if key > after]
        contents = [
            {
                "Key": key,
                "ETag": f'"{self.objects[key].etag}"',
                "Size": len(self.objects[key].body),
                "LastModified": self.objects[key].modified,
                "StorageClass": self.objects[key].storage_class,
            }
            | self._retrieval_status(key, request)
            for key in keys[:_PAGE]
        ]
        page: dict[str, Any] = {"Contents": contents} if contents else {}
        return page | {"KeyCount": len(contents), "IsTruncated": len(keys) > _PAGE}

    def _retrieval_status(self, key: str, request: dict[str, Any]) -> dict[str, Any]:
        asked = "RestoreStatus" in request.get("OptionalObjectAttributes", ())
        return self.glacier.status(self.objects[key].version) if self.glacier and asked else {}

    def _check_write(self, key: str, request: dict[str, Any], operation: str) -> None:
        if_match, if_none_match = request.get("IfMatch"), request.get("IfNoneMatch")
        if (if_match or if_none_match) and self.weakness.refuses:
            raise client_error("NotImplemented", operation, 501)
        stored = self.objects.get(key)
        if if_none_match and stored and not self.weakness.if_none_match:
            raise client_error("PreconditionFailed", operation, 412)
        if if_match and not self.weakness.if_match:
            if stored is None:
                raise client_error("NoSuchKey", operation, 404)
            if if_match.strip('"') != stored.etag:
                raise client_error("PreconditionFailed", operation, 412)

    def _check_read(self, stored: Stored, request: dict[str, Any], operation: str) -> None:
        expected = request.get("IfMatch", stored.etag).strip('"')
        if expected != stored.etag and not self.weakness.if_match_on_read:
            raise client_error("412" if operation == "HeadObject" else "PreconditionFailed", operation, 412)

    def _found(self, key: str, operation: str, code: str, version: str | None) -> Stored:
        if version:
            found = [each for name, each in self.versions if (name, each.version) == (key, version)]
            if not found:
                raise client_error("NoSuchVersion", operation, 404)
            return found[0]
        if key not in self.objects:
            raise client_error(code, operation, 404)
        return self.objects[key]

    def _version_of(self, stored: Stored) -> dict[str, str]:
        return {"VersionId": stored.version} if self.versioned else {}


class Body:
    """The body of an answer; `breaks_after` bytes the connection breaks."""

    def __init__(self, content: bytes, breaks_after: int | None = None) -> None:
        self.content = content
        self.breaks_after = breaks_after
        self._stream = io.BytesIO(content if breaks_after is None else content[:breaks_after])

    def read(self, amount: int | None = None) -> bytes:
        """Read so many bytes, or all. Raises ResponseStreamingError where the connection breaks."""
        content = self._stream.read(amount)
        if self.breaks_after is not None and (amount is None or not content):
            raise ResponseStreamingError(error="the connection broke")
        return content

    def iter_chunks(self, chunk_size: int = 1024) -> Iterator[bytes]:
        """Read in chunks."""
        while chunk := self.read(chunk_size):
            yield chunk

    def close(self) -> None:
        """Close the body."""
        self._stream.close()


def _sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()
