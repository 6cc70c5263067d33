"""What is learned of the table's items makes rows quicker, and changes no byte of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from tests.strategies import images, numbers, twice
from tests.transform.builders import change, encoded, event, run, settings
from transform import shape
from transform.convert import Row, converter
from transform.errors import RecordError
from transform.flatten import binary_twice, number, unwrapper
from transform.flatten import numbers as numbers_at_once
from transform.shape import Flattener, Shape

JSONL = settings()
WITHOUT_IMAGE = settings(image=False, columns={"device": "deviceID", "s": "S"})
CSV = settings(format="csv", image=True, columns={"device": "deviceID", "s": "S", "n": "N"})
ITEM = {
    "deviceID": {"S": "d"},
    "N": {"N": "1.50"},
    "on": {"BOOL": True},
    "tags": {"SS": ["b", "a"]},
    "samples": {"L": [{"N": "3"}, {"N": "2.0"}]},
    "place": {"M": {"city": {"S": "Oslo"}}},
    "raw": {"B": "ZUE9PQ=="},
    "none": {"NULL": True},
}


def flattener(config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    return Flattener(config, unwrapper(binary_twice), lambda shape: shape)


def taught(*items: dict[str, Any], config: Any = WITHOUT_IMAGE) -> Flattener[Shape]:
    found = flattener(config)
    for item in items:
        found.in_general(raw(item))
    return found


def raw(item: Any) -> Raw:
    return Raw(json.dumps(item).encode())


def known(found: Flattener[Shape], item: Any) -> dict[str, Any] | None:
    """The values of an image by the shape that is known; None where it must be taken apart in general."""
    values = found.known[0].values(raw(item))
    if values is None:
        return None
    return {
        column: value
        for column, value in zip(found.known[0].columns, values, strict=True)
        if value is not UNSET
    }


@pytest.mark.parametrize("config", [JSONL, WITHOUT_IMAGE, CSV, settings(nested="flatten")])
@given(items=st.lists(images, min_size=1, max_size=8))
def test_a_row_is_the_same_whatever_came_before_it(config: Any, items: list[Any]) -> None:
    data = [encoded(change(twice(item))) for item in [*items, *items]]
    convert = converter(config)

    def outcome(convert: Any, each: bytes) -> Any:
        try:
            return convert(each)
        except RecordError as error:
            return error.code

    assert [outcome(convert, each) for each in data] == [outcome(converter(config), each) for each in data]


def test_what_was_seen_once_is_known() -> None:
    found = taught(ITEM)

    assert known(found, ITEM) == flattener().in_general(raw(ITEM))
    assert list(known(found, ITEM) or ()) == sorted(flattener().in_general(raw(ITEM)))


@pytest.mark.parametrize("name", ITEM)
def test_an_item_without_an_attribute_is_known_too(name: str) -> None:
    item = {other: value for other, value in ITEM.items() if other != name}

    assert known(taught(ITEM), item) == flattener().in_general(raw(item))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("new", {"S": "x"}),
        ("deviceID", {"N": "1"}),
        ("N", {"S": "x"}),
        ("on", {"S": "true"}),
        ("tags", {"SS": ["a", 1]}),
        ("samples", {"L": [{"N": "1"}, {"S": "x"}]}),
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

    assert known(found, other) == flattener().in_general(raw(other))
    assert known(found, ITEM) == flattener().in_general(raw(ITEM))


@pytest.mark.parametrize("name", ITEM)
@pytest.mark.parametrize(
    "damage",
    [
        {}, {"S": "x", "N": "1"}, {"N": "1", "S": "x"}, {"N": "1_0"}, {"N": 1}, {"S": None}, {"BOOL": "true"},
        {"L": [{"N": "1", "S": "x"}]}, {"L": [{"N": "1,2"}]}, {"L": [{}]}, {"SS": "a"}, {"X": "x"},
        {"M": {"a": {}}}, {"NULL": False}, {"B": "!"}, "text", None, [],
    ],
)  # fmt: skip
def test_damage_is_told_as_if_nothing_had_been_learned(name: str, damage: Any) -> None:
    good, bad = (encoded(change(item)) for item in (ITEM, ITEM | {name: damage}))

    alone, later = run(event(bad), WITHOUT_IMAGE), run(event(good, bad), WITHOUT_IMAGE)

    assert alone.results == ["ProcessingFailed"]
    assert later.results == ["Ok", "ProcessingFailed"]
    assert later.codes == alone.codes
    assert later.records[1]["data"] == event(bad)["records"][0]["data"]


def test_damage_teaches_nothing() -> None:
    found = taught(ITEM)
    before = found.known

    with pytest.raises(RecordError):
        found.in_general(raw(ITEM | {"new": {"N": "x"}}))

    assert found.known is before


def test_names_of_two_items_that_meet_in_one_column_are_rows_of_their_own() -> None:
    result = run(event(*(encoded(change({name: {"S": name}})) for name in ("a", "A", "a", "A"))))

    assert [json.loads(line) | {"ddb_image": ""} for line in result.lines] == [
        {**json.loads(result.lines[0]), "ddb_image": ""},
        {**json.loads(result.lines[1]), "ddb_image": ""},
    ] * 2
    assert [*json.loads(result.lines[1])][6] == "A"


@pytest.mark.parametrize("name", ['"', "\\", "\n", "\x00", "é", "\u2028", "😀", "a.b", "f0", "S", " "])
def test_every_name_makes_the_same_row_when_it_comes_again(name: str) -> None:
    data = encoded(change(ITEM | {name: {"S": "x"}}))

    first, second = run(event(data, data), WITHOUT_IMAGE).lines

    assert json.loads(first)["s" if name == "S" else name] == "x"
    assert first == second


def test_more_attributes_than_a_shape_has_are_left_to_the_general_way() -> None:
    item = {f"a{n}": {"N": str(n)} for n in range(shape.MOST_ATTRIBUTES + 1)}

    found = taught(ITEM, item)

    assert known(found, item) is None
    assert known(found, ITEM) is not None


def test_a_table_whose_attribute_names_are_data_stops_teaching() -> None:
    found = flattener()
    for n in range(shape.MOST_LESSONS + 10):
        found.in_general(raw({f"user-{n}": {"N": "1"}}))

    assert len(found.known[0].columns) == shape.MOST_LESSONS
    assert known(found, {f"user-{shape.MOST_LESSONS}": {"N": "1"}}) is None


@pytest.mark.parametrize("config", [settings(nested="flatten"), settings(columns={"city": "place.city"})])
def test_columns_from_inside_of_maps_are_left_to_the_general_way(config: Any) -> None:
    assert known(taught(ITEM, config=config), ITEM) is None


@given(
    st.lists(numbers() | st.sampled_from(["", "1,2", "[1]", " 1", "true", "1e400", "1" * 400]), max_size=5)
)
def test_numbers_at_once_are_the_numbers_one_by_one(texts: list[str]) -> None:
    try:
        expected: Any = [bytes(number(text)) for text in texts]
    except RecordError as error:
        expected = error.code

    try:
        found: Any = [bytes(each) for each in numbers_at_once(texts)]  # type: ignore[arg-type]
    except RecordError as error:
        found = error.code

    assert found == expected


def test_numbers_that_are_missing_keep_their_places() -> None:
    assert numbers_at_once([UNSET, "1", UNSET, "2"]) == [UNSET, Raw(b"1"), UNSET, Raw(b"2")]


def test_the_feeds_are_learned_from_apart() -> None:
    """Of two feeds, one has binary twice: what one has taught must not decide what the other means."""
    twice_encoded = encoded(change({"b": {"B": "ZUE9PQ=="}}))
    seconds = {"ApproximateCreationDateTime": 1_763_706_412, "ApproximateCreationDateTimePrecision": None}
    once_encoded = encoded(change({"b": {"B": "ZUE9PQ=="}}, dynamodb=seconds))
    convert = converter(WITHOUT_IMAGE)

    rows = [convert(data) for data in (twice_encoded, once_encoded) * 2]

    assert all(isinstance(row, Row) for row in rows)
    assert [json.loads(row.line)["b"] for row in rows if isinstance(row, Row)] == ["eA==", "ZUE9PQ=="] * 2
