"""The files that a query can read: delivered objects and error objects, in a bucket or in a folder."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ttl_archive.infra.query.query_errors import QueryFailedError
from ttl_archive.replay.restore.archive_listing import ArchivedObject, RetrievalState, list_archived
from ttl_archive.replay.restore.retrieval import retrieval_states
from ttl_archive.transform.layout import archive_folder, errors_folder
from ttl_archive.transform.settings import Settings

_STATES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Delivered files and error objects; a file of a folder has no bucket, and its key is its path."""

    delivered: tuple[ArchivedObject, ...]
    errors: tuple[ArchivedObject, ...]

    def readable(self) -> tuple[list[str], list[str]]:
        """Return the addresses of the delivered files and error objects that can be read now."""
        return _addresses(self.delivered), _addresses(self.errors)

    def unreadable(self) -> list[ArchivedObject]:
        """Return the delivered files that need a retrieval, or wait for one."""
        return [each for each in self.delivered if each.retrieval is not RetrievalState.READABLE]


def bucket_files(s3: Any, bucket: str, settings: Settings) -> StoredFiles:
    """List the objects of the table in a bucket.

    Objects in GLACIER whose retrieval state the listing does not have are left without one: see
    `with_retrieval_states`. Raises AccessDeniedError, ObjectGoneError (no such bucket) or ObjectError.
    """
    found = (list_archived(s3, bucket, folder(settings)) for folder in (archive_folder, errors_folder))
    delivered, errors = (tuple(each for each in listed if not each.key.endswith("/")) for listed in found)
    return StoredFiles(delivered, errors)


def with_retrieval_states(s3: Any, files: StoredFiles) -> StoredFiles:
    """Return the files, each with its retrieval state; S3 is asked for those that the listing does not have.

    Raises as `bucket_files`.
    """

    def complete(objects: Sequence[ArchivedObject]) -> tuple[ArchivedObject, ...]:
        states = retrieval_states(s3, objects, _STATES_AT_ONCE)
        return tuple(replace(each, retrieval=states[each.key]) for each in objects)

    return StoredFiles(complete(files.delivered), complete(files.errors))


def folder_files(folder: Path, settings: Settings) -> StoredFiles:
    """List the files of a folder: a copy of the bucket, or of the table's folder with its dates.

    Raises QueryFailedError when there is no such folder, or nothing in it looks like a delivered file.
    """
    copied = folder / archive_folder(settings)
    delivered = copied if copied.is_dir() else folder
    date = f"{settings.output.date_column}="
    if not any(each.is_dir() for each in delivered.glob(f"{date}*")) if delivered.is_dir() else True:
        raise QueryFailedError(
            f"{folder} has no delivered files. It must be a copy of the bucket, with "
            f"{archive_folder(settings)}{date}2026-11-21/, or of that folder, with {date}2026-11-21/"
        )
    errors = folder / errors_folder(settings)
    return StoredFiles(tuple(_files(delivered, f"{date}*/**/*")), tuple(_files(errors, "**/*")))


def date_of(key: str, settings: Settings) -> str | None:
    """Return the date in a file's address, or None when it is in no folder of a date."""
    found = re.search(rf"(?:^|/){re.escape(settings.output.date_column)}=([^/]+)/", key)
    return found[1] if found else None


def _files(folder: Path, pattern: str) -> Iterator[ArchivedObject]:
    for path in sorted(folder.glob(pattern)):
        # Names that begin with "_" or "." are no data, as in Athena. Source: ATH, tables and partitions.
        if path.is_file() and not path.name.startswith((".", "_")):
            size = path.stat().st_size
            yield ArchivedObject("", str(path), "", size, "STANDARD", RetrievalState.READABLE)


def _addresses(files: Sequence[ArchivedObject]) -> list[str]:
    readable = (each for each in files if each.retrieval is RetrievalState.READABLE and each.size)
    return [each.url if each.bucket else each.key for each in readable]
