"""Many numbers at once are those that each is alone, and none is another for the company it is in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from tests.strategies import numbers
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.flatten import binary_once, unwrapper
from ttl_archive.transform.formats import encode_json
from ttl_archive.transform.numbers import number, number_list
from ttl_archive.transform.numbers import numbers as numbers_at_once

AWS, PYTHON = (",", ":"), (", ", ": ")  # how JSON is written


def at_once(texts: list[str]) -> list[bytes] | str:
    try:
        return [bytes(each) for each in numbers_at_once(texts)]  # type: ignore[arg-type]
    except RecordError as error:
        return error.code


def one_by_one(texts: list[str]) -> list[bytes] | str:
    try:
        return [bytes(number(text)) for text in texts]
    except RecordError as error:
        return error.code


def as_one_text(value: str) -> bytes | None:
    found = number_list(Raw(value.encode()))
    return None if found is None else bytes(found)


def element_by_element(elements: Any) -> bytes | None:
    row: dict[str, Any] = {}
    try:
        unwrapper(binary_once)(row, [("list", {"L": elements})])
    except RecordError:
        return None
    return encode_json(row["list"])


@given(st.lists(numbers(), max_size=5))
def test_numbers_at_once_are_the_numbers_one_by_one(texts: list[str]) -> None:
    assert at_once(texts) == one_by_one(texts) == [text.encode() for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "", "1,2", "1,", ",1", "[1]", "[]", "1][2", " 1", "1 ", "1\n", "true", "null", '"1"', "{}", "1e",
        "e1", "E", "+1", "-", "--1", "1e400", "-1E400", "1e308", "1E-400", "01", "1.", ".1", "1_0", "１",
        "1" * 308, "1" * 309, "1" * 310, "9" * 309, "0." + "1" * 400,
    ],
)  # fmt: skip
@pytest.mark.parametrize("others", [[], ["1"], ["1", "2.5", "1E2"]])
def test_a_doubtful_number_has_the_same_result_among_others_as_alone(text: str, others: list[str]) -> None:
    for place in range(len(others) + 1):
        texts = [*others[:place], text, *others[place:]]

        assert at_once(texts) == one_by_one(texts)


def test_numbers_that_are_missing_keep_their_places() -> None:
    assert numbers_at_once([UNSET, "1", UNSET, "2"]) == [UNSET, Raw(b"1"), UNSET, Raw(b"2")]


@given(st.lists(numbers(), max_size=200), st.sampled_from([AWS, PYTHON]))
def test_a_list_of_numbers_is_one_text(texts: list[str], writing: tuple[str, str]) -> None:
    elements = [{"N": text} for text in texts]

    listed = as_one_text(json.dumps({"L": elements}, separators=writing))

    assert listed == element_by_element(elements) == f"[{','.join(texts)}]".encode()


@given(st.lists(numbers() | st.text('[]{}":LN ,.-+eE\\u0123456789', max_size=6), min_size=1, max_size=4))
def test_a_list_of_doubtful_numbers_has_the_result_of_each_alone(texts: list[str]) -> None:
    elements = [{"N": text} for text in texts]

    assert as_one_text(json.dumps({"L": elements}, separators=AWS)) == element_by_element(elements)


@pytest.mark.parametrize(
    "elements",
    [
        '[{"N":""}]', '[{"N":"1,2"}]', '[{"N":"1","N":"x"}]', '[{"":"N1"}]', '[{"NN":"1"}]', '[{"N":1}]',
        '["1"]', "[1]", '{"N":"1"}', '"N"', "1", "null", "{}", "[[]]", "[{}]", '[{"N":"1"},[]]', "[,]",
        '[{"N":"1\\n"}]', '[{"N":"1\n"}]', '[{"N":"\t1"}]', '[{"N":"1 2"}]', '[{"N":"1L"}]',
        '[{"N":"1E400"}]', f'[{{"N":"{"9" * 309}"}}]',
    ],
)  # fmt: skip
def test_only_a_list_of_numbers_is_read_as_one(elements: str) -> None:
    assert as_one_text(f'{{"L":{elements}}}') is None
    try:
        read = json.loads(elements, strict=False)
    except ValueError:
        return  # not JSON, which `parse` reports
    assert element_by_element(read) is None


@pytest.mark.parametrize(
    "value",
    [
        '{"L":[ {"N":"1"}]}', '{"L":[{"N" :"1"}]}', '{"L":[{"N":"1"},\n{"N":"2"}]}', '{"L":[ ]}', '{"L" :[]}',
        '{"L":[{"N": "1"}]}', '{"L":[{"N":"\\u0031"}]}', '{"\\u004c":[{"N":"1"}]}', '{"L":[{"S":"1"}]}',
        '{"L":[{"N":"1"},{"S":"2"}]}', '{"L":[{"L":[{"N":"1"}]}]}', '{"L":[{"L":[]}]}', '{"L":[{"M":{}}]}',
        '{"L":[],"L":[]}', '{"L":[{"N":"1","N":"2"}]}',
    ],
)  # fmt: skip
def test_an_unusual_list_of_numbers_needs_the_general_path(value: str) -> None:
    assert as_one_text(value) is None
    assert element_by_element(json.loads(value)["L"]) is not None
