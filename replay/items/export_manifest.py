"""The data files of a DynamoDB export to S3, found on this machine and verified by its manifest.

manifest-summary.json    what was exported, and where manifest-files.json lies
manifest-files.json      a line for each data file: its key, its number of items, its MD5

A copy of the export has the same folders as the bucket, from AWSDynamoDB/ on.
Source: DynamoDB Developer Guide, S3DataExport.Output.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ttl_archive.replay.items.item_forms import NotAnItemError

_ROOT = "AWSDynamoDB"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file, and how many items the manifest says it holds."""

    path: Path
    item_count: int


def is_manifest(document: object) -> bool:
    """Whether the first line of a file is that of a manifest."""
    return isinstance(document, dict) and bool({"dataFileS3Key", "manifestFilesS3Key"} & set(document))


def data_files(manifest: Path) -> Iterator[DataFile]:
    """Yield the data files that a manifest of either kind names, in its order, each verified by its MD5.

    Raises NotAnItemError, also for a file that is missing or differs, and for an export in Ion.
    """
    lines = _documents(manifest)
    if lines and "manifestFilesS3Key" in lines[0]:
        summary = lines[0]
        if summary.get("outputFormat", "DYNAMODB_JSON") != "DYNAMODB_JSON":
            raise NotAnItemError(
                f"the export is in the format {summary['outputFormat']}. Export it again as DYNAMODB_JSON"
            )
        manifest = _on_this_machine(manifest, str(summary["manifestFilesS3Key"]))
        lines = _documents(manifest)
    for line in lines:
        yield _verified(manifest, line)


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise NotAnItemError(f"the manifest {file} cannot be read: {error}") from None
    if not all(isinstance(document, dict) for document in found):
        raise NotAnItemError(f"the manifest {file} holds a line that is no JSON object")
    return found


def _verified(manifest: Path, line: Mapping[str, Any]) -> DataFile:
    key, count = line.get("dataFileS3Key"), line.get("itemCount")
    if not isinstance(key, str) or type(count) is not int:
        raise NotAnItemError(f"the manifest {manifest} has a line without dataFileS3Key and itemCount")
    path = _on_this_machine(manifest, key)
    with path.open("rb") as data:
        digest = b64encode(hashlib.file_digest(data, "md5").digest()).decode()
    if line.get("md5Checksum") not in (None, digest):
        raise NotAnItemError(f"{path} is not what the export wrote: its MD5 is {digest}. Copy it again")
    return DataFile(path, count)


def _on_this_machine(manifest: Path, key: str) -> Path:
    """Return the copy of an object of the export; a key names folders that lie around the manifest."""
    parts = PurePosixPath(key).parts
    inside = parts[parts.index(_ROOT) + 1 :] if _ROOT in parts else parts[-1:]
    for folder in manifest.absolute().parents:
        for tail in (inside, inside[1:], inside[-2:], inside[-1:]):
            path = folder.joinpath(*tail)
            if tail and path.is_file():
                return path
        if folder.name == _ROOT:
            break
    raise NotAnItemError(f"{key} is named by {manifest.name}, and is not beside it. Copy the whole export")
