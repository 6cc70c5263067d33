"""The monthly cost, computed by hand from the prices of 2024-07-01."""

from decimal import Decimal

import pytest

from ttl_archive.infra.costs import (
    BufferedObjects,
    Volume,
    delivered_objects,
    kinesis_road_cost,
    on_demand_stream,
    provisioned_stream,
    shards_needed,
    year_of_storage,
)
from ttl_archive.infra.prices import prices

MILLION = 1_000_000
VOLUME = Volume(changes=2 * MILLION, record_bytes=1500, rows=MILLION, stored_row_bytes=200)


def usd(amount: Decimal) -> str:
    return f"{amount:.2f}"


def test_a_stream_on_demand_counts_records_in_kilobytes():
    # 730 h × $0.04 + 3.815 GB × $0.08 + 3.815 GB × 6/30 month × $0.10; each record counts as 2 KB
    assert usd(on_demand_stream(prices(), VOLUME, retention_days=7)) == "29.58"
    assert usd(on_demand_stream(prices(), VOLUME, retention_days=1)) == "29.51"


def test_provisioned_shards_count_put_units():
    # 730 h × ($0.015 + $0.020) + 2 million units × $0.014
    assert usd(provisioned_stream(prices(), VOLUME, retention_days=7)) == "25.58"
    assert usd(provisioned_stream(prices(), VOLUME, retention_days=1)) == "10.98"


@pytest.mark.parametrize(
    ("changes", "record_bytes", "shards"),
    [(0, 0, 1), (657_000_000, 100, 1), (657_000_001, 100, 2), (657_000_000, 2 * 1024**2 // 2, 1000)],
)
def test_shards_take_a_thousand_records_or_a_mebibyte_a_second(changes, record_bytes, shards):
    """657 million changes in 730 hours are 250 a second, of which four times as many are 1,000."""
    assert shards_needed(Volume(changes, record_bytes, 0, 0)) == shards


def test_objects_are_made_by_time_or_by_size():
    few = delivered_objects(VOLUME, row_bytes=1000, buffer_mb=128, buffer_s=900)
    many = delivered_objects(Volume(0, 0, 1000 * MILLION, 200), row_bytes=1000, buffer_mb=128, buffer_s=900)

    assert (few.count, few.size_bytes) == (2920, 68_493)
    assert not few.are_moved
    assert (many.count, many.size_bytes) == (7451, 26_842_034)
    assert many.are_moved
    assert delivered_objects(Volume(0, 0, 3, 200), row_bytes=1000, buffer_mb=128, buffer_s=900).count == 3
    assert delivered_objects(Volume(0, 0, 0, 200), row_bytes=1, buffer_mb=1, buffer_s=900).count == 0


def test_a_year_in_glacier_has_its_overhead_and_small_objects_stay_in_standard():
    # 12,000 objects of 1 MiB: 12,000 × (1,056 KiB × $0.0036 + 8 KiB × $0.023) / GiB
    assert usd(year_of_storage(prices(), BufferedObjects(1000, 1024**2))) == "0.05"
    # 12,000 objects of 64 KiB in STANDARD: 0.732 GiB × $0.023
    assert usd(year_of_storage(prices(), BufferedObjects(1000, 64 * 1024))) == "0.02"


def test_the_road_is_the_sum_of_its_parts():
    objects = BufferedObjects(2920, 200_000)

    cost = kinesis_road_cost(prices(), VOLUME, objects, Decimal("29.58"))

    assert {name: usd(amount) for name, amount in cost.parts.items()} == {
        "DynamoDB, changes to the data stream": "0.40",  # 4 million units
        "data stream": "29.58",
        "Firehose": "0.28",  # 9.54 GB: each record counts as 5 KB
        "S3, objects written and moved": "0.10",  # 2.92 thousand × ($0.005 + $0.03)
    }
    assert cost.total == sum(cost.parts.values()) + cost.stored
