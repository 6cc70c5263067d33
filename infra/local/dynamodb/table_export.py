"""An export of a table as DynamoDB writes it to S3: manifests with their MD5, and data files in gzip.

The emulator's own export has no manifest, so the files are written here, from the table's items.

PREFIX/AWSDynamoDB/ID/_started
PREFIX/AWSDynamoDB/ID/manifest-summary.json, .md5   what was exported
PREFIX/AWSDynamoDB/ID/manifest-files.json, .md5     a line for each data file
PREFIX/AWSDynamoDB/ID/data/NAME.json.gz             a full export
PREFIX/AWSDynamoDB/data/NAME.json.gz                an incremental export

Source: DynamoDB Developer Guide, S3DataExport.Output; scylladb/scylladb:test/alternator/test_export.py.
"""

import gzip
import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ttl_archive.replay.items.attribute_values import Item

_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table"
_LINES_OF_A_FILE = 500
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableExport:
    """What is exported. `start` is None for a full export, else the start of the window."""

    table: str
    time: datetime
    prefix: str = "exports"
    bucket: str = "exports"
    start: datetime | None = None

    @property
    def id(self) -> str:
        """The export's id: milliseconds of its time, and eight digits that its name determines."""
        name = hashlib.sha256(f"{self.table} {self.time} {self.start}".encode()).hexdigest()
        return f"{int(self.time.timestamp() * 1000):014d}-{name[:8]}"

    def objects(self, lines: Sequence[Line]) -> dict[str, bytes]:
        """Return the objects of the export by key. Lines are those of `full_line`, or of a window.

        The last data file is empty, as some of DynamoDB's are.
        """
        root = f"{self.prefix}/AWSDynamoDB"
        folder = f"{root}/{self.id}"
        data = f"{folder}/data" if self.start is None else f"{root}/data"
        found, entries = {f"{folder}/_started": b""}, []
        for number, part in enumerate([*_parts(lines), []]):
            key = f"{data}/{self.id[-8:]}{number:04d}.json.gz"
            text = "".join(f"{_json(line)}\n" for line in part)
            found[key] = gzip.compress(text.encode(), mtime=0)
            entries.append(_entry(key, found[key], len(part)))
        files = "".join(json.dumps(entry) + "\n" for entry in entries)
        summary = json.dumps(self._summary(f"{folder}/manifest-files.json", len(lines)))
        for name, manifest in (("manifest-files", files), ("manifest-summary", summary)):
            found[f"{folder}/{name}.json"] = manifest.encode()
            found[f"{folder}/{name}.md5"] = _md5(manifest.encode()).encode()
        return found

    def _summary(self, files_key: str, item_count: int) -> dict[str, Any]:
        is_full = self.start is None
        times = (
            {"exportTime": _text(self.time)}
            if self.start is None
            else {"exportFromTime": _text(self.start), "exportToTime": _text(self.time)}
        )
        return {
            "version": "2020-06-30" if is_full else "2023-08-01",
            "exportArn": f"{_ARN}/{self.table}/export/{self.id}",
            "startTime": _text(self.time),
            "endTime": _text(self.time),
            "tableArn": f"{_ARN}/{self.table}",
            "tableId": "6b1a9f5e-0000-4000-8000-000000000000",
            **times,
            "s3Bucket": self.bucket,
            "s3Prefix": self.prefix,
            "s3SseAlgorithm": "AES256",
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": files_key,
            "billedSizeBytes": 0,
            "itemCount": item_count,
            "outputFormat": "DYNAMODB_JSON",
            "exportType": "FULL_EXPORT" if is_full else "INCREMENTAL_EXPORT",
            **({} if is_full else {"outputView": "NEW_AND_OLD_IMAGES"}),
        }


def full_line(item: Item) -> Line:
    """Return the line of an item in a full export."""
    return {"Item": item}


def window_line(keys: Item, new: Item | None, old: Item | None = None, *, written_us: int) -> dict[str, Any]:
    """Return the line of an item in an incremental export; without a new image it is a deletion."""
    images = {"NewImage": new, "OldImage": old}
    return {
        "Metadata": {"WriteTimestampMicros": {"N": str(written_us)}},
        "Keys": keys,
        **{name: image for name, image in images.items() if image is not None},
    }


def _parts(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    for at in range(0, len(lines), _LINES_OF_A_FILE):
        yield lines[at : at + _LINES_OF_A_FILE]


def _entry(key: str, body: bytes, item_count: int) -> dict[str, Any]:
    return {"itemCount": item_count, "md5Checksum": _md5(body), "etag": "0-1", "dataFileS3Key": key}


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def _json(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=_base64)


def _base64(binary: bytes) -> str:
    """Return a binary value as an export has it; boto3 returns bytes."""
    return b64encode(binary).decode()
