"""Which shapes the items of a table have, learned from samples of their images.

DynamoDB has no schema, but the items of one type are alike. The last attribute name in an image tells types
apart before anything is decoded, and a sample of images that end with the same name teaches a shape. That
DynamoDB writes the attributes of a type in one order is UNVERIFIED. An image whose name misleads is only
refused by the shape, and takes the general path.

Learning must never cost more than it saves. It costs as much as 30 images on the general path, and an image
with a known shape saves a third of one. So there is a pause between two samples, which is shorter the more
images had a known shape; and a shape that few images have is forgotten.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar

from msgspec import Raw

from ttl_archive.transform.columns import namer, spreader
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import Image, Unwrap, decoded
from ttl_archive.transform.numbers import TakeNumbers, numbers
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.shape import GENERAL, KINDS, Shape

SAMPLE = 16  # images from which a shape is learned
GLANCE = 4  # images after which a sample is given up that promises no shape
RARE = 4  # while no shape saves anything: after so many images for each image of a sample ...
RARE_STRIDE = 4  # ... one in so many is looked at, because the look costs 4 % of an image
LONGEST_WAIT = 64  # images that pass for each image of a sample
WINDOW = 32  # images that a shape refuses before it is judged
PAUSE = 2048  # images without a shape between two samples ...
HIT = 20  # ... of which an image with a known shape counts as so many
MOST_NAMES = 64  # last names that are remembered
_COMMON = 7 / 8  # the share of an attribute's values that must be of one kind

Made = TypeVar("Made")
Known = tuple[Shape, Made]  # a shape, and what was made for it
# The last attribute name in an image: that of its last attribute, or of a map in that.
_to_last_name = re.compile(rb'.*,"([^"]*)', re.DOTALL).match


def last_name(raw: Raw) -> bytes:
    """Return the last attribute name in an image; "" for one attribute, or with white space before names.

    A text that ends with a comma can mislead it, which costs time only.
    """
    found = _to_last_name(raw)
    return found[1] if found else b""


class Flattener(Generic[Made]):
    """Takes apart the images of a table that come by one feed, with the shapes that are known.

    `make` is called with each new shape; what it returns, such as the type of a row, is kept with the shape.
    Threads may share a flattener: a count that is lost between them only moves the next sample.
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
        self._new, self._general = self._shaped({}, ()), self._shaped({}, ())  # no image has these shapes
        self._latest = self._new
        self._remember_all({})
        self._sample: list[Raw] = []
        self._sampled_name = b""
        self._waited = self._pause = self._hits = 0
        self._stride = 1  # of so many images one is looked at for the sample

    def find(self, raw: Raw) -> Known[Made]:
        """Return the shape that an image should have, and what `make` returned for it.

        When none is known, it is a shape that no image has.
        """
        if self._only:
            return self._only
        return self._known.get(last_name(raw), self._new)

    def fallback(self, raw: Raw, row: dict[str, Any], refused_by: Shape) -> None:
        """Put an image's plain values into a row, sorted by column, on the general path.

        Learns from the image, which the shape `refused_by` did not have. Raises RecordError.
        """
        self._unwrap(row, self._spread(decoded(raw)))
        if self._columns_of:
            self._learn_from(raw, refused_by)

    def _learn_from(self, raw: Raw, refused_by: Shape) -> None:
        self._pause -= 1
        if self._pause % WINDOW == 0:
            self._count_hits()
        if refused_by.columns:
            self._refused(raw, refused_by)
        elif refused_by is self._new[0]:
            self._adopt(raw)
        elif self._pause <= 0 and self._pause % self._stride == 0:
            self._take(raw)

    def _count_hits(self) -> None:
        hits = sum(shape.hits for shape, _ in set(self._known.values()))
        self._pause = max(-PAUSE, self._pause - HIT * max(0, hits - self._hits))
        self._hits = hits

    def _refused(self, raw: Raw, shape: Shape) -> None:
        """Forget a shape that fewer than a third of the latest images had on which it was tried."""
        if self._only and (name := last_name(raw)) not in self._known:  # an item of another type
            self._remember(name, self._general)
            return
        shape.misses += 1
        if shape.misses >= WINDOW:
            if 2 * (shape.hits - shape.hits_judged) < WINDOW:
                self._remember_all({name: each for name, each in self._known.items() if each[0] is not shape})
                self._latest = self._new
            shape.misses, shape.hits_judged = 0, shape.hits

    def _adopt(self, raw: Raw) -> None:
        """Try the latest shape once on each last name: an item may lack the last attribute of others."""
        fits = self._latest[0].values(raw) is not None
        self._remember(last_name(raw), self._latest if fits else self._general)

    def _take(self, raw: Raw) -> None:
        """Add an image to the sample, or begin a sample of images with its last name."""
        name = last_name(raw)
        if not self._sample:
            self._sampled_name, self._waited = name, 0
        self._waited += 1
        if name == self._sampled_name:
            self._sample.append(raw)
        size = len(self._sample)
        nothing_saved = self._only is self._general
        self._stride = RARE_STRIDE if nothing_saved and self._waited > RARE * size else 1
        is_hopeless = size == GLANCE and name == self._sampled_name and not _kinds_worth_it(self._sample)
        if size >= SAMPLE or self._waited >= LONGEST_WAIT * size or is_hopeless:
            sample, self._sample = self._sample, []
            self._pause += PAUSE
            self._learn(sample)

    def _learn(self, sample: Sequence[Raw]) -> None:
        if not self._columns_of or len(sample) < SAMPLE:
            return
        try:
            if kinds := _kinds_worth_it(sample):
                self._latest = self._shaped(kinds, self._columns_of(tuple(kinds)))
                self._remember(self._sampled_name, self._latest)
        except (RecordError, ValueError):
            pass  # attributes of two items have one column, or a field cannot have an attribute's name

    def _remember(self, name: bytes, known: Known[Made]) -> None:
        others = self._known
        if len(others) >= MOST_NAMES:
            others = {other: each for other, each in others.items() if each is not self._general}
        self._remember_all({**others, name: known} if len(others) < MOST_NAMES else {name: known})

    def _remember_all(self, known: dict[bytes, Known[Made]]) -> None:
        """Replace what is known by last names; another thread may be reading the old one."""
        self._known = known
        distinct = {*known.values()} or {self._general}
        self._only = distinct.pop() if len(distinct) == 1 else None  # the name need not be found

    def _shaped(self, kinds: Mapping[str, str], columns: Sequence[tuple[str, str]]) -> Known[Made]:
        shape = Shape(kinds, columns, self._unwrap, self._take_numbers)
        return shape, self._make(shape)


def _common_kinds(images: Sequence[Image]) -> dict[str, str]:
    """Return the kind of each attribute: the one that nearly all of its values have, or the general one."""
    names = [*chain.from_iterable(images)]
    types = chain.from_iterable(chain.from_iterable(map(dict.values, images)))  # each value has one key
    totals, counts = Counter(names), Counter(zip(names, types, strict=True))
    kinds = dict.fromkeys(totals, GENERAL)
    for (name, kind), count in counts.items():
        if kind in KINDS and count >= _COMMON * totals[name]:
            kinds[name] = kind if kind != "L" or _are_numbers(name, images) else GENERAL
    return kinds


def _are_numbers(name: str, images: Sequence[Image]) -> bool:
    """Return whether the attribute's lists have nothing but numbers."""
    lists = [image.get(name, {}).get("L", ()) for image in images]
    return all("N" in element for element in chain.from_iterable(lists))


def _kinds_worth_it(sample: Sequence[Raw]) -> dict[str, str] | None:
    """Return the kinds of the attributes, or None where a shape would not be faster than the general path.

    It is faster where items have most of the attributes, and most of these have a kind.
    """
    images = [decoded(raw) for raw in sample]
    kinds = _common_kinds(images)
    general = sum(kind == GENERAL for kind in kinds.values())
    attributes = sum(map(len, images))
    return kinds if len(kinds) * len(images) <= 2 * attributes and 2 * general <= len(kinds) else None
