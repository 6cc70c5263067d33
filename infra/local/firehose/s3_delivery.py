"""S3 delivery: buffers, the objects made of them, their keys, and puts that are tried until they succeed.

Source: FDG, s3-object-name and buffering; content type and encodings from FLOCI probes.
"""

from __future__ import annotations

import gzip
import io
import logging
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.infra.local.firehose.configuration import S3Destination
from ttl_archive.infra.local.firehose.partitioning import PartitionKeys

_log = logging.getLogger(__name__)

CONTENT_TYPE = "application/octet-stream"
_CONTENT_ENCODINGS = {"GZIP": "gzip", "ZIP": "zip"}
_ERROR_EXTENSIONS = {"GZIP": ".gz", "ZIP": ".zip"}


@dataclass(frozen=True)
class Group:
    """What shares an object: one role and, by role, one shard, one partition or one error output type."""

    role: Literal["data", "error", "backup"]
    lane: str = ""
    partition_keys: PartitionKeys = ()
    error_output_type: str = ""


@dataclass(frozen=True)
class Target:
    """A delivery stream's name, configuration version and destinations at one time."""

    name: str
    version: int
    destination: S3Destination
    backup: S3Destination | None = None
    compress_error_objects: bool = False

    def of(self, group: Group) -> S3Destination:
        """The destination of a group."""
        return self.backup if group.role == "backup" and self.backup else self.destination


@dataclass
class _Buffer:
    opened_ms: int
    oldest_ms: int
    size_bytes: int = 0
    pieces: list[bytes] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class PendingObject:
    """An object that is complete and not yet known to be stored; `tally` counts its records by outcome."""

    group: Group
    request: dict[str, Any]
    tally: Counter[str]


class Delivery:
    """Everything of one delivery stream that is on its way to S3.

    A failed put writes no error object (FDG: s3-object-name): the object waits and is put again later, under
    the same key, so that a put that did arrive is overwritten and not doubled. `s3` needs put_object only.
    """

    def __init__(self, s3: Any, target: Target, uuids: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._s3 = s3
        self._target = target
        self._uuids = uuids
        self._open: dict[Group, _Buffer] = {}
        self._pending: list[PendingObject] = []

    @property
    def buffered(self) -> int:
        """Records in open buffers and unstored objects, backup copies not counted."""
        tallies = [(group, buffer.tally) for group, buffer in self._open.items()]
        tallies += [(pending.group, pending.tally) for pending in self._pending]
        return sum(tally.total() for group, tally in tallies if group.role != "backup")

    def has_room(self, group: Group, limit: int) -> bool:
        """Whether a data group's partition is active, that is has something buffered, or may become so."""
        if group in self._open:
            return True
        groups = [*self._open, *(pending.group for pending in self._pending)]
        active = {g.partition_keys for g in groups if g.role == "data"}
        return group.partition_keys in active or len(active) < limit

    def retarget(self, target: Target) -> None:
        """Deliver elsewhere from now on; what is buffered is closed under the old configuration."""
        self.close(0, everything=True)
        self._target = target

    def add(self, group: Group, data: bytes, *, arrival_ms: int, now_ms: int, outcome: str) -> None:
        """Append a record's bytes to its group's buffer, with no separator, and close the buffer if full."""
        buffer = self._open.setdefault(group, _Buffer(now_ms, arrival_ms))
        buffer.oldest_ms = min(buffer.oldest_ms, arrival_ms)
        buffer.pieces.append(data)
        buffer.size_bytes += len(data)
        buffer.tally[outcome] += 1
        if buffer.size_bytes >= self._target.of(group).buffering.size_bytes:
            self._close(group)

    def close(self, now_ms: int, *, everything: bool = False) -> None:
        """Close the buffers that are old enough, or all."""
        for group, buffer in list(self._open.items()):
            age_ms = now_ms - buffer.opened_ms
            if everything or age_ms >= self._target.of(group).buffering.interval_ms:
                self._close(group)

    def put(self) -> list[PendingObject]:
        """Put every closed object, and give those that S3 took; the others stay."""
        stored: list[PendingObject] = []
        waiting: list[PendingObject] = []
        for pending in self._pending:
            (stored if self._try_put(pending) else waiting).append(pending)
        self._pending = waiting
        return stored

    def _close(self, group: Group) -> None:
        buffer = self._open.pop(group)
        self._pending.append(
            PendingObject(group, put_request(self._target, group, buffer, self._uuids), buffer.tally)
        )

    def _try_put(self, pending: PendingObject) -> bool:
        try:
            self._s3.put_object(**pending.request)
        except (ClientError, BotoCoreError) as error:
            bucket, key = pending.request["Bucket"], pending.request["Key"]
            _log.warning("s3://%s/%s is kept and put again later: %s", bucket, key, error)
            return False
        return True


def put_request(
    target: Target, group: Group, buffer: _Buffer, uuids: Callable[[], uuid.UUID] = uuid.uuid4
) -> dict[str, Any]:
    """The put_object call that stores a buffer."""
    destination = target.of(group)
    compression = destination.compression
    extension = destination.file_extension
    if group.role == "error":
        # UNVERIFIED whether CompressionFormat applies to error objects; those probed had no extension.
        compression = compression if target.compress_error_objects else "UNCOMPRESSED"
        extension = _ERROR_EXTENSIONS.get(compression, "")
    oldest = datetime.fromtimestamp(buffer.oldest_ms / 1000, UTC)
    request = {
        "Bucket": destination.bucket,
        "Key": _key(target, group, oldest, extension, uuids),
        "Body": _COMPRESSORS[compression](b"".join(buffer.pieces), uuids),
        "ContentType": CONTENT_TYPE,
    }
    if compression in _CONTENT_ENCODINGS:
        request["ContentEncoding"] = _CONTENT_ENCODINGS[compression]
    if destination.kms_key_arn:
        request |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": destination.kms_key_arn}
    return request


def _key(
    target: Target, group: Group, oldest: datetime, extension: str, uuids: Callable[[], uuid.UUID]
) -> str:
    """`<prefix><name>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid><extension>`.

    The suffix is in UTC (UNVERIFIED with CustomTimeZone) and of the oldest record's arrival (UNVERIFIED).
    """
    destination = target.of(group)
    prefix = destination.error_output_prefix if group.role == "error" else destination.prefix
    surroundings = prefixes.Surroundings(
        oldest, destination.time_zone, group.error_output_type, dict(group.partition_keys), uuids
    )
    folder = prefixes.evaluate(prefix, surroundings)
    return f"{folder}{target.name}-{target.version}-{oldest:%Y-%m-%d-%H-%M-%S}-{uuids()}{extension}"


def _zip(body: bytes, uuids: Callable[[], uuid.UUID]) -> bytes:
    """A ZIP archive of one deflated entry named with a UUID (FLOCI probe), of a fixed date."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as entries:
        entries.writestr(zipfile.ZipInfo(str(uuids())), body, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


_COMPRESSORS: dict[str, Callable[[bytes, Callable[[], uuid.UUID]], bytes]] = {
    "UNCOMPRESSED": lambda body, _: body,
    "GZIP": lambda body, _: gzip.compress(body, mtime=0),
    "ZIP": _zip,
}
