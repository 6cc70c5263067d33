"""The roads that the demo can show, in one table: another road is another entry of ROADS.

A road says how its ledger is counted: what the filter at the source passed over, and what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported when the demo runs, because they take most of the time of its --help
    from ttl_archive.infra.local.event_source.counts import MappingCounts
    from ttl_archive.infra.local.pipeline import Pipeline
    from ttl_archive.infra.local.roads.road import RoadName


@dataclass(frozen=True, slots=True)
class DemoRoad:
    """One way of a table's changes into the archive."""

    summary: str
    pipeline_road: RoadName
    passed_over: Callable[[Pipeline], int]
    failed: Callable[[Pipeline], int]


def _nothing(_pipeline: Pipeline) -> int:
    return 0


def _passed_over_by_mapping(pipeline: Pipeline) -> int:
    counts = _mapping_counts(pipeline)
    return counts.filtered_out if counts else 0


def _failed_in_firehose(pipeline: Pipeline) -> int:
    return sum(pipeline.ledger().firehose.failed.values())


def _failed_in_forwarder(pipeline: Pipeline) -> int:
    """Return the number of error lines in the bucket, and of records that the mapping gave up."""
    ((lines,),) = pipeline.sql("SELECT count(*) FROM errors").fetchall()
    counts = _mapping_counts(pipeline)
    return int(lines) + (counts.to_destination + counts.dropped + counts.trimmed if counts else 0)


def _mapping_counts(pipeline: Pipeline) -> MappingCounts | None:
    from ttl_archive.infra.local.roads.local_streams_road import LocalStreamsRoad

    road = pipeline.road
    return road.mapping_counts() if isinstance(road, LocalStreamsRoad) else None


ROADS: Mapping[str, DemoRoad] = {
    "kinesis": DemoRoad(
        "Kinesis data stream, Firehose with the transform", "kinesis", _nothing, _failed_in_firehose
    ),
    "streams": DemoRoad(
        "DynamoDB Streams with an event filter, forwarder, Firehose",
        "streams",
        _passed_over_by_mapping,
        _failed_in_forwarder,
    ),
    "ingest": DemoRoad(
        "readings from a queue become items with a TTL stamp, then as kinesis",
        "kinesis",
        _nothing,
        _failed_in_firehose,
    ),
    "export": DemoRoad(
        "an export of the table, read by backfill, beside the Kinesis data stream",
        "kinesis",
        _nothing,
        _failed_in_firehose,
    ),
    "history": DemoRoad(
        "every change through the Kinesis data stream, and the table as it was at any moment",
        "kinesis",
        _nothing,
        _failed_in_firehose,
    ),
}
