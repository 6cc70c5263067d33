"""The shape of a table's items, learned from their images, so that C code can take the next image apart.

DynamoDB has no schema, but the items of a table are alike. A sample of images yields a decoder that refuses
any other image, and getters that take all values of a kind at once: a handful of calls for an image, however
many attributes it has. An image of another shape takes the general path, `flatten`. Either way the row is the
same, to the byte. A shape is used only while it pays: see `Flattener`.

kind           attribute values of that kind
S, BOOL, SS    {"S": "text"}, {"BOOL": true}, {"SS": ["a", "b"]}: the row has their content
N              {"N": "1.50"}
L              {"L": [{"N": "1"}, {"N": "2"}]}, a list of numbers; any other value takes the general path
"" (general)   maps, other lists, binary, NULL; an attribute whose kind differs from item to item
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, ValidationError, defstruct, field
from msgspec.json import Decoder

from ttl_archive.transform.columns import namer, spreader
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import AttributeValue, Image, Unwrap, attribute_value, decoded
from ttl_archive.transform.getters import tuple_getter
from ttl_archive.transform.numbers import TakeNumbers, number_list, numbers
from ttl_archive.transform.settings import Settings

SAMPLE = 16  # images from which a shape is learned
WINDOW = 32  # images of other shapes after which the shape is judged by its hits
PAUSES = (256, 1024)  # images before the next sample, after one and after more failures
_COMMON = 7 / 8  # the share of an attribute's values that must be of one kind

_GENERAL = ""
_WHOLE = ("L", _GENERAL)  # the getters return the attribute value of these, and the content of the others
_GROUPS = (("S", "BOOL", "SS"), ("N",), _WHOLE)  # copied; checked together; converted one by one


def _only(kind: str, content: Any) -> type[Struct]:
    """Return the type of attribute values with this key and no other. UNSET is for a missing attribute."""
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

    `kinds` should be in the order in which images have them; `columns` are pairs (column, attribute) in the
    order of `values`. Raises ValueError for a name that a msgspec field cannot have: one with a quote, a
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
        self.hits = 0  # images of this shape
        self._unwrap = unwrap
        groups = [[name for name, kind in kinds.items() if kind in group] for group in _GROUPS]
        paths = {
            name: f"f{n}" if kind in _WHOLE else f"f{n}.{kind}"
            for n, (name, kind) in enumerate(kinds.items())
        }
        copied, numbers_of, self._one_by_one = (
            tuple_getter(attrgetter, [paths[name] for name in group]) for group in groups
        )
        places = {name: place for place, name in enumerate(name for group in groups for name in group)}
        self._has_others = bool(groups[2])
        in_order = tuple_getter(itemgetter, [places[name] for _, name in columns])
        decode = Decoder(_image_type(kinds)).decode
        self._steps = decode, copied, numbers_of, take_numbers, in_order

    def values(self, raw: Raw) -> Sequence[Any] | None:
        """Return an image's plain values for `columns`, UNSET for a missing attribute.

        Returns None for an image that has another shape or is damaged; the general path finds out which.
        """
        if not self.columns:
            return None
        decode, copied, numbers_of, take_numbers, in_order = (
            self._steps
        )  # one attribute look-up instead of five
        try:
            image = decode(raw)
            taken = (*copied(image), *take_numbers(numbers_of(image)))
            if self._has_others:
                taken += self._others(image)
        except (ValidationError, RecordError):
            return None
        self.hits += 1
        return in_order(taken)

    def _others(self, image: Struct) -> tuple[Any, ...]:
        values = [*self._one_by_one(image)]
        general = []
        for n, value in enumerate(values):
            if value.__class__ is Raw:
                values[n] = number_list(value)
                if values[n] is None:
                    general.append((n, attribute_value(value)))
            elif value is not UNSET:
                general.append((n, value))
        self._unwrap(values, general)
        return tuple(values)


def _image_type(kinds: Mapping[str, str]) -> type[Struct]:
    """Return the type of a shape's images. Its fields are f0, f1, ...: an attribute may have any name."""
    fields = [
        (f"f{n}", _TYPES[kind], field(name=name, default=UNSET if kind in _WHOLE else _TYPES[kind](UNSET)))
        for n, (name, kind) in enumerate(kinds.items())
    ]
    return defstruct("Image", fields, forbid_unknown_fields=True, gc=False)


Made = TypeVar("Made")


class Flattener(Generic[Made]):
    """Takes apart the images of a table that come by one feed, with the shape that a sample of them has.

    `known` is that shape and what `make` returned for it, such as the type of a row. Before a shape is known,
    it has no columns, and no image has it.

    Learning must never cost more than it saves. So a shape is learned from one sample at once, it is judged
    whenever WINDOW images had another shape, and after a failure the general path has a pause. Threads may
    share a flattener: a count that is lost between them only moves the next sample.
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
        self._sample: list[Raw] = []
        self._misses = self._hits_before = self._pause = self._failures = 0
        self._nothing = self.known = self._shaped({}, ())

    def fallback(self, raw: Raw, row: dict[str, Any]) -> None:
        """Put an image's plain values into a row, sorted by column, on the general path.

        Learns from the image. Raises RecordError.
        """
        self._unwrap(row, self._spread(decoded(raw)))
        if self._pause > 0:
            self._pause -= 1
        elif self._columns_of:
            self._missed(raw)

    def _missed(self, raw: Raw) -> None:
        if self.known is not self._nothing:
            self._misses += 1
            if self._misses >= WINDOW:
                self._judge()
            return
        self._sample.append(raw)
        if len(self._sample) >= SAMPLE:
            sample, self._sample = self._sample, []
            self._learn(sample)

    def _judge(self) -> None:
        """Keep the shape if at least half of the latest images had it. Otherwise learn another."""
        hits = self.known[0].hits
        is_useful = hits - self._hits_before >= WINDOW
        self._misses, self._hits_before = 0, hits
        if hits >= PAUSES[-1]:
            self._failures = 0  # it has saved more than learning costs
        if not is_useful:
            self._fail()

    def _fail(self) -> None:
        self.known, self._hits_before = self._nothing, 0
        self._pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1

    def _learn(self, sample: Sequence[Raw]) -> None:
        try:
            images = [decoded(raw) for raw in sample]
            kinds = _common_kinds(images)
            if self._columns_of and _is_worth_it(kinds, images):
                self.known = self._shaped(kinds, self._columns_of(tuple(kinds)))
                return
        except (RecordError, ValueError):
            pass  # attributes of two items have one column, or a field cannot have an attribute's name
        self._fail()

    def _shaped(self, kinds: Mapping[str, str], columns: Sequence[tuple[str, str]]) -> tuple[Shape, Made]:
        shape = Shape(kinds, columns, self._unwrap, self._take_numbers)
        return shape, self._make(shape)


def _common_kinds(images: Sequence[Image]) -> dict[str, str]:
    """Return the kind of each attribute: the one that nearly all of its values have, or the general one."""
    values = [pair for image in images for pair in image.items()]
    totals = Counter([name for name, _ in values])
    counts = Counter([(name, _kind_of(value)) for name, value in values])
    kinds = dict.fromkeys(totals, _GENERAL)
    kinds.update(key for key, count in counts.items() if count >= _COMMON * totals[key[0]])
    return kinds


def _is_worth_it(kinds: Mapping[str, str], images: Sequence[Image]) -> bool:
    """Return whether a shape is faster: items have most of the attributes, and most of these have a kind."""
    general = sum(kind == _GENERAL for kind in kinds.values())
    attributes = sum(map(len, images))
    return len(kinds) * len(images) <= 2 * attributes and 2 * general <= len(kinds)


def _kind_of(value: AttributeValue) -> str:
    ((kind, content),) = value.items()
    if kind == "L" and not all("N" in element for element in content):
        return _GENERAL
    return kind if kind in _TYPES else _GENERAL
