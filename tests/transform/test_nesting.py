"""Nesting is bounded by a number of ours, on every interpreter and for every record, kept or not."""

import sys
import tracemalloc
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import damaged, seeds
from tests.transform.builders import change, encoded, event, outcome, run, settings
from ttl_archive.transform.convert import converter
from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.nesting import is_too_deep

LIMIT = 600  # a literal: what DynamoDB writes is 69 levels at most
EVERY_FORMAT = {
    "jsonl": settings(changes="all"),
    "csv": settings(changes="all", format="csv", columns={"id": "id"}),
    "flatten": settings(changes="all", nested="flatten", image=False),
    "envelope": settings(changes="all", row="envelope"),
    "none is kept": settings(changes="ttl-removals"),
}
ENDS = {
    "maps": ('{"M":{"a":', "}}"),
    "lists": ('{"L":[', "]}"),
    "maps with siblings": ('{"M":{"b":{"S":"]"},"a":', ',"c":{"N":"1"}}}'),
    "pretty": ('{ "M" :\n{ "a" :\t', " } }"),
}


def nested(levels: int, head: str, tail: str, leaf: str = '{"S":"x"}') -> str:
    """An attribute value with so many maps or lists around a leaf."""
    return head * levels + leaf + tail * levels


def record(value: str, kind: str) -> bytes:
    return encoded(change({"x": {"S": "DEEP"}}, kind)).replace(b'{"S":"DEEP"}', value.encode())


@pytest.mark.parametrize("kind", ["ttl", "user", "insert", "modify"])
@pytest.mark.parametrize("config", EVERY_FORMAT.values(), ids=EVERY_FORMAT)
@pytest.mark.parametrize(("head", "tail"), ENDS.values(), ids=ENDS)
def test_the_deepest_record_is_accepted_and_one_level_more_fails_kept_or_not(
    kind: str, config: Any, head: str, tail: str
) -> None:
    """A record, its `dynamodb`, the image and the leaf are four levels; a map or a list is two."""
    deepest = record(nested((LIMIT - 4) // 2, head, tail), kind)
    too_deep = record(nested((LIMIT - 4) // 2, head, tail, '{"L":[]}'), kind)
    shallow = outcome(record('{"S":"x"}', kind), config)

    assert outcome(deepest, config) == shallow
    assert outcome(too_deep, config) == "TooDeep"


@pytest.mark.parametrize(
    ("levels", "kind"),
    [
        *product([LIMIT, 1_000, 5_000], ["ttl", "user", "insert", "modify"]),
        (20_000, "insert"),
        (200_000, "ttl"),
    ],
)
@pytest.mark.parametrize(
    ("head", "tail"), [*ENDS.values(), ('{"a":', "}"), ("[", "]"), ("[", ""), ('{"":', "")]
)
def test_a_record_of_any_greater_depth_fails_alone(levels: int, kind: str, head: str, tail: str) -> None:
    result = run(event(encoded(change()), record(nested(levels, head, tail), kind), encoded(change())))

    assert result.results == ["Ok", "ProcessingFailed", "Ok"]
    assert result.codes == ["TooDeep"]


@pytest.mark.parametrize("depth_of_the_caller", [0, 200])
def test_the_deepest_record_needs_little_of_the_stack(depth_of_the_caller: int) -> None:
    deepest = record(nested((LIMIT - 4) // 2, *ENDS["maps"], leaf='{"B":"eA=="}'), "ttl")

    def called(depth: int) -> Any:
        return called(depth - 1) if depth else [converter(c)(deepest) for c in EVERY_FORMAT.values()]

    assert len(called(depth_of_the_caller)) == len(EVERY_FORMAT)


def test_twenty_levels_more_than_dynamodb_allows_are_accepted() -> None:
    assert outcome(record(nested(32 + 20, *ENDS["maps"]), "ttl")) == "row"


def plain_depth(data: bytes) -> int:
    """The depth as a reader of one character at a time sees it."""
    depth = deepest = position = 0
    in_string = False
    while position < len(data):
        sign = data[position : position + 1]
        if in_string:
            position += sign == b"\\"
            in_string = sign != b'"'
        elif sign == b'"':
            in_string = data.find(b'"', position + 1) >= 0 and _is_closed(data, position)
        else:
            depth += (sign in b"{[") - (sign in b"]}")
            deepest = max(deepest, depth)
        position += 1
    return deepest


def _is_closed(data: bytes, opening: int) -> bool:
    position = opening + 1
    while position < len(data):
        if data[position] == ord('"'):
            return True
        position += 2 if data[position] == ord("\\") else 1
    return False


pieces = st.sampled_from(
    [b'{"":', b"[", b"]", b"}", b",", b'"a"', b'"[{"', b'"\\"{"', b'"\\\\"', b" ", b"1", b'"']
)


@given(st.lists(st.tuples(pieces, st.integers(1, 400)), max_size=12), seeds)
def test_the_depth_is_that_of_a_plain_reader(parts: list[tuple[bytes, int]], random: Random) -> None:
    data = b"".join(piece * count for piece, count in parts)

    for each in (data, damaged(data, random)):
        assert is_too_deep(each) == (plain_depth(each) > LIMIT)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b"[" * LIMIT, False),
        (b"[" * (LIMIT + 1), True),
        (b'{"":' * LIMIT, False),
        (b'{"":' * LIMIT + b"{", True),
        (b'"[{"' * 301, False),
        (b'["' + b"[" * 5_000 + b'"]', False),
        (b'"' + b"[" * 5_000 + b'"', False),
        (b'["\\"' + b"{" * 5_000 + b'"]', False),
        (b"[" + b"[]," * 5_000 + b"[]]", False),
        (b"]" * 5_000 + b"[" * LIMIT, False),
    ],
)
def test_only_brackets_inside_others_and_outside_strings_are_levels(data: bytes, expected: bool) -> None:
    assert is_too_deep(data) == expected


def test_a_decoder_can_read_what_is_not_too_deep_on_this_interpreter() -> None:
    """The bound must be below that of the interpreter, whatever it is."""
    assert sys.getrecursionlimit() >= 1_000
    with pytest.raises(RecordError, match="NotAChangeRecord"):
        converter(settings())(b"[" * LIMIT + b"]" * LIMIT)


def test_a_long_string_beside_many_brackets_takes_little_memory() -> None:
    data = b'["' + b"x\\n" * 2_000_000 + b'",' + b"[]," * 2_000 + b"1]"
    tracemalloc.start()
    try:
        deep = is_too_deep(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert not deep
    assert peak < 2 * len(data)


def test_a_caller_may_allow_fewer_levels() -> None:
    assert is_too_deep(b"[" * 129, 128)
    assert not is_too_deep(b"[" * 128, 128)
