"""Plans: from what was found to a plan, into a file and back; and the states of what was found."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import (
    BUCKET,
    CLAIMS,
    PREFIX,
    TABLE,
    TRANSFORM,
    change,
    claims_of,
    error_object,
    replay_all,
)
from ttl_archive.replay import replay_plan
from ttl_archive.replay.claim_document import State
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.error_objects.survey import Filter
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.replay_plan import Binding, Plan

NAME = PREFIX + "processing-failed/s-1-2026-11-{day}-10-00-00-0a1b2c3d-0000"


def found(
    bucket: Bucket, only: Filter | None = None, prefix: str = PREFIX, transform: str = TRANSFORM
) -> list[survey.Found]:
    return list(survey.survey(claims_of(bucket), prefix, only or Filter(), transform))


def bucket_of_days(*days: int) -> Bucket:
    bucket = Bucket()
    for day in days:
        bucket.fill(NAME.format(day=day), error_object([change(day)]))
    return bucket


def binding(**changes: Any) -> Binding:
    return replace(Binding(BUCKET, TABLE, PREFIX, "s3", None, TRANSFORM), **changes)


def made(bucket: Bucket, **changes: Any) -> Plan:
    return replay_plan.plan_for(found(bucket), binding(**changes))


def test_objects_come_oldest_first() -> None:
    planned = made(bucket_of_days(12, 10, 11))

    assert [each.time.day for each in planned.objects] == [10, 11, 12]
    assert planned.size == sum(each.size for each in planned.objects)


@pytest.mark.parametrize(
    ("only", "days"),
    [
        (Filter(since=datetime(2026, 11, 11, tzinfo=UTC)), [11, 12]),
        (Filter(until=datetime(2026, 11, 11, tzinfo=UTC)), [10]),
        (Filter(types=("processing-failed",)), [10, 11, 12]),
        (Filter(types=("splunk-failed",)), []),
        (Filter(key_prefix="processing-failed/s-1-2026-11-12"), [12]),
    ],
)
def test_a_filter_goes_by_the_objects_own_time_and_name(only: Filter, days: list[int]) -> None:
    assert [each.object.time.day for each in found(bucket_of_days(10, 11, 12), only)] == days


def test_an_error_code_selects_the_objects_that_hold_one() -> None:
    bucket = bucket_of_days(10, 11)
    bucket.fill(NAME.format(day=12), error_object([change(1)], errorCode="Lambda.Other"))

    with_code = survey.with_code(bucket, found(bucket), ("Lambda.Other",))

    assert [each.object.time.day for each in with_code] == [12]


def test_done_and_refused_objects_are_counted_and_left_out() -> None:
    bucket = bucket_of_days(10)
    bucket.fill(NAME.format(day=11), error_object([b"no json"]))
    replay_all(bucket)
    bucket.fill(NAME.format(day=12), error_object([change(12)]))

    planned = made(bucket)

    assert [each.time.day for each in planned.objects] == [12]
    assert planned.states == {State.OPEN: 1, State.DONE: 1, State.REFUSED: 1}
    assert [each.time.day for each in made(bucket, with_refused=True).objects] == [11, 12]


def test_what_another_transform_has_refused_is_open() -> None:
    bucket = Bucket()
    bucket.fill(NAME.format(day=11), error_object([b"no json"]))
    replay_all(bucket)

    assert [each.state for each in found(bucket)] == [State.REFUSED]
    assert [each.state for each in found(bucket, transform="1" * 12)] == [State.OPEN]


def test_rows_and_what_the_commands_wrote_are_no_error_objects() -> None:
    bucket = bucket_of_days(10)
    replay_all(bucket)

    assert [each.object.key for each in found(bucket, prefix="")] == [NAME.format(day=10)]


def test_a_claim_that_cannot_be_read_is_reported_and_its_object_is_open() -> None:
    bucket = bucket_of_days(10)
    replay_all(bucket)
    (key,) = bucket.keys(CLAIMS)
    bucket.fill(key, b"no claim")

    (only,) = found(bucket)

    assert only.state == State.OPEN
    assert "is not a claim" in only.problem


def test_a_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    planned = made(bucket_of_days(10, 11))
    planned = replace(
        planned, objects=(*planned.objects, replace(planned.objects[0], key=PREFIX + 'a b+c=ü"\n'))
    )

    replay_plan.write_plan(planned, tmp_path / "plan.json")

    assert replay_plan.read_plan(tmp_path / "plan.json") == planned


def test_an_empty_plan_comes_back_too(tmp_path: Path) -> None:
    replay_plan.write_plan(made(Bucket()), tmp_path / "plan.json")

    assert replay_plan.read_plan(tmp_path / "plan.json").objects == ()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"version": 99}', '{"plan": {"version": 2, "objects": [[1]]}, "sha256": ""}']
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(MisuseError, match="not a plan"):
        replay_plan.read_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"table":"DeviceData"', '"table":"Orders"'),
        ('"sink":"s3"', '"sink":"kinesis"'),
        ('"stream":null', '"stream":"other"'),
        ('"bucket":"bucket"', '"bucket":"other"'),
        ('"prefix":"errors/DeviceData/"', '"prefix":"archive/"'),
        ("errors/DeviceData/processing-failed/s-1", "archive/DeviceData/s-1"),
        ('"with_refused":false', '"with_refused":true'),
    ],
)
def test_a_plan_that_was_edited_is_refused(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "plan.json"
    replay_plan.write_plan(made(bucket_of_days(10)), path)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))

    with pytest.raises(MisuseError, match="changed after it was made"):
        replay_plan.read_plan(path)


def test_a_plan_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    replay_plan.write_plan(made(bucket_of_days(10)), path)
    path.write_text(path.read_text().replace('"version":2', '"version":1'))

    with pytest.raises(MisuseError, match="of version 1"):
        replay_plan.read_plan(path)


def test_a_plan_is_bound_to_its_table_and_settings() -> None:
    planned = made(bucket_of_days(10))

    planned.check(TABLE, TRANSFORM)
    with pytest.raises(MisuseError, match="for the table DeviceData, archive\\.toml for Orders"):
        planned.check("Orders", TRANSFORM)
    with pytest.raises(MisuseError, match="Plan again"):
        planned.check(TABLE, "1" * 12)
