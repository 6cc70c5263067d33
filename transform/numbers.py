"""The text of a number -> JSON that keeps its digits: one, many at once, and lists of nothing but numbers."""

from collections.abc import Callable, Sequence

from msgspec import UNSET, DecodeError, Raw, UnsetType
from msgspec.json import Decoder

from ttl_archive.transform.errors import RecordError

TakeNumbers = Callable[[Sequence[str | UnsetType]], Sequence[Raw | str | UnsetType]]

_as_number, _as_numbers = Decoder(float).decode, Decoder(list[float]).decode
_as_raw, _as_raws = Decoder(Raw).decode, Decoder(list[Raw]).decode
SMALL_NUMBERS = {text: _as_raw(text) for text in map(str, range(1000))}  # counts, flags, percentages: common
_DIGITS_AND_COMMAS, _EXPONENT = b"0123456789.-,", b"eE+"
_EMPTY_LISTS = (b'{"L":[]}', b'{"L": []}')
_SAFE_DIGITS = 308  # a number with as many is below 1e308


def number(text: str) -> Raw:
    """A number's text as JSON that keeps its digits. Raises RecordError `BadNumber`.

    One that is beyond a double's range is refused: readers of JSON stumble over it.
    """
    try:
        _as_number(text)  # it is a JSON number ...
        if text.strip() is text:  # ... and nothing but
            return _as_raw(text)
    except (DecodeError, TypeError):
        pass
    raise RecordError("BadNumber")


def numbers(texts: Sequence[str | UnsetType]) -> Sequence[Raw | UnsetType]:
    """What `number` makes of every text, in one go; UNSET stays UNSET. Raises RecordError `BadNumber`.

    Of the bytes that JSON numbers have, and commas, n parts with a comma between them make n values only if
    each part is a number.
    """
    try:
        joined = ",".join(texts).encode()  # type: ignore[arg-type]
    except TypeError:
        present = iter(numbers([text for text in texts if text is not UNSET]))
        return [text if text is UNSET else next(present) for text in texts]
    listed = b"[%b]" % joined
    try:
        raws: list[Raw] = _as_raws(listed)
        unusual = joined.translate(None, _DIGITS_AND_COMMAS)
        if unusual or len(joined) > _SAFE_DIGITS:  # only so can one be beyond a double's range
            _as_numbers(listed)
    except DecodeError:
        raise RecordError("BadNumber") from None
    if len(raws) != len(texts) or unusual.translate(None, _EXPONENT):
        raise RecordError("BadNumber")
    return raws


def number_texts(texts: Sequence[str | UnsetType]) -> Sequence[str | UnsetType]:
    """The texts, when each is a number. Raises RecordError `BadNumber`."""
    numbers(texts)
    return texts


def number_list(value: Raw) -> Raw | None:
    """{"L":[{"N":"1"},{"N":"2.50"}]} -> [1,2.50], as one text: the list is not taken apart.

    None for any other value, and for one that is written in another way than AWS or Python write it. Of the
    value only the numbers and commas are left, and from these a list of numbers is written again. It is the
    value itself, to the byte, only if no number had any of what was deleted, or a comma, of its own.
    """
    text = bytes(value)
    joined = text.translate(None, b'{"LN: []}')
    listed = b"[%b]" % joined
    if not joined:
        return Raw(listed) if text in _EMPTY_LISTS else None
    compact = b'{"L":[{"N":"%b"}]}' % joined.replace(b",", b'"},{"N":"')
    if text != compact and text != compact.replace(b":", b": ").replace(b"},", b"}, "):
        return None
    try:
        _as_numbers(listed)
    except DecodeError:
        return None
    return None if joined.translate(None, _DIGITS_AND_COMMAS + _EXPONENT) else Raw(listed)
