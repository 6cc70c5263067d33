"""Hostile error objects: nothing but records and codes leaves the reader, in linear time and bounded memory.

tests/replay/hostile/error_lines.json is the corpus; a find is added to it with the date and what it broke.
"""

import gzip
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.samples import SETTINGS, change, error_line
from ttl_archive.replay.causes import explainer
from ttl_archive.replay.error_objects import error_lines
from ttl_archive.replay.error_objects.error_lines import FailedRecord, Unreadable, read_lines
from ttl_archive.replay.verdict import Refused, judge

CORPUS = json.loads((Path(__file__).parents[1] / "hostile/error_lines.json").read_text(encoding="utf-8"))
FAST_S = 4.0  # several times what it takes on a busy machine; a quadratic reader takes minutes


def use(chunks: list[bytes]) -> list[FailedRecord | Unreadable]:
    """Read and do with each record whatever a command does with it."""
    verdict_on, explain = judge(SETTINGS), explainer(SETTINGS)
    found = list(read_lines(chunks))
    for record in found:
        verdict = verdict_on(record)
        assert isinstance(record.code, str)
        if isinstance(verdict, Refused):
            explain(record, verdict)
        if isinstance(record, FailedRecord):
            assert isinstance(record.message, str)
            assert isinstance(record.attempts, int)
            assert record.arrived_ms is None or 0 < record.arrived_ms < 10**15
    return found


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case["name"])
def test_the_corpus_is_read_with_the_codes_that_it_names(case: dict[str, object]) -> None:
    data = b"".join(
        str(part).encode("utf-8", "surrogatepass") if isinstance(part, str) else bytes.fromhex(part["hex"])
        for part in case["parts"]  # type: ignore[attr-defined]
    )

    found = use([data])

    codes = [record.code if isinstance(record, Unreadable) else "record" for record in found]
    assert codes == case["codes"]


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_make_the_reader_fail(chunks: list[bytes]) -> None:
    use(chunks)


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_no_damage_to_a_gzip_makes_the_reader_fail(tail: bytes, position: int, value: int) -> None:
    packed = bytearray(gzip.compress(error_line(change(1)) + b"\n" + tail, mtime=0))
    packed[position % len(packed)] = value

    use([bytes(packed)])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(
    ["rawData", "errorCode", "lastErrorCode", "ErrorCode", "errorMessage", "attemptsMade", "arrivalTimestamp"]
)


@given(st.dictionaries(NAMES, VALUES))
def test_no_types_of_its_fields_make_the_reader_fail(fields: dict[str, object]) -> None:
    use([json.dumps(fields).encode()])


SHAPES: dict[str, Callable[[int], bytes]] = {
    "an unfinished string full of seams": lambda size: b'{"a":"' + b"}{" * (size // 2),
    "unfinished objects": lambda size: b"{" * size,
    "closing braces": lambda size: b"}" * size,
    "damaged objects": lambda size: b"{x}" * (size // 3),
    "objects and one that is not finished": lambda size: b'{"a":1}' * (size // 14) + b'{"a":' * (size // 10),
    "backslashes": lambda size: b'{"a":"' + b"\\" * size,
    "quotes": lambda size: b'"' * size,
    "strings": lambda size: b'{"":""' + b',"":""' * (size // 6),
    "lists": lambda size: b"[" * size,
    "line ends": lambda size: b"\n" * size,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chunk_bytes", [1 << 20, 1 << 10])
def test_a_megabyte_of_any_shape_is_read_at_once(shape: str, chunk_bytes: int) -> None:
    data = SHAPES[shape](1 << 20)
    chunks = [data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes)]
    start_s = time.process_time()

    size = sum(len(record.content) for record in read_lines(chunks))

    assert time.process_time() - start_s < FAST_S
    assert size == (0 if shape == "line ends" else len(data))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("work", "times"), [("_split_objects", 3), ("_decoded", 4)])
def test_no_byte_without_a_line_end_is_looked_at_more_than_a_few_times(
    monkeypatch: pytest.MonkeyPatch, shape: str, work: str, times: int
) -> None:
    """Searched at each doubling of what has no line end, so twice, and once at the end."""
    looked_at = 0
    do = getattr(error_lines, work)

    def counting(content: bytes) -> Any:
        nonlocal looked_at
        looked_at += len(content)
        assert looked_at <= times * len(data)
        return do(content)

    monkeypatch.setattr(error_lines, "_UNBROKEN_BYTES", 1 << 12)
    monkeypatch.setattr(error_lines, work, counting)
    data = SHAPES[shape](1 << 16)

    use([data[start : start + 1024] for start in range(0, len(data), 1024)])


def test_many_small_gzip_members_without_a_line_end_take_linear_time() -> None:
    member = gzip.compress(b"x" * 50, mtime=0)
    start_s = time.process_time()

    (only,) = read_lines([member * 40_000])

    assert time.process_time() - start_s < FAST_S
    assert len(only.content) == 2_000_000


def test_a_line_that_inflates_to_300_mb_takes_bounded_memory() -> None:
    packed = gzip.compress(b"x" * (300 << 20), 1)
    tracemalloc.start()
    sizes = [len(record.content) for record in read_lines([packed])]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sum(sizes) == 300 << 20
    assert max(sizes) <= 66 << 20
    assert peak < 250 << 20
