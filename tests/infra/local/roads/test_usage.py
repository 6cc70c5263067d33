"""What AWS bills, from the sizes of records."""

from dataclasses import dataclass
from typing import Any

from ttl_archive.infra.local.roads.usage import road_usage


@dataclass
class CountedRoad:
    """The counters of a road, and nothing else."""

    changes: dict[str, int]
    put_sizes: dict[int, int]
    invocations: int

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def test_each_record_is_rounded_up_to_its_units() -> None:
    road = CountedRoad({"inserted": 3, "expired": 1}, {1024: 1, 1025: 2, 25_601: 1}, invocations=3)

    usage = road_usage(road, 2, {5120: 1, 5121: 1, 0: 1})

    assert usage.change_units == 1 + 2 * 2 + 26
    assert usage.stream_in_bytes == 31 * 1024
    assert usage.stream_out_bytes == 1024 + 2 * 1025 + 25_601
    assert usage.stream_put_units == 1 + 2 + 2
    assert usage.firehose_records == 3
    assert usage.firehose_in_bytes == 5120 + 10_240 + 5120
    assert usage.by_item()["lambda_requests"] == (3, 1.5)
    assert "rows" not in usage.by_item()


def test_without_rows_there_is_no_share_of_one() -> None:
    usage = road_usage(CountedRoad({"inserted": 1}, {}, invocations=0), 0, {})

    assert set(usage.by_item().values()) == {(0, None)}
