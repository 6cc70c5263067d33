"""S3 in memory with what replay relies on: conditions, ranges, listing in pages, and faults on demand."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import pickle
import threading
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import quote, unquote

from botocore.response import StreamingBody

from tests.fakes import client_error

Fault = Callable[[str, dict[str, Any]], None]


@dataclass
class Stored:
    body: bytes
    etag: str
    modified: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    storage_class: str | None = None
    restore: str | None = None


@dataclass
class Bucket:
    """One bucket named `bucket`. `before` and `after` are called around each call and may raise."""

    objects: MutableMapping[str, Stored] = field(default_factory=dict)
    page_size: int = 1000
    before: Fault = lambda operation, request: None
    after: Fault = lambda operation, request: None
    if_match: bool = True
    if_none_match: bool = True
    if_match_on_read: bool = True
    if_match_on_delete: bool = True
    now: datetime = datetime(2026, 11, 21, tzinfo=UTC)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = RLock()

    def fill(self, key: str, body: bytes, **stored: Any) -> str:
        """Put an object without a call; its ETag."""
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self.objects[key] = Stored(body, etag, self.now, **stored)
        return etag

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def put_object(self, **request: Any) -> dict[str, Any]:
        with self._call("PutObject", request):
            key, body = request["Key"], request["Body"]
            body = body if isinstance(body, bytes) else body.read()
            found = self.objects.get(key)
            if self.if_none_match and request.get("IfNoneMatch") == "*" and found:
                raise client_error("PreconditionFailed", "PutObject", 412)
            if self.if_match:
                if (expected := request.get("IfMatch")) and not found:
                    raise client_error("NoSuchKey", "PutObject", 404)
                if expected and found and expected.strip('"') != found.etag:
                    raise client_error("PreconditionFailed", "PutObject", 412)
            if checksum := request.get("ChecksumSHA256"):
                assert base64.b64encode(hashlib.sha256(body).digest()).decode() == checksum
            etag = self.fill(key, body, metadata=dict(request.get("Metadata", {})))
            return {"ETag": f'"{etag}"'}

    def get_object(self, **request: Any) -> dict[str, Any]:
        with self._call("GetObject", request):
            found = self._found("GetObject", request["Key"], "NoSuchKey")
            if self.if_match_on_read and request.get("IfMatch", found.etag).strip('"') != found.etag:
                raise client_error("PreconditionFailed", "GetObject", 412)
            if found.storage_class in ("GLACIER", "DEEP_ARCHIVE") and 'request="false"' not in (
                found.restore or ""
            ):
                raise client_error("InvalidObjectState", "GetObject", 403)
            start = int(request.get("Range", "bytes=0-")[6:-1])
            body = found.body[start:]
            return {"ETag": f'"{found.etag}"', "Body": StreamingBody(io.BytesIO(body), len(body))}

    def head_object(self, **request: Any) -> dict[str, Any]:
        with self._call("HeadObject", request):
            found = self._found("HeadObject", request["Key"], "404")
            head = {
                "ETag": f'"{found.etag}"',
                "ContentLength": len(found.body),
                "LastModified": found.modified,
                "Metadata": found.metadata,
            }
            if found.storage_class:
                head["StorageClass"] = found.storage_class
            if found.restore:
                head["Restore"] = found.restore
            return head

    def copy_object(self, **request: Any) -> dict[str, Any]:
        with self._call("CopyObject", request):
            found = self._found("CopyObject", request["CopySource"]["Key"], "NoSuchKey")
            if request.get("CopySourceIfMatch", found.etag).strip('"') != found.etag:
                raise client_error("PreconditionFailed", "CopyObject", 412)
            self.fill(request["Key"], found.body)
            return {}

    def delete_object(self, **request: Any) -> dict[str, Any]:
        with self._call("DeleteObject", request):
            found = self._found("DeleteObject", request["Key"], "NoSuchKey")
            if self.if_match_on_delete and request.get("IfMatch", found.etag).strip('"') != found.etag:
                raise client_error("PreconditionFailed", "DeleteObject", 412)
            self.objects.pop(request["Key"], None)
            return {}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        keys = self.keys(request["Prefix"])
        if delimiter := request.get("Delimiter"):
            folders = self._folders(request["Prefix"], delimiter)
            yield {"CommonPrefixes": [{"Prefix": each} for each in folders]}
            return
        for start in range(0, len(keys) or 1, self.page_size):
            with self._call("ListObjectsV2", request):
                yield {
                    "Contents": [
                        {
                            "Key": key,
                            "ETag": f'"{self.objects[key].etag}"',
                            "Size": len(self.objects[key].body),
                            "LastModified": self.objects[key].modified,
                            "StorageClass": self.objects[key].storage_class or "STANDARD",
                        }
                        for key in keys[start : start + self.page_size]
                    ]
                }

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        return next(self.paginate(**request))

    def _folders(self, prefix: str, delimiter: str) -> list[str]:
        inner = (key[len(prefix) :].partition(delimiter) for key in self.keys(prefix))
        return sorted({prefix + name + found for name, found, _ in inner if found})

    def _found(self, operation: str, key: str, code: str) -> Stored:
        if key not in self.objects:
            raise client_error(code, operation, 404)
        return self.objects[key]

    def _call(self, operation: str, request: dict[str, Any]) -> _Call:
        return _Call(self, operation, request)


class _Call:
    def __init__(self, bucket: Bucket, operation: str, request: dict[str, Any]) -> None:
        self._bucket, self._operation, self._request = bucket, operation, request

    def __enter__(self) -> None:
        self._bucket._lock.acquire()
        try:
            self._bucket.calls.append(self._operation)
            self._bucket.before(self._operation, self._request)
        except BaseException:
            self._bucket._lock.release()
            raise

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._bucket._lock.release()
        if error is None:
            self._bucket.after(self._operation, self._request)


class FileObjects(MutableMapping[str, Stored]):
    """Objects in a folder, so that they outlive the process; each is written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, key: str) -> Stored:
        try:
            found: Stored = pickle.loads(self._path(key).read_bytes())
        except FileNotFoundError:
            raise KeyError(key) from None
        return found

    def __setitem__(self, key: str, stored: Stored) -> None:
        written = self._folder / f".{os.getpid()}-{threading.get_ident()}"
        written.write_bytes(pickle.dumps(stored))
        written.replace(self._path(key))

    def __delitem__(self, key: str) -> None:
        self._path(key).unlink()

    def __iter__(self) -> Iterator[str]:
        return (unquote(path.name) for path in self._folder.iterdir() if not path.name.startswith("."))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _path(self, key: str) -> Path:
        return self._folder / quote(key, safe="")
