"""The shape of a table's items, learned from their images, so that the next image is taken apart in C.

DynamoDB keeps no schema, but the items of a table are alike. What their images have had in common so far
makes a decoder that refuses everything else, and getters that take all values of a kind at once: a handful of
calls an image, however many attributes it has. An image of another shape is taken apart in general, by
`flatten`, and is learned from. Nothing else depends on it: a row is the same, to the byte, either way.

kind           attribute values of that kind
S, BOOL, SS    {"S": "text"}, {"BOOL": true}, {"SS": ["a", "b"]}: a row has them as they are
N              {"N": "1.50"}
L              {"L": [{"N": "1"}, {"N": "2"}]}, a list of numbers
"" (general)   maps, other lists, binary, NULL; what is of one kind in this item, of another in that
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, ValidationError, defstruct, field
from msgspec.json import Decoder

from transform.columns import namer, spreader
from transform.errors import RecordError
from transform.flatten import AttributeValue, TakeNumbers, Unwrap, decoded, numbers
from transform.settings import Settings

# Beyond either of them attribute names are data, and there is no shape to learn.
MOST_ATTRIBUTES = 256
MOST_LESSONS = 100

_GENERAL = ""
_GROUPS = (("S", "BOOL", "SS"), ("N",), ("L",), (_GENERAL,))


def _only(kind: str, content: Any) -> type[Struct]:
    """The type of attribute values that have this key and no other. UNSET is for what an image lacks."""
    fields = [(kind, content | UnsetType)]
    return defstruct(f"Only{kind}", fields, forbid_unknown_fields=True, frozen=True, gc=False)


_NUMBER = _only("N", str)
_TYPES: dict[str, Any] = {
    "S": _only("S", str),
    "BOOL": _only("BOOL", bool),
    "SS": _only("SS", list[str]),
    "N": _NUMBER,
    "L": _only("L", list[_NUMBER]),  # type: ignore[valid-type]
    _GENERAL: dict[str, Any] | UnsetType,
}
_MISSING = {kind: of_kind(UNSET) if kind else UNSET for kind, of_kind in _TYPES.items()}


class Shape:
    """Images whose attributes are among these, each of one kind, and the columns that they lead into."""

    def __init__(
        self,
        kinds: Mapping[str, str],
        columns: Sequence[str],
        unwrap: Unwrap,
        take_numbers: TakeNumbers = numbers,
    ) -> None:
        fields = [
            (f"f{n}", _TYPES[kind], field(name=name, default=_MISSING[kind]))
            for n, (name, kind) in enumerate(kinds.items())
        ]
        image = defstruct("Image", fields, forbid_unknown_fields=True, gc=False)
        self._decode = Decoder(image).decode
        self._unwrap, self._take_numbers = unwrap, take_numbers
        groups = [[n for n, kind in enumerate(kinds.values()) if kind in group] for group in _GROUPS]
        paths = [f"f{n}.{kind}" if kind else f"f{n}" for n, kind in enumerate(kinds.values())]
        self._same, self._numbers, self._lists, self._general = (
            all_of(attrgetter, [paths[n] for n in group]) for group in groups
        )
        taken = [columns[n] for group in groups for n in group]
        self.columns = sorted(columns)
        self.numbers = {columns[n] for n in groups[1]}
        self._sorted = all_of(itemgetter, [taken.index(column) for column in self.columns])

    def values(self, raw: Raw) -> Sequence[Any] | None:
        """An image's plain values for `columns`, UNSET where it has none; None if its shape is another."""
        try:
            image = self._decode(raw)
            lists, general = self._lists(image), self._general(image)
            if lists:
                lists = tuple(found if found is UNSET else numbers([n.N for n in found]) for found in lists)
            if general:
                general = [*general]
                present = [(n, value) for n, value in enumerate(general) if value is not UNSET]
                self._unwrap(general, present)
            return self._sorted(
                (*self._same(image), *self._take_numbers(self._numbers(image)), *lists, *general)
            )
        except (ValidationError, RecordError):
            return None


def all_of(getter: Callable[..., Any], keys: Sequence[Any]) -> Callable[[Any], Sequence[Any]]:
    """What `attrgetter` or `itemgetter` gets, always as a tuple: by themselves they need two keys for it."""
    if len(keys) > 1:
        return getter(*keys)  # type: ignore[no-any-return]
    if keys:
        one = getter(*keys)
        return lambda source: (one(source),)
    return lambda _: ()


Made = TypeVar("Made")


class Flattener(Generic[Made]):
    """Takes apart a table's images that come by one feed.

    `known` is the shape that they have had so far, and what the caller makes of a shape once to use it often.
    """

    def __init__(
        self,
        settings: Settings,
        unwrap: Unwrap,
        make: Callable[[Shape], Made],
        take_numbers: TakeNumbers = numbers,
    ) -> None:
        self._spread, self._columns_of = spreader(settings), namer(settings)
        self._unwrap, self._make, self._take_numbers = unwrap, make, take_numbers
        self._kinds: dict[str, str] = {}
        self._lessons = 0
        self.known = self._shaped({}, ())

    def in_general(self, raw: Raw) -> dict[str, Any]:
        """An image's plain values by column, sorted like a shape's. Learns from it. Raises RecordError."""
        row: dict[str, Any] = {}
        self._unwrap(row, sorted(self._spread(decoded(raw))))
        if self._columns_of and self._lessons < MOST_LESSONS:
            self._lessons += 1
            self._learn(raw, self._columns_of)
        return row

    def _learn(self, raw: Raw, columns_of: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
        kinds = dict(self._kinds)
        for name, value in decoded(raw).items():
            kind = _kind_of(value)
            kinds[name] = kind if kinds.get(name, kind) == kind else _GENERAL
        if len(kinds) > MOST_ATTRIBUTES:
            return
        try:
            self.known = self._shaped(kinds, columns_of(tuple(kinds)))
        except (RecordError, ValueError):  # names of two items that meet in one column, or with a quote
            return
        self._kinds = kinds

    def _shaped(self, kinds: Mapping[str, str], columns: Sequence[str]) -> tuple[Shape, Made]:
        shape = Shape(kinds, columns, self._unwrap, self._take_numbers)
        return shape, self._make(shape)


def _kind_of(value: AttributeValue) -> str:
    ((kind, content),) = value.items()
    if kind == "L" and not all("N" in element for element in content):
        return _GENERAL
    return kind if kind in _TYPES else _GENERAL
