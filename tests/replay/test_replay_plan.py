"""What would be done: from what was found to a plan, into a file and back; and the catalog."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import BUCKET, PREFIX, TRANSFORM, change, error_object, replay_all
from ttl_archive.replay import replay_plan
from ttl_archive.replay.error_objects import survey
from ttl_archive.replay.error_objects.survey import Filter
from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.replay_plan import Plan

NAME = PREFIX + "processing-failed/s-1-2026-11-{day}-10-00-00-0a1b2c3d-0000"


def found(
    bucket: Bucket, only: Filter | None = None, prefix: str = PREFIX, transform: str = TRANSFORM
) -> list[survey.Found]:
    return list(survey.survey(bucket, BUCKET, prefix, only or Filter(), transform))


def bucket_of_days(*days: int) -> Bucket:
    bucket = Bucket()
    for day in days:
        bucket.fill(NAME.format(day=day), error_object([change(day)]))
    return bucket


def made(bucket: Bucket, **options: bool) -> Plan:
    return replay_plan.make(
        found(bucket),
        bucket=BUCKET,
        prefix=PREFIX,
        sink="s3",
        target="archive/",
        transform=TRANSFORM,
        **options,
    )


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


def test_done_and_held_objects_are_counted_and_left_out() -> None:
    bucket = bucket_of_days(10)
    bucket.fill(NAME.format(day=11), error_object([b"no json"]))
    replay_all(bucket)
    bucket.fill(NAME.format(day=12), error_object([change(12)]))

    planned = made(bucket)

    assert (len(planned.objects), planned.done, planned.held) == (1, 2, 1)
    assert len(made(bucket, with_held=True).objects) == 2


@pytest.mark.parametrize("prefix", ["replay/quarantine/", "", "replay/", PREFIX])
def test_quarantine_is_found_once_from_any_prefix(prefix: str) -> None:
    bucket = Bucket()
    bucket.fill(NAME.format(day=11), error_object([b"no json"]))
    replay_all(bucket)

    assert [each.state for each in found(bucket, prefix=prefix) if each.object.type == "quarantine"] == [
        "held"
    ]
    other = found(bucket, prefix=prefix, transform="1" * 12)
    assert [each.state for each in other if each.object.type == "quarantine"] == ["open"]


def test_a_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    planned = made(bucket_of_days(10, 11))
    planned = replace(planned, objects=(*planned.objects, replace(planned.objects[0], key='a b+c=ü"\n')))

    replay_plan.write(planned, tmp_path / "plan.json")

    assert replay_plan.read(tmp_path / "plan.json") == planned


def test_an_empty_plan_comes_back_too(tmp_path: Path) -> None:
    replay_plan.write(made(Bucket()), tmp_path / "plan.json")

    assert replay_plan.read(tmp_path / "plan.json").objects == ()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"version": 99}', '{"version": 1, "bucket": "b", "objects": [[1]]}']
)
def test_a_file_that_is_no_plan_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(MisuseError, match="plan"):
        replay_plan.read(tmp_path / "plan.json")
