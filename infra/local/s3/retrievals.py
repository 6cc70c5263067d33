"""Retrievals from GLACIER, which take time: first in progress, then readable, then expired.

Source: S3 API Reference, RestoreObject; S3 User Guide, "Archive retrieval options".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

from ttl_archive.infra.local.firehose.clock import Clock

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")  # classes that cannot be read without a retrieval
# How long a retrieval takes: the longest time that is documented, because no one may rely on less.
RETRIEVAL = {
    ("GLACIER", "Expedited"): timedelta(minutes=5),
    ("GLACIER", "Standard"): timedelta(hours=5),
    ("GLACIER", "Bulk"): timedelta(hours=12),
    ("DEEP_ARCHIVE", "Standard"): timedelta(hours=12),
    ("DEEP_ARCHIVE", "Bulk"): timedelta(hours=48),
}

ObjectName = tuple[str, str]  # bucket and key


class RetrievalRefused(Exception):  # noqa: N818 - named as what S3 does
    """S3's refusal of a retrieval: HTTP status and error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Retrieval:
    """A copy that is or will be readable."""

    ready: datetime
    expires: datetime


@dataclass(frozen=True)
class RestoreStatus:
    """What S3 says about a restore: in progress, or readable until `expires`."""

    in_progress: bool
    expires: datetime


class Retrievals:
    """All retrievals, by the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_object: dict[ObjectName, Retrieval] = {}

    def request(self, name: ObjectName, storage_class: str, tier: str, days: int) -> int:
        """Begin a retrieval (202) or prolong a finished one (200), and return the HTTP status.

        Raises RetrievalRefused: not archived, already in progress, or a tier that the class does not have.
        """
        now = self._clock.now()
        known = self._by_object.get(name)
        if known is not None and known.expires > now:
            if known.ready > now:
                raise RetrievalRefused(
                    409, "RestoreAlreadyInProgress", "Object restore is already in progress"
                )
            self._by_object[name] = Retrieval(known.ready, _expiry(now, days))
            return 200
        if storage_class not in ARCHIVED:
            raise RetrievalRefused(
                403, "InvalidObjectState", "Restore is not allowed for the object's current storage class"
            )
        if (storage_class, tier) not in RETRIEVAL:
            raise RetrievalRefused(
                400, "InvalidArgument", f"Tier {tier} is not available for {storage_class}."
            )
        ready = now + RETRIEVAL[storage_class, tier]
        self._by_object[name] = Retrieval(ready, _expiry(ready, days))
        return 202

    def status(self, name: ObjectName) -> RestoreStatus | None:
        """Return the status of an object's restore; None for one never restored, or whose copy expired."""
        known = self._by_object.get(name)
        if known is None or known.expires <= self._clock.now():
            return None
        return RestoreStatus(known.ready > self._clock.now(), known.expires)

    def header(self, name: ObjectName) -> str | None:
        """Return the value of x-amz-restore, or None as `status`."""
        status = self.status(name)
        if status is None:
            return None
        if status.in_progress:
            return 'ongoing-request="true"'
        return f'ongoing-request="false", expiry-date="{format_datetime(status.expires, usegmt=True)}"'

    def is_readable(self, name: ObjectName) -> bool:
        """Return whether the copy is readable now."""
        known = self._by_object.get(name)
        return known is not None and known.ready <= self._clock.now() < known.expires

    def forget(self, name: ObjectName) -> None:
        """Forget the retrieval of an object that was overwritten or deleted."""
        self._by_object.pop(name, None)


def _expiry(since: datetime, days: int) -> datetime:
    """Return the time some days later, rounded up to the next midnight UTC (S3U: restoring objects)."""
    later = since + timedelta(days=days)
    midnight = later.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == later else midnight + timedelta(days=1)
