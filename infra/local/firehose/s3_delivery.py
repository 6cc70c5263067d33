"""S3 delivery: buffers, the objects made of them, their keys, and puts that are tried until they succeed.

Source: FDG, s3-object-name and buffering; the content type from FLOCI probes.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.local.firehose import prefixes
from ttl_archive.infra.local.firehose.compression import COMPRESSIONS
from ttl_archive.infra.local.firehose.configuration import S3Destination
from ttl_archive.infra.local.firehose.partitioning import PartitionKeys
from ttl_archive.infra.local.firehose.source import Place

_log = logging.getLogger(__name__)

CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class ObjectGroup:
    """What shares an object: one role and, by role, one shard, one partition or one error output type."""

    role: Literal["data", "error", "backup"]
    shard_id: str = ""
    partition_keys: PartitionKeys = ()
    error_output_type: str = ""


@dataclass(frozen=True)
class DestinationVersion:
    """A delivery stream's name and destinations in one version of its configuration.

    `compress_error_objects` and `suffix_in_time_zone`: see Firehose.
    """

    name: str
    version: int
    destination: S3Destination
    backup: S3Destination | None = None
    compress_error_objects: bool = False
    suffix_in_time_zone: bool = True

    def of(self, group: ObjectGroup) -> S3Destination:
        """Return the destination of a group."""
        return self.backup if group.role == "backup" and self.backup else self.destination


@dataclass
class _Buffer:
    opened_ms: int
    oldest_ms: int
    size_bytes: int = 0
    pieces: list[bytes] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class PendingObject:
    """An object that is complete and not yet known to be stored.

    `outcomes` counts its records by outcome, `places` says where they are in the source.
    """

    group: ObjectGroup
    request: dict[str, Any]
    outcomes: Counter[str]
    places: list[Place] = field(default_factory=list)


class S3Buffers:
    """The buffers and the pending objects of one delivery stream.

    A failed put writes no error object (FDG: s3-object-name). The object waits and is put again later under
    the same key, so that a put which did arrive is overwritten and not repeated. `s3` needs put_object only.
    """

    def __init__(
        self, s3: Any, current: DestinationVersion, uuids: Callable[[], uuid.UUID] = uuid.uuid4
    ) -> None:
        self._s3 = s3
        self._current = current
        self._uuids = uuids
        self._open: dict[ObjectGroup, _Buffer] = {}
        self._pending: list[PendingObject] = []

    @property
    def buffered(self) -> int:
        """The number of records in open buffers and pending objects, without backup copies."""
        counted = [(group, buffer.outcomes) for group, buffer in self._open.items()]
        counted += [(pending.group, pending.outcomes) for pending in self._pending]
        return sum(outcomes.total() for group, outcomes in counted if group.role != "backup")

    def has_room(self, group: ObjectGroup, limit: int) -> bool:
        """Return whether the partition of a data group is active, that is, has records, or may become so."""
        if group in self._open:
            return True
        groups = [*self._open, *(pending.group for pending in self._pending)]
        active = {g.partition_keys for g in groups if g.role == "data"}
        return group.partition_keys in active or len(active) < limit

    def change_destination(self, version: DestinationVersion) -> None:
        """Use another version from now on; what is buffered is delivered under the old one."""
        self.close(0, everything=True)
        self._current = version

    def add(
        self, group: ObjectGroup, data: bytes, *, arrival_ms: int, now_ms: int, outcome: str, place: Place
    ) -> None:
        """Append a record's bytes to its group's buffer, without a separator; close the buffer if full."""
        buffer = self._open.setdefault(group, _Buffer(now_ms, arrival_ms))
        buffer.oldest_ms = min(buffer.oldest_ms, arrival_ms)
        buffer.pieces.append(data)
        buffer.places.append(place)
        buffer.size_bytes += len(data)
        buffer.outcomes[outcome] += 1
        if buffer.size_bytes >= self._current.of(group).buffering.size_bytes:
            self._close(group)

    def close(self, now_ms: int, *, everything: bool = False) -> None:
        """Close the buffers that are old enough, or all."""
        for group, buffer in list(self._open.items()):
            age_ms = now_ms - buffer.opened_ms
            if everything or age_ms >= self._current.of(group).buffering.interval_ms:
                self._close(group)

    def put(self) -> list[PendingObject]:
        """Put every pending object, and return those that S3 accepted; the others stay."""
        stored: list[PendingObject] = []
        waiting: list[PendingObject] = []
        for pending in self._pending:
            (stored if self._try_put(pending) else waiting).append(pending)
        self._pending = waiting
        return stored

    def _close(self, group: ObjectGroup) -> None:
        buffer = self._open.pop(group)
        request = put_request(self._current, group, buffer, self._uuids)
        self._pending.append(PendingObject(group, request, buffer.outcomes, buffer.places))

    def _try_put(self, pending: PendingObject) -> bool:
        try:
            self._s3.put_object(**pending.request)
        except (ClientError, BotoCoreError) as error:
            bucket, key = pending.request["Bucket"], pending.request["Key"]
            _log.warning("s3://%s/%s is kept and will be put again: %s", bucket, key, error)
            return False
        return True


def put_request(
    version: DestinationVersion,
    group: ObjectGroup,
    buffer: _Buffer,
    uuids: Callable[[], uuid.UUID] = uuid.uuid4,
) -> dict[str, Any]:
    """Return the arguments of the put_object call that stores a buffer."""
    destination = version.of(group)
    compression = COMPRESSIONS[destination.compression]
    extension = destination.file_extension
    if group.role == "error":
        # UNVERIFIED whether CompressionFormat applies to error objects; those probed had no extension.
        compression = compression if version.compress_error_objects else COMPRESSIONS["UNCOMPRESSED"]
        extension = compression.extension
    oldest = datetime.fromtimestamp(buffer.oldest_ms / 1000, UTC)
    request = {
        "Bucket": destination.bucket,
        "Key": _key(version, group, oldest, extension, uuids),
        "Body": compression.compress(b"".join(buffer.pieces), uuids),
        "ContentType": CONTENT_TYPE,
    }
    if compression.content_encoding:
        request["ContentEncoding"] = compression.content_encoding
    if destination.kms_key_arn:
        request |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": destination.kms_key_arn}
    return request


def _key(
    version: DestinationVersion,
    group: ObjectGroup,
    oldest: datetime,
    extension: str,
    uuids: Callable[[], uuid.UUID],
) -> str:
    """Return `<prefix><name>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid><extension>`.

    The time is the arrival of the oldest record (UNVERIFIED). CustomTimeZone moves the suffix too, by
    FDG: s3-object-name, which no captured object confirms.
    """
    destination = version.of(group)
    prefix = destination.error_output_prefix if group.role == "error" else destination.prefix
    surroundings = prefixes.Surroundings(
        oldest, destination.time_zone, group.error_output_type, dict(group.partition_keys), uuids
    )
    folder = prefixes.evaluate_prefix(prefix, surroundings)
    at = oldest.astimezone(destination.time_zone) if version.suffix_in_time_zone else oldest
    return f"{folder}{version.name}-{version.version}-{at:%Y-%m-%d-%H-%M-%S}-{uuids()}{extension}"
