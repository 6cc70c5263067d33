"""A record's row, drop or code is the same whatever came before it, however it is written or damaged."""

import json
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import changes, damaged, disfigured, images, seeds, twice, written
from tests.transform.builders import ITEM, change, encoded, event, run, settings
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.errors import RecordError

JSONL = settings()
WITHOUT_IMAGE = settings(image=False, columns={"device": "deviceID", "s": "S"})
CSV = settings(format="csv", image=True, columns={"device": "deviceID", "s": "S", "n": "N"})


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
def test_damage_and_unusual_json_have_the_same_result_whatever_came_before(
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
    record = encoded(change({"x": {"S": "DEEP"}, "y": {"S": "y"}}))
    convert = converter(JSONL)
    convert(encoded(change({"x": {"M": {"a": {"S": "x"}}}, "y": {"S": "y"}})))

    for levels in range(290, 310):
        image = b'{"M":{"a":' * levels + b'{"S":"x"}' + b"}}" * levels
        deep = record.replace(b'{"S":"DEEP"}', image)

        assert outcome(convert, deep) == outcome(converter(JSONL), deep)


@pytest.mark.parametrize("name", ITEM)
@pytest.mark.parametrize(
    "damage",
    [
        {}, {"S": "x", "N": "1"}, {"N": "1", "S": "x"}, {"N": "1_0"}, {"N": 1}, {"S": None}, {"BOOL": "true"},
        {"L": [{"N": "1", "S": "x"}]}, {"L": [{"N": "1,2"}]}, {"L": [{}]}, {"SS": "a"}, {"X": "x"},
        {"M": {"a": {}}}, {"NULL": False}, {"B": "!"}, "text", None, [],
    ],
)  # fmt: skip
def test_damage_has_the_same_code_after_a_shape_was_learned(name: str, damage: Any) -> None:
    good, bad = (encoded(change(item)) for item in (ITEM, ITEM | {name: damage}))

    alone, later = run(event(bad), WITHOUT_IMAGE), run(event(good, bad), WITHOUT_IMAGE)

    assert alone.results == ["ProcessingFailed"]
    assert later.results == ["Ok", "ProcessingFailed"]
    assert later.codes == alone.codes
    assert later.records[1]["data"] == event(bad)["records"][0]["data"]


def test_two_items_whose_attributes_share_a_column_have_rows_of_their_own() -> None:
    result = run(event(*(encoded(change({name: {"S": name}})) for name in ("a", "A", "a", "A"))))

    assert [json.loads(line) | {"ddb_image": ""} for line in result.lines] == [
        {**json.loads(result.lines[0]), "ddb_image": ""},
        {**json.loads(result.lines[1]), "ddb_image": ""},
    ] * 2
    assert [*json.loads(result.lines[1])][6] == "A"


@pytest.mark.parametrize("name", ['"', "\\", "\n", "\x00", "é", "\u2028", "😀", "a.b", "f0", "S", " "])
def test_an_attribute_of_any_name_makes_the_same_row_again(name: str) -> None:
    data = encoded(change(ITEM | {name: {"S": "x"}}))

    first, second = run(event(data, data), WITHOUT_IMAGE).lines

    assert json.loads(first)["s" if name == "S" else name] == "x"
    assert first == second


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
def test_a_record_damaged_twice_has_the_same_code_whatever_came_before(item: dict[str, Any]) -> None:
    good = {name: {"N": "1"} for name in item if name != "b"} | {"b": {"B": "ZUE9PQ=="}}
    convert = converter(JSONL)
    outcome(convert, encoded(change(good)))

    assert outcome(convert, encoded(change(item))) == outcome(converter(JSONL), encoded(change(item)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":{"L":[1e999]},"a":{"L":[{"N":"1"}]}}', [1]),
        ('{"a":1e999,"a":{"S":"2"}}', "2"),
        ('{"a":{"L":[1e999],"L":[{"N":"1"}]}}', "BadAttributeValue"),
        ('{"a":{"L":[{"N":"1"}]},"a":{"L":[1e999]}}', "BadAttributeValue"),
        (f'{{"a":{{"L":{"9" * 5000},"L":[{{"N":"1"}}]}}}}', "BadAttributeValue"),
        ('{"a":{"S":"1"},"a":{"S":"2"}}', "2"),
        ('{"a":{"S":1},"a":{"S":"2"}}', "2"),
        ('{"a":{"S":"1","S":"2"}}', "2"),
        ('{"\\u0061":{"\\u0053":"2"}}', "2"),
        ('{"a":{"S":"2"},"a":{"N":"x"}}', "BadNumber"),
        ('{"a":{"N":"1","S":"2"}}', "BadAttributeValue"),
    ],
)
def test_the_last_of_duplicate_names_or_types_counts(text: str, expected: Any) -> None:
    good = [[encoded(change({"a": value}))] for value in ({"S": "x"}, {"L": [{"N": "1"}]}, {"M": {}})]
    data = encoded(change({"a": {"S": "HERE"}})).replace(b'{"a":{"S":"HERE"}}', text.encode())

    for before in ([], *good):
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
