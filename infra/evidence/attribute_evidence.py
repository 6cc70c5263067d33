"""One pass over a sample: the types, digits and shares of every attribute, and the sizes of the items.

Memory is bounded: at most MAX_PATHS paths are followed, and for each of them counts are kept, never a value.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ttl_archive.infra.evidence.column_fit import fits
from ttl_archive.infra.local.dynamodb.change_record import size_bytes
from ttl_archive.infra.sql.grammar import INTEGER
from ttl_archive.replay.items.attribute_values import Item, for_boto3
from ttl_archive.replay.items.item_reader import ItemFileError

Path = tuple[str, ...]
MAX_PATHS = 5_000
# Maps inside maps are followed to this level. Deeper ones are part of the value above them.
MAX_DEPTH = 4
# 400 KB, names of attributes included. Source: DynamoDB Developer Guide, constraints.
MAX_ITEM_BYTES = 400 * 1024
# Epoch seconds from 2001 to 2286.
_FIRST_SECOND, _LAST_SECOND = 10**9, 10**10
_is_integer = re.compile(INTEGER).fullmatch


@dataclass(slots=True)
class NumberEvidence:
    """Numbers of one attribute: the most digits before and behind the point, without zeros at the end.

    `are_integers` says that every text is one that a bigint column reads; `epoch_seconds` and `epoch_ms`
    count those that are a time between 2001 and 2286.
    """

    whole_digits: int = 0
    fraction_digits: int = 0
    are_integers: bool = True
    epoch_seconds: int = 0
    epoch_ms: int = 0

    def add(self, text: str) -> None:
        """Count a number by its text. Raises decimal.InvalidOperation for an exponent beyond Python's."""
        number = Decimal(text)
        self.whole_digits = max(self.whole_digits, number.adjusted() + 1 if number else 1)
        self.fraction_digits = max(self.fraction_digits, _fraction_digits(number))
        self.are_integers &= _is_integer(text) is not None
        self.epoch_seconds += _FIRST_SECOND <= number < _LAST_SECOND
        self.epoch_ms += _FIRST_SECOND * 1000 <= number < _LAST_SECOND * 1000


def _fraction_digits(number: Decimal) -> int:
    _, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    trailing = len(text) - len(text.rstrip("0"))
    return max(0, -int(exponent) - trailing) if number else 0


@dataclass(slots=True)
class AttributeEvidence:
    """One attribute: how many items have it, by type; its numbers; whether all its texts are timestamps."""

    path: Path
    types: Counter[str] = field(default_factory=Counter)
    numbers: NumberEvidence = field(default_factory=NumberEvidence)
    texts_are_timestamps: bool = True

    @property
    def count(self) -> int:
        """The number of items that have the attribute."""
        return self.types.total()

    @property
    def has_conflict(self) -> bool:
        """Whether it has values of two types, NULL apart."""
        return len(set(self.types) - {"NULL"}) > 1

    def add(self, value: dict[str, Any]) -> None:
        """Count one value."""
        ((kind, content),) = value.items()
        self.types[kind] += 1
        if kind == "N":
            self.numbers.add(content)
        elif kind == "S":
            self.texts_are_timestamps &= fits(value, "timestamp")


@dataclass(slots=True)
class SizeEvidence:
    """Sizes of items by DynamoDB's rules, in bytes; `over_limit` counts those that DynamoDB would refuse."""

    total: int = 0
    largest: int = 0
    over_limit: int = 0

    def add(self, size: int) -> None:
        """Count one item."""
        self.total += size
        self.largest = max(self.largest, size)
        self.over_limit += size > MAX_ITEM_BYTES


@dataclass(slots=True)
class SampleEvidence:
    """What one pass over the items of a sample found. `untracked` counts values of paths beyond MAX_PATHS."""

    items: int = 0
    attributes: dict[Path, AttributeEvidence] = field(default_factory=dict)
    sizes: SizeEvidence = field(default_factory=SizeEvidence)
    untracked: int = 0

    def add(self, item: Item) -> None:
        """Count one item. Raises KeyError for what is no attribute value; the readers of items check that."""
        self.items += 1
        self.sizes.add(size_bytes(for_boto3(item)))
        for path, value in walk_attributes(item):
            evidence = self.attributes.get(path)
            if evidence is None:
                if len(self.attributes) >= MAX_PATHS:
                    self.untracked += 1
                    continue
                evidence = self.attributes[path] = AttributeEvidence(path)
            evidence.add(value)

    def top_level(self) -> list[AttributeEvidence]:
        """Return the attributes of items themselves, the most frequent first."""
        found = [each for path, each in self.attributes.items() if len(path) == 1]
        return sorted(found, key=lambda each: -each.count)  # stable: equal shares stay in order of appearance

    def alike(self) -> list[list[AttributeEvidence]]:
        """Return the groups of top-level attributes whose names are equal but for case, '-', '_' and blanks.

        Such names are one attribute that was renamed, or two that are easily mistaken for each other.
        """
        groups: dict[str, list[AttributeEvidence]] = {}
        for evidence in self.top_level():
            groups.setdefault(re.sub(r"[\W_]+", "", evidence.path[0].lower()), []).append(evidence)
        return [group for key, group in groups.items() if key and len(group) > 1]

    def ttl_candidates(self) -> list[str]:
        """Return the top-level attributes that are epoch seconds in half of the items, likeliest first."""
        found = [each for each in self.top_level() if self._in_half(each.numbers.epoch_seconds)]
        names = [each.path[0] for each in found]
        return sorted(names, key=lambda name: re.search("ttl|expir", name, re.IGNORECASE) is None)

    def in_milliseconds(self) -> list[str]:
        """Return the top-level attributes that half of the items have as milliseconds since 1970."""
        return [each.path[0] for each in self.top_level() if self._in_half(each.numbers.epoch_ms)]

    def _in_half(self, count: int) -> bool:
        return 2 * count >= max(1, self.items)


def gather(items: Iterable[Item]) -> SampleEvidence:
    """Return the evidence of the items.

    Raises what reading the items raises, and ItemFileError for a number that no item of a table can hold.
    """
    evidence = SampleEvidence()
    for item in items:
        try:
            evidence.add(item)
        except InvalidOperation:
            raise ItemFileError(
                f"item {evidence.items}: the exponent of a number is far beyond what DynamoDB holds, "
                "9.99E+125. Correct the file"
            ) from None
    return evidence


def walk_attributes(attributes: Item, above: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every attribute of an item with its path, those in maps to MAX_DEPTH included."""
    for name, value in attributes.items():
        path = (*above, name)
        yield path, value
        inner = value.get("M")
        if inner and len(path) < MAX_DEPTH:
            yield from walk_attributes(inner, path)
