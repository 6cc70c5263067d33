"""A record's bytes -> the DynamoDB change record in them.

The types below are the validator: every byte is checked to be JSON, and the envelope's fields are typed. Only
the image of what was removed is kept, as raw JSON, because most changes are dropped and need no image.
Records of both feeds are understood:

    field                          Kinesis data stream        DynamoDB Streams (Direct PUT forwarders)
    ApproximateCreationDateTime    milli- or microseconds     seconds
    table                          tableName                  in eventSourceARN
    binary values                  base64 twice               base64 once
    userIdentity                   null, or type/principalId  absent, or Type/PrincipalId through boto3
"""

import struct
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Literal

from msgspec import DecodeError, Raw, Struct, ValidationError, field
from msgspec.json import Decoder

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.nesting import is_too_deep

Precision = Literal["MICROSECOND", "MILLISECOND"]
_ABSENT = Raw()
_NULL = Raw(b"null")
_first_byte = struct.Struct("c").unpack_from  # a Raw cannot be indexed
_OBJECT = (b"{",)
_MILLISECONDS = tuple(f".{ms:03d}" for ms in range(1000))


class Feed(Enum):
    """The service that carried a change record. It decides the unit of times and how binary is encoded."""

    KINESIS = "kinesis"
    STREAMS = "streams"

    __hash__ = object.__hash__  # Enum's own is a Python function; feeds are looked up for every record


class UserIdentity(Struct, gc=False):
    """The service that made the change, with the keys in either casing; empty for a user's change."""

    type: str | None = None
    principal_id: str | None = field(default=None, name="principalId")
    boto_type: str | None = field(default=None, name="Type")
    boto_principal_id: str | None = field(default=None, name="PrincipalId")

    def is_dynamodb(self) -> bool:
        """Return whether DynamoDB itself made the change, as it does when an item's TTL has passed.

        Source: DynamoDB Developer Guide, time-to-live-ttl-streams; BC-dynamodbstreams, Identity.
        """
        kind = self.type or self.boto_type
        principal = self.principal_id or self.boto_principal_id
        return kind == "Service" and principal == "dynamodb.amazonaws.com"


class Skipped(Struct, gc=False):
    """A JSON object whose members are checked to be JSON and then discarded."""


class StreamRecord(Struct, gc=False):
    """The `dynamodb` part. `old_image` is raw JSON, and empty when the record has no OldImage."""

    approximate_creation_date_time: int | float = field(name="ApproximateCreationDateTime")
    keys: Skipped = field(name="Keys")
    new_image: Skipped | None = field(default=None, name="NewImage")
    old_image: Raw = field(default=_ABSENT, name="OldImage")
    precision: Precision | None = field(default=None, name="ApproximateCreationDateTimePrecision")

    @property
    def feed(self) -> Feed:
        """The feed that carried the record: DynamoDB Streams counts in whole seconds."""
        return _STREAMS if self.approximate_creation_date_time < 10**10 else _KINESIS


class ChangeRecord(Struct, gc=False):
    """One change of one item."""

    event_id: str = field(name="eventID")
    event_name: Literal["INSERT", "MODIFY", "REMOVE"] = field(name="eventName")
    dynamodb: StreamRecord
    table_name: str | None = field(default=None, name="tableName")
    event_source_arn: str | None = field(default=None, name="eventSourceARN")
    user_identity: UserIdentity | None = field(default=None, name="userIdentity")

    def table(self) -> str | None:
        """Return the table's name, or None when the record has none."""
        if self.table_name is None and self.event_source_arn:
            # arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL
            return self.event_source_arn.partition("table/")[2].partition("/")[0]
        return self.table_name


class Images(Struct, gc=False):
    """Keys and images as raw JSON, each empty or null when the record has none."""

    keys: Raw = field(name="Keys")
    new_image: Raw = field(default=_ABSENT, name="NewImage")
    old_image: Raw = field(default=_ABSENT, name="OldImage")


class _ImagesOnly(Struct, gc=False):
    dynamodb: Images


_KINESIS, _STREAMS = Feed
_decode = Decoder(ChangeRecord).decode
_decode_images = Decoder(_ImagesOnly).decode


def parse_record(data: bytes) -> ChangeRecord:
    """Return the change record in one source record's data.

    Raises RecordError `NotUtf8`, `NotJson`, `NotAChangeRecord` or `TooDeep`.
    """
    if is_too_deep(data):
        raise RecordError("TooDeep")
    try:
        if not data.isascii():
            data.decode()  # the decoder does not check that skipped text is UTF-8
        change = _decode(data)
    except UnicodeDecodeError:
        raise RecordError("NotUtf8") from None
    except ValidationError:
        raise RecordError("NotAChangeRecord") from None
    except DecodeError:
        raise RecordError("NotJson") from None
    old = change.dynamodb.old_image
    if old and _first_byte(old) != _OBJECT and old != _NULL:
        raise RecordError("NotAChangeRecord")
    return change


def images(data: bytes) -> Images:
    """Decode the images of a record that `parse` has accepted."""
    return _decode_images(data).dynamodb


def row_image(change: ChangeRecord, data: bytes) -> Raw:
    """Return the image for the row: the old image of a removal, else the new one.

    `data` is what the change was parsed from. Raises RecordError `MissingImage`.
    """
    raw = change.dynamodb.old_image if change.event_name == "REMOVE" else images(data).new_image
    if is_there(raw):
        return raw
    raise RecordError("MissingImage")


def is_there(raw: Raw) -> bool:
    """Return whether the record has that image; a forwarder may write null for a missing one."""
    return bool(raw) and raw != _NULL


def event_us(change: StreamRecord) -> int:
    """Return the time of the change in microseconds since 1970.

    The number of digits decides the unit. A record's precision must agree with it; records from before 2024
    have no precision, and AWS's default is UNVERIFIED. Raises RecordError `BadEventTime`.
    """
    when, precision = change.approximate_creation_date_time, change.precision
    if 10**15 <= when < 10**16 and precision != "MILLISECOND":
        return int(when)
    if 10**12 <= when < 10**13 and precision != "MICROSECOND":
        return int(when * 1000)
    if 10**9 <= when < 10**10 and precision is None:
        return int(when * 1_000_000)
    raise RecordError("BadEventTime")


def timestamp_text(us: int) -> str:
    """Return microseconds since 1970 as Hive writes a timestamp, in UTC: 2026-11-21 06:26:52.123."""
    return _second_text(us // 1_000_000) + _MILLISECONDS[us // 1000 % 1000]


@lru_cache(maxsize=4096)  # many changes of a batch share a second
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
