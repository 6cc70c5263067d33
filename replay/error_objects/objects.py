"""Error objects: found by listing, read as a stream that survives a broken connection."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.errors import ObjectError
from ttl_archive.transform import layout

_CHUNK_BYTES = 1 << 20
_READ_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ErrorObject:
    """One object under the error output prefix, as it was listed."""

    bucket: str
    key: str
    etag: str
    size: int
    modified: datetime

    @property
    def url(self) -> str:
        """The object as the AWS command line writes it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def identity(self) -> str:
        """A hash that stands for the object with this content, the same in every run."""
        return layout.identity(self.bucket, self.key, self.etag)

    @property
    def type(self) -> str:
        """Firehose's error output type."""
        return layout.error_output_type(self.key)

    @property
    def time(self) -> datetime:
        """When Firehose wrote the object, as its name says; else when S3 got it. UTC."""
        return layout.own_time(self.key, self.modified)


def list_error_objects(s3: Any, bucket: str, prefix: str) -> Iterator[ErrorObject]:
    """Yield every object under the prefix, page by page, without rows and what the commands wrote.

    Raises AccessDeniedError, ObjectGoneError (no such bucket) or ObjectError.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            for entry in page.get("Contents", []):
                if not layout.holds_no_errors(entry["Key"]) and not _is_folder(entry):
                    yield _listed(bucket, entry)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{prefix}", "s3:ListBucket") from error


def list_keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Yield every key under the prefix. Raises as list_error_objects."""
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", []))
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{prefix}", "s3:ListBucket") from error


def list_folders(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the folders directly under the prefix, as keys that end with "/".

    Raises as list_error_objects.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    try:
        for page in pages:
            yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", []))
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{prefix}", "s3:ListBucket") from error


def find_object(s3: Any, bucket: str, key: str) -> ErrorObject:
    """Return the one object with this key. Raises ObjectGoneError, AccessDeniedError or ObjectError."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{key}", "s3:GetObject") from error
    modified = head["LastModified"].astimezone(UTC)
    return ErrorObject(bucket, key, head["ETag"].strip('"'), head["ContentLength"], modified)


class Readable(Protocol):
    """An object as it was when it was listed."""

    @property
    def bucket(self) -> str: ...  # noqa: D102  as ErrorObject has them
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def etag(self) -> str: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def url(self) -> str: ...  # noqa: D102


class Reader:
    """Reads the bytes of one object, once. `read_bytes` and `sha256` are those of the bytes read so far.

    Only the content that was listed is read: ObjectChangedError when it was overwritten, also meanwhile.
    """

    def __init__(self, s3: Any, listed: Readable) -> None:
        self._s3 = s3
        self._object = listed
        self._hash = hashlib.sha256()
        self.read_bytes = 0
        self.version_id: str | None = None

    @property
    def sha256(self) -> str:
        """The hash of the bytes read so far, hexadecimal."""
        return self._hash.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """Yield the object in chunks of at most 1 MiB. A connection that breaks is resumed.

        Raises ObjectGoneError, ObjectChangedError, AccessDeniedError, ObjectFrozenError or ObjectError.
        """
        attempts = 0
        while True:
            before = self.read_bytes
            try:
                yield from self._from_here()
            except ClientError as error:
                raise translate_error(error, self._object.url, "s3:GetObject") from error
            except BotoCoreError as error:
                attempts = 1 if self.read_bytes > before else attempts + 1
                if attempts == _READ_ATTEMPTS:
                    raise translate_error(error, self._object.url) from error
                continue
            if self.read_bytes != self._object.size:
                raise ObjectError(
                    f"{self._object.url}: {self.read_bytes} of {self._object.size} bytes arrived. Run again"
                )
            return

    def _from_here(self) -> Iterator[bytes]:
        start = self.read_bytes
        if start == self._object.size > 0:
            return
        answer = self._s3.get_object(
            Bucket=self._object.bucket,
            Key=self._object.key,
            IfMatch=f'"{self._object.etag}"',
            **({"Range": f"bytes={start}-"} if start else {}),
        )
        self.version_id = answer.get("VersionId")
        with closing(answer["Body"]) as body:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                self._hash.update(chunk)
                self.read_bytes += len(chunk)
                yield chunk


def _listed(bucket: str, entry: dict[str, Any]) -> ErrorObject:
    modified = entry["LastModified"].astimezone(UTC)
    return ErrorObject(bucket, entry["Key"], entry["ETag"].strip('"'), entry["Size"], modified)


def _is_folder(entry: dict[str, Any]) -> bool:
    return bool(entry["Key"].endswith("/") and entry["Size"] == 0)
