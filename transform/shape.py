"""The shape of a table's items, learned from their images, so that the next image is taken apart in C.

DynamoDB keeps no schema, but the items of a table are alike. What their images have had in common so far
makes a decoder that refuses everything else, and getters that take all values of a kind at once: a handful of
calls an image, however many attributes it has. An image of another shape is taken apart in general, by
`flatten`, and is learned from. Nothing else depends on it: a row is the same, to the byte, either way.

kind           attribute values of that kind
S, BOOL, SS    {"S": "text"}, {"BOOL": true}, {"SS": ["a", "b"]}: a row has them as they are
N              {"N": "1.50"}
L              {"L": [{"N": "1"}, {"N": "2"}]}, a list of numbers; any other value is taken apart in general
"" (general)   maps, other lists, binary, NULL; what is of one kind in this item, of another in that
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, ValidationError, defstruct, field
from msgspec.json import Decoder

from ttl_archive.transform.columns import Namer, all_of, namer, spreader
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import AttributeValue, Image, Unwrap, attribute_value, decoded
from ttl_archive.transform.numbers import TakeNumbers, number_list, numbers
from ttl_archive.transform.settings import Settings

MOST_ATTRIBUTES = 128
MOST_LESSONS = 100  # a table that still surprises then has no one shape

_GENERAL = ""
_WHOLE = ("L", _GENERAL)  # of these the attribute value is looked at, of the others its content
_GROUPS = (("S", "BOOL", "SS"), ("N",), _WHOLE)  # taken as they are; all at once; one by one


def _only(kind: str, content: Any) -> type[Struct]:
    """The type of attribute values that have this key and no other. UNSET is for what an image lacks."""
    fields = [(kind, content | UnsetType)]
    return defstruct(f"Only{kind}", fields, forbid_unknown_fields=True, frozen=True, gc=False)


_TYPES: dict[str, Any] = {
    "S": _only("S", str),
    "BOOL": _only("BOOL", bool),
    "SS": _only("SS", list[str]),
    "N": _only("N", str),
    "L": Raw | UnsetType,
    _GENERAL: AttributeValue | UnsetType,
}


class Shape:
    """Images whose attributes are among these, each of one kind.

    `kinds` are in the order in which images have them, as far as they have one; `columns` are pairs (column,
    attribute) in the order of `values`. Raises ValueError for a name that no field can have: with a quote, a
    backslash or a control character.
    """

    def __init__(
        self,
        kinds: Mapping[str, str],
        columns: Sequence[tuple[str, str]],
        unwrap: Unwrap,
        take_numbers: TakeNumbers = numbers,
    ) -> None:
        self.columns = [column for column, _ in columns]
        self.numbers = {column for column, name in columns if kinds[name] == "N"}
        self.hits = 0  # images that were of this shape
        self._unwrap = unwrap
        groups = [[name for name, kind in kinds.items() if kind in group] for group in _GROUPS]
        paths = {
            name: f"f{n}" if kind in _WHOLE else f"f{n}.{kind}"
            for n, (name, kind) in enumerate(kinds.items())
        }
        as_they_are, numbers_of, self._one_by_one = (
            all_of(attrgetter, [paths[name] for name in group]) for group in groups
        )
        places = {name: place for place, name in enumerate(name for group in groups for name in group)}
        self._has_others = bool(groups[2])
        in_order = all_of(itemgetter, [places[name] for _, name in columns])
        decode = Decoder(_image_type(kinds)).decode
        self._steps = decode, as_they_are, numbers_of, take_numbers, in_order

    def values(self, raw: Raw) -> Sequence[Any] | None:
        """An image's plain values for `columns`, UNSET where it has none.

        None if it has another shape or is damaged: the general way tells which.
        """
        if not self.columns:
            return None
        decode, as_they_are, numbers_of, take_numbers, in_order = self._steps  # one look-up
        try:
            image = decode(raw)
            taken = (*as_they_are(image), *take_numbers(numbers_of(image)))
            if self._has_others:
                taken += self._others(image)
        except (ValidationError, RecordError):
            return None
        self.hits += 1
        return in_order(taken)

    def _others(self, image: Struct) -> tuple[Any, ...]:
        values = [*self._one_by_one(image)]
        in_general = []
        for n, value in enumerate(values):
            if value.__class__ is Raw:
                values[n] = number_list(value)
                if values[n] is None:
                    in_general.append((n, attribute_value(value)))
            elif value is not UNSET:
                in_general.append((n, value))
        self._unwrap(values, in_general)
        return tuple(values)


def _image_type(kinds: Mapping[str, str]) -> type[Struct]:
    """The type of the images of a shape. Its fields are f0, f1, ...: an attribute may have any name."""
    fields = [
        (f"f{n}", _TYPES[kind], field(name=name, default=UNSET if kind in _WHOLE else _TYPES[kind](UNSET)))
        for n, (name, kind) in enumerate(kinds.items())
    ]
    return defstruct("Image", fields, forbid_unknown_fields=True, gc=False)


Made = TypeVar("Made")


class Flattener(Generic[Made]):
    """Takes apart a table's images that come by one feed.

    `known` is the shape that they have had so far, and what `make` makes of it once to be used often: the
    type of a row, say. While nothing is known the shape has no columns, and no image has it.
    """

    def __init__(
        self,
        settings: Settings,
        unwrap: Unwrap,
        make: Callable[[Shape], Made],
        take_numbers: TakeNumbers = numbers,
    ) -> None:
        self._columns_of = namer(settings)
        self._spread = spreader(settings, self._columns_of)
        self._unwrap, self._make, self._take_numbers = unwrap, make, take_numbers
        self._kinds: dict[str, str] = {}
        self._lessons = self._misses = 0
        self.known = self._shaped({}, ())

    def in_general(self, raw: Raw, row: dict[str, Any]) -> None:
        """Put an image's plain values into a row, sorted by column. Learns from it. Raises RecordError."""
        self._unwrap(row, self._spread(decoded(raw)))
        if self._columns_of:
            self._missed(raw, self._columns_of)

    def _missed(self, raw: Raw, columns_of: Namer) -> None:
        """Learn from an image whose shape is not the known one, unless that is rare, or hopeless."""
        self._misses += 1
        hits = self.known[0].hits
        if self._misses <= hits // 4:
            return  # such as a NULL now and then
        if self._lessons < MOST_LESSONS:
            self._lessons += 1
            self._learn(raw, columns_of)
        elif self._misses > max(MOST_LESSONS, hits):
            self.known, self._columns_of = self._shaped({}, ()), None  # to look costs more than it saves

    def _learn(self, raw: Raw, columns_of: Namer) -> None:
        kinds = dict(self._kinds)
        try:
            image = decoded(raw)  # once more: what is unwrapped is taken apart
            for name, value in image.items():
                kind = _kind_of(value)
                kinds[name] = kind if kinds.get(name, kind) == kind else _GENERAL
            if not _is_worth_it(kinds, image):
                return
            self.known = self._shaped(kinds, columns_of(tuple(kinds)))
        except (RecordError, ValueError):
            return  # attributes of two items meet in one column, or a name is none for a field
        self._kinds, self._misses = kinds, 0

    def _shaped(self, kinds: Mapping[str, str], columns: Sequence[tuple[str, str]]) -> tuple[Shape, Made]:
        shape = Shape(kinds, columns, self._unwrap, self._take_numbers)
        return shape, self._make(shape)


def _is_worth_it(kinds: Mapping[str, str], image: Image) -> bool:
    """Whether a shape is quicker: items have most of the attributes, and most of these have a kind."""
    general = sum(kind == _GENERAL for kind in kinds.values())
    return len(kinds) <= min(MOST_ATTRIBUTES, 2 * len(image)) and 2 * general <= len(kinds)


def _kind_of(value: AttributeValue) -> str:
    ((kind, content),) = value.items()
    if kind == "L" and not all("N" in element for element in content):
        return _GENERAL
    return kind if kind in _TYPES else _GENERAL
