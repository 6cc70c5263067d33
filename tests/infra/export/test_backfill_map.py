"""The template's Distributed Map over an export's data files, executed with the function's own code."""

import json
from threading import Event
from typing import Any

import pytest

from tests.infra.states_language import StateMachine, StatesError
from tests.infra.templates import Template, listed
from tests.replay.backfill.exports import TIME, fill, item
from tests.replay.bucket import Bucket
from ttl_archive.infra.local.dynamodb.table_export import TableExport, full_line
from ttl_archive.replay.backfill.backfill_handler import backfill_batch
from ttl_archive.transform.settings import parse

CASE = "every-option"
SETTINGS = parse({"table": {"name": CASE, "ttl_attribute": "expiredAt", "keys": ["id"], "backfilled": True}})
EXPORT = TableExport(CASE, TIME, f"exports/{CASE}/dt=2026-11-24", "bucket")
FOLDER = f"{EXPORT.prefix}/AWSDynamoDB/{EXPORT.id}/"
INPUT = {"folder": FOLDER, "choice": "expired"}
ITEMS = 2_600  # data files of 500 items, and an empty one: two batches


@pytest.fixture
def bucket() -> Bucket:
    bucket = Bucket()
    fill(bucket, EXPORT.objects([full_line(item(number)) for number in range(ITEMS)]))
    return bucket


@pytest.fixture
def machine(templates: dict[str, Template], bucket: Bucket) -> StateMachine:
    """The machine of the template over the bucket in memory."""
    (found,) = templates[CASE].every("AWS::StepFunctions::StateMachine", "BackfillMap").values()
    (name,) = templates[CASE].ids("AWS::S3::Bucket", "StorageBucket")
    definition = json.loads(found["DefinitionString"].replace(f'"{name.lower()[:60]}"', '"bucket"'))
    (task,) = definition["States"]["EachDataFile"]["ItemProcessor"]["States"].values()

    def function(event: dict[str, Any]) -> Any:
        return backfill_batch(event, lambda _: bucket, SETTINGS, stop=Event())

    return StateMachine(definition, bucket, {task["Parameters"]["FunctionName"]: function})


def results(bucket: Bucket, output: dict[str, Any]) -> list[dict[str, Any]]:
    manifest = json.loads(bucket.objects[output["ResultWriterDetails"]["Key"]].body)
    entries = manifest["ResultFiles"]["SUCCEEDED"]
    return [child["Output"] for entry in entries for child in json.loads(bucket.objects[entry["Key"]].body)]


def test_every_data_file_is_archived_once_and_a_second_run_writes_nothing(
    machine: StateMachine, bucket: Bucket
) -> None:
    first = results(bucket, machine.start(INPUT))
    rows = {key: bucket.objects[key].etag for key in bucket.keys("archive/")}
    second = results(bucket, machine.start(INPUT))

    assert [sum(each["files"].values()) for each in first] == [4, 3]
    assert sum(each["rows"] for each in first) == ITEMS
    assert sum(each["rows_before"] for each in second) == ITEMS
    assert {key: bucket.objects[key].etag for key in bucket.keys("archive/")} == rows


def test_a_damaged_data_file_fails_the_run_and_the_next_one_archives_it(
    machine: StateMachine, bucket: Bucket
) -> None:
    (data,) = (key for key in bucket.keys(FOLDER) if key.endswith("0005.json.gz"))
    whole = bucket.objects[data].body
    bucket.fill(data, whole[:-9])

    with pytest.raises(StatesError, match="ExceedToleratedFailureThreshold"):
        machine.start(INPUT)

    bucket.fill(data, whole)
    second = results(bucket, machine.start(INPUT))
    assert sum(each["rows"] for each in second) == ITEMS
    assert 0 < sum(each["rows_before"] for each in second) < ITEMS


def test_a_file_of_another_export_is_refused(bucket: Bucket) -> None:
    event = {"bucket": "bucket", **INPUT, "items": [{"dataFileS3Key": "other.json.gz"}]}

    with pytest.raises(Exception, match=r"other\.json\.gz is no data file of"):
        backfill_batch(event, lambda _: bucket, SETTINGS, stop=Event())


def test_the_function_may_read_exports_and_write_rows_and_records_only(
    templates: dict[str, Template],
) -> None:
    statements = templates[CASE].statements("BackfillMapBackfillRole")
    by_action = {
        action: {resource.partition("/")[2] for resource in listed(each["Resource"])}
        for each in statements
        for action in listed(each["Action"])
        if action in ("s3:GetObject", "s3:PutObject")
    }

    rows, records = f"archive/{CASE}/*", f"replay/table={CASE}/*"
    assert by_action == {
        "s3:GetObject": {rows, records, f"exports/{CASE}/*"},
        "s3:PutObject": {rows, records},
    }
    actions = {action for each in statements for action in listed(each["Action"])}
    assert not [action for action in actions if "Delete" in action]


def test_without_backfilled_there_is_no_map(templates: dict[str, Template]) -> None:
    assert not templates["csv-by-event"].ids("AWS::StepFunctions::StateMachine", "BackfillMap")
