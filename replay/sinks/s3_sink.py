"""The archive itself as the sink: rows under a name made from the error object, so again is over, not beside.

All rows of an object are spooled before the first is put. The keys to be written are noted in the claim
first, so a later run with another transform, whose rows may be of other dates, empties what it does not
write itself.
"""

import base64
import hashlib
import zlib
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import CONFLICTS, error_code, translate_error
from ttl_archive.replay.claims import Claim
from ttl_archive.replay.error_objects.error_lines import FailedRecord
from ttl_archive.replay.error_objects.objects import list_keys
from ttl_archive.replay.errors import MisuseError, ObjectError, ObjectGoneError
from ttl_archive.replay.sinks.spool import Part, Spool
from ttl_archive.transform import layout
from ttl_archive.transform.convert import Row
from ttl_archive.transform.settings import Settings

_LOOK_AT = 1000  # keys, one page: an archive is of one format
_EMPTY = zlib.compress(b"", wbits=31)
_NO_ROWS = Part("", 0, len(_EMPTY), hashlib.sha256(_EMPTY).hexdigest(), _EMPTY)


class S3Sink:
    """Rows go to `archive` + TABLE/dt=.../replay-ID.FORMAT.gz in `bucket`."""

    name = "s3"

    def __init__(self, s3: Any, bucket: str, settings: Settings, archive: str = layout.ARCHIVE) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.settings = settings
        self.archive = archive

    def check(self) -> None:
        """Raise MisuseError when the archive is Parquet: among its files rows of text break every query."""
        folder = f"{self.archive}{self.settings.table.name}/"
        if any(key.endswith(".parquet") for key in islice(list_keys(self.s3, self.bucket, folder), _LOOK_AT)):
            raise MisuseError(
                f"s3://{self.bucket}/{folder} holds Parquet, and this sink writes text. "
                "Use --sink kinesis --stream NAME, so that Firehose converts the records again"
            )

    def open(self, claim: Claim) -> "S3Delivery":
        """Begin one object; what an earlier run has put will be overwritten."""
        return S3Delivery(self, claim)


class S3Delivery:
    """One object's rows."""

    def __init__(self, sink: S3Sink, claim: Claim) -> None:
        self._sink = sink
        self._claim = claim
        self._spool = Spool()

    def add(self, record: FailedRecord, row: Row) -> None:  # noqa: ARG002  the row is all this sink needs
        """Take one row."""
        self._spool.add(row.date, row.line)

    def finish(self) -> list[dict[str, Any]]:
        """Put every date's rows and verify them; key, rows, bytes and hash of each."""
        sink, ident = self._sink, self._claim.error_object.identity
        parts = {
            layout.archive_key(sink.settings, part.date, ident, sink.archive): part
            for part in self._spool.parts()
        }
        before = self._claim.progress.outputs
        outputs = tuple(sorted({*before, *parts}))
        # Looked at before the claim is proved ours: a run that takes it over later changes what stands there,
        # and then a put of ours that was held up is refused, whatever another transform made of the object.
        standing = {key: _as_it_stands(sink.s3, sink.bucket, key) for key in outputs}
        self._claim.record(outputs=outputs)
        for key, part in parts.items():
            put_verified(sink.s3, sink.bucket, key, part, **standing[key])
            self._claim.keep()
        for key in set(before) - set(parts):
            put_verified(sink.s3, sink.bucket, key, _NO_ROWS, **standing[key])
        return [
            {"key": key, "rows": part.rows, "bytes": part.size, "sha256": part.sha256}
            for key, part in parts.items()
        ]

    def close(self) -> None:
        """Remove what was spooled to disk."""
        self._spool.close()


def _as_it_stands(s3: Any, bucket: str, key: str) -> dict[str, str]:
    """The condition that nobody writes the key meanwhile. Source: S3 User Guide, conditional writes."""
    try:
        return {"IfMatch": s3.head_object(Bucket=bucket, Key=key)["ETag"]}
    except (ClientError, BotoCoreError) as error:
        problem = translate_error(error, f"s3://{bucket}/{key}", "s3:GetObject")
        if isinstance(problem, ObjectGoneError):
            return {"IfNoneMatch": "*"}
        raise problem from error


def put_verified(s3: Any, bucket: str, key: str, part: Part, **condition: str) -> None:
    """Put an object, and see that it stands there as it was sent.

    S3 refuses the put when the bytes do not have the hash, or the condition, IfMatch or IfNoneMatch, does not
    hold; then it may be our own put that stands there, sent again by the client. Raises ObjectError.
    """
    checksum = base64.b64encode(bytes.fromhex(part.sha256)).decode()
    url = f"s3://{bucket}/{key}"
    try:
        with part.open() as body:
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentType="application/gzip",
                ChecksumSHA256=checksum,
                Metadata={"sha256": part.sha256, "rows": str(part.rows)},
                **condition,
            )
    except (ClientError, BotoCoreError) as error:
        if not (condition and isinstance(error, ClientError) and error_code(error) in CONFLICTS):
            raise translate_error(error, url, "s3:PutObject and s3:GetObject") from error
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, url, "s3:PutObject and s3:GetObject") from error
    if head["ContentLength"] != part.size or head["Metadata"].get("sha256") != part.sha256:
        raise ObjectError(f"{url}: it does not stand there as it was put. Run again")
