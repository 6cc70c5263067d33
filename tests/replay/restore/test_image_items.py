"""The quick check of an image and the check of each value agree on every text."""

import json
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import characters, damaged, images, seeds
from ttl_archive.replay.restore import image_items
from ttl_archive.replay.restore.image_items import BadImageError, check_image, image_item

FLAT = (
    '{"a":{"S":"x"}}',
    '{"a":{"N":"-1.5E+3"},"b":{"B":"QQ=="}}',
    '{"a":{"BOOL":true},"b":{"NULL":true}}',
    '{"a\\"":{"S":"\\\\"}}',
    "{}",
)
# Each is close to a flat item, and the decoder or the check of the values must decide.
CLOSE = (
    '{"a":{"S":"x"},}',
    '{"a":{"S":"x"}"b":{"S":"y"}}',
    '{"a":{"S":"x"},"b":{"S":"\\ud800"}}',
    '{"a":{"S":"\n"}}',
    '{"a":{"S":"\\\n"}}',
    '{"a":{"S":"\\x"}}',
    '{"a":{"S":"\\u0041\\u00e9"}}',
    '{"a":{"S":"\x1f"}}',
    '{"a":{"S":"\x7f"}}',
    '{"a\t":{"S":"x"}}',
    '{"a":{"S":"x"},"b":{"S":"y"},}',
    "{,}",
    '{"a":{"S":"x"},,"b":{"S":"y"}}',
    '{"a":{"S":"x"}}\n',
    '{"a":{"S":"x","S":"y"}}',
    '{"a":{"S":"x","N":"1"}}',
    '{"a":{"N":"1"},"a":{"N":"x"}}',
    '{"a":{"N":"x"},"a":{"N":"1"}}',
    '{"a":{"N":"1\\n"}}',
    '{"a":{"N":"\u0661"}}',
    '{"a":{"N":"1e1000"}}',
    '{"a":{"N":"."}}',
    '{"a":{"N":""}}',
    '{"a":{"\\u0053":"x"}}',
    '{"a":{"B":"QQ="}}',
    '{"a":{"B":"QQ=\\u003d"}}',
    '{"a":{"B":"====QQ=="}}',
    '{"a":{"B":""}}',
    '{"a":{"NULL":false}}',
    '{"a":{"BOOL":null}}',
    '{"a":{}}',
    '{"a":{"S":1}}',
    ' {"a": {"S": "x"}}',
)
_KINDS = ("S", "N", "B", "BOOL", "NULL", "M", "X")
_contents = st.one_of(
    st.sampled_from(["x", "1", "-.5e3", "1e1000", "QQ==", "QQ=", True, False, None, 1]), st.text(characters)
)
_flat_items = st.dictionaries(
    st.text(characters, max_size=4),
    st.dictionaries(st.sampled_from(_KINDS), _contents, min_size=1, max_size=2),
    max_size=4,
)


def outcome(text: str) -> Any:
    try:
        check_image(text)
        return image_item(text)
    except BadImageError:
        return BadImageError


def slow_outcome(text: str) -> Any:
    with patch.object(image_items, "_is_flat_item", lambda _: None):
        return outcome(text)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("text", FLAT)
def test_a_flat_item_needs_no_check_of_each_value(text: str) -> None:
    with patch.object(image_items, "_check_values", side_effect=AssertionError):
        check_image(text)
    assert image_item(text) == json.loads(text)


@pytest.mark.parametrize("text", [*FLAT, *CLOSE])
def test_both_checks_agree_on_texts_close_to_a_flat_item(text: str) -> None:
    assert outcome(text) == slow_outcome(text)


@given(st.one_of(_flat_items, images).map(compact), seeds)
def test_both_checks_agree_on_generated_and_damaged_images(text: str, random: Random) -> None:
    for each in (text, damaged(text.encode(), random).decode(errors="replace")):
        assert outcome(each) == slow_outcome(each)
