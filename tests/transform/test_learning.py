"""The shapes that are learned from samples: the images that have them, and when one is forgotten."""

import json
from collections.abc import Iterable
from itertools import cycle, islice
from typing import Any

import pytest
from msgspec import UNSET, Raw

from tests.transform.builders import ITEM, settings
from ttl_archive.transform import learning
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import binary_twice, unwrapper
from ttl_archive.transform.formats import encode_json
from ttl_archive.transform.learning import Flattener, last_name
from ttl_archive.transform.shape import Shape

WITHOUT_IMAGE = settings(image=False, columns={"device": "deviceID", "s": "S"})


def flattener(config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    return Flattener(config, unwrapper(binary_twice), lambda shape: shape)


@pytest.fixture(autouse=True)
def _production(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests of the transform learn from one image."""
    for name, value in {"SAMPLE": 16, "WINDOW": 32, "PAUSE": 2048}.items():
        monkeypatch.setattr(learning, name, value)


def taught(*items: dict[str, Any], config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    """A flattener that has learned from one sample, in which these items alternate."""
    found = flattener(config)
    for item in islice(cycle(items), 16):
        found.fallback(raw(item), {}, found.find(raw(item))[0])
    return found


def general(item: Any) -> dict[str, bytes]:
    """The values of an image on the general path, as a row of JSONL has them."""
    row: dict[str, Any] = {}
    found = flattener()
    found.fallback(raw(item), row, found.find(raw(item))[0])
    return {column: encode_json(value) for column, value in row.items()}


def raw(item: Any) -> Raw:
    return Raw(json.dumps(item, separators=(",", ":")).encode())


def known(found: Flattener[Shape], item: Any) -> dict[str, bytes] | None:
    """The same by a shape that is known; None for an image that needs the general path."""
    shape, _ = found.find(raw(item))
    values = shape.values(raw(item))
    if values is None:
        return None
    return {
        column: encode_json(value)
        for column, value in zip(shape.columns, values, strict=True)
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
    other = {name: value} | ITEM | {name: value}  # both end with the same name
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
    values = taught(ITEM).find(raw(ITEM))[0].values(Raw(json.dumps(ITEM, indent=indent).encode()))

    assert values is not None
    assert b"[3,2.0]" in [encode_json(value) for value in values]


def test_nothing_is_learned_from_a_damaged_image() -> None:
    found = flattener()
    for _ in range(100):
        with pytest.raises(RecordError):
            found.fallback(raw(ITEM | {"new": {"N": "x"}}), {}, found.find(raw(ITEM))[0])

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
    types = [{f"{kind}{n}": {"N": str(n)} for n in range(5)} | {"end": {"S": "x"}} for kind in "abc"]

    assert [known(taught(*types[:2]), item) is not None for item in types] == [True, True, False]
    assert [known(taught(*types), item) is not None for item in types] == [False] * 3


def test_attributes_that_have_no_kind_make_no_shape() -> None:
    maps = {name: {"M": {}} for name in "abc"}

    assert known(taught(maps), maps) is None
    assert known(taught(maps | {name: {"S": "x"} for name in "def"}), maps) == general(maps)


def passed(found: Flattener[Shape], items: Iterable[dict[str, Any]]) -> list[bool]:
    """Whether each item had a known shape; one that had not takes the general path."""
    hits = []
    for item in items:
        shape, _ = found.find(raw(item))
        hits.append(shape.values(raw(item)) is not None)
        if not hits[-1]:
            found.fallback(raw(item), {}, shape)
    return hits


OTHER = {f"new{n}": {"S": "x"} for n in range(5)}


@pytest.mark.parametrize("hits", [16, 1_000, 200_000])
def test_a_change_of_shape_is_learned_after_a_hundred_images_whatever_the_history(hits: int) -> None:
    found = taught(ITEM)
    passed(found, [ITEM] * 16)
    found.find(raw(ITEM))[0].hits += hits
    changed = OTHER | {[*ITEM][-1]: {"S": "x"}}  # it ends with the same name

    had_shape = passed(found, [changed] * 2_300)

    assert had_shape.index(True) <= (100 if hits > 16 else 2_048 + 16)
    assert all(had_shape[had_shape.index(True) :])
    assert known(found, changed) == general(changed)


def test_items_of_another_type_are_learned_beside_the_first() -> None:
    found = taught(ITEM)

    passed(found, [ITEM] * 100)
    had_shape = passed(found, [ITEM, OTHER] * 200)

    assert all(had_shape[::2])
    assert had_shape[1::2].index(True) <= 150
    assert all(had_shape[-100:])


def test_twenty_types_are_all_known_after_some_thousand_images() -> None:
    types = [{f"t{kind}-{n}": {"S": "x"} for n in range(8)} for kind in range(20)]
    found = flattener()

    passed(found, (types[n * 7 % 20] for n in range(15_000)))

    assert all(passed(found, types))
    assert [known(found, item) for item in types] == [general(item) for item in types]


def test_an_item_without_the_last_attribute_of_the_others_has_their_shape() -> None:
    short = {name: value for name, value in ITEM.items() if name != [*ITEM][-1]}
    found = taught(ITEM)

    assert passed(found, [OTHER, short]) == [False, False]
    assert passed(found, [OTHER, short]) == [False, True]


def count_samples(found: Flattener[Shape], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The list to which the size of each sample is added."""
    sizes: list[int] = []

    def learn(sample: list[Raw], learn: Any = found._learn) -> None:
        sizes.append(len(sample))
        learn(sample)

    monkeypatch.setattr(found, "_learn", learn)
    return sizes


def test_items_whose_last_names_never_agree_make_no_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    found = flattener()
    sizes = count_samples(found, monkeypatch)

    hits = passed(found, ({f"user-{n}-{m}": {"N": "1"} for m in range(3)} for n in range(10_000)))

    assert not any(hits)
    assert sizes == [1] * 5  # after 64 images of waiting, one in 2,048


def test_items_that_never_agree_are_sampled_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    found = flattener()
    sizes = count_samples(found, monkeypatch)

    hits = passed(found, ({f"user-{n}": {"N": "1"}, "last": {"N": "1"}} for n in range(10_000)))

    assert not any(hits)
    assert sizes == [4] * 5  # one in 2,048 images, given up after its first four


def test_an_item_that_grows_is_sampled_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shape is known after the 16th of 20 images, and has 4 hits."""
    found = flattener()
    sizes = count_samples(found, monkeypatch)

    passed(found, ({f"e{m}": {"N": "1"} for m in range(3 + n // 20)} for n in range(3_000)))

    assert len(sizes) <= 2


@pytest.mark.parametrize(("every", "is_kept"), [(2, True), (4, False)])
def test_a_shape_is_kept_if_a_third_of_the_items_have_it(every: int, is_kept: bool) -> None:
    found = taught(ITEM)
    before, _ = found.find(raw(ITEM))
    other = ITEM | {"deviceID": {"NULL": True}}

    hits = passed(found, (other if n % every else ITEM for n in range(200)))

    assert (found.find(raw(ITEM))[0] is before) == is_kept
    assert (sum(hits) == 100) == is_kept


def test_names_that_have_no_shape_do_not_make_the_others_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    found = taught(ITEM)
    others = [{"a": {"S": "x"}, f"other{n}": {"S": "x"}} for n in range(1_000)]

    hits = passed(found, [item for other in others for item in (other, ITEM)])

    assert sum(hits) == len(others)
    assert len(found._known) <= 64


def test_only_so_many_last_names_are_remembered() -> None:
    types = [{f"t{kind}-{n}": {"S": "x"} for n in range(3)} for kind in range(200)]
    found = flattener()

    for item in types:
        found._pause = 0
        passed(found, [item] * 17)

    assert len(found._known) <= 64
    assert known(found, types[-1]) == general(types[-1])


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (b"{}", b""),
        (b'{"a":{"S":"x"}}', b""),
        (b'{"a":{"S":"x"},"b":{"N":"1"}}', b"b"),
        (b'{"a":{"S":"x"},"b":{"S":"y\\",\\"c"}}', b"b"),
        (b'{"a":{"S":"x"},"b":{"M":{"c":{"N":"1"},"d":{"N":"1"}}}}', b"d"),
        (b'{"a":{"S":"x"},"b":{"S":"line,"}}', b"}}"),  # misled, which costs time only
        (b'{"a": {"S": "x"}, "b": {"N": "1"}}', b""),
    ],
)
def test_the_last_name_is_found_in_the_bytes(image: bytes, name: bytes) -> None:
    assert last_name(Raw(image)) == name


@pytest.mark.parametrize("config", [settings(nested="flatten"), settings(columns={"city": "place.city"})])
def test_columns_from_inside_maps_need_the_general_path(config: Any) -> None:
    assert known(taught(ITEM, config=config), ITEM) is None


def test_a_count_lost_between_threads_does_not_end_learning() -> None:
    found = flattener()
    found._sample, found._sampled_name, found._pause = [raw(ITEM)] * 40, last_name(raw(ITEM)), -1

    found.fallback(raw(ITEM), {}, found.find(raw(ITEM))[0])

    assert known(found, ITEM) == general(ITEM)

    shape, _ = found.find(raw(ITEM))
    shape.misses = 1_000
    found.fallback(raw(ITEM | {"deviceID": {"N": "1"}}), {}, shape)

    assert known(found, ITEM) is None
