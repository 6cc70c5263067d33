"""The Streams road: what becomes of the changes of a table, through the real forwarder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.roads.local_streams_road import LocalStreamsRoad

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_S = int(START.timestamp())
CONFIG = """
[table]
name = "readings"
ttl_attribute = "ttl"

[[columns]]
name = "device_id"
path = "pk"
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    with Pipeline(file, road="streams", clock=Clock(START)) as pipeline:
        yield pipeline


def put(pipeline: Pipeline, pk: str, ttl: int = START_S, **attributes: Any) -> None:
    item = {"pk": {"S": pk}, "ttl": {"N": str(ttl)}, "temp": {"N": "39.40"}, **attributes}
    pipeline.dynamodb.put_item(TableName=pipeline.table, Item=item)


def test_an_expired_item_becomes_a_row_and_other_changes_invoke_nothing(pipeline: Pipeline) -> None:
    put(pipeline, "expires", blob={"B": b"\x00\xff"})
    put(pipeline, "stays", START_S + 10_000)
    put(pipeline, "deleted")
    pipeline.dynamodb.delete_item(TableName=pipeline.table, Key={"pk": {"S": "deleted"}})
    pipeline.sweep()
    pipeline.flush()

    ((key, body),) = pipeline.objects().items()
    row = json.loads(gzip.decompress(body))
    assert key.startswith("archive/readings/dt=2026-03-01/ttl-archive-streams-1-2026-03-01-12-00-00-")
    assert key.endswith(".jsonl.gz")
    assert (row["device_id"], row["ddb_removed_by"], row["ddb_event_us"]) == (
        "expires",
        "ttl",
        START_S * 1_000_000,
    )
    assert row["blob"] == "AP8="
    road = pipeline.road
    assert isinstance(road, LocalStreamsRoad)
    counts = road.mapping_counts()
    assert (counts.polled, counts.filtered_out, counts.invocations, counts.acknowledged) == (5, 4, 1, 1)
    assert pipeline.ledger().changes == {"inserted": 3, "deleted": 1, "expired": 1}
    assert pipeline.ledger().firehose.delivered == 1


def test_rows_are_gathered_for_a_minute_and_packed_into_one_record(pipeline: Pipeline) -> None:
    for number in range(200):
        put(pipeline, f"item-{number}")
    pipeline.sweep()
    pipeline.run()
    assert pipeline.ledger().firehose.received == 0
    pipeline.clock.advance(seconds=60)
    pipeline.run()

    assert pipeline.ledger().firehose.received == 1
    pipeline.flush()
    assert pipeline.sql("SELECT count(DISTINCT device_id) FROM archive").fetchall() == [(200,)]


def test_a_record_that_cannot_become_a_row_is_an_error_object_and_its_neighbours_are_rows(
    pipeline: Pipeline,
) -> None:
    put(pipeline, "before")
    put(pipeline, "poison", device_id={"S": "meets the column of pk"})
    put(pipeline, "after")
    pipeline.sweep()
    pipeline.flush()

    rows = pipeline.sql("SELECT device_id FROM archive ORDER BY 1").fetchall()
    assert rows == [("after",), ("before",)]
    ((key, body),) = pipeline.objects("errors/").items()
    assert key.startswith("errors/readings/processing-failed/dt=")
    assert json.loads(body)["errorCode"] == "Forwarder.ColumnCollision"
