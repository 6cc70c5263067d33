"""The filter of restore: SQL's comparisons and SQL's NULL; a mistake is reported with its place."""

import re
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.json import Decoder

from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.restore.comparisons import like_matcher
from ttl_archive.replay.restore.row_filter import compile_filter

ROW = Decoder(dict[str, Raw]).decode(
    """{
    "device_id": "d1",
    "temperature": 21.50,
    "digits": 12345678901234567890123456789012345678,
    "text_number": "7",
    "ok": true,
    "flag": "true",
    "nothing": null,
    "note": "it's 100% broken",
    "site": {"name": "Bern", "geo": {"lat": 46.9}},
    "a.b": "dotted",
    "a\\"b": "quoted"
    }"""
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("device_id = 'd1'", True),
        ("device_id <> 'd1'", False),
        ("device_id != 'd2' AND temperature > 21", True),
        ("temperature = 21.5", True),
        ("temperature BETWEEN 21.5 AND 22", True),
        ("digits = 12345678901234567890123456789012345678", True),
        ("digits = 12345678901234567890123456789012345679", False),
        ("text_number < 10", True),
        ("temperature >= '21.5'", True),
        ("device_id > 5", False),
        ("NOT device_id > 5", False),
        ("device_id IN ('d0', 'd1')", True),
        ("device_id NOT IN ('d0', 'd1')", False),
        ("note LIKE 'it''s%'", True),
        ("note LIKE '%100_ broken'", True),
        ("note NOT LIKE '%fixed%'", True),
        ("note like 'IT%'", False),
        ("nothing IS NULL", True),
        ("missing IS NULL", True),
        ("device_id IS NOT NULL", True),
        ("nothing = 'x' OR device_id = 'd1'", True),
        ("NOT nothing = 'x'", False),
        ("ok = TRUE AND flag = true", True),
        ("ok = FALSE", False),
        ("site.name = 'Bern' AND site.geo.lat > 46", True),
        ("site.nowhere.deep IS NULL", True),
        ("\"a.b\" = 'dotted'", True),
        ("device_id = 'x' OR device_id = 'd1' AND temperature < 0", False),
        ("(device_id = 'x' OR device_id = 'd1') AND temperature > 0", True),
        ("NOT (device_id = 'x' OR temperature < 0)", True),
        ("temperature > -1e2", True),
    ],
)
def test_a_row_is_selected_as_in_sql(where: str, expected: bool) -> None:
    assert compile_filter(where)(ROW) is expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("device_id =", "expected a value: .* after 'device_id ='"),
        ("= 'x'", "expected the name of a column"),
        ("device_id 'x'", "expected a comparison"),
        ("device_id = 'x' device_id = 'y'", "expected the end, AND or OR"),
        ("(a = 1", r"expected \)"),
        ("a IN (1, 2", r"expected \)"),
        ("a BETWEEN 1", "expected AND"),
        ("a = 'open", 'cannot be read from "\'open"'),
        ("a IS 5", "expected NULL"),
        ("a ; b", "cannot be read from '; b'"),
        ('a = "TRUE"', "expected a value"),
        ("a = 1e99999999999999999999", "out of range"),
        ("(" * 5_000 + "a = 1" + ")" * 5_000, "more than 50"),
        ("NOT " * 5_000 + "a = 1", "more than 50"),
    ],
)
def test_a_mistake_is_reported_with_its_place(where: str, message: str) -> None:
    with pytest.raises(MisuseError, match=message):
        compile_filter(where)


@given(st.text(alphabet=" ()=<>!,'\"%_.aANDORTINSLKE1e-", max_size=60))
def test_every_text_is_a_filter_or_a_mistake(where: str) -> None:
    try:
        test = compile_filter(where)
    except MisuseError:
        return
    assert test(ROW) in (True, False)


@given(st.text("ab%_\n", max_size=8), st.text("ab\n", max_size=10))
def test_like_matches_what_a_backtracking_matcher_matches(pattern: str, text: str) -> None:
    wildcards = {"%": ".*", "_": "."}
    regex = "".join(wildcards.get(letter, letter) for letter in pattern)

    assert like_matcher(pattern)(text) is bool(re.fullmatch(regex, text, re.DOTALL))


def test_like_does_one_search_for_each_part_whatever_the_text() -> None:
    """A matcher that backtracks needs the fourth power of the text's length for this pattern."""
    matches = like_matcher("%a%a%a%b")
    calls: Counter[str] = Counter()

    def count(frame: object, event: str, function: object) -> None:
        if event == "c_call":
            calls[getattr(function, "__name__", "")] += 1

    sys.setprofile(count)
    try:
        result = matches("a" * 1_000_000)
    finally:
        sys.setprofile(None)

    assert not result
    assert calls["search"] == 3
