"""A line of an export's data file -> the item in it, as raw JSON.

full export          {"Item": {"pk": {"S": "a"}}}
incremental export   {"Metadata": {"WriteTimestampMicros": {"N": "1680109764000000"}}, "Keys": {…},
                      "NewImage": {…}, "OldImage": {…}}

The guide shows the timestamp as a string, and real files have it as an attribute value; a whole number is
accepted too. A line without a new image, or with null, is a deletion; its old image is the item just before
the window. Source: DynamoDB Developer Guide, S3DataExport.Output.
"""

from collections.abc import Callable

from msgspec import DecodeError, Raw, Struct, ValidationError, field
from msgspec.json import Decoder

from ttl_archive.replay.items.item_forms import Form
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.nesting import is_too_deep

_NULL = Raw(b"null")


class ExportedItem(Struct, frozen=True, gc=False):
    """What a line says of one item, in raw JSON; None for what the line does not have.

    `image` is the item at the export's time, None when it was deleted; `old_image` is the item before the
    window. `written_us` is the time of the last write, in microseconds since 1970.
    """

    image: Raw | None
    keys: Raw | None = None
    old_image: Raw | None = None
    written_us: int | None = None


class _Full(Struct, gc=False):
    item: Raw = field(name="Item")


class _Number(Struct, gc=False):
    text: str = field(name="N")


class _Metadata(Struct, gc=False):
    written: str | int | _Number = field(name="WriteTimestampMicros")


class _Incremental(Struct, gc=False):
    metadata: _Metadata = field(name="Metadata")
    keys: Raw = field(name="Keys")
    new_image: Raw = field(default=_NULL, name="NewImage")
    old_image: Raw = field(default=_NULL, name="OldImage")


_decode_full, _decode_incremental = Decoder(_Full).decode, Decoder(_Incremental).decode


def parse_exported(form: Form) -> Callable[[bytes], ExportedItem]:
    """Return the function that reads a line of an export of this form.

    It raises RecordError `TooDeep`, `NotUtf8`, `NotJson`, `NotAnExportLine` or `BadEventTime`.
    """
    return _CHECKED[form]


def _full(line: bytes) -> ExportedItem:
    return ExportedItem(_decode_full(line).item)


def _incremental(line: bytes) -> ExportedItem:
    found = _decode_incremental(line)
    return ExportedItem(
        _present(found.new_image), found.keys, _present(found.old_image), _written_us(found.metadata.written)
    )


def _present(image: Raw) -> Raw | None:
    return None if image == _NULL else image


def _written_us(written: str | int | _Number) -> int:
    text = written.text if isinstance(written, _Number) else str(written)
    if not (text.isascii() and text.isdigit() and len(text) == 16):  # microseconds from 2001 to 2286
        raise RecordError("BadEventTime")
    return int(text)


def _checking(parse: Callable[[bytes], ExportedItem]) -> Callable[[bytes], ExportedItem]:
    def parse_checked(line: bytes) -> ExportedItem:
        if is_too_deep(line):
            raise RecordError("TooDeep")
        try:
            if not line.isascii():
                line.decode()  # the decoder does not check that skipped text is UTF-8
            return parse(line)
        except UnicodeDecodeError:
            raise RecordError("NotUtf8") from None
        except ValidationError:
            raise RecordError("NotAnExportLine") from None
        except DecodeError:
            raise RecordError("NotJson") from None

    return parse_checked


_CHECKED = {Form.FULL_EXPORT: _checking(_full), Form.INCREMENTAL_EXPORT: _checking(_incremental)}
