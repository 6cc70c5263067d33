"""Where the files of a DynamoDB export lie: in a folder on this machine, or in a bucket.

A copy of an export has the same folders as the bucket that it was exported to, from AWSDynamoDB/ on. So what
a manifest names is found around the manifest, under whatever prefix or folder the copy lies.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.error_objects.objects import Reader, find_object
from ttl_archive.replay.errors import ObjectGoneError
from ttl_archive.replay.items.item_forms import NotAnItemError

SUMMARY = "manifest-summary.json"
_ROOT = "AWSDynamoDB"
_CHUNK_BYTES = 1 << 20


class ExportFile(Protocol):
    """One file of an export; `name` is its path or its address."""

    @property
    def name(self) -> str: ...  # noqa: D102  as LocalFile has them
    @property
    def size(self) -> int: ...  # noqa: D102
    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes, in chunks of at most 1 MiB. Raises OSError or ObjectError."""


class ExportStore(Protocol):
    """A place with exports."""

    def summaries(self) -> list[ExportFile]:
        """Return every manifest-summary.json of the place, in the order of their names."""

    def sibling(self, file: ExportFile, name: str) -> ExportFile | None:
        """Return the file of that name beside another one, or None."""

    def named(self, manifest: ExportFile, keys: Sequence[str]) -> dict[str, ExportFile]:
        """Return the files that a manifest names, by their keys. Raises NotAnItemError for a missing one."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine."""

    path: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes. Raises OSError."""
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A folder with exports, or one manifest."""

    path: Path

    def summaries(self) -> list[ExportFile]:
        """Return the manifest itself, or those below the folder."""
        if self.path.is_file():
            return [LocalFile(self.path)]
        return [LocalFile(path) for path in sorted(self.path.rglob(SUMMARY))]

    def sibling(self, file: ExportFile, name: str) -> ExportFile | None:
        """Return the file of that name in the same folder, or None."""
        path = Path(file.name).with_name(name)
        return LocalFile(path) if path.is_file() else None

    def named(self, manifest: ExportFile, keys: Sequence[str]) -> dict[str, ExportFile]:
        """Return the copies of the objects. Raises NotAnItemError for a missing one."""
        return {key: LocalFile(_on_this_machine(Path(manifest.name), key)) for key in keys}


@dataclass(frozen=True, slots=True)
class S3File:
    """An object of an export, as it was listed."""

    s3: Any = field(repr=False)
    bucket: str
    key: str
    etag: str
    size: int

    @property
    def url(self) -> str:
        """The object as the AWS command line writes it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The address."""
        return self.url

    def chunks(self) -> Iterator[bytes]:
        """Yield the object's bytes; a connection that breaks is resumed. Raises ObjectError."""
        return Reader(self.s3, self).chunks()


@dataclass(frozen=True, slots=True)
class S3Store:
    """A prefix with exports, or the key of one manifest."""

    s3: Any = field(repr=False)
    bucket: str
    prefix: str

    def summaries(self) -> list[ExportFile]:
        """Return the manifest itself, or those under the prefix. Raises ObjectError."""
        return [file for key, file in self._listed(self.prefix).items() if key.endswith(SUMMARY)]

    def sibling(self, file: ExportFile, name: str) -> ExportFile | None:
        """Return the object of that name in the same folder, or None. Raises ObjectError."""
        key = f"{self._key(file).rpartition('/')[0]}/{name}".removeprefix("/")
        try:
            found = find_object(self.s3, self.bucket, key)
        except ObjectGoneError:
            return None
        return S3File(self.s3, self.bucket, key, found.etag, found.size)

    def named(self, manifest: ExportFile, keys: Sequence[str]) -> dict[str, ExportFile]:
        """Return the objects, from listings of their folders. Raises NotAnItemError or ObjectError."""
        places = {key: _around(self._key(manifest), key) for key in keys}
        listed: dict[str, ExportFile] = {}
        for folder in sorted({place.rpartition("/")[0] + "/" for place in places.values()}):
            listed |= self._listed(folder)
        for key, place in places.items():
            if place not in listed:
                raise NotAnItemError(
                    f"{key} is named by {manifest.name}, and s3://{self.bucket}/{place} does not exist. "
                    "Copy the whole export"
                )
        return {key: listed[place] for key, place in places.items()}

    def _key(self, file: ExportFile) -> str:
        return file.name.removeprefix(f"s3://{self.bucket}/")

    def _listed(self, prefix: str) -> dict[str, ExportFile]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        try:
            return {
                entry["Key"]: S3File(
                    self.s3, self.bucket, entry["Key"], entry["ETag"].strip('"'), entry["Size"]
                )
                for page in pages
                for entry in page.get("Contents", ())
            }
        except (ClientError, BotoCoreError) as error:
            raise translate_error(error, f"s3://{self.bucket}/{prefix}", "s3:ListBucket") from error


def md5_of(file: ExportFile) -> str:
    """Return the base64 of the MD5 of a file's bytes, as a manifest has it. Raises OSError or ObjectError."""
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in file.chunks():
        digest.update(chunk)
    return b64encode(digest.digest()).decode()


def _around(manifest: str, key: str) -> str:
    """Return the key of what a manifest names, under the prefix of the manifest itself."""
    if _ROOT not in manifest.split("/"):
        return f"{manifest.rpartition('/')[0]}/{'/'.join(_inside(key))}".removeprefix("/")
    return manifest[: manifest.rindex(f"{_ROOT}/")] + "/".join((_ROOT, *_inside(key)))


def _inside(key: str) -> tuple[str, ...]:
    parts = PurePosixPath(key).parts
    return parts[len(parts) - parts[::-1].index(_ROOT) :] if _ROOT in parts else parts[-1:]


def _on_this_machine(manifest: Path, key: str) -> Path:
    """Return the copy of an object of the export; a key names folders that lie around the manifest."""
    inside = _inside(key)
    for folder in manifest.absolute().parents:
        for tail in (inside, inside[1:], inside[-2:], inside[-1:]):
            path = folder.joinpath(*tail)
            if tail and path.is_file():
                return path
        if folder.name == _ROOT:
            break
    raise NotAnItemError(f"{key} is named by {manifest.name}, and is not beside it. Copy the whole export")
