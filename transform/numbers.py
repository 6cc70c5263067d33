"""The text of a number -> JSON that keeps its digits: for one, for many at once, and for lists of numbers."""

from collections.abc import Callable, Sequence

from msgspec import UNSET, DecodeError, Raw, UnsetType
from msgspec.json import Decoder

from ttl_archive.transform.errors import RecordError

TakeNumbers = Callable[[Sequence[str | UnsetType]], Sequence[Raw | str | UnsetType]]

_as_number, _as_numbers = Decoder(float).decode, Decoder(list[float]).decode
_as_raw, _as_raws = Decoder(Raw).decode, Decoder(list[Raw]).decode
SMALL_NUMBERS = {text: _as_raw(text) for text in map(str, range(1000))}  # counts, flags and percentages
_DIGITS_AND_COMMAS, _EXPONENT = b"0123456789.-,", b"eE+"
_EMPTY_LISTS = (b'{"L":[]}', b'{"L": []}')
_SAFE_DIGITS = 308  # a number with as many is below 1e308


def number(text: str) -> Raw:
    """Return a number's text as JSON with the same digits. Raises RecordError `BadNumber`.

    A number beyond a double's range is refused, because readers of JSON fail on it.
    """
    try:
        _as_number(text)  # it is a JSON number ...
        if text.strip() is text:  # ... without white space
            return _as_raw(text)
    except (DecodeError, TypeError):
        pass
    raise RecordError("BadNumber")


def numbers(texts: Sequence[str | UnsetType]) -> Sequence[Raw | UnsetType]:
    """Return what `number` returns for every text; UNSET stays UNSET. Raises RecordError `BadNumber`.

    All texts are decoded as one JSON list. If they have only the bytes of JSON numbers and commas, n texts
    make n values only when each of them is a number.
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
        if unusual or len(joined) > _SAFE_DIGITS:  # otherwise none can be beyond a double's range
            _as_numbers(listed)
    except DecodeError:
        raise RecordError("BadNumber") from None
    if len(raws) != len(texts) or unusual.translate(None, _EXPONENT):
        raise RecordError("BadNumber")
    return raws


def number_texts(texts: Sequence[str | UnsetType]) -> Sequence[str | UnsetType]:
    """Return the texts unchanged. Raises RecordError `BadNumber` when one is not a number."""
    numbers(texts)
    return texts


def number_list(value: Raw) -> Raw | None:
    """Return a list of numbers as JSON without decoding it: {"L":[{"N":"1"},{"N":"2.50"}]} -> [1,2.50].

    Returns None for any other value, and for one with other white space than AWS or Python write. The numbers
    and commas are what remains when everything else is deleted. From them the value is written again: it is
    the same, to the byte, only if no number contained a comma or a deleted byte.
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
