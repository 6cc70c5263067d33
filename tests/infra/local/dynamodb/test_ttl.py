from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttl_archive.infra.local.dynamodb.ttl import FIVE_YEARS_S, ExpiredItem, Sweeper, create_table, has_expired
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.transform.selection import TTL_MAX_AGE_S, ttl_had_passed

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
_names = itertools.count()


@pytest.fixture(scope="module")
def dynamodb() -> Any:
    with Emulator() as emulator:
        yield emulator.client("dynamodb")


@pytest.fixture
def table(dynamodb: Any) -> str:
    name = f"table-{next(_names)}"
    create_table(dynamodb, name, keys={"pk": "S"}, ttl_attribute="expiredAt")
    return name


def put(dynamodb: Any, table: str, pk: str, ttl: dict | None) -> None:
    item = {"pk": {"S": pk}} | ({"expiredAt": ttl} if ttl is not None else {})
    dynamodb.put_item(TableName=table, Item=item)


def left(dynamodb: Any, table: str) -> set[str]:
    return {item["pk"]["S"] for item in dynamodb.scan(TableName=table)["Items"]}


def test_a_table_has_ttl_and_a_stream_of_both_images(dynamodb: Any, table: str) -> None:
    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    stream = dynamodb.describe_table(TableName=table)["Table"]["StreamSpecification"]

    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiredAt"}
    assert stream == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


OLDEST = Decimal(NOW_S) + Decimal("0.5") - TTL_MAX_AGE_S


@pytest.mark.parametrize(
    ("ttl", "expires"),
    [
        ({"N": str(NOW_S)}, True),
        ({"N": f"{NOW_S}.5"}, True),
        ({"N": f"{NOW_S}.50000000000000000000000001"}, False),  # a float would not see the difference
        ({"N": str(NOW_S + 1)}, False),
        ({"N": f"{Decimal(NOW_S):E}"}, True),
        ({"N": str(OLDEST)}, True),
        ({"N": str(OLDEST - Decimal("1e-9"))}, False),
        ({"N": "0"}, False),
        ({"N": "-1E+125"}, False),
        ({"N": str(NOW_S * 1000)}, False),  # milliseconds are far in the future
        ({"S": str(NOW_S)}, False),
        ({"NS": [str(NOW_S)]}, False),
        ({"M": {"at": {"N": str(NOW_S)}}}, False),
        ({"NULL": True}, False),
        (None, False),
    ],
)
def test_only_a_number_of_seconds_in_the_last_five_years_expires(
    dynamodb: Any, table: str, ttl: dict | None, expires: bool
) -> None:
    put(dynamodb, table, "it", ttl)
    put(dynamodb, table, "other", {"N": str(NOW_S)})

    removed = Sweeper(dynamodb, table, "expiredAt", Clock(NOW)).sweep()

    assert expires is ({"pk": {"S": "it"}} in removed)
    assert {"pk": {"S": "other"}} in removed
    assert left(dynamodb, table) == (set() if expires else {"it"})


_numbers = st.one_of(
    st.integers(-NOW_S, 3 * NOW_S).map(str),
    st.integers(-2, 2).map(lambda step: str(NOW_S + step)),
    st.integers(-2, 2).map(lambda step: str(NOW_S - FIVE_YEARS_S + step)),
    st.decimals(NOW_S - 1, NOW_S + 1, places=9).map(str),
    st.sampled_from(["0", "-0", "1E+125", "-1E+125", "1E-130", f"{NOW_S}.0", f"{Decimal(NOW_S):E}"]),
)
_images = st.one_of(
    _numbers.map(lambda number: {"expiredAt": {"N": number}}),
    st.sampled_from([{}, {"expiredAt": {"S": str(NOW_S)}}, {"expiredAt": {"NULL": True}}]),
)


@given(_images, st.integers(0, 999_999))
def test_the_sweep_and_the_transform_agree_though_they_share_no_code(image: dict[str, Any], us: int) -> None:
    now_us = NOW_S * 1_000_000 + us

    assert has_expired(image, "expiredAt", now_us) is ttl_had_passed(image, "expiredAt", now_us)


def test_five_years_are_those_of_365_days() -> None:
    assert (FIVE_YEARS_S, TTL_MAX_AGE_S) == (157_680_000, 157_680_000)


def test_an_item_expires_when_the_clock_reaches_it(dynamodb: Any, table: str) -> None:
    clock = Clock(NOW)
    put(dynamodb, table, "later", {"N": str(NOW_S + 3600)})
    sweeper = Sweeper(dynamodb, table, "expiredAt", clock)

    assert sweeper.sweep() == []
    clock.advance(hours=1)
    assert sweeper.sweep() == [{"pk": {"S": "later"}}]
    assert sweeper.sweep() == []


def test_an_item_renewed_between_the_scan_and_the_delete_survives(dynamodb: Any, table: str) -> None:
    put(dynamodb, table, "renewed", {"N": str(NOW_S)})
    put(dynamodb, table, "gone", {"N": str(NOW_S)})
    removed: list[ExpiredItem] = []

    def renew(expired: ExpiredItem) -> None:
        if expired.keys == {"pk": {"S": "renewed"}}:
            put(dynamodb, table, "renewed", {"N": str(NOW_S + 60)})

    sweeper = Sweeper(
        dynamodb, table, "expiredAt", Clock(NOW), before_delete=renew, on_removed=removed.append
    )

    assert sweeper.sweep() == [{"pk": {"S": "gone"}}]
    assert removed == [ExpiredItem({"pk": {"S": "gone"}}, "expiredAt", str(NOW_S))]
    assert left(dynamodb, table) == {"renewed"}


def test_an_item_deleted_between_the_scan_and_the_delete_is_not_counted(dynamodb: Any, table: str) -> None:
    put(dynamodb, table, "it", {"N": str(NOW_S)})

    def delete(expired: ExpiredItem) -> None:
        dynamodb.delete_item(TableName=table, Key=expired.keys)

    assert Sweeper(dynamodb, table, "expiredAt", Clock(NOW), before_delete=delete).sweep() == []


def test_two_key_attributes_and_reserved_names_are_handled(dynamodb: Any) -> None:
    create_table(dynamodb, "reserved", keys={"name": "S", "timestamp": "N"}, ttl_attribute="ttl")
    item = {"name": {"S": "a"}, "timestamp": {"N": "7"}, "ttl": {"N": str(NOW_S)}, "more": {"S": "x"}}
    dynamodb.put_item(TableName="reserved", Item=item)

    removed = Sweeper(dynamodb, "reserved", "ttl", Clock(NOW)).sweep()

    assert removed == [{"name": {"S": "a"}, "timestamp": {"N": "7"}}]


def test_the_sort_key_may_itself_be_the_ttl_attribute(dynamodb: Any) -> None:
    create_table(dynamodb, "sorted-by-ttl", keys={"pk": "S", "ttl": "N"}, ttl_attribute="ttl")
    item = {"pk": {"S": "a"}, "ttl": {"N": str(NOW_S)}}
    dynamodb.put_item(TableName="sorted-by-ttl", Item=item)

    assert Sweeper(dynamodb, "sorted-by-ttl", "ttl", Clock(NOW)).sweep() == [item]


def test_more_items_than_one_page_of_a_scan_are_all_swept(dynamodb: Any, table: str) -> None:
    entries = [
        {
            "PutRequest": {
                "Item": {"pk": {"S": str(n)}, "expiredAt": {"N": str(NOW_S - n)}, "x": {"S": "x" * 9000}}
            }
        }
        for n in range(150)
    ]
    for start in range(0, len(entries), 25):
        dynamodb.batch_write_item(RequestItems={table: entries[start : start + 25]})
    assert "LastEvaluatedKey" in dynamodb.scan(TableName=table)

    removed = Sweeper(dynamodb, table, "expiredAt", Clock(NOW + timedelta(seconds=1))).sweep()

    assert len(removed) == 150
