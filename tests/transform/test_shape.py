"""The shape that is learned from a sample of images: the images that it knows, and when it is given up."""

import json
from collections.abc import Iterable
from itertools import cycle, islice
from typing import Any

import pytest
from msgspec import UNSET, Raw

from tests.transform.builders import ITEM, settings
from ttl_archive.transform import shape
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import binary_twice, unwrapper
from ttl_archive.transform.formats import encode_json
from ttl_archive.transform.shape import Flattener, Shape

WITHOUT_IMAGE = settings(image=False, columns={"device": "deviceID", "s": "S"})


def flattener(config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    return Flattener(config, unwrapper(binary_twice), lambda shape: shape)


@pytest.fixture(autouse=True)
def _production(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests of the transform learn from one image."""
    for name, value in {"SAMPLE": 16, "WINDOW": 32, "PAUSES": (256, 1024)}.items():
        monkeypatch.setattr(shape, name, value)


def taught(*items: dict[str, Any], config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    """A flattener that has learned from one sample, in which these items alternate."""
    found = flattener(config)
    for item in islice(cycle(items), 16):
        found.fallback(raw(item), {})
    return found


def general(item: Any) -> dict[str, bytes]:
    """The values of an image on the general path, as a row of JSONL has them."""
    row: dict[str, Any] = {}
    flattener().fallback(raw(item), row)
    return {column: encode_json(value) for column, value in row.items()}


def raw(item: Any) -> Raw:
    return Raw(json.dumps(item).encode())


def known(found: Flattener[Shape], item: Any) -> dict[str, bytes] | None:
    """The same by the shape that is known; None for an image that needs the general path."""
    values = found.known[0].values(raw(item))
    if values is None:
        return None
    return {
        column: encode_json(value)
        for column, value in zip(found.known[0].columns, values, strict=True)
        if value is not UNSET
    }


def test_the_shape_of_a_sample_is_known() -> None:
    found = taught(ITEM)

    assert known(found, ITEM) == general(ITEM)
    assert list(known(found, ITEM) or ()) == sorted(general(ITEM))


@pytest.mark.parametrize("name", ITEM)
def test_an_item_without_an_attribute_has_the_shape_too(name: str) -> None:
    item = {other: value for other, value in ITEM.items() if other != name}

    assert known(taught(ITEM), item) == general(item)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("new", {"S": "x"}),
        ("deviceID", {"N": "1"}),
        ("N", {"S": "x"}),
        ("on", {"S": "true"}),
        ("tags", {"SS": ["a", 1]}),
    ],
)
def test_an_item_with_another_attribute_or_kind_does_not_have_the_shape(name: str, value: Any) -> None:
    assert known(taught(ITEM), ITEM | {name: value}) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("new", {"S": "x"}),
        ("deviceID", {"N": "1"}),
        ("N", {"NULL": True}),
        ("on", {"S": "true"}),
        ("samples", {"L": [{"S": "x"}, {"N": "1"}]}),
        ("tags", {"L": []}),
    ],
)
def test_a_shape_has_every_attribute_and_kind_of_its_sample(name: str, value: Any) -> None:
    other = ITEM | {name: value}
    found = taught(ITEM, other)

    assert known(found, other) == general(other)
    assert known(found, ITEM) == general(ITEM)


@pytest.mark.parametrize(
    "value",
    [{"L": []}, {"L": [{"S": "x"}]}, {"L": [{"N": "1"}, {"S": "x"}]}, {"M": {}}, {"N": "1"}, {"NULL": True}],
)
def test_any_value_may_take_the_place_of_a_list_of_numbers(value: Any) -> None:
    item = ITEM | {"samples": value}

    assert known(taught(ITEM), item) == general(item)


@pytest.mark.parametrize("indent", [None, 0, 1])
def test_a_list_of_numbers_is_known_in_any_white_space(indent: int | None) -> None:
    values = taught(ITEM).known[0].values(Raw(json.dumps(ITEM, indent=indent).encode()))

    assert values is not None
    assert b"[3,2.0]" in [encode_json(value) for value in values]


def test_nothing_is_learned_from_a_damaged_image() -> None:
    found = flattener()
    for _ in range(100):
        with pytest.raises(RecordError):
            found.fallback(raw(ITEM | {"new": {"N": "x"}}), {})

    assert known(found, ITEM) is None


def test_a_rare_null_does_not_change_the_kind_of_an_attribute() -> None:
    null = ITEM | {"deviceID": {"NULL": True}}
    found = taught(*[ITEM] * 7, null)

    assert known(found, ITEM) == general(ITEM)
    assert known(found, null) is None


def test_two_hundred_attributes_make_a_shape() -> None:
    item = {f"a{n}": {"N": str(n)} for n in range(200)}

    assert known(taught(item), item) == general(item)


def test_types_of_items_that_have_little_in_common_make_no_shape() -> None:
    types = [{f"{kind}{n}": {"N": str(n)} for n in range(5)} for kind in "abc"]

    assert [known(taught(*types[:2]), item) is not None for item in types] == [True, True, False]
    assert [known(taught(*types), item) is not None for item in types] == [False] * 3


def test_attributes_that_have_no_kind_make_no_shape() -> None:
    maps = {name: {"M": {}} for name in "abc"}

    assert known(taught(maps), maps) is None
    assert known(taught(maps | {name: {"S": "x"} for name in "def"}), maps) == general(maps)


def passed(found: Flattener[Shape], items: Iterable[dict[str, Any]]) -> list[bool]:
    """Whether each item had the shape that was known; one that had not takes the general path."""
    hits = []
    for item in items:
        hits.append(found.known[0].values(raw(item)) is not None)
        if not hits[-1]:
            found.fallback(raw(item), {})
    return hits


OTHER = {f"new{n}": {"S": "x"} for n in range(5)}


@pytest.mark.parametrize(("hits", "failures"), [(0, 0), (1_000, 0), (200_000, 0), (200_000, 5)])
def test_a_change_of_shape_is_learned_after_a_few_hundred_images_whatever_the_history(
    hits: int, failures: int
) -> None:
    found = taught(ITEM)
    found.known[0].hits, found._failures = hits, failures

    had_shape = passed(found, [OTHER] * 500)

    assert had_shape.index(True) <= 32 + 32 + 256 + 16
    assert all(had_shape[had_shape.index(True) :])
    assert known(found, OTHER) == general(OTHER)


def test_items_that_never_agree_are_sampled_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    found, learned = flattener(), []
    monkeypatch.setattr(
        found, "_learn", lambda sample, learn=found._learn: (learned.append(1), learn(sample))
    )

    hits = passed(found, ({f"user-{n}-{m}": {"N": "1"} for m in range(3)} for n in range(10_000)))

    assert not any(hits)
    assert len(learned) == 1 + 1 + 9  # then 256, and from then on 1,024 images apart, and 16 of a sample


def test_a_shape_that_half_of_the_items_have_is_kept() -> None:
    found = taught(ITEM)
    before = found.known

    hits = passed(found, (OTHER if n % 2 else ITEM for n in range(2_000)))

    assert sum(hits) == 1_000
    assert found.known is before


def test_a_shape_that_fewer_items_have_is_given_up() -> None:
    found = taught(ITEM)

    hits = passed(found, (ITEM if n % 4 == 0 else OTHER for n in range(100)))

    assert sum(hits) <= 12


@pytest.mark.parametrize("config", [settings(nested="flatten"), settings(columns={"city": "place.city"})])
def test_columns_from_inside_maps_need_the_general_path(config: Any) -> None:
    assert known(taught(ITEM, config=config), ITEM) is None


def test_a_count_lost_between_threads_does_not_end_learning() -> None:
    found = flattener()
    found._sample, found._pause = [raw(ITEM)] * 40, -1

    found.fallback(raw(ITEM), {})

    assert known(found, ITEM) == general(ITEM)

    found._misses = 1_000
    found.fallback(raw(OTHER), {})

    assert known(found, ITEM) is None
