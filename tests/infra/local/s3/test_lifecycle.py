from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.local.s3.lifecycle import (
    MINIMUM_BYTES,
    LifecycleObject,
    Transition,
    apply_lifecycle,
    due,
)

CREATED = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
VARIES = "varies_by_storage_class"


def configuration(*rules: dict, minimum: str = VARIES) -> dict[str, Any]:
    return {
        "LifecycleConfiguration": {"Rules": list(rules)},
        "TransitionDefaultMinimumObjectSize": minimum,
    }


def rule(days: int = 3, storage_class: str = "GLACIER", **members: Any) -> dict[str, Any]:
    transition = {"Days": days, "StorageClass": storage_class}
    return {"Status": "Enabled", "Filter": {}, "Transitions": [transition]} | members


def stored(
    key: str = "archive/a", size: int = 10, storage_class: str = "STANDARD", created: datetime = CREATED
) -> LifecycleObject:
    return LifecycleObject(key, size, storage_class, created)


def moves(stored: LifecycleObject, now: datetime, *rules: dict, **options: Any) -> list[str]:
    return [transition.storage_class for transition in due([stored], configuration(*rules, **options), now)]


@pytest.mark.parametrize(
    ("created", "days", "at"),
    [
        # The guide's own example: 3 days after 15 January 10:30 is 19 January 00:00.
        (CREATED, 3, datetime(2026, 1, 19, tzinfo=UTC)),
        (CREATED, 0, datetime(2026, 1, 16, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 3, datetime(2026, 1, 18, tzinfo=UTC)),
    ],
)
def test_an_object_moves_at_the_midnight_after_its_days(created: datetime, days: int, at: datetime) -> None:
    assert moves(stored(created=created), at - timedelta(microseconds=1), rule(days)) == []
    assert moves(stored(created=created), at, rule(days)) == ["GLACIER"]


LATER = CREATED + timedelta(days=400)


@pytest.mark.parametrize(
    ("given", "moves_it"),
    [
        ({"Filter": {"Prefix": "archive/"}}, True),
        ({"Filter": {"Prefix": "errors/"}}, False),
        ({"Filter": None, "Prefix": "errors/"}, False),
        ({"Filter": {"ObjectSizeGreaterThan": 9}}, True),
        ({"Filter": {"ObjectSizeGreaterThan": 10}}, False),
        ({"Filter": {"ObjectSizeLessThan": 11}}, True),
        ({"Filter": {"ObjectSizeLessThan": 10}}, False),
        ({"Filter": {"And": {"Prefix": "archive/", "ObjectSizeGreaterThan": 1}}}, True),
        ({"Filter": {"And": {"Prefix": "errors/", "ObjectSizeGreaterThan": 1}}}, False),
        ({"Status": "Disabled"}, False),
        ({"Transitions": []}, False),
        ({"Transitions": [{"Date": "2026-02-01T00:00:00+00:00", "StorageClass": "GLACIER"}]}, True),
        ({"Transitions": [{"Date": "2036-02-01T00:00:00+00:00", "StorageClass": "GLACIER"}]}, False),
    ],
)
def test_a_rule_moves_what_it_selects(given: dict, moves_it: bool) -> None:
    assert moves_it is bool(moves(stored(), LATER, rule(**given)))


@pytest.mark.parametrize(
    ("size", "minimum", "given", "moves_it"),
    [
        (MINIMUM_BYTES - 1, "all_storage_classes_128K", {}, False),
        (MINIMUM_BYTES, "all_storage_classes_128K", {}, True),
        (1, VARIES, {}, True),
        (1, "all_storage_classes_128K", {"Filter": {"ObjectSizeGreaterThan": 0}}, True),
    ],
)
def test_small_objects_stay_unless_the_configuration_says_otherwise(
    size: int, minimum: str, given: dict, moves_it: bool
) -> None:
    assert moves_it is bool(moves(stored(size=size), LATER, rule(**given), minimum=minimum))


@pytest.mark.parametrize(
    ("now_in", "classes"),
    [("STANDARD", ["DEEP_ARCHIVE"]), ("GLACIER", ["DEEP_ARCHIVE"]), ("DEEP_ARCHIVE", [])],
)
def test_the_cheapest_of_several_classes_wins_and_nothing_moves_up(now_in: str, classes: list[str]) -> None:
    rules = rule(30, "GLACIER"), rule(90, "DEEP_ARCHIVE"), rule(10, "STANDARD_IA")

    assert moves(stored(storage_class=now_in), LATER, *rules) == classes


def test_a_rule_by_tag_is_refused_because_it_is_not_handled() -> None:
    with pytest.raises(NotImplementedError, match="'r' selects by tag"):
        moves(stored(), LATER, rule(ID="r", Filter={"Tag": {"Key": "a", "Value": "b"}}))


@pytest.fixture
def s3() -> Iterator[Any]:
    with Emulator() as emulator:
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket="bucket")
        yield s3


def test_the_buckets_own_rules_move_its_objects_and_keep_their_metadata(s3: Any) -> None:
    rules = {
        "Rules": [
            rule(30, ID="r", Filter={"Prefix": "archive/"})
            | {
                "Transitions": [
                    {"Days": 30, "StorageClass": "GLACIER"},
                    {"Days": 60, "StorageClass": "DEEP_ARCHIVE"},
                ]
            }
        ]
    }
    s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration=rules)
    large = b"x" * MINIMUM_BYTES
    s3.put_object(Bucket="bucket", Key="archive/a b", Body=large, ContentEncoding="gzip")
    s3.put_object(Bucket="bucket", Key="archive/small", Body=b"x")
    s3.put_object(Bucket="bucket", Key="errors/a", Body=large)
    clock = Clock(CREATED)

    def apply() -> list[Transition]:
        return apply_lifecycle(s3, "bucket", clock, created=lambda key: CREATED)

    assert apply() == []
    clock.advance(days=31)
    assert apply() == [Transition("archive/a b", "GLACIER")]
    assert apply() == []
    head = s3.head_object(Bucket="bucket", Key="archive/a b")
    assert (head["StorageClass"], head["ContentEncoding"]) == ("GLACIER", "gzip")
    with pytest.raises(s3.exceptions.InvalidObjectState):
        s3.get_object(Bucket="bucket", Key="archive/a b")
    clock.advance(days=30)
    assert apply() == [Transition("archive/a b", "DEEP_ARCHIVE")]


def test_without_another_creation_time_the_emulators_counts(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="archive/a", Body=b"x")
    clock = Clock()

    assert apply_lifecycle(s3, "bucket", clock, configuration=configuration(rule(1))) == []
    clock.advance(days=3)
    moved = apply_lifecycle(s3, "bucket", clock, configuration=configuration(rule(1)))
    assert moved == [Transition("archive/a", "GLACIER")]
