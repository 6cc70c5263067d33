"""Moves what is done out of the way, only on request: copied, the copy verified, then the original removed.

An object with pieces that nobody could read is kept where it is. In a versioned bucket the original stays as
an earlier version.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.claims import Claims
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import ObjectChangedError, ObjectError

# What could not be read of an object is not in the archive, and in quarantine only as bytes.
_UNREADABLE = frozenset({"HalfWritten", "NotAnErrorLine", "TooLong", "TruncatedGzip", "DamagedGzip"})


@dataclass(frozen=True, slots=True)
class Retirement:
    """Whether one object was, or would be, moved; `kept` says why not."""

    key: str
    size: int
    to: str
    kept: str = ""


def candidates(s3: Any, found: Iterable[Found], claims: Claims, to: str) -> Iterator[Retirement]:
    """The done objects, each with the place it would go to or the reason why it stays."""
    for each in found:
        if each.state == "done":
            reason = _why_kept(s3, each.object, claims.manifest(each.object))
            yield Retirement(each.object.key, each.object.size, to + each.object.key, reason)


def retire(s3: Any, error_object: ErrorObject, to: str) -> None:
    """Move one object. Raises ObjectError, for one when it is no longer the object that was done."""
    bucket, key, target = error_object.bucket, error_object.key, to + error_object.key
    etag = f'"{error_object.etag}"'
    try:
        s3.copy_object(
            Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": key}, CopySourceIfMatch=etag
        )
        copy = s3.head_object(Bucket=bucket, Key=target)
        if copy["ContentLength"] != error_object.size:
            raise ObjectError(f"s3://{bucket}/{target}: is not the size of the original. Nothing was removed")
        original = s3.head_object(Bucket=bucket, Key=key)
        if original["ETag"] != etag:
            raise ObjectChangedError(f"{error_object.url}: it was written again. Nothing was removed")
        # The condition closes the time since the look. Source: Amazon S3 User Guide, conditional deletes.
        s3.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(
            error, error_object.url, "s3:GetObject, s3:PutObject and s3:DeleteObject"
        ) from error


def _why_kept(s3: Any, error_object: ErrorObject, manifest: dict[str, Any] | None) -> str:
    if manifest is None:
        return "its manifest cannot be found"
    if _UNREADABLE & set(manifest["refused"]):
        return "a part of it could not be read"
    for output in (*manifest["outputs"], manifest["quarantine"]):
        if output and "key" in output and not _stands(s3, error_object.bucket, output):
            return f"{output['key']} is not there as it was written"
    return ""


def _stands(s3: Any, bucket: str, output: dict[str, Any]) -> bool:
    """Whether what was written still is there. It may be in GLACIER: its head can be read all the same."""
    try:
        head = s3.head_object(Bucket=bucket, Key=output["key"])
    except ClientError:
        return False
    return bool(head["Metadata"].get("sha256") == output["sha256"])
