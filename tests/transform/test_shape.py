"""What is learned of the table's items: which images are known, and when it is left alone."""

import json
from typing import Any

import pytest
from msgspec import UNSET, Raw

from tests.transform.builders import ITEM, settings
from ttl_archive.transform import shape
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import binary_twice, encode_json, unwrapper
from ttl_archive.transform.shape import Flattener, Shape

WITHOUT_IMAGE = settings(image=False, columns={"device": "deviceID", "s": "S"})


def flattener(config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    return Flattener(config, unwrapper(binary_twice), lambda shape: shape)


def taught(*items: dict[str, Any], config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    found = flattener(config)
    for item in items:
        found.in_general(raw(item), {})
    return found


def in_general(item: Any) -> dict[str, bytes]:
    """The values of an image that is taken apart in general, as a row of JSONL has them."""
    row: dict[str, Any] = {}
    flattener().in_general(raw(item), row)
    return {column: encode_json(value) for column, value in row.items()}


def raw(item: Any) -> Raw:
    return Raw(json.dumps(item).encode())


def known(found: Flattener[Shape], item: Any) -> dict[str, bytes] | None:
    """The same by the shape that is known; None where an image must be taken apart in general."""
    values = found.known[0].values(raw(item))
    if values is None:
        return None
    return {
        column: encode_json(value)
        for column, value in zip(found.known[0].columns, values, strict=True)
        if value is not UNSET
    }


def test_what_was_seen_once_is_known() -> None:
    found = taught(ITEM)

    assert known(found, ITEM) == in_general(ITEM)
    assert list(known(found, ITEM) or ()) == sorted(in_general(ITEM))


@pytest.mark.parametrize("name", ITEM)
def test_an_item_without_an_attribute_is_known_too(name: str) -> None:
    item = {other: value for other, value in ITEM.items() if other != name}

    assert known(taught(ITEM), item) == in_general(item)


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
def test_another_attribute_or_kind_is_not_known(name: str, value: Any) -> None:
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
def test_another_attribute_or_kind_is_learned_and_the_first_stays_known(name: str, value: Any) -> None:
    other = ITEM | {name: value}
    found = taught(ITEM, other)

    assert known(found, other) == in_general(other)
    assert known(found, ITEM) == in_general(ITEM)


@pytest.mark.parametrize(
    "value",
    [{"L": []}, {"L": [{"S": "x"}]}, {"L": [{"N": "1"}, {"S": "x"}]}, {"M": {}}, {"N": "1"}, {"NULL": True}],
)
def test_where_a_list_of_numbers_was_any_value_is_known(value: Any) -> None:
    item = ITEM | {"samples": value}

    assert known(taught(ITEM), item) == in_general(item)


@pytest.mark.parametrize("indent", [None, 0, 1])
def test_a_list_of_numbers_is_known_however_it_is_written(indent: int | None) -> None:
    values = taught(ITEM).known[0].values(Raw(json.dumps(ITEM, indent=indent).encode()))

    assert values is not None
    assert b"[3,2.0]" in [encode_json(value) for value in values]


def test_damage_teaches_nothing() -> None:
    found = taught(ITEM)
    before = found.known

    with pytest.raises(RecordError):
        found.in_general(raw(ITEM | {"new": {"N": "x"}}), {})

    assert found.known is before


def test_more_attributes_than_a_shape_has_are_left_to_the_general_way() -> None:
    item = {f"a{n}": {"N": str(n)} for n in range(shape.MOST_ATTRIBUTES + 1)}

    assert known(taught(item), item) is None
    assert known(taught({name: item[name] for name in list(item)[:-1]}), {}) == {}


def test_items_of_another_type_do_not_make_the_shape_too_wide() -> None:
    types = [{f"{kind}{n}": {"N": str(n)} for n in range(5)} for kind in "abc"]
    found = taught(*types)

    assert [known(found, item) is not None for item in types] == [True, True, False]


def test_attributes_that_have_no_kind_make_no_shape() -> None:
    maps = {name: {"M": {}} for name in "abc"}

    assert known(taught(maps), maps) is None
    assert known(taught(maps | {name: {"S": "x"} for name in "def"}), maps) == in_general(maps)


def surprise(found: Flattener[Shape], times: int) -> None:
    for n in range(times):
        found.in_general(raw({f"user-{n}": {"N": "1"}}), {})


def test_a_table_that_goes_on_to_surprise_is_no_longer_learned_from() -> None:
    found = taught(ITEM)

    surprise(found, 2 * shape.MOST_LESSONS)

    assert known(found, ITEM) is None
    found.in_general(raw(ITEM), {})
    assert known(found, ITEM) is None


def test_a_shape_that_most_items_have_stays_whatever_the_others_are() -> None:
    found = taught(ITEM)

    for _ in range(3 * shape.MOST_LESSONS):
        assert known(found, ITEM) is not None
        assert known(found, ITEM) is not None
        surprise(found, 1)

    assert known(found, ITEM) == in_general(ITEM)


def test_a_rare_null_does_not_change_what_is_known() -> None:
    found = taught(*(ITEM | {f"a{n}": {"S": "x"}} for n in range(6)))
    before = found.known
    for _ in range(20):
        known(found, ITEM)

    found.in_general(raw(ITEM | {"deviceID": {"NULL": True}}), {})

    assert found.known is before


@pytest.mark.parametrize("config", [settings(nested="flatten"), settings(columns={"city": "place.city"})])
def test_columns_from_inside_of_maps_are_left_to_the_general_way(config: Any) -> None:
    assert known(taught(ITEM, config=config), ITEM) is None
