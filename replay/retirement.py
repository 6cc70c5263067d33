"""Moves done and waived error objects out of the way, on request only.

An object is copied, the copy is verified, the claim says that it is retired, and then the original is
removed, each under the condition that nothing has changed meanwhile. In a versioned bucket the original stays
as an earlier version.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.claim_document import ClaimDocument, SinkOutput, State
from ttl_archive.replay.claims import Claims
from ttl_archive.replay.error_objects.objects import ErrorObject
from ttl_archive.replay.error_objects.survey import Found
from ttl_archive.replay.errors import ObjectChangedError, ObjectError
from ttl_archive.transform import layout

_CAN_RETIRE = (State.DONE, State.WAIVED, State.RETIRED)  # retired: a run was killed before it removed it


@dataclass(frozen=True, slots=True)
class Retirement:
    """Whether one object was, or would be, moved; `kept` says why not."""

    key: str
    size: int
    to: str
    kept: str = ""


def candidates(claims: Claims, found: Iterable[Found]) -> Iterator[tuple[Found, Retirement]]:
    """Yield the done and waived objects, each with where it would go, or the reason why it stays."""
    for each in found:
        if each.document and each.state in _CAN_RETIRE:
            to = layout.retired_folder(claims.table) + each.object.key
            kept = _why_kept(claims.s3, claims.bucket, each.document)
            yield each, Retirement(each.object.key, each.object.size, to, kept)


def retire(claims: Claims, error_object: ErrorObject, to: str) -> None:
    """Move one object. Raises ReplayError, and removes nothing, when anything changed meanwhile."""
    s3 = claims.s3
    try:
        _copy_verified(s3, error_object, claims.bucket, to)
        claims.change(error_object, lambda document: _retired(document, error_object, to))
        found = claims.find(error_object)
        if found and not found.document.refused_lines():
            claims.write_manifest(found.document)
        # The condition covers the time since the look. Source: Amazon S3 User Guide, conditional deletes.
        s3.delete_object(Bucket=error_object.bucket, Key=error_object.key, IfMatch=f'"{error_object.etag}"')
    except (ClientError, BotoCoreError) as error:
        actions = "s3:GetObject, s3:PutObject and s3:DeleteObject"
        raise translate_error(error, error_object.url, actions) from error


def _copy_verified(s3: Any, error_object: ErrorObject, archive: str, to: str) -> None:
    """Copy the object into the archive's bucket. Raises ObjectError, ObjectChangedError."""
    bucket, key = error_object.bucket, error_object.key
    etag = f'"{error_object.etag}"'
    s3.copy_object(Bucket=archive, Key=to, CopySource={"Bucket": bucket, "Key": key}, CopySourceIfMatch=etag)
    copy = s3.head_object(Bucket=archive, Key=to)
    if copy["ContentLength"] != error_object.size:
        raise ObjectError(f"s3://{archive}/{to}: it has not the size of the original. Nothing was removed")
    if s3.head_object(Bucket=bucket, Key=key)["ETag"] != etag:
        raise ObjectChangedError(f"{error_object.url}: it was overwritten. Nothing was removed")


def _retired(document: ClaimDocument, error_object: ErrorObject, to: str) -> ClaimDocument:
    if document.state not in _CAN_RETIRE:
        raise ObjectChangedError(f"{error_object.url}: it is {document.state} now. Nothing was removed")
    return replace(document, state=State.RETIRED, retired_to=to)


def _why_kept(s3: Any, bucket: str, document: ClaimDocument) -> str:
    result = document.result
    if result is None:
        return "its claim does not say how it was judged"
    if sum(output.rows for output in result.outputs) != result.rows:
        return "its outputs have not as many rows as were delivered"
    for output in result.outputs:
        if output.key and not _is_unchanged(s3, bucket, output):
            return f"{output.key} is not there as it was written"
    return ""


def _is_unchanged(s3: Any, bucket: str, output: SinkOutput) -> bool:
    """Whether the rows are as they were written; of an object in GLACIER, too, the head can be read."""
    try:
        head = s3.head_object(Bucket=bucket, Key=output.key)
    except ClientError:
        return False
    return bool(head["Metadata"].get("sha256") == output.sha256 and head["ContentLength"] == output.bytes)
