"""Records that the transform refused again, written back as error lines with the new reason.

The line keeps every field it had. attemptsMade counts this attempt too, errorCode is `Replay.` and the
transform's code, firstErrorCode and firstErrorMessage keep what Firehose said.
"""

import base64
import json
from typing import Any

from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable
from ttl_archive.replay.sinks.s3_sink import put_verified
from ttl_archive.replay.sinks.spool import Spool
from ttl_archive.replay.verdict import Refused
from ttl_archive.transform import layout

_ALL = "all"  # the spool parts by date; a quarantine object is not parted


class Quarantine:
    """Gathers one object's refused records; nothing is written before `finish`."""

    def __init__(self, s3: Any, claim: Claim, transform: str) -> None:
        self._s3 = s3
        self._object = claim.error_object
        self._transform = transform
        self._spool = Spool()

    def add(self, record: FailedRecord | Unreadable, refused: Refused) -> None:
        """Take one refused record."""
        self._spool.add(_ALL, error_line(record, refused))

    def finish(self) -> dict[str, Any] | None:
        """Write the quarantine object and verify it: its key, lines and hash. None when all went well."""
        for part in self._spool.parts():
            key = layout.quarantine_key(self._object.key, self._object.identity, self._transform)
            put_verified(self._s3, self._object.bucket, key, part)
            return {"key": key, "lines": part.rows, "sha256": part.sha256}
        return None

    def close(self) -> None:
        """Remove what was spooled to disk."""
        self._spool.close()


def error_line(record: FailedRecord | Unreadable, refused: Refused) -> bytes:
    """The error line of a record that was refused again; the same record, the same line."""
    fields = _fields(record)
    fields["errorCode"] = f"Replay.{refused.code}"
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _fields(record: FailedRecord | Unreadable) -> dict[str, Any]:
    if isinstance(record, Unreadable):
        return _kept_as_bytes(record.number, record.piece)
    try:
        fields: dict[str, Any] = json.loads(record.line)
    except ValueError:  # a field that we do not look at is not UTF-8
        return _kept_as_bytes(record.number, record.line)
    fields.setdefault("firstErrorCode", record.code)
    fields.setdefault("firstErrorMessage", record.message)
    fields["attemptsMade"] = record.attempts + 1
    fields["errorMessage"] = "the transform refused the record again when it was replayed"
    return fields


def _kept_as_bytes(number: int, piece: bytes) -> dict[str, Any]:
    return {
        "attemptsMade": 1,
        "errorMessage": f"piece {number} of the error object is no error line",
        "unreadable": base64.b64encode(piece).decode(),
    }
