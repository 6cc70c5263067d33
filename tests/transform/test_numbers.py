"""Many numbers at once are those that each is alone, and none is another for the company it is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from tests.strategies import numbers
from transform.errors import RecordError
from transform.flatten import number
from transform.flatten import numbers as numbers_at_once


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
def test_a_doubtful_number_among_others_fares_as_alone(text: str, others: list[str]) -> None:
    for place in range(len(others) + 1):
        texts = [*others[:place], text, *others[place:]]

        assert at_once(texts) == one_by_one(texts)


def test_numbers_that_are_missing_keep_their_places() -> None:
    assert numbers_at_once([UNSET, "1", UNSET, "2"]) == [UNSET, Raw(b"1"), UNSET, Raw(b"2")]
