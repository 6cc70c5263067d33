"""What is learned of the table's items makes rows quicker, and changes no byte of them."""

import json
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from tests.strategies import changes, damaged, disfigured, images, seeds, twice, written
from tests.transform.builders import change, encoded, event, run, settings
from transform import shape
from transform.convert import Row, converter
from transform.errors import RecordError
from transform.flatten import binary_twice, unwrapper
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
        found.in_general(raw(item), {})
    return found


def in_general(item: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    flattener().in_general(raw(item), row)
    return row


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


def outcome(convert: Any, data: bytes) -> Any:
    """A Row, a Drop or a code; nothing else may come out."""
    try:
        return convert(data)
    except RecordError as error:
        return error.code


EVERY_CONFIG = {
    "jsonl": JSONL,
    "columns": WITHOUT_IMAGE,
    "csv": CSV,
    "csv without a column": settings(format="csv", columns={"gone": "gone"}),
    "flatten": settings(nested="flatten"),
    "envelope": settings(row="envelope", changes="all"),
    "all": settings(changes="all", partition_by="event"),
    "replica": settings(infer_replica_ttl=True),
}


@pytest.mark.parametrize("config", EVERY_CONFIG.values(), ids=EVERY_CONFIG)
@given(items=st.lists(images, min_size=1, max_size=8))
def test_a_row_is_the_same_whatever_came_before_it(config: Any, items: list[Any]) -> None:
    data = [encoded(change(twice(item))) for item in [*items, *items]]
    convert = converter(config)

    assert [outcome(convert, each) for each in data] == [outcome(converter(config), each) for each in data]


@pytest.mark.parametrize("config", EVERY_CONFIG.values(), ids=EVERY_CONFIG)
@given(records=st.lists(changes() | changes(feed="streams"), min_size=1, max_size=4), random=seeds)
def test_damage_and_odd_writings_are_told_the_same_whatever_came_before(
    config: Any, records: list[Any], random: Random
) -> None:
    writings = [written(record, random).encode() for record in records]
    odd = [damaged(data, random) for data in writings]
    odd += [encoded(disfigured(record, random)) for record in records]
    convert = converter(config)
    data = [*map(encoded, records), *writings, *odd, *writings]

    assert [outcome(convert, each) for each in data] == [outcome(converter(config), each) for each in data]


def test_threads_that_share_a_converter_make_the_rows_of_one() -> None:
    """Replay converts in several threads."""
    items = [{f"a{n % 7}": {"N": str(n)}, f"b{n % 3}": {"S": "x"}, "c": {"S": "y"}} for n in range(400)]
    data = [encoded(change(item)) for item in items]
    shared = converter(JSONL)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(shared, data))

    assert found == [converter(JSONL)(each) for each in data]


def test_how_deep_an_image_may_be_does_not_depend_on_what_came_before() -> None:
    """Where it ends depends on the stack that is taken already: every depth is tried."""
    record = encoded(change({"x": {"S": "DEEP"}, "y": {"S": "y"}}))
    convert = converter(JSONL)
    convert(encoded(change({"x": {"M": {"a": {"S": "x"}}}, "y": {"S": "y"}})))

    for levels in range(300, 510):
        image = b'{"M":{"a":' * levels + b'{"S":"x"}' + b"}}" * levels
        deep = record.replace(b'{"S":"DEEP"}', image)

        assert outcome(convert, deep) == outcome(converter(JSONL), deep)


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

    assert known(found, other) == in_general(other)
    assert known(found, ITEM) == in_general(ITEM)


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
        found.in_general(raw(ITEM | {"new": {"N": "x"}}), {})

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

    assert known(taught(item), item) is None
    assert known(taught({name: item[name] for name in list(item)[:-1]}), {}) == {}


def test_items_of_another_type_do_not_make_the_shape_too_wide() -> None:
    types = [{f"{kind}{n}": {"N": str(n)} for n in range(5)} for kind in "abc"]
    found = taught(*types)

    assert [known(found, item) is not None for item in types] == [True, True, False]


def test_attributes_that_have_no_kind_make_no_shape() -> None:
    maps = {name: {"M": {}} for name in "abc"}

    assert known(taught(maps), maps) is None
    assert known(taught(maps | {name: {"S": "x"} for name in "def"}), maps) == {name: {} for name in "abc"}


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


def test_a_number_without_a_column_is_a_number_in_the_rest_of_every_row() -> None:
    result = run(event(*[encoded(change({"x": {"S": "a"}, "n2": {"N": "1.50"}}))] * 2), CSV)

    assert [b'{\\"n2\\":1.50,\\"x\\":\\"a\\"}' in line for line in result.lines] == [True, True]


@pytest.mark.parametrize(
    "item",
    [
        {"a": {"N": "x"}, "b": {"B": "!"}},
        {"b": {"B": "!"}, "a": {"N": "x"}},
        {"a": {"S": "x", "N": "1"}, "b": {"N": "1_0"}},
        {"a": {"B": "!"}, "A": {"S": "x"}},
    ],
)
def test_of_two_damages_the_same_is_told_whatever_came_before(item: dict[str, Any]) -> None:
    good = {name: {"N": "1"} for name in item if name != "b"} | {"b": {"B": "ZUE9PQ=="}}
    convert = converter(JSONL)
    outcome(convert, encoded(change(good)))

    assert outcome(convert, encoded(change(item))) == outcome(converter(JSONL), encoded(change(item)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":{"S":"1"},"a":{"S":"2"}}', "2"),
        ('{"a":{"S":1},"a":{"S":"2"}}', "2"),
        ('{"a":{"S":"1","S":"2"}}', "2"),
        ('{"\\u0061":{"\\u0053":"2"}}', "2"),
        ('{"a":{"S":"2"},"a":{"N":"x"}}', "BadNumber"),
        ('{"a":{"N":"1","S":"2"}}', "BadAttributeValue"),
    ],
)
def test_of_a_name_or_type_that_stands_twice_the_last_counts(text: str, expected: str) -> None:
    good = encoded(change({"a": {"S": "x"}}))
    data = encoded(change({"a": {"S": "HERE"}})).replace(b'{"a":{"S":"HERE"}}', text.encode())

    for before in ([], [good]):
        result = run(event(*before, data), WITHOUT_IMAGE)

        assert (result.codes or [json.loads(result.lines[-1])["a"]]) == [expected]


def test_the_feeds_are_learned_from_apart() -> None:
    """Of two feeds, one has binary twice: what one has taught must not decide what the other means."""
    twice_encoded = encoded(change({"b": {"B": "ZUE9PQ=="}}))
    seconds = {"ApproximateCreationDateTime": 1_763_706_412, "ApproximateCreationDateTimePrecision": None}
    once_encoded = encoded(change({"b": {"B": "ZUE9PQ=="}}, dynamodb=seconds))
    convert = converter(WITHOUT_IMAGE)

    rows = [convert(data) for data in (twice_encoded, once_encoded) * 2]

    assert all(isinstance(row, Row) for row in rows)
    assert [json.loads(row.line)["b"] for row in rows if isinstance(row, Row)] == ["eA==", "ZUE9PQ=="] * 2
