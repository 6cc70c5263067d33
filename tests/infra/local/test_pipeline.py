from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ends
from ttl_archive.infra.local import Buffering, Clock, Fault, FunctionError, Pipeline

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_S = int(START.timestamp())
COLUMNS = """
[[columns]]
name = "device_id"
path = "pk"

[[columns]]
name = "temperature"
path = "temp"
type = "decimal(5,1)"
"""

Make = Callable[..., Pipeline]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A pipeline with this [output], not started yet."""

    def make(cls: type[Pipeline] = Pipeline, output: str = 'format = "jsonl"', **options: Any) -> Pipeline:
        file = tmp_path / "archive.toml"
        table = '[table]\nname = "readings"\nttl_attribute = "ttl"\n'
        file.write_text(f"{table}\n[output]\n{output}\n{COLUMNS}")
        return cls(file, **{"clock": Clock(START)} | options)

    return make


@pytest.fixture
def pipeline(make: Make) -> Iterator[Pipeline]:
    with make() as pipeline:
        yield pipeline


def put(pipeline: Pipeline, pk: str, ttl: int = START_S, **attributes: Any) -> None:
    item = {"pk": {"S": pk}, "ttl": {"N": str(ttl)}, "temp": {"N": "39.40"}, **attributes}
    pipeline.dynamodb.put_item(TableName=pipeline.table, Item=item)


def test_an_expired_item_becomes_a_row_and_other_changes_do_not(pipeline: Pipeline) -> None:
    put(pipeline, "expires")
    put(pipeline, "stays", START_S + 10_000)
    put(pipeline, "deleted")
    pipeline.dynamodb.delete_item(TableName=pipeline.table, Key={"pk": {"S": "deleted"}})

    assert pipeline.sweep() == [{"pk": {"S": "expires"}}]
    pipeline.flush()

    rows = "SELECT device_id, temperature, ddb_event_name, ddb_removed_by, dt FROM archive"
    assert [
        (device, float(temperature), *rest) for device, temperature, *rest in pipeline.sql(rows).fetchall()
    ] == [("expires", 39.4, "REMOVE", "ttl", "2026-03-01")]
    ledger = pipeline.ledger()
    assert ledger.changes == {"inserted": 3, "deleted": 1, "expired": 1}
    assert (
        ledger.replicated,
        ledger.firehose.received,
        ledger.firehose.delivered,
        ledger.firehose.dropped,
        ledger.firehose.failed,
    ) == (5, 5, 1, 4, {})


def test_objects_lie_where_the_layout_says_and_are_gzip(pipeline: Pipeline) -> None:
    put(pipeline, "a")
    pipeline.sweep()
    pipeline.flush()

    ((key, body),) = pipeline.objects().items()
    assert re.fullmatch(
        r"archive/readings/dt=2026-03-01/ttl-archive-1-2026-03-01-12-00-00-[0-9a-f-]{36}\.jsonl\.gz", key
    )
    row = json.loads(gzip.decompress(body))
    assert (row["ddb_event_us"], row["device_id"], row["temperature"]) == (START_S * 1_000_000 + 1, "a", 39.4)
    assert pipeline.objects("archive/") == {key: body}
    assert pipeline.objects("errors/") == {}


def test_nothing_is_delivered_before_its_buffer_is_due(make: Make) -> None:
    with make(buffering=Buffering(interval_s=120, invoke_interval_s=30)) as pipeline:
        put(pipeline, "a")
        pipeline.sweep()
        assert pipeline.run() > 0
        assert pipeline.objects() == {}
        pipeline.clock.advance(seconds=30)
        pipeline.run()
        assert pipeline.objects() == {}
        pipeline.clock.advance(seconds=120)
        pipeline.run()
        assert len(pipeline.objects()) == 1
        assert pipeline.run() == 0


@pytest.mark.parametrize("partition_by", ["arrival", "event"])
def test_a_change_is_dated_by_its_own_time_whatever_the_clock_does_before_the_next_poll(
    make: Make, partition_by: str
) -> None:
    with make(output=f'format = "jsonl"\npartition_by = "{partition_by}"') as pipeline:
        put(pipeline, "a")
        pipeline.sweep()
        pipeline.clock.advance(days=1)
        pipeline.clock.advance(days=30)
        pipeline.flush()

        row = "SELECT ddb_event_us, dt FROM archive"
        assert pipeline.sql(row).fetchall() == [(START_S * 1_000_000 + 1, "2026-03-01")]


def test_the_clock_advances_when_the_delivery_stream_is_deleted(pipeline: Pipeline) -> None:
    put(pipeline, "a")
    pipeline.firehose.delete_delivery_stream(DeliveryStreamName="ttl-archive")
    pipeline.clock.advance(days=1)

    assert pipeline.clock.now() == START + timedelta(days=1)


def test_a_pipeline_that_has_ended_does_not_follow_the_clock(make: Make) -> None:
    with make() as pipeline:
        pass

    assert pipeline.clock.advance(days=1) == START + timedelta(days=1)


def test_csv_by_the_date_of_the_event_goes_through_dynamic_partitioning(make: Make) -> None:
    output = 'format = "csv"\npartition_by = "event"\ndate_column = "day"'
    with make(output=output, precision="MILLISECOND") as pipeline:
        put(pipeline, 'a, "b" \\', note={"S": "x"})
        pipeline.sweep()
        pipeline.clock.advance(days=1)
        pipeline.flush()

        (key,) = pipeline.objects()
        assert key.startswith("archive/readings/day=")
        assert key.endswith(".csv.gz")
        query = "SELECT device_id, ddb_event_us % 1000, ddb_rest, day FROM archive_unique"
        rest = f'{{"note":"x","ttl":{START_S}}}'
        assert [('a, "b" \\', 0, rest, key.split("=")[1][:10])] == pipeline.sql(query).fetchall()


def test_a_record_that_fails_is_kept_and_a_changed_configuration_is_read_after_a_restart(
    pipeline: Pipeline,
) -> None:
    def collide() -> None:
        put(pipeline, "poison", device_id={"S": "meets the column of pk"})
        pipeline.sweep()
        pipeline.flush()

    collide()
    ((key, body),) = pipeline.objects().items()
    assert key.startswith("errors/readings/processing-failed/dt=2026-03-01/")
    assert json.loads(body)["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert pipeline.ledger().firehose.failed == {"Lambda.ProcessingFailedStatus": 1}
    assert any("ColumnCollision" in line for line in pipeline.function.logs())

    with Path(pipeline.settings.file).open("a", encoding="utf-8") as file:
        file.write('[[columns]]\nname = "legacy_id"\npath = "device_id"\n')
    pipeline.restart_function()
    collide()

    assert pipeline.sql("SELECT device_id, legacy_id FROM archive").fetchall() == [
        ("poison", "meets the column of pk")
    ]


def test_another_process_needs_only_the_environment(pipeline: Pipeline) -> None:
    program = (
        "import boto3; from ttl_archive.transform.settings import load;"
        "boto3.client('s3').put_object(Bucket='ttl-archive', Key=load().table.name, Body=b'x')"
    )
    environment = {"PATH": os.environ["PATH"], **pipeline.environment()}
    subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=Path(__file__).parents[3], check=True
    )

    assert pipeline.objects() == {"readings": b"x"}
    assert pipeline.s3_proxy.created("ttl-archive", "readings") == START


def test_the_archive_freezes_by_the_clock_and_is_restored_by_plain_s3_calls(make: Make) -> None:
    with make(glacier_after_days=30) as pipeline:
        count = "SELECT count(*) FROM archive"
        put(pipeline, "a")
        pipeline.sweep()
        pipeline.flush()
        (key,) = pipeline.objects()

        pipeline.clock.advance(days=30)
        assert pipeline.apply_lifecycle() == []
        pipeline.clock.advance(days=1)
        assert pipeline.unseen() == ()
        day = pipeline.sql("SELECT dt FROM archive").fetchall()[0][0]
        assert [row[-1] for row in pipeline.saved_query("rows_per_object", day, day)] == [1]
        assert [(key, "GLACIER")] == [(m.key, m.storage_class) for m in pipeline.apply_lifecycle()]
        assert pipeline.unseen() == (key,)
        assert pipeline.saved_query("rows_per_object", day, day) == []
        assert pipeline.sql(count).fetchall() == [(0,)]
        request = {"Days": 1, "GlacierJobParameters": {"Tier": "Standard"}}
        pipeline.s3.restore_object(Bucket=pipeline.bucket, Key=key, RestoreRequest=request)
        assert pipeline.sql(count).fetchall() == [(0,)]
        pipeline.clock.advance(hours=5)
        assert pipeline.sql(count).fetchall() == [(1,)]
        pipeline.clock.advance(days=2)
        assert pipeline.sql(count).fetchall() == [(0,)]


def test_changes_before_streaming_is_enabled_never_travel(make: Make) -> None:
    with make(streaming=False) as pipeline:
        put(pipeline, "before")
        assert pipeline.run() == 0
        pipeline.enable_streaming()
        put(pipeline, "after")
        pipeline.flush()

        assert pipeline.ledger().changes == {"inserted": 1}


def test_a_firehose_that_crashes_loses_no_record_and_repeats_none_that_was_stored(
    pipeline: Pipeline,
) -> None:
    put(pipeline, "stored")
    pipeline.sweep()
    pipeline.flush()
    put(pipeline, "buffered")
    pipeline.sweep()
    pipeline.run()
    pipeline.restart_firehose()
    put(pipeline, "later")
    pipeline.sweep()
    pipeline.flush()

    rows = pipeline.sql("SELECT device_id FROM archive ORDER BY device_id").fetchall()
    assert rows == [("buffered",), ("later",), ("stored",)]


def test_every_shard_is_read(make: Make) -> None:
    with make(shards=3) as pipeline:
        for number in range(30):
            put(pipeline, f"item-{number}")
        pipeline.sweep()
        pipeline.flush()

        assert pipeline.sql("SELECT count(DISTINCT device_id) FROM archive").fetchall() == [(30,)]


def test_what_s3_refuses_stays_buffered_and_is_delivered_later(pipeline: Pipeline) -> None:
    pipeline.s3_proxy.faults.append(Fault("PUT", "archive/", times=1000, status=403, code="AccessDenied"))
    put(pipeline, "a")
    pipeline.sweep()
    pipeline.flush()
    assert (pipeline.ledger().firehose.buffered, pipeline.ledger().firehose.delivered) == (1, 0)

    pipeline.s3_proxy.faults.clear()
    pipeline.clock.advance(minutes=10)
    pipeline.flush()

    assert pipeline.sql("SELECT device_id FROM archive").fetchall() == [("a",)]
    assert pipeline.ledger().firehose.delivered == 1


def test_every_change_ends_as_a_row_a_drop_or_an_error_whatever_happens_to_the_items(
    pipeline: Pipeline,
) -> None:
    chance = random.Random(20260301)
    expected = []
    for step in range(300):
        pk = f"item-{chance.randrange(60)}"
        act = chance.choice(["put", "put", "put", "poison", "delete", "sweep", "run"])
        if act in ("put", "poison"):
            ttl = START_S + chance.randrange(-100, 100)
            poison = {"device_id": {"S": "meets the column of pk"}} if act == "poison" else {}
            put(pipeline, pk, ttl, number={"N": str(step)}, **poison)
        elif act == "delete":
            pipeline.dynamodb.delete_item(TableName=pipeline.table, Key={"pk": {"S": pk}})
        elif act == "sweep":
            expected += [key["pk"]["S"] for key in pipeline.sweep()]
        else:
            pipeline.clock.advance(seconds=10)
            pipeline.run()
    pipeline.flush()

    ledger, firehose = pipeline.ledger(), pipeline.ledger().firehose
    rows = [device for (device,) in pipeline.sql("SELECT device_id FROM archive").fetchall()]
    failed = sum(firehose.failed.values())
    assert ledger.changes["expired"] == len(expected) == len(rows) + failed
    assert not Counter(rows) - Counter(expected)
    assert ledger.replicated == firehose.received == len(rows) + firehose.dropped + failed
    assert min(failed, firehose.dropped, ledger.changes["deleted"], ledger.changes["modified"]) > 0


def test_key_attributes_are_those_that_are_given(make: Make) -> None:
    with make(keys={"device": "S", "at": "N"}) as pipeline:
        schema = pipeline.dynamodb.describe_table(TableName=pipeline.table)["Table"]["KeySchema"]

        assert [(key["AttributeName"], key["KeyType"]) for key in schema] == [
            ("device", "HASH"),
            ("at", "RANGE"),
        ]


def test_leaving_ends_every_process(make: Make) -> None:
    with make() as pipeline:
        pids = pipeline.emulator.pid, pipeline.function.pid

    assert all(map(ends, pids))


class Interrupted(Pipeline):
    """Ctrl-C in the last step of the start."""

    def enable_streaming(self) -> None:
        self.pids = self.emulator.pid, self.function.pid
        raise KeyboardInterrupt


def test_ctrl_c_half_way_through_the_start_leaves_nothing_behind(make: Make) -> None:
    pipeline = make(Interrupted)

    with pytest.raises(KeyboardInterrupt):
        pipeline.__enter__()

    assert all(map(ends, pipeline.pids))


def test_a_handler_that_cannot_be_loaded_is_reported_and_leaves_no_process_behind(
    make: Make,
) -> None:
    pipeline = make(handler="ttl_archive.transform.handler.nothing")

    with pytest.raises(FunctionError, match="Handler 'nothing' missing on module"):
        pipeline.__enter__()

    assert ends(pipeline.emulator.pid)


@pytest.mark.parametrize(("partition_by", "kib"), [("arrival", 4096), ("event", 1024)])
def test_the_data_stream_accepts_records_as_large_as_the_stacks(
    make: Make, partition_by: str, kib: int
) -> None:
    with make(output=f'format = "jsonl"\npartition_by = "{partition_by}"') as pipeline:
        answer = pipeline.kinesis.describe_stream_summary(StreamName="ttl-archive")

    assert answer["StreamDescriptionSummary"]["MaxRecordSizeInKiB"] == kib
