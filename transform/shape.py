"""The shape of a kind of items: a decoder and getters by which C code takes an image apart.

The decoder refuses an image of another shape, and the getters take all values of a kind of value at once: a
handful of calls for an image, however many attributes it has. `learning` makes shapes from samples. An image
that has no known shape takes the general path, `flatten`. Either way the row is the same, to the byte.

kind           attribute values of that kind
S, BOOL, SS    {"S": "text"}, {"BOOL": true}, {"SS": ["a", "b"]}: the row has their content
N              {"N": "1.50"}
L              {"L": [{"N": "1"}, {"N": "2"}]}, a list of numbers; any other value takes the general path
"" (general)   maps, other lists, binary, NULL; an attribute whose kind differs from item to item
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType, ValidationError, defstruct
from msgspec.json import Decoder

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import AttributeValue, Unwrap, attribute_value
from ttl_archive.transform.getters import tuple_getter
from ttl_archive.transform.numbers import TakeNumbers, number_list, numbers

GENERAL = ""
_WHOLE = ("L", GENERAL)  # the getters return the attribute value of these, and the content of the others
_GROUPS = (("S", "BOOL", "SS"), ("N",), _WHOLE)  # copied; checked together; converted one by one


def _only(kind: str, content: Any) -> type[Struct]:
    """Return the type of attribute values with this key and no other. UNSET is for a missing attribute."""
    fields = [(kind, content | UnsetType)]
    return defstruct(f"Only{kind}", fields, forbid_unknown_fields=True, frozen=True, gc=False)


KINDS: dict[str, Any] = {
    "S": _only("S", str),
    "BOOL": _only("BOOL", bool),
    "SS": _only("SS", list[str]),
    "N": _only("N", str),
    "L": Raw | UnsetType,
    GENERAL: AttributeValue | UnsetType,
}
_MISSING = {kind: UNSET if kind in _WHOLE else only(UNSET) for kind, only in KINDS.items()}


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
        self.misses = self.hits_judged = 0  # for `learning`: since it judged the shape, and until then
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
    names = {f"f{n}": name for n, name in enumerate(kinds)}
    fields = [(field, KINDS[kind], _MISSING[kind]) for field, kind in zip(names, kinds.values(), strict=True)]
    return defstruct("Image", fields, rename=names, forbid_unknown_fields=True, gc=False)
