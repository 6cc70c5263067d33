"""Whatever is in a claim, a plan, a time, a URL or a key: an error of ours, or a value, and nothing else."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from tests.replay.bucket import Bucket
from tests.replay.samples import (
    BUCKET,
    CLAIMS,
    KEY,
    PREFIX,
    TABLE,
    TRANSFORM,
    claims_of,
    error_object,
    replay_all,
)
from ttl_archive.replay import replay_plan, waiver
from ttl_archive.replay.claim_document import ClaimDocument, Waiver, read_claim
from ttl_archive.replay.commands.options import Moment, split_url
from ttl_archive.replay.error_objects.objects import ErrorObject, list_error_objects
from ttl_archive.replay.errors import MisuseError, ObjectError
from ttl_archive.replay.replay_plan import Binding, Plan
from ttl_archive.transform import layout

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CLAIM = ClaimDocument(
    BUCKET, KEY, "e" * 32, "run-1", NOW, "token", waivers=(Waiver("me", NOW, "why", {"1": "a"}),)
)
PLAN = Plan(
    Binding(BUCKET, TABLE, PREFIX, "s3", None, TRANSFORM), (ErrorObject(BUCKET, KEY, "e" * 32, 5, NOW),)
)
CORPUS = json.loads((Path(__file__).parent / "hostile/documents.json").read_text(encoding="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def claim_or_error(content: bytes) -> ClaimDocument | None:
    """Read a claim, and do with it what the commands do."""
    try:
        found = read_claim(content, "s3://bucket/claim")
    except ObjectError:
        return None
    found.is_held(NOW)
    found.state_for(TRANSFORM)
    found.waived()
    len(found.refused_lines())
    assert read_claim(found.as_bytes(), "") == found
    return found


def plan_or_error(path: Path, content: bytes) -> Plan | None:
    path.write_bytes(content)
    try:
        return replay_plan.read_plan(path)
    except MisuseError:
        return None


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case["name"])
def test_the_corpus_is_neither_a_claim_nor_a_plan(tmp_path: Path, case: dict[str, str]) -> None:
    content = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()

    assert claim_or_error(content) is None
    assert plan_or_error(tmp_path / "plan.json", content) is None


def test_what_is_nested_too_deep_is_neither(tmp_path: Path) -> None:
    content = b'{"plan":' + b"[" * 200_000

    assert claim_or_error(content) is None
    assert plan_or_error(tmp_path / "plan.json", content) is None


@given(st.binary(max_size=100))
def test_no_bytes_make_the_reader_of_claims_fail(content: bytes) -> None:
    claim_or_error(content)


@given(st.sampled_from(sorted(to_builtins(CLAIM))), JSON)
def test_no_value_of_a_field_makes_the_reader_of_claims_fail(name: str, value: Any) -> None:
    claim_or_error(json.dumps(to_builtins(CLAIM) | {name: value}).encode())


@given(st.text(max_size=20))
def test_no_line_number_of_a_waiver_makes_the_reader_fail(line: str) -> None:
    document = to_builtins(CLAIM)
    document["waivers"][0]["records"] = {line: "hash"}

    claim_or_error(json.dumps(document).encode())


@pytest.mark.parametrize("until", ["2026-11-21T00:00:00", "yesterday", 5])
def test_a_claim_whose_end_is_no_time_with_a_zone_is_none(until: object) -> None:
    assert claim_or_error(json.dumps(to_builtins(CLAIM) | {"until": until}).encode()) is None


def test_a_claim_with_more_lines_than_any_object_has_takes_no_longer() -> None:
    bucket = Bucket()
    bucket.fill(KEY, error_object([b"no json"]))
    replay_all(bucket)
    (key,) = bucket.keys(CLAIMS)
    claim = json.loads(bucket.objects[key].body)
    claim["result"]["refused_lines"] = [[1, 10**18]]
    bucket.fill(key, json.dumps(claim).encode())
    (found,) = list_error_objects(bucket, BUCKET, PREFIX)

    assert waiver.waive(claims_of(bucket), found, None, TRANSFORM, reason="test", by="me") == 1


def test_a_claim_comes_back_as_it_was_written() -> None:
    assert claim_or_error(CLAIM.as_bytes()) == CLAIM


@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_no_damage_to_a_plan_is_believed(tmp_path_factory: Any, position: int, damage: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged-plan.json"
    replay_plan.write_plan(PLAN, path)
    content = path.read_bytes()
    position %= len(content)
    damaged = content[:position] + damage + content[position + len(damage) :]

    found = plan_or_error(path, damaged)

    assert found is None or found == PLAN


@given(st.text(max_size=20))
def test_no_text_makes_the_reader_of_times_fail(text: str) -> None:
    try:
        found = Moment().convert(text, None, None)
    except click.UsageError:
        return
    assert found
    assert found.tzinfo


@given(st.text(max_size=80), st.booleans())
def test_no_text_makes_the_reader_of_buckets_fail(text: str, is_url: bool) -> None:
    try:
        bucket, _ = split_url("s3://" + text if is_url else text)
    except MisuseError:
        return
    assert bucket


@given(st.text(max_size=120))
def test_no_key_makes_the_layout_fail(key: str) -> None:
    layout.own_time(key, NOW)
    layout.error_output_type(key)
    layout.holds_no_errors(key)


@given(st.tuples(*[st.integers(0, 99_999)] * 6))
def test_no_digits_in_a_name_make_the_layout_fail(digits: tuple[int, ...]) -> None:
    name = "-".join(f"{number:02}" for number in digits)

    assert layout.own_time(f"errors/T/x-1-{name}-0a1b2c3d-0000", NOW)
