"""Sizes equal, to the byte, what the Lambda runtime's own marshaller serialises; they decide what fits."""

from collections.abc import Iterator
from typing import Any

import pytest
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import AWKWARD, characters
from ttl_archive.transform.limits import (
    Answer,
    answer_bytes,
    dropped,
    failed,
    fits_alone,
    over_the_limit,
    response_bytes,
)

UTF8, ASCII = "AWS_Lambda_python3.13", "AWS_Lambda_python3.11"
ids = st.one_of(
    st.integers(0, 10**62).map(str), st.text(characters, max_size=20), st.just("é" * 300), st.just(AWKWARD)
)
data = st.integers(0, 60).map(lambda count: "QQ==" * count)
keys = st.dictionaries(st.text(characters, max_size=5), st.text(characters, max_size=12), max_size=3)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    record_id = draw(ids)
    kind = draw(st.sampled_from(["Ok", "Ok", "Dropped", "ProcessingFailed"]))
    if kind == "Dropped":
        return dropped(record_id)
    if kind == "ProcessingFailed":
        return failed(record_id, draw(data))
    ok: Answer = {"recordId": record_id, "result": "Ok", "data": draw(data)}
    if draw(st.booleans()):
        ok["metadata"] = {"partitionKeys": draw(keys)}
    return ok


lists = st.lists(answers(), max_size=8)


@pytest.fixture(params=[UTF8, ASCII, None], ids=["utf8", "ascii", "no runtime"], scope="module")
def _runtime(request: pytest.FixtureRequest) -> Iterator[None]:
    """The environment variable by which the runtime client chooses its encoding."""
    patch = pytest.MonkeyPatch()
    if request.param is None:
        patch.delenv("AWS_EXECUTION_ENV", raising=False)
    else:
        patch.setenv("AWS_EXECUTION_ENV", request.param)
    yield
    patch.undo()


def serialised(some: list[Any]) -> int:
    """What the runtime client would send."""
    text, content_type = LambdaMarshaller().marshal_response({"records": some})
    assert content_type == "application/json"
    return len(text.encode("utf-8"))


@pytest.mark.usefixtures("_runtime")
@given(lists)
def test_the_size_of_a_response_is_what_the_runtime_serialises(some: list[Answer]) -> None:
    assert response_bytes(some) == serialised(some)


@pytest.mark.usefixtures("_runtime")
@pytest.mark.parametrize("record_id", ["\x7f", "1\x7f", '"', "\\", "/", "\x00", "é", "\u2028", "😀", "<>&'"])
def test_a_record_id_that_is_escaped_counts_as_it_is_serialised(record_id: str) -> None:
    assert response_bytes([failed(record_id)]) == serialised([failed(record_id)])


@pytest.mark.usefixtures("_runtime")
def test_half_a_surrogate_pair_in_a_record_id_fails_no_other_record() -> None:
    """The runtime cannot send it in UTF-8 at all; the other records of the batch must not suffer here."""
    assert response_bytes([failed("\ud800")]) == response_bytes([failed("x")]) - 1 + len(r"\ud800")


@pytest.mark.usefixtures("_runtime")
@given(answers())
def test_an_answer_alone_fits_at_its_size_and_not_one_byte_below(answer: Answer) -> None:
    size = serialised([answer])

    assert fits_alone(answer, size)
    assert not fits_alone(answer, size - 1)


@pytest.mark.usefixtures("_runtime")
@given(lists, st.floats(0, 1.1))
def test_without_the_chosen_data_a_response_is_within_the_limit_as_serialised(
    some: list[Answer], share: float
) -> None:
    least = serialised([min(a, failed(a["recordId"]), key=answer_bytes) for a in some])
    limit = least + int((serialised(some) - least) * share)

    positions = over_the_limit(some, limit)

    left = [failed(a["recordId"]) if n in positions else a for n, a in enumerate(some)]
    assert serialised(left) <= limit
    assert all(some[n]["data"] or "metadata" in some[n] for n in positions)


@pytest.mark.usefixtures("_runtime")
@given(lists.filter(len))
def test_at_the_boundary_nothing_is_left_out_and_one_byte_below_something_is(some: list[Answer]) -> None:
    size = serialised(some)

    assert over_the_limit(some, size) == []
    if any(answer_bytes(a) > answer_bytes(failed(a["recordId"])) for a in some):
        assert over_the_limit(some, size - 1) != []


@given(lists)
def test_no_limit_however_small_chooses_what_would_not_become_smaller(some: list[Answer]) -> None:
    assert all(
        answer_bytes(some[n]) > answer_bytes(failed(some[n]["recordId"])) for n in over_the_limit(some, 0)
    )


def test_an_earlier_answer_is_served_first_and_a_small_one_uses_what_is_left() -> None:
    large: Answer = {"recordId": "a", "result": "Ok", "data": "QQ==" * 100}
    small: Answer = {"recordId": "a", "result": "Ok", "data": "QQ=="}

    limit = response_bytes([large, failed("a"), small])

    assert over_the_limit([large, large, small], limit) == [1]
