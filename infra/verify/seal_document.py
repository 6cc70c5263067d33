"""A seal: the objects of one date folder, as they were when its day closed.

audit/table=TABLE/dt=2026-11-21/0001.json   the objects of the folder when the day was sealed
audit/table=TABLE/dt=2026-11-21/0002.json   objects that were added later and accepted, and no others

A seal is written once, with If-None-Match, and never changed. An ETag changes with the content of an object,
and not with its metadata, of which the storage class is a part: a transition to GLACIER changes no ETag.
Source: Amazon S3 API Reference, Object (ETag); S3 User Guide, UsingMetadata. Not tried in AWS.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder, encode
from msgspec.json import format as indented

from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.replay.conditional_put import ABSENT, Payload, put_if
from ttl_archive.replay.errors import MisuseError, ObjectError
from ttl_archive.replay.restore.archive_listing import ArchivedObject
from ttl_archive.transform import layout

_JSON = "application/json"


class SealedObject(Struct, frozen=True, order=True):
    """One object of the folder. `size` is in bytes."""

    key: str
    etag: str
    size: int


class Seal(Struct, frozen=True):
    """The objects of a date folder, who sealed them, and when. `deleted` is DynamoDB's count of the day."""

    table: str
    day: date
    sealed_at: Annotated[datetime, Meta(tz=True)]
    sealed_by: str
    deleted: int
    rows: int
    objects: tuple[SealedObject, ...]


_decode = Decoder(Seal).decode


def sealed_objects(objects: Iterable[ArchivedObject]) -> tuple[SealedObject, ...]:
    """Return what a seal says about objects, sorted by key."""
    return tuple(sorted(SealedObject(each.key, each.etag, each.size) for each in objects))


def read_seal(s3: Any, bucket: str, key: str) -> Seal | None:
    """Return a seal, or None when the object is none. Raises AccessDeniedError or ObjectError."""
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return _decode(content)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"s3://{bucket}/{key}", "s3:GetObject") from error


def write_seal(s3: Any, bucket: str, seal: Seal, number: int) -> str:
    """Write the seal with this number, and return its key.

    Raises ObjectError when the key exists, and MisuseError for a store that ignores the condition.
    """
    key = layout.seal_key(seal.table, str(seal.day), number)
    content = indented(encode(seal), indent=1)
    if put_if(s3, bucket, key, Payload.of(content), ABSENT, _JSON) is None:
        raise ObjectError(f"s3://{bucket}/{key}: another run sealed this day at the same time. Run again")
    _check_kept(s3, bucket, key, content)
    return key


def _check_kept(s3: Any, bucket: str, key: str, content: bytes) -> None:
    """Write the same bytes again, which the store must refuse: else it would let a seal be replaced."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=_JSON, **ABSENT)
    except ClientError as error:
        if error_code(error) in ("PreconditionFailed", "412"):
            return
        raise translate_error(error, f"s3://{bucket}/{key}", "s3:PutObject") from error
    except BotoCoreError as error:
        raise translate_error(error, f"s3://{bucket}/{key}") from error
    raise MisuseError(
        f"s3://{bucket}: the store ignores If-None-Match, so a seal could be replaced. Use a store with "
        "conditional writes, as Amazon S3 has them"
    )
