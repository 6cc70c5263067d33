"""Objects of the archive that were deleted or overwritten, as a versioned bucket knows them.

The stack's bucket keeps old versions for `[deploy] noncurrent_days`. Nothing of this project overwrites an
object of the archive, so a second version of a key, or a delete marker, is somebody's doing, or that of an
expiry rule. After that time, or in a bucket without versioning, S3 keeps no trace.
Source: Amazon S3 API Reference, ListObjectVersions.
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.verify.archive_scan import ObjectProblem, VerifiedDays, affected_days
from ttl_archive.replay.aws import translate_error
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings


def is_versioned(s3: Any, bucket: str) -> bool:
    """Whether the bucket keeps old versions. Raises AccessDeniedError or ObjectError."""
    try:
        return bool(s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled")
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}", "s3:GetBucketVersioning") from error


def changed_objects(s3: Any, bucket: str, settings: Settings, days: VerifiedDays) -> list[ObjectProblem]:
    """Return the objects of these days that were deleted or overwritten. Raises as `object_changes`."""
    problems = []
    for key, change in sorted(object_changes(s3, bucket, layout.archive_folder(settings))):
        if affected := affected_days(key, settings, days):
            problems.append(ObjectProblem(f"s3://{bucket}/{key}", f"it {change}", affected))
    return problems


def object_changes(s3: Any, bucket: str, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the key of each object below a folder that "was deleted" or "was overwritten".

    Raises AccessDeniedError, ObjectGoneError or ObjectError.
    """
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=folder):
            deleted = {entry["Key"] for entry in page.get("DeleteMarkers", ()) if entry["IsLatest"]}
            replaced = {entry["Key"] for entry in page.get("Versions", ()) if not entry["IsLatest"]}
            yield from ((key, "was deleted") for key in deleted)
            yield from ((key, "was overwritten") for key in replaced - deleted)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{folder}", "s3:ListBucketVersions") from error
