"""A record that the forwarder cannot deliver, because it has no row or one that is too large."""

from typing import NamedTuple

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.metrics import UNEXPECTED


class Refusal(NamedTuple):
    """The record's data and the reason, for the error object."""

    data: bytes
    error: Exception

    @property
    def code(self) -> str:
        """The reason as fixed text, without any part of the record."""
        return self.error.code if isinstance(self.error, RecordError) else UNEXPECTED
