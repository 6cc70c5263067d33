"""An exported item -> its row, written by the transform's own writer.

The row has the columns of every other row. Its origin is in two of them: ddb_event_name is EXPORT, and
ddb_removed_by is null, because nobody removed the item. An export is never taken for a removal by TTL.
"""

from collections.abc import Callable
from typing import Any, cast

from msgspec import DecodeError, Raw
from msgspec.json import Decoder, encode

from ttl_archive.transform.convert import Row
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.records import ChangeRecord, Skipped, StreamRecord
from ttl_archive.transform.rows import row_writer
from ttl_archive.transform.settings import Settings

EXPORT = "EXPORT"
WriteExported = Callable[[Raw, Raw | None, str, int], Row]
# An export encodes binary values once, as DynamoDB Streams does, and a time in seconds stands for that feed.
# The row's own time is passed separately. Source: DynamoDB Developer Guide, S3DataExport.Output.
_BINARY_ONCE = StreamRecord(approximate_creation_date_time=10**9, keys=Skipped())
_decode = Decoder(dict[str, Raw]).decode


def exported_row_writer(settings: Settings) -> WriteExported:
    """Return the function from an item's JSON, its keys, its event id and its time in microseconds to a row.

    Without keys they are taken from the item, by [table] keys. The function raises RecordError as the
    transform does, and `MissingKeys` for an item without one of its key attributes.
    """
    write = row_writer(settings)
    names = settings.table.keys

    def exported_row(item: Raw, keys: Raw | None, event_id: str, us: int) -> Row:
        given = keys if keys is not None else item_keys(item, names)
        data = b'{"dynamodb":{"Keys":%b,"NewImage":%b}}' % (given, item)
        # The name is none that a feed may send, so the type of change records does not have it.
        change = ChangeRecord(event_id=event_id, event_name=cast("Any", EXPORT), dynamodb=_BINARY_ONCE)
        return Row(write(data, change, us, None), us)

    return exported_row


def item_keys(item: Raw, names: tuple[str, ...]) -> Raw:
    """Return the JSON of an item's keys: the attributes of these names. Raises RecordError `MissingKeys`."""
    try:
        values = _decode(item)
        return Raw(encode({name: values[name] for name in names}))
    except (DecodeError, KeyError):
        raise RecordError("MissingKeys") from None
