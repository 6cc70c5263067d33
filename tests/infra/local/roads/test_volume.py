"""Many removals through the Streams road, counted independently of every part of it.

100,000 come from a stream in memory. 5,000 pass the emulator's table, the TTL sweep and the table's stream,
where each removal is a conditional delete of its own and takes milliseconds. `make volume` lets 100,000 pass.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.event_source.mapping_service import EventSourceMappings
from ttl_archive.infra.local.event_source.memory_stream import MemoryStream
from ttl_archive.infra.local.resources import FAILURE_BUCKET, FORWARDER_ARN
from ttl_archive.infra.local.roads.local_streams_road import LocalStreamsRoad
from ttl_archive.infra.stream_mapping import mapping_settings

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_S = int(START.timestamp())
CONFIG = """
[table]
name = "readings"
ttl_attribute = "ttl"

[[columns]]
name = "device_id"
path = "pk"

[[columns]]
name = "reading"
path = "n"
type = "bigint"
"""
REMOVALS = 100_000
REMOVALS_OF_TABLE = int(os.environ.get("TTL_ARCHIVE_REMOVALS", "5000"))
EVERY_POISON = 10_000  # a record in so many cannot become a row
EVERY_OTHER = 4  # a change in so many is a user's removal
TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def image_of(number: int, *, is_poison: bool) -> dict[str, Any]:
    """Return an item of about 200 bytes."""
    image = {
        "pk": {"S": f"device-{number}"},
        "ttl": {"N": str(START_S)},
        "n": {"N": str(number)},
        "text": {"S": "x" * 150},
    }
    return image | ({"device_id": {"S": "meets the column of pk"}} if is_poison else {})


def event(number: int, arn: str, *, by_ttl: bool) -> dict[str, Any]:
    """Return a removal of an item."""
    image = image_of(number, is_poison=by_ttl and number % EVERY_POISON == 0)
    return {
        "eventID": f"{number:032x}",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": float(START_S),
            "Keys": {"pk": image["pk"]},
            "OldImage": image,
            "SequenceNumber": str(1_100_000_000_017_454_423_009 + number),
            "SizeBytes": 200,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        **({"userIdentity": TTL} if by_ttl else {}),
        "eventSourceARN": arn,
    }


def refuse_some(_name: str, data: Sequence[bytes]) -> Mapping[int, str]:
    """Refuse the last entry of a call with more than two, so that each call is retried in part."""
    return {len(data) - 1: "ServiceUnavailableException"} if len(data) > 2 else {}


def assert_archived_once(pipeline: Pipeline, rows: set[int], poison: set[int]) -> None:
    query = "SELECT count(*), count(DISTINCT device_id), sum(reading) FROM"
    expected = [(len(rows), len(rows), sum(rows))]
    assert pipeline.sql(f"{query} archive").fetchall() == expected
    assert pipeline.sql(f"{query} archive_unique").fetchall() == expected
    assert pipeline.sql("SELECT count(*) FROM errors").fetchall() == [(len(poison),)]


@pytest.mark.slow
def test_100000_removals_are_in_the_archive_once_each(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    with Pipeline(file, road="streams", clock=Clock(START)) as pipeline:
        arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/readings/stream/{START:%Y-%m-%d}"
        stream = MemoryStream(pipeline.clock, arn)
        mappings = EventSourceMappings(
            streams={stream.arn: stream},
            functions={FORWARDER_ARN: pipeline.function},
            clock=pipeline.clock,
            s3=pipeline.s3,
        )
        created = mappings.create_event_source_mapping(
            EventSourceArn=stream.arn,
            FunctionName=FORWARDER_ARN,
            **mapping_settings(pipeline.settings, f"arn:aws:s3:::{FAILURE_BUCKET}"),
        )
        pipeline.firehose.before_put = refuse_some
        removals, others = set(), 0
        number = 0
        while len(removals) < REMOVALS:
            number += 1
            by_ttl = number % EVERY_OTHER != 0 or number % EVERY_POISON == 0
            stream.put(event(number, stream.arn, by_ttl=by_ttl))
            removals |= {number} if by_ttl else set()
            others += not by_ttl
        mappings.flush()
        pipeline.firehose.flush()

        poison = {each for each in removals if each % EVERY_POISON == 0}
        rows = removals - poison
        assert_archived_once(pipeline, rows, poison)
        counts = mappings.counts(created["UUID"])
        assert (counts.polled, counts.filtered_out, counts.acknowledged) == (number, others, REMOVALS)
        assert counts.adds_up
        logs = [json.loads(line) for line in pipeline.function.logs() if line.startswith("{")]
        assert sum(line["RecordsDelivered"] for line in logs) == len(rows)
        assert (
            sum(line["putErrors"]["ServiceUnavailableException"] for line in logs if "putErrors" in line) > 3
        )
        assert len(poison) > 10


def write(pipeline: Pipeline, requests: list[dict[str, Any]]) -> None:
    """Write or delete many items, 25 in a call."""
    for first in range(0, len(requests), 25):
        answer = pipeline.dynamodb.batch_write_item(RequestItems={"readings": requests[first : first + 25]})
        assert not answer["UnprocessedItems"]


@pytest.mark.slow
def test_the_removals_of_a_table_pass_its_stream_and_are_in_the_archive_once_each(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    numbers = range(1, REMOVALS_OF_TABLE * EVERY_OTHER // (EVERY_OTHER - 1) + 1)
    by_user = {number for number in numbers if number % EVERY_OTHER == 0}
    poison = {number for number in numbers if number % 1_001 == 0} - by_user
    rows = set(numbers) - by_user - poison
    with Pipeline(file, road="streams", clock=Clock(START)) as pipeline:
        items = [image_of(number, is_poison=number in poison) for number in numbers]
        write(pipeline, [{"PutRequest": {"Item": item}} for item in items])
        write(pipeline, [{"DeleteRequest": {"Key": {"pk": {"S": f"device-{n}"}}}} for n in sorted(by_user)])
        pipeline.firehose.before_put = refuse_some
        removed = pipeline.sweep()
        pipeline.flush()

        assert {key["pk"]["S"] for key in removed} == {f"device-{number}" for number in rows | poison}
        assert_archived_once(pipeline, rows, poison)
        road = pipeline.road
        assert isinstance(road, LocalStreamsRoad)
        counts = road.mapping_counts()
        assert counts.polled == 2 * len(numbers)  # each item was written, and removed by one of the two
        assert (counts.filtered_out, counts.acknowledged) == (len(numbers) + len(by_user), len(removed))
        assert len(poison) > 2
