"""Failures of every kind from the strict Firehose, the cause fixed, replayed: the ledger closes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.replay.bucket import Bucket
from tests.replay.samples import SETTINGS, change, replay_all, rows
from ttl_archive.replay.sinks.stream_sink import firehose_sink

pytest.importorskip("moto")

from tests.streams import answer_all, bench, lambda_processing, partitioned
from ttl_archive.infra.local import Clock, Fault, FunctionError, FunctionTimedOut, Pipeline
from ttl_archive.transform.batch import batch_transform

ROOT = Path(__file__).parents[2]
ERRORS = "errors/DeviceData/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/"
DATAS = [change(1), change(2), change(3, name="INSERT")]
Request = dict[str, Any]


class _Raises:
    """A function that never answers: what it raises is what the service sees."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def invoke(self, payload: bytes) -> bytes:
        raise self._error


FAILING: dict[str, Callable[[Request], Any] | _Raises] = {
    "Lambda.ProcessingFailedStatus": lambda event: answer_all(event, result="ProcessingFailed"),
    "Lambda.MissingRecordId": lambda event: {},
    "Lambda.DuplicatedRecordId": lambda event: {"records": answer_all(event)["records"] * 2},
    "Lambda.InvalidReturnFormat": lambda event: answer_all(event, data=None),
    "Lambda.JsonMappingException": lambda event: answer_all(event, data="not base64!"),
    "Lambda.FunctionError": _Raises(FunctionError("boom")),
    "Lambda.FunctionTimedOut": _Raises(FunctionTimedOut("slow")),
}


def failed_bucket(function: Any) -> tuple[Bucket, Any]:
    bucket = Bucket()
    made = bench(function, s3=bucket)  # type: ignore[arg-type]
    made.create(
        Prefix="archive/DeviceData/dt=!{timestamp:yyyy-MM-dd}/",
        ErrorOutputPrefix=ERRORS,
        ProcessingConfiguration=lambda_processing(),
        CompressionFormat="GZIP",
        FileExtension=".jsonl.gz",
    )
    made.deliver(*DATAS)
    return bucket, made


@pytest.mark.parametrize("code", FAILING)
def test_what_failed_in_any_way_is_replayed_into_the_archive(code: str) -> None:
    bucket, _ = failed_bucket(FAILING[code])
    assert rows(bucket) == []
    assert bucket.keys("errors/DeviceData/processing-failed/")

    summary = replay_all(bucket)

    assert summary.exit_code == 0, summary
    assert summary.tally.dropped == {"not-a-removal": 1}
    assert rows(bucket) == ["e1", "e2"]


def test_what_could_not_be_partitioned_is_replayed_whichever_form_it_is_in() -> None:
    bucket = Bucket()
    made = bench(lambda event: batch_transform(SETTINGS)(event, _Context()), s3=bucket)  # type: ignore[arg-type]
    # The function was configured without the partitioning that the delivery stream asks for.
    made.create(**partitioned(ErrorOutputPrefix=ERRORS))
    made.deliver(*DATAS)
    assert bucket.keys("errors/DeviceData/metadata-extraction-failed/")

    assert replay_all(bucket).exit_code == 0
    assert rows(bucket) == ["e1", "e2"]


def test_what_failed_is_replayed_through_the_repaired_delivery_stream() -> None:
    broken = [True]

    def function(event: Request) -> Any:
        return {} if broken else batch_transform(SETTINGS)(event, _Context())

    bucket, made = failed_bucket(function)
    broken.clear()

    summary = replay_all(bucket, sink=firehose_sink(made.firehose, "d", 3, Event()))
    made.firehose.flush()

    assert summary.exit_code == 0
    assert rows(bucket) == ["e1", "e2"]


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = """
[table]
name = "DeviceData"
ttl_attribute = "expiredAt"

[[columns]]
name = "device_id"
path = "deviceID"
"""
FIX = """
[[columns]]
name = "legacy_id"
path = "device_id"
"""
FULL = {
    "deviceID": {"S": "d1"},
    "expiredAt": {"N": str(int(START.timestamp()))},
    "exact": {"N": "12345678901234567890123456789012345678"},
    "raw": {"B": b"\x00\xff"},
    "raws": {"BS": [b"\x01", b"\x02"]},
    "texts": {"SS": ["a", "b"]},
    "nested": {"M": {"list": {"L": [{"NULL": True}, {"BOOL": False}, {"S": ""}]}}},
}


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    (tmp_path / "archive.toml").write_text(CONFIG)
    with Pipeline(tmp_path / "archive.toml", keys={"deviceID": "S"}, clock=Clock(START)) as pipeline:
        yield pipeline


def command(pipeline: Pipeline, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a user runs it, in its own process, on the pipeline's endpoints."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **pipeline.environment()}
    environment["AWS_ENDPOINT_URL_S3"] = pipeline.s3_proxy.url
    folder = Path(pipeline.settings.file).parent
    group = () if words[0] == "restore" else ("replay",)
    line = [sys.executable, "-m", "ttl_archive.infra.cli", *group, *words]
    return subprocess.run(line, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def expire(pipeline: Pipeline, **item: Any) -> None:
    pipeline.dynamodb.put_item(TableName=pipeline.table, Item=FULL | item)
    pipeline.sweep()
    pipeline.flush()


def test_a_new_user_gets_from_a_failure_to_a_closed_ledger_and_back_to_the_table(pipeline: Pipeline) -> None:
    expire(pipeline)
    expire(pipeline, deviceID={"S": "d2"}, device_id={"S": "meets the column of deviceID"})
    assert pipeline.sql("SELECT device_id FROM archive").fetchall() == [("d1",)]

    # what the runbook says, word by word
    listed = json.loads(command(pipeline, "list", "--bucket", pipeline.bucket, "--json").stdout)
    assert [(each["code"], each["state"], each["records"]) for each in listed] == [
        ("Lambda.ProcessingFailedStatus", "open", 1)
    ]
    (key,) = pipeline.objects("errors/")
    assert (
        "would be refused: ColumnCollision"
        in command(pipeline, "inspect", f"s3://{pipeline.bucket}/{key}").stdout
    )
    with Path(pipeline.settings.file).open("a", encoding="utf-8") as config:
        config.write(FIX)
    pipeline.restart_function()
    assert "would be delivered" in command(pipeline, "inspect", f"s3://{pipeline.bucket}/{key}").stdout
    assert command(pipeline, "plan", "--bucket", pipeline.bucket).returncode == 0
    done = command(pipeline, "run", "replay-plan.json")

    assert done.returncode == 0, done.stderr
    query = "SELECT device_id, legacy_id FROM archive ORDER BY device_id"
    assert pipeline.sql(query).fetchall() == [("d1", None), ("d2", "meets the column of deviceID")]
    assert command(pipeline, "retire", "--bucket", pipeline.bucket, "--yes").returncode == 0
    assert pipeline.objects("errors/") == {}

    # a month later in GLACIER, and back into the table
    pipeline.clock.advance(days=31)
    assert pipeline.apply_lifecycle()
    restore = ("restore", "--bucket", pipeline.bucket, "--to-table", "DeviceData", "--ttl", "remove", "--yes")
    first = command(pipeline, *restore, "--no-wait")
    assert first.returncode == 3, first.stderr
    assert "about $" in first.stderr
    dry = command(pipeline, *restore, "--dry-run")  # does not wait for hours
    assert (dry.returncode, "when it is over" in dry.stderr) == (3, True)
    pipeline.clock.advance(hours=6)
    second = command(pipeline, *restore)

    assert second.returncode == 0, second.stderr
    item = pipeline.dynamodb.get_item(TableName="DeviceData", Key={"deviceID": {"S": "d1"}})["Item"]
    expected = {name: value for name, value in FULL.items() if name != "expiredAt"}
    assert {name: _unordered(value) for name, value in item.items()} == {
        name: _unordered(value) for name, value in expected.items()
    }
    again = command(pipeline, *restore)
    assert "2 already there" in again.stderr


def test_an_answer_that_breaks_off_is_taken_up_and_nothing_is_lost(pipeline: Pipeline) -> None:
    for number in range(300):
        pipeline.dynamodb.put_item(
            TableName=pipeline.table,
            Item=FULL | {"deviceID": {"S": f"d{number}"}, "device_id": {"S": "meets the column"}},
        )
    pipeline.sweep()
    pipeline.flush()
    with Path(pipeline.settings.file).open("a", encoding="utf-8") as config:
        config.write(FIX)
    pipeline.restart_function()
    pipeline.s3_proxy.faults.append(Fault("GET", "errors/", truncate_to=50_000))
    pipeline.s3_proxy.faults.append(Fault("PUT", "archive/"))

    done = command(pipeline, "run", "--bucket", pipeline.bucket, "--yes")

    assert done.returncode == 0, done.stderr
    assert pipeline.sql("SELECT count(DISTINCT device_id), count(*) FROM archive").fetchall() == [(300, 300)]


def _unordered(value: Any) -> Any:
    ((kind, content),) = value.items()
    return (kind, sorted(content)) if kind in ("SS", "NS", "BS") else (kind, content)
