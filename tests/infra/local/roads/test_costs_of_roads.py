"""What `ttl-archive advise` computes for a road is what the local pipeline counts on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ttl_archive.infra import costs
from ttl_archive.infra.advise.table_rates import TableRates
from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.roads.road import RoadName
from ttl_archive.infra.local.roads.usage import RoadUsage

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = """
[table]
name = "readings"
ttl_attribute = "ttl"
"""
ITEMS, EXPIRIES = 95, 5
# One change in twenty is an expiry, as in the tables of the README.
RATES = TableRates(changes=ITEMS + EXPIRIES, expiries=EXPIRIES, item_bytes=1000)
VOLUME = RATES.volume()


def counted(road: RoadName, folder: Path) -> RoadUsage:
    """Write items of about 1,000 bytes, of which some expire, and return what the road counted."""
    file = folder / "archive.toml"
    file.write_text(CONFIG)
    with Pipeline(file, road=road, clock=Clock(START)) as pipeline:
        for number in range(ITEMS):
            expires_s = int(START.timestamp()) + (0 if number < EXPIRIES else 86_400)
            attributes = {f"reading_{n}": {"N": str(39.5 + n)} for n in range(20)}
            item = {"pk": {"S": f"item-{number}"}, "ttl": {"N": str(expires_s)}, "text": {"S": "x" * 660}}
            pipeline.dynamodb.put_item(TableName="readings", Item=item | attributes)
        pipeline.sweep()
        pipeline.flush()
        return pipeline.usage()


@pytest.mark.parametrize("road", ["kinesis", "streams"])
def test_the_counters_agree_with_the_arithmetic_of_the_costs(road: RoadName, tmp_path: Path) -> None:
    usage = counted(road, tmp_path)

    assert (usage.changes, usage.rows) == (VOLUME.changes, VOLUME.rows)
    AGREES[road](usage)


def kinesis_agrees(usage: RoadUsage) -> None:
    units = -(-VOLUME.record_bytes // costs.CHANGE_UNIT_BYTES)
    assert usage.change_units == VOLUME.changes * units == 200
    assert usage.stream_put_units == VOLUME.changes
    assert usage.firehose_in_bytes == VOLUME.changes * costs.FIREHOSE_UNIT_BYTES


def streams_agrees(usage: RoadUsage) -> None:
    """The rows are one record of one invocation, which is rounded up to 5 KB once."""
    computed = VOLUME.rows * RATES.row_bytes + costs.FIREHOSE_UNIT_BYTES
    assert usage.change_units == usage.stream_in_bytes == usage.stream_put_units == 0
    assert (usage.firehose_records, usage.lambda_requests) == (1, 1)
    assert 0.8 * computed <= usage.firehose_in_bytes <= computed


AGREES: dict[RoadName, Callable[[RoadUsage], None]] = {"kinesis": kinesis_agrees, "streams": streams_agrees}
