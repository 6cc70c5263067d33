"""The record of a data file: what became of its lines, and where the rows are.

It is written when every row was written and verified, under a condition, so that of two runs one writes it.
While the rows are as it says, a later run leaves the data file alone.
"""

import hashlib
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import DecodeError, Struct, field
from msgspec.json import Decoder, encode

from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.replay.claim_document import SinkOutput
from ttl_archive.replay.conditional_put import ABSENT, Payload, put_if, unchanged
from ttl_archive.replay.errors import ClaimLostError, ObjectError, ObjectGoneError

_VERSION = 1


class FileTally(Struct):
    """The ledger of a data file: lines = rows + left + refused."""

    lines: int = 0
    rows: int = 0
    left: dict[str, int] = field(default_factory=dict)  # by rule: not-expired, deleted
    refused: dict[str, int] = field(default_factory=dict)  # by code

    def add(self, other: "FileTally") -> None:
        """Add the ledger of another data file."""
        self.lines += other.lines
        self.rows += other.rows
        for mine, theirs in ((self.left, other.left), (self.refused, other.refused)):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count

    def closes(self) -> bool:
        """Whether every line was counted once."""
        return self.lines == self.rows + sum(self.left.values()) + sum(self.refused.values())


class BackfillRecord(Struct):
    """What became of one data file. `transform` is the identity of the transform that wrote the rows."""

    export: str
    data_file: str
    choice: str
    transform: str
    tally: FileTally
    outputs: list[SinkOutput]
    version: int = _VERSION


_decode = Decoder(BackfillRecord).decode


def read_backfill_record(s3: Any, bucket: str, key: str) -> tuple[BackfillRecord | None, dict[str, str]]:
    """Return the record, and the condition under which the next one may be written. Raises ObjectError."""
    url = f"s3://{bucket}/{key}"
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
        body = answer["Body"].read()
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and error_code(error) == "NoSuchKey":
            return None, ABSENT
        raise translate_error(error, url, "s3:GetObject") from error
    try:
        return _decode(body), unchanged(answer["ETag"])
    except (DecodeError, ValueError):
        raise ObjectError(f"{url}: it is no record of a backfill. Move it away, and run again") from None


def write_backfill_record(
    s3: Any, bucket: str, key: str, record: BackfillRecord, condition: dict[str, str]
) -> None:
    """Write the record under the condition. Raises ClaimLostError when another run has written one."""
    payload = Payload.of(encode(record) + b"\n")
    if put_if(s3, bucket, key, payload, condition, "application/json") is None:
        raise ClaimLostError(f"s3://{bucket}/{key}: another run backfills this data file. Run again later")


def outputs_hold(s3: Any, bucket: str, record: BackfillRecord) -> bool:
    """Whether every object of rows still has the bytes that the record says. Raises ObjectError."""
    for output in record.outputs:
        try:
            head = s3.head_object(Bucket=bucket, Key=output.key)
        except (ClientError, BotoCoreError) as error:
            problem = translate_error(error, f"s3://{bucket}/{output.key}", "s3:GetObject")
            if isinstance(problem, ObjectGoneError):
                return False
            raise problem from error
        if head.get("Metadata", {}).get("sha256") != output.sha256:
            return False
    return True


def data_file_identity(*parts: str) -> str:
    """Return twenty hexadecimal digits that stand for a data file of an export and a choice of its items."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
