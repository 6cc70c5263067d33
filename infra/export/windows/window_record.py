"""The end of the last export, remembered in one object of the bucket that is only written under conditions.

replay/table=TABLE/exports/windows.json   {"end_s": 1764028800, "attempt": 0, "exports": [...]}

Two runs at once ask for the same window with the same token, so that DynamoDB makes one export of it; the
second of them finds that the window is remembered already.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

_EXPORTS_KEPT = 100
_GONE = ("NoSuchKey", "404")
# A condition that does not hold, or two writes at once. Source: S3 User Guide, conditional writes.
_REFUSED = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409", *_GONE)


class WindowTakenError(Exception):
    """Another run has changed the record meanwhile; the state machine tries again."""


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """What was exported last; `end_s` is None before the first window is planned.

    `attempt` counts the failed exports of the next window.
    """

    end_s: int | None = None
    attempt: int = 0
    exports: tuple[dict[str, Any], ...] = ()
    etag: str | None = field(default=None, compare=False)

    def begun(self, start_s: int) -> "WindowRecord":
        """Return the record of a series of windows that begins at that time."""
        return replace(self, end_s=start_s)

    def exported(self, export: dict[str, Any], end_s: int) -> "WindowRecord":
        """Return the record after an export that was completed."""
        return replace(self, end_s=end_s, attempt=0, exports=(*self.exports, export)[-_EXPORTS_KEPT:])

    def failed(self) -> "WindowRecord":
        """Return the record after an export that failed; the next attempt has another token."""
        return replace(self, attempt=self.attempt + 1)


def read_window_record(s3: Any, bucket: str, key: str) -> WindowRecord:
    """Return the record; an empty one before the first export. Raises ClientError."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return WindowRecord()
        raise
    found = json.loads(answer["Body"].read())
    return WindowRecord(found["end_s"], found["attempt"], tuple(found["exports"]), answer["ETag"])


def write_window_record(s3: Any, bucket: str, key: str, record: WindowRecord) -> None:
    """Write the record, if nobody has since it was read. Raises WindowTakenError, or ClientError."""
    condition = {"IfMatch": record.etag} if record.etag else {"IfNoneMatch": "*"}
    body = {"end_s": record.end_s, "attempt": record.attempt, "exports": record.exports}
    try:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=json.dumps(body).encode(),
            ContentType="application/json",
            **condition,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in _REFUSED:
            raise WindowTakenError(f"s3://{bucket}/{key} was changed by another run") from None
        raise
