"""The archived objects as S3 lists them: which may hold wanted rows, and what else lies beside them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.transform.settings import Settings

# The classes that cannot be read before a retrieval; GLACIER_IR can. Source: S3 User Guide, storage classes.
_GLACIER = frozenset({"GLACIER", "DEEP_ARCHIVE"})


class RetrievalState(StrEnum):
    """Whether an object can be read now, will be, or has to be retrieved first."""

    READABLE = "readable"
    IN_PROGRESS = "in progress"
    NEEDED = "retrieval needed"


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """One object of the archive, as it was listed. `retrieval` is None where the listing does not say."""

    bucket: str
    key: str
    etag: str
    size: int
    storage_class: str
    retrieval: RetrievalState | None = None

    @property
    def url(self) -> str:
        """The object as the AWS command line writes it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_in_glacier(self) -> bool:
        """Whether the object has to be retrieved before it can be read."""
        return self.storage_class in _GLACIER

    @property
    def is_parquet(self) -> bool:
        """Whether the object is in a format that this command does not read."""
        return self.key.endswith((".parquet", ".orc"))


@dataclass
class ArchiveListing:
    """The objects that may hold wanted rows; how many objects there are at all, and of which dates."""

    objects: list[ArchivedObject] = field(default_factory=list)
    total: int = 0
    first_date: str = ""
    last_date: str = ""


def find_archived(
    s3: Any, bucket: str, prefix: str, settings: Settings, selection: Selection
) -> ArchiveListing:
    """List the archive under a prefix. Raises AccessDeniedError, ObjectGoneError or ObjectError."""
    by_event = settings.output.partition_by == "event"
    listing = ArchiveListing()
    for archived in list_archived(s3, bucket, prefix):
        listing.total += 1
        folder = _date_of(archived.key, settings.output.date_column)
        if folder:
            listing.first_date = min(listing.first_date or str(folder), str(folder))
            listing.last_date = max(listing.last_date, str(folder))
        if archived.size and (folder is None or selection.is_folder_wanted(folder, by_event=by_event)):
            listing.objects.append(archived)
    return listing


def list_archived(s3: Any, bucket: str, prefix: str) -> Iterator[ArchivedObject]:
    """Yield every object under a prefix, with its retrieval state where S3 lists it.

    Raises AccessDeniedError, ObjectGoneError or ObjectError. Source: Amazon S3 API Reference, ListObjectsV2.
    """
    request = {"Bucket": bucket, "Prefix": prefix, "OptionalObjectAttributes": ["RestoreStatus"]}
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(**request):
            yield from (_listed(bucket, entry) for entry in page.get("Contents", ()))
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{prefix}", "s3:ListBucket") from error


def list_retrievals(s3: Any, objects: Iterable[ArchivedObject]) -> dict[str, RetrievalState | None]:
    """Return the retrieval state of objects by key, from the listings of their folders.

    Raises as `list_archived`.
    """
    folders = {(each.bucket, each.key.rpartition("/")[0] + "/") for each in objects}
    return {
        each.key: each.retrieval
        for bucket, folder in sorted(folders)
        for each in list_archived(s3, bucket, folder.removeprefix("/"))
    }


def _listed(bucket: str, entry: dict[str, Any]) -> ArchivedObject:
    storage_class = entry.get("StorageClass", "STANDARD")
    etag = entry["ETag"].strip('"')
    state = _retrieval(entry.get("RestoreStatus")) if storage_class in _GLACIER else RetrievalState.READABLE
    return ArchivedObject(bucket, entry["Key"], etag, entry["Size"], storage_class, state)


def _retrieval(status: dict[str, Any] | None) -> RetrievalState | None:
    """Return the state that a RestoreStatus describes, or None without one.

    S3 has none for an object that was never retrieved, or whose copy expired. A store that does not know
    RestoreStatus has none either, so its absence proves nothing.
    """
    if status is None:
        return None
    return RetrievalState.IN_PROGRESS if status.get("IsRestoreInProgress") else RetrievalState.READABLE


def _date_of(key: str, date_column: str) -> date | None:
    found = re.search(rf"(?:^|/){re.escape(date_column)}=(\d{{4}}-\d\d-\d\d)/", key)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None  # digits that are no date: the object may hold anything
