"""The manifests of a DynamoDB export to S3: what was exported, and its data files.

manifest-summary.json    what was exported, and where manifest-files.json lies
manifest-files.json      a line for each data file: its key, its number of items, its MD5
….md5                    beside each manifest, the base64 of its MD5

Source: DynamoDB Developer Guide, S3DataExport.Output; scylladb/scylladb:test/alternator/test_export.py, which
found the names of the .md5 files; the guide also calls them .checksum.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ttl_archive.replay.errors import ObjectError
from ttl_archive.replay.items.export_store import ExportFile, ExportStore, LocalFile, LocalStore, md5_of
from ttl_archive.replay.items.item_forms import Form, NotAnItemError

_CHECKSUMS = (".md5", ".checksum")
_FORMS = {"FULL_EXPORT": Form.FULL_EXPORT, "INCREMENTAL_EXPORT": Form.INCREMENTAL_EXPORT}


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file, its key in the export, and its number of items and MD5 by the manifest."""

    file: ExportFile
    key: str
    item_count: int
    md5: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """One export. `time_us` is the time of the state that it has; `from_us` is the start of its window.

    Times are in microseconds since 1970; a full export has no window. `unverified` names the manifests
    without a checksum file.
    """

    manifest: str
    arn: str
    table: str
    form: Form
    time_us: int
    from_us: int | None
    files: tuple[DataFile, ...]
    unverified: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The last part of the export's ARN: 01695353076000-06e2188f."""
        return self.arn.rpartition("/")[2]

    @property
    def item_count(self) -> int:
        """The number of lines in all data files."""
        return sum(data.item_count for data in self.files)

    @property
    def size(self) -> int:
        """Bytes of all data files, compressed."""
        return sum(data.file.size for data in self.files)


def is_manifest(document: object) -> bool:
    """Whether the first line of a file is that of a manifest."""
    return isinstance(document, dict) and bool({"dataFileS3Key", "manifestFilesS3Key"} & set(document))


def read_export(store: ExportStore, summary_file: ExportFile) -> Export:
    """Return the export that a manifest-summary.json describes. Its data files are not read.

    Raises NotAnItemError: a manifest or data file is missing, damaged or differs from its checksum, or the
    export is in Ion. Raises ObjectError where S3 refuses.
    """
    lines, checked = _checked(store, summary_file)
    if len(lines) != 1 or "manifestFilesS3Key" not in lines[0]:
        raise NotAnItemError(
            f"{summary_file.name} is no manifest-summary.json. Name that file, or its folder"
        )
    summary = lines[0]
    _refuse_ion(summary)
    key = str(summary["manifestFilesS3Key"])
    files_manifest = store.named(summary_file, [key])[key]
    entries, files_checked = _checked(store, files_manifest)
    names = {summary_file.name: checked, files_manifest.name: files_checked}
    form, time_us, from_us = _window(summary, summary_file.name)
    return Export(
        summary_file.name,
        str(summary.get("exportArn", "")),
        _table(summary, summary_file.name),
        form,
        time_us,
        from_us,
        tuple(_data_files(store, summary_file, files_manifest.name, entries)),
        tuple(name for name, is_checked in names.items() if not is_checked),
    )


def data_files(manifest: Path) -> Iterator[DataFile]:
    """Yield the data files that a manifest of either kind names, in its order, each verified by its MD5.

    Raises NotAnItemError, also for a file that is missing or differs, and for an export in Ion.
    """
    store: ExportStore = LocalStore(manifest)
    file: ExportFile = LocalFile(manifest)
    lines, _ = _checked(store, file)
    if lines and "manifestFilesS3Key" in lines[0]:
        _refuse_ion(lines[0])
        key = str(lines[0]["manifestFilesS3Key"])
        file = store.named(file, [key])[key]
        lines, _ = _checked(store, file)
    for line in lines:
        (data,) = _data_files(store, file, file.name, [line])
        if data.md5 not in (None, digest := md5_of(data.file)):
            raise differs(data, digest)
        yield data


def differs(data: DataFile, digest: str) -> NotAnItemError:
    """Return the error for a data file whose bytes have another MD5 than the manifest says."""
    return NotAnItemError(
        f"{data.file.name} is not what the export wrote: its MD5 is {digest}. Copy it again"
    )


def _checked(store: ExportStore, file: ExportFile) -> tuple[list[dict[str, Any]], bool]:
    """Return the lines of a manifest, and whether a checksum file verified it."""
    try:
        text = b"".join(file.chunks()).decode()
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, RecursionError, ObjectError) as error:
        raise NotAnItemError(f"the manifest {file.name} cannot be read: {error}") from None
    if not all(isinstance(document, dict) for document in found):
        raise NotAnItemError(f"the manifest {file.name} holds a line that is no JSON object")
    stem = file.name.rpartition("/")[2].removesuffix(".json")
    for suffix in _CHECKSUMS:
        checksum = store.sibling(file, stem + suffix)
        if checksum is None:
            continue
        expected = b"".join(checksum.chunks()).decode("ascii", "replace").strip()
        if expected != (digest := md5_of(file)):
            raise NotAnItemError(
                f"the manifest {file.name} is not what the export wrote: its MD5 is {digest}, and "
                f"{checksum.name} says {expected}. Copy both again"
            )
        return found, True
    return found, False


def _refuse_ion(summary: Mapping[str, Any]) -> None:
    if summary.get("outputFormat", "DYNAMODB_JSON") != "DYNAMODB_JSON":
        raise NotAnItemError(
            f"the export is in the format {summary['outputFormat']}. Export it again as DYNAMODB_JSON"
        )


def _data_files(
    store: ExportStore, manifest: ExportFile, name: str, lines: Sequence[Mapping[str, Any]]
) -> Iterator[DataFile]:
    for line in lines:
        if not isinstance(line.get("dataFileS3Key"), str) or type(line.get("itemCount")) is not int:
            raise NotAnItemError(f"the manifest {name} has a line without dataFileS3Key and itemCount")
    found = store.named(manifest, [line["dataFileS3Key"] for line in lines])
    for line in lines:
        key, md5 = line["dataFileS3Key"], line.get("md5Checksum")
        yield DataFile(found[key], key, line["itemCount"], md5 if isinstance(md5, str) else None)


def _table(summary: Mapping[str, Any], name: str) -> str:
    """Return the table's name: arn:aws:dynamodb:REGION:ACCOUNT:table/NAME."""
    table = str(summary.get("tableArn", "")).partition(":table/")[2].partition("/")[0]
    if not table or not summary.get("exportArn"):
        raise NotAnItemError(f"the manifest {name} has no tableArn or no exportArn. Copy it again")
    return table


def _window(summary: Mapping[str, Any], name: str) -> tuple[Form, int, int | None]:
    """Return the form, the time of the exported state, and the start of an incremental export's window."""
    kind = str(summary.get("exportType", "FULL_EXPORT"))
    if kind not in _FORMS:
        raise NotAnItemError(f"the manifest {name} has exportType {kind}, which is not known")
    if _FORMS[kind] is Form.FULL_EXPORT:
        return Form.FULL_EXPORT, _us(summary.get("exportTime"), name), None
    end, start = summary.get("exportToTime"), summary.get("exportFromTime")
    return Form.INCREMENTAL_EXPORT, _us(end, name), _us(start, name)


def _us(text: object, name: str) -> int:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        raise NotAnItemError(f"the manifest {name} has no time of the export in ISO 8601") from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
