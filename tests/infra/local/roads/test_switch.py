"""A switch from one road to the other, with an overlap: each TTL removal stays one change."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.roads.road import RoadName

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_S = int(START.timestamp())
CONFIG = """
[table]
name = "readings"
ttl_attribute = "ttl"
keys = ["pk"]

[output]
format = "{format}"
image = {image}

[[columns]]
name = "device_id"
path = "pk"
"""
# What rows of the two roads do not share.
OF_THE_ROAD = ("ddb_event_id", "ddb_event_time", "ddb_event_us")


def expire(pipeline: Pipeline, *names: str) -> int:
    """Write items that have expired, let TTL remove them, and return how many that were."""
    for name in names:
        item = {"pk": {"S": name}, "ttl": {"N": str(START_S)}, "blob": {"B": b"\x00\xff"}, "n": {"N": "1.50"}}
        pipeline.dynamodb.put_item(TableName=pipeline.table, Item=item)
    removed = pipeline.sweep()
    pipeline.clock.advance(seconds=2.5)
    pipeline.run()
    return len(removed)


@pytest.mark.parametrize(
    ("first", "second", "file_format", "image"),
    [
        ("kinesis", "streams", "jsonl", "true"),
        ("streams", "kinesis", "csv", "false"),
        pytest.param("streams", "kinesis", "jsonl", "true", marks=pytest.mark.slow),
        pytest.param("kinesis", "streams", "csv", "true", marks=pytest.mark.slow),
    ],
)
def test_each_removal_of_a_switch_is_one_change(
    tmp_path: Path, first: RoadName, second: RoadName, file_format: str, image: str
) -> None:
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG.format(format=file_format, image=image))
    with Pipeline(file, road=first, clock=Clock(START)) as pipeline:
        removed = expire(pipeline, "before-1", "before-2")
        pipeline.attach(second)
        removed += expire(pipeline, *(f"overlap-{number}" for number in range(20)))
        removed += expire(
            pipeline, "overlap-0"
        )  # written and removed again: another change of the same image
        pipeline.detach(first)
        removed += expire(pipeline, "after-1", "after-2")
        pipeline.flush()

        counts = "SELECT (SELECT count(*) FROM archive), (SELECT count(*) FROM archive_unique)"
        again = "SELECT device_id FROM archive_unique GROUP BY device_id HAVING count(*) > 1"
        assert pipeline.sql(counts).fetchall() == [(removed + 21, removed)]
        assert pipeline.sql(again).fetchall() == [("overlap-0",)]
        if file_format == "jsonl":
            assert_rows_differ_only_by_their_road(pipeline)


def assert_rows_differ_only_by_their_road(pipeline: Pipeline) -> None:
    bodies = pipeline.objects("archive/").values()
    rows = [json.loads(line) for body in bodies for line in gzip.decompress(body).splitlines()]
    pairs: dict[tuple[str, int], list[dict[str, object]]] = {}
    for row in rows:
        second = row["ddb_event_us"] // 1_000_000
        rest = {name: value for name, value in row.items() if name not in OF_THE_ROAD}
        pairs.setdefault((row["device_id"], second), []).append(rest)
    both = [pair for (name, _), pair in pairs.items() if name.startswith("overlap")]

    assert len(both) == 21
    assert all(one == other for one, other in both)
