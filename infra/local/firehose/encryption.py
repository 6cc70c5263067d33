"""Statuses that AWS reaches after a while, and the server-side encryption of a delivery stream.

Nothing is encrypted here: what is shown and answered follows BC-firehose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.infra.local.firehose.service_error import invalid_argument

DEFAULT_KEY_TYPE = "AWS_OWNED_CMK"  # BC-firehose: KeyType


@dataclass
class DelayedStatus:
    """A status of an asynchronous operation: `pending` when it is read first, `final` afterwards.

    AWS needs seconds to minutes. Here the first look already ends the wait, so that a program that waits for
    the final status meets the pending one, and never waits for a clock that stands still.
    """

    pending: str
    final: str
    _was_read: bool = field(default=False, repr=False)

    def read(self) -> str:
        """Return the status, and reach the final one."""
        status = self.final if self._was_read else self.pending
        self._was_read = True
        return status

    def reach(self) -> None:
        """Reach the final status without a look."""
        self._was_read = True


class Encryption:
    """The DeliveryStreamEncryptionConfiguration of a Direct PUT delivery stream."""

    def __init__(self, requested: Mapping[str, Any] | None) -> None:
        self._key: dict[str, Any] = {}
        self._status = DelayedStatus("DISABLED", "DISABLED")
        if requested is not None:
            self.start(requested)

    @property
    def is_enabled(self) -> bool:
        """Whether records are answered as encrypted."""
        return self._status.final == "ENABLED"

    def start(self, requested: Mapping[str, Any] | None) -> None:
        """Enable encryption. Raises ServiceError for a customer managed key without its ARN."""
        key = dict(requested or {"KeyType": DEFAULT_KEY_TYPE})
        check_key(key)
        self._key = key
        self._status = DelayedStatus("ENABLING", "ENABLED")

    def stop(self) -> None:
        """Disable encryption."""
        self._key = {}
        self._status = DelayedStatus("DISABLING", "DISABLED")

    def description(self) -> dict[str, Any]:
        """Return what DescribeDeliveryStream shows: Status alone when disabled (STP #769)."""
        return {**self._key, "Status": self._status.read()}


def check_key(requested: Mapping[str, Any]) -> None:
    """Raise ServiceError for a customer managed key without its ARN (BC-firehose: KeyARN)."""
    if requested["KeyType"] == "CUSTOMER_MANAGED_CMK" and "KeyARN" not in requested:
        raise invalid_argument(
            "DeliveryStreamEncryptionConfigurationInput with KeyType CUSTOMER_MANAGED_CMK needs KeyARN."
        )
