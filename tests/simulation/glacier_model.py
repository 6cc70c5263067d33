"""GLACIER as S3 has it: an object is readable between the end of its retrieval and the end of its copy.

Times are shorter than AWS's hours and days, so that a history of an hour sees all of it.
Source: S3 API Reference, RestoreObject, HeadObject, RestoreStatus; S3 User Guide, restoring objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import client_error

GLACIER = "GLACIER"


@dataclass(frozen=True)
class Copy:
    """A retrieved copy: readable from one time to another, in seconds."""

    ready_s: float
    expires_s: float


@dataclass
class GlacierModel:
    """The copies by version of an object. Without `lists_status` the store knows no RestoreStatus."""

    now_s: Callable[[], float]
    takes_s: float
    lasts_s: float
    lists_status: bool = True
    copies: dict[str, Copy] = field(default_factory=dict)

    def request(self, version: str) -> None:
        """Begin a retrieval, or prolong a copy. Raises ClientError while one is in progress."""
        now_s, known = self.now_s(), self.current(version)
        if known and known.ready_s > now_s:
            raise client_error("RestoreAlreadyInProgress", "RestoreObject", 409)
        ready_s = known.ready_s if known else now_s + self.takes_s
        self.copies[version] = Copy(ready_s, max(now_s, ready_s) + self.lasts_s)

    def current(self, version: str) -> Copy | None:
        """Return the copy that is readable or will be; None when there was none, or it expired."""
        known = self.copies.get(version)
        return known if known and known.expires_s > self.now_s() else None

    def is_readable(self, version: str) -> bool:
        """Whether the object can be read now."""
        known = self.current(version)
        return known is not None and known.ready_s <= self.now_s()

    def header(self, version: str) -> dict[str, str]:
        """Return what HeadObject says of the retrieval."""
        if not self.current(version):
            return {}
        ongoing = "false" if self.is_readable(version) else "true"
        return {"Restore": f'ongoing-request="{ongoing}"'}

    def status(self, version: str) -> dict[str, Any]:
        """Return what a listing says of the retrieval."""
        if not self.lists_status or not self.current(version):
            return {}
        return {"RestoreStatus": {"IsRestoreInProgress": not self.is_readable(version)}}
