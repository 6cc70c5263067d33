"""The entry as Lambda calls it, and independent models of what goes in and what comes out."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import KinesisFirehoseEvent
from aws_lambda_powertools.utilities.data_classes.kinesis_firehose_event import (
    KinesisFirehoseDataTransformationRecord,
    KinesisFirehoseDataTransformationRecordMetadata,
    KinesisFirehoseDataTransformationResponse,
)
from aws_lambda_powertools.utilities.parser.models import (
    DynamoDBStreamChangedRecordModel,
    KinesisFirehoseModel,
)

from tests.transform.builders import EVENT_US, change, encoded, event, run, settings
from tests.transform.fakes_forwarder import removal

ROOT = Path(__file__).parents[2]
BATCH = (encoded(change()), encoded(change(kind="user")), b"{")


def called(
    config: str | Path, request: Any, module: str = "handler", **variables: str
) -> subprocess.CompletedProcess[str]:
    """The handler in a process of its own, as the runtime imports and calls it."""
    code = (
        f"import json, sys; from ttl_archive.transform.{module} import handler; "
        "json.dump(handler(json.load(sys.stdin), None), sys.stderr)"
    )
    environment = {**os.environ, "TTL_ARCHIVE_CONFIG": str(config), "PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(request),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_handler_reads_its_settings_and_answers(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text('[table]\nname = "devices"\nttl_attribute = "ttl"\n')

    done = called(config, event(*BATCH))

    assert json.loads(done.stderr)["records"] == run(event(*BATCH)).records
    assert json.loads(done.stdout)["RecordsReceived"] == 3


def test_a_mistake_in_the_settings_fails_the_cold_start(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text('[table]\nname = "devices"\n')

    done = called(config, event())

    assert done.returncode != 0
    assert f"{config}: [table] ttl_attribute is missing" in done.stderr


@pytest.mark.parametrize("source", ["kinesis", "direct"])
def test_our_events_are_what_powertools_takes_for_firehose_events(source: str) -> None:
    model = KinesisFirehoseModel.model_validate(event(*BATCH, source=source))
    classes = KinesisFirehoseEvent(event(*BATCH, source=source))

    assert [record.data for record in model.records] == list(BATCH)
    assert [record.data_as_bytes for record in classes.records] == list(BATCH)
    assert (model.sourceKinesisStreamArn is not None) == (source == "kinesis")


@pytest.mark.parametrize("kind", ["ttl", "user", "insert", "modify"])
def test_our_images_are_what_powertools_takes_for_change_records(kind: str) -> None:
    part = change({"n": {"N": "1"}, "x": {"S": "y"}}, kind=kind)["dynamodb"]
    streams: dict[str, Any] = {"SequenceNumber": "1", "StreamViewType": "NEW_AND_OLD_IMAGES"}
    streams["ApproximateCreationDateTime"] = EVENT_US // 1_000_000

    model = DynamoDBStreamChangedRecordModel.model_validate(part | streams)

    assert (model.OldImage is None) == (kind == "insert")


def test_powertools_would_write_the_same_response() -> None:
    result = run(event(*BATCH), settings(partition_by="event"))
    theirs = KinesisFirehoseDataTransformationResponse()
    for record in result.records:
        keys = record.get("metadata", {}).get("partitionKeys")
        theirs.add_record(
            KinesisFirehoseDataTransformationRecord(
                record_id=record["recordId"],
                result=record["result"],
                data=record["data"],
                metadata=KinesisFirehoseDataTransformationRecordMetadata(partition_keys=keys)
                if keys
                else None,
            )
        )

    assert [{"data": "", **record} for record in theirs.asdict()["records"]] == result.records


def test_the_forwarders_handler_reads_its_settings_and_answers(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text('[table]\nname = "devices"\nttl_attribute = "ttl"\n')
    names = {"TTL_ARCHIVE_DELIVERY_STREAM": "d", "TTL_ARCHIVE_BUCKET": "b", "AWS_DEFAULT_REGION": "eu-west-1"}

    done = called(config, {"Records": [removal(0, eventName="MODIFY")]}, "forwarder_handler", **names)

    assert json.loads(done.stderr) == {"batchItemFailures": []}
    assert json.loads(done.stdout)["DroppedNotRemoval"] == 1


def test_a_variable_that_is_missing_fails_the_forwarders_cold_start(tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text('[table]\nname = "devices"\nttl_attribute = "ttl"\n')
    names = {"TTL_ARCHIVE_DELIVERY_STREAM": "d", "AWS_DEFAULT_REGION": "eu-west-1"}

    done = called(config, {"Records": []}, "forwarder_handler", **names)

    assert done.returncode != 0
    assert "TTL_ARCHIVE_BUCKET" in done.stderr
