"""The archive as the sink: rows under names made of the error object, so that a second run overwrites them.

All rows of an object are spooled before the first is written. The claim names the keys before they are
written, so a later run, with another transform whose rows may be of other dates, empties those that it does
not write itself.
"""

from itertools import islice
from typing import Any

from ttl_archive.replay.claim_document import SinkOutput
from ttl_archive.replay.claims import Claim
from ttl_archive.replay.conditional_put import Payload, current_condition, put_verified
from ttl_archive.replay.error_objects.error_lines import FailedRecord
from ttl_archive.replay.error_objects.objects import list_keys
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.sinks.spool import Spool, packed
from ttl_archive.transform import layout
from ttl_archive.transform.convert import Row
from ttl_archive.transform.settings import Settings

_LOOK_AT = 1000  # keys, one page: an archive is of one format
_GZIP = "application/gzip"


class S3Sink:
    """Rows go to archive/TABLE/dt=DATE/replay-ID.FORMAT.gz in `bucket`."""

    name = "s3"

    def __init__(self, s3: Any, bucket: str, settings: Settings) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.settings = settings
        self.target = layout.archive_folder(settings)

    def check(self) -> None:
        """Raise MisuseError when the archive is Parquet: text among its files breaks every query."""
        keys = islice(list_keys(self.s3, self.bucket, self.target), _LOOK_AT)
        if any(key.endswith(".parquet") for key in keys):
            raise MisuseError(
                f"s3://{self.bucket}/{self.target} holds Parquet, and this sink writes text. "
                "Use --sink kinesis --stream NAME, so that Firehose converts the records again"
            )

    def refusal(self, record: FailedRecord) -> None:
        """Return None: the archive takes every row."""

    def open(self, claim: Claim) -> "RowDelivery":
        """Begin one object; what an earlier run has written will be overwritten."""
        return RowDelivery(self, claim)


class RowDelivery:
    """The rows of one object."""

    def __init__(self, sink: S3Sink, claim: Claim) -> None:
        self._sink = sink
        self._claim = claim
        self._token = claim.token  # no other claim has it
        self._spool = Spool(self._token)

    def add(self, record: FailedRecord, row: Row) -> None:  # noqa: ARG002  the row is all this sink needs
        """Take one row."""
        self._spool.add(row.date, row.line)

    def finish(self) -> tuple[SinkOutput, ...]:
        """Write the rows of every date and verify them; return what was written. Raises ObjectError."""
        sink, claim = self._sink, self._claim
        ident = claim.error_object.identity
        parts = {layout.archive_key(sink.settings, part.date, ident): part for part in self._spool.parts()}
        before = claim.progress.outputs
        outputs = tuple(sorted({*before, *parts}))
        # The conditions are taken before the claim is proved ours. A run that takes it over later changes
        # every one of these objects, and then a write of ours that was delayed is refused.
        conditions = {key: current_condition(sink.s3, sink.bucket, key) for key in outputs}
        claim.note(outputs=outputs)
        claim.renew()
        for key in outputs:
            payload = parts[key].payload if key in parts else Payload.of(packed(b"", self._token))
            put_verified(sink.s3, sink.bucket, key, payload, conditions[key], _GZIP)
            claim.keep()
        return tuple(
            SinkOutput(part.rows, key, part.payload.size, part.payload.sha256) for key, part in parts.items()
        )

    def close(self) -> None:
        """Remove what was spooled to disk."""
        self._spool.close()
