"""Batches that the mapping discards are in the on-failure bucket, and `replay run` delivers them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ttl_archive.infra.local import Clock, Pipeline, ServiceError
from ttl_archive.infra.local.event_source.batch_processor import Unverified
from ttl_archive.infra.local.event_source.on_failure import PayloadForm
from ttl_archive.infra.local.resources import FAILURE_BUCKET
from ttl_archive.infra.local.roads.local_streams_road import LocalStreamsRoad, StreamsOptions

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
name = "blob"
path = "b"
"""


def refuse_all(_name: str, _data: Sequence[bytes]) -> Mapping[int, str]:
    raise ServiceError("ResourceNotFoundException", "The delivery stream is gone.")


def replay_run(pipeline: Pipeline) -> subprocess.CompletedProcess[str]:
    """Run the operator's command in a process of its own, which has the environment alone."""
    command = [sys.executable, "-m", "ttl_archive.infra.cli", "replay", "run", "--bucket", pipeline.bucket]
    return subprocess.run(
        [*command, "--on-failure", FAILURE_BUCKET, "--yes"],
        env={"PATH": os.environ["PATH"], **pipeline.environment()},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("payload_form", ["string", pytest.param("object", marks=pytest.mark.slow)])
def test_a_discarded_batch_is_replayed_into_the_archive(tmp_path: Path, payload_form: PayloadForm) -> None:
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    options = StreamsOptions(
        mapping={"MaximumRetryAttempts": 0, "BatchSize": 2}, unverified=Unverified(payload_form=payload_form)
    )
    with Pipeline(file, road="streams", clock=Clock(START), streams=options) as pipeline:
        for number in range(3):
            item = {"pk": {"S": f"item-{number}"}, "ttl": {"N": str(START_S)}, "b": {"B": b"\x00"}}
            pipeline.dynamodb.put_item(TableName=pipeline.table, Item=item)
        pipeline.firehose.before_put = refuse_all
        pipeline.sweep()
        pipeline.flush()
        road = pipeline.road
        assert isinstance(road, LocalStreamsRoad)
        assert road.mapping_counts().to_destination == 3
        assert pipeline.objects() == {}

        done = replay_run(pipeline)

        assert done.returncode == 0, done.stderr + done.stdout
        rows = "SELECT device_id, blob, ddb_removed_by FROM archive ORDER BY device_id"
        assert pipeline.sql(rows).fetchall() == [(f"item-{number}", "AA==", "ttl") for number in range(3)]
