"""The state machine of the template, executed on the local pipeline with the real function."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.infra.states_language import StateMachine, StatesError
from tests.infra.templates import Template
from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.resources import NAME
from ttl_archive.replay.map_handler import replay_batch
from ttl_archive.transform import layout
from ttl_archive.transform.settings import load

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLE = "defaults"
CONFIG = f'[table]\nname = "{TABLE}"\nttl_attribute = "ttl"\n[[columns]]\nname = "device_id"\npath = "pk"\n'
FIX = '[[columns]]\nname = "legacy_id"\npath = "device_id"\n'
OBJECTS = 12  # more than one batch of ten
PREFIX = {"prefix": f"errors/{TABLE}/processing-failed/"}


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline with error objects: each of its items has an attribute that collides with a column."""
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    with Pipeline(file, keys={"pk": "S"}, clock=Clock(START)) as pipeline:
        for number in range(OBJECTS):
            ttl = str(int(pipeline.clock.now().timestamp()))
            item = {"pk": {"S": f"d{number:02}"}, "ttl": {"N": ttl}, "device_id": {"S": "collides"}}
            pipeline.dynamodb.put_item(TableName=TABLE, Item=item)
            pipeline.clock.advance(seconds=1)
            pipeline.sweep()
            pipeline.flush()
        yield pipeline


def machine(template: Template, pipeline: Pipeline, broken: str = "") -> StateMachine:
    """Return the template's state machine over the pipeline's bucket; `broken` is a key that fails."""
    (bucket,) = template.ids("AWS::S3::Bucket", "StorageBucket")
    text = template.one("AWS::StepFunctions::StateMachine", "ReplayMap")["DefinitionString"]
    definition = json.loads(text.replace(f'"{bucket.lower()[:60]}"', f'"{NAME}"'))
    (task,) = definition["States"]["EachObject"]["ItemProcessor"]["States"].values()

    def function(event: dict[str, Any]) -> Any:
        if any(item["Key"] == broken for item in event["items"]):
            raise RuntimeError("made to fail")
        settings = load(pipeline.settings.file)
        return replay_batch(event, lambda _, **__: pipeline.s3, settings, stop=Event(), left_s=60)

    return StateMachine(definition, pipeline.s3, {task["Parameters"]["FunctionName"]: function})


def fix(pipeline: Pipeline) -> None:
    with Path(pipeline.settings.file).open("a", encoding="utf-8") as config:
        config.write(FIX)
    pipeline.restart_function()


def results(pipeline: Pipeline, output: dict[str, Any], status: str) -> list[dict[str, Any]]:
    """Return the child workflows that the manifest of a run lists."""
    objects = pipeline.objects(layout.maps_folder(TABLE))
    manifest = json.loads(objects[output["ResultWriterDetails"]["Key"]])
    return [child for entry in manifest["ResultFiles"][status] for child in json.loads(objects[entry["Key"]])]


def test_every_error_object_is_replayed_once_and_a_second_run_does_nothing(
    defaults: Template, pipeline: Pipeline
) -> None:
    assert len(pipeline.objects(PREFIX["prefix"])) == OBJECTS
    fix(pipeline)
    states = machine(defaults, pipeline)

    first = results(pipeline, states.start(PREFIX), "SUCCEEDED")
    second = results(pipeline, states.start(PREFIX), "SUCCEEDED")

    assert [len(child["Input"]["Items"]) for child in first] == [10, 2]
    assert sum(child["Output"]["rows"] for child in first) == OBJECTS
    assert sum(child["Output"]["rows"] for child in second) == 0
    rows = pipeline.sql("SELECT count(*), count(DISTINCT device_id) FROM archive").fetchall()
    assert rows == [(OBJECTS, OBJECTS)]


def test_a_failing_object_fails_its_batch_and_the_run_beyond_the_tolerance(
    defaults: Template, pipeline: Pipeline
) -> None:
    fix(pipeline)
    *_, last = sorted(pipeline.objects(PREFIX["prefix"]))
    states = machine(defaults, pipeline, broken=last)

    with pytest.raises(StatesError, match=r"ExceedToleratedFailureThreshold: 2 of 12 items failed"):
        states.start(PREFIX)

    assert states.attempts.count(states.attempts[0]) == 1 + 4  # one batch, and one with three more attempts
    output = {"ResultWriterDetails": {"Key": f"{layout.maps_folder(TABLE)}run-1/manifest.json"}}
    (failed,) = results(pipeline, output, "FAILED")
    assert (failed["Error"], len(failed["Input"]["Items"])) == ("RuntimeError", 2)
    assert pipeline.sql("SELECT count(*) FROM archive").fetchall() == [(10,)]

    assert machine(defaults, pipeline).start(PREFIX)
    assert pipeline.sql("SELECT count(*) FROM archive").fetchall() == [(OBJECTS,)]


def test_failures_within_the_tolerance_do_not_fail_the_run(defaults: Template, pipeline: Pipeline) -> None:
    fix(pipeline)
    *_, last = sorted(pipeline.objects(PREFIX["prefix"]))
    states = machine(defaults, pipeline, broken=last)
    states.definition["States"]["EachObject"]["ToleratedFailurePercentage"] = 17

    output = states.start(PREFIX)

    assert len(results(pipeline, output, "FAILED")) == 1


def test_an_input_without_the_prefix_fails(defaults: Template, pipeline: Pipeline) -> None:
    with pytest.raises(StatesError, match=r"States\.ParameterPathFailure"):
        machine(defaults, pipeline).start({})


def test_a_field_that_the_interpreter_does_not_know_is_an_error(
    defaults: Template, pipeline: Pipeline
) -> None:
    states = machine(defaults, pipeline)
    states.definition["States"]["EachObject"]["Catch"] = []

    with pytest.raises(AssertionError, match="unknown fields"):
        states.start(PREFIX)
