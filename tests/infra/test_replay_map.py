"""The state machine that replays many error objects."""

import ast
import json
from pathlib import Path
from typing import Any

from tests.infra.stacks import deploy_of, settings_of
from tests.infra.templates import Template
from ttl_archive.replay import map_handler as replay_handler

MACHINE = "AWS::StepFunctions::StateMachine"


def each_object(template: Template) -> dict[str, Any]:
    definition = json.loads(template.one(MACHINE, "ReplayMap")["DefinitionString"])
    found: dict[str, Any] = definition["States"][definition["StartAt"]]
    return found


def test_the_map_lists_the_objects_below_the_given_prefix(defaults: Template) -> None:
    reader = each_object(defaults)["ItemReader"]
    (bucket,) = defaults.ids("AWS::S3::Bucket", "StorageBucket")

    assert reader["Resource"] == "arn:aws:states:::s3:listObjectsV2"
    assert reader["Parameters"] == {"Bucket": bucket.lower()[:60], "Prefix.$": "$.prefix"}


def test_the_function_gets_bucket_items_and_sink(defaults: Template) -> None:
    (task,) = each_object(defaults)["ItemProcessor"]["States"].values()
    (function,) = defaults.ids("AWS::Lambda::Function", "ReplayMapReplay")

    assert task["Parameters"] == {
        "FunctionName": f"arn:aws:lambda:us-east-1:123456789012:function:{function.lower()[:60]}",
        "Payload": {
            "bucket.$": "$.BatchInput.bucket",
            "sink.$": "$.BatchInput.sink",
            "stream.$": "$.BatchInput.stream",
            "items.$": "$.Items",
        },
    }


def test_rows_go_to_the_bucket_except_with_parquet(templates: dict[str, Template]) -> None:
    sinks = {
        case: each_object(template)["ItemBatcher"]["BatchInput"]["sink"]
        for case, template in templates.items()
    }

    assert {case for case, sink in sinks.items() if sink == "kinesis"} == {"parquet-with-backup"}
    assert set(sinks.values()) == {"s3", "kinesis"}


def test_some_failures_are_tolerated_and_listed_in_a_manifest(template: Template, case: str) -> None:
    found = each_object(template)

    assert found["ToleratedFailurePercentage"] == deploy_of(case).replay_tolerated_failure_percent == 5
    assert found["MaxConcurrency"] == 10
    assert (
        found["ResultWriter"]["Parameters"]["Prefix"] == f"replay/table={settings_of(case).table.name}/maps"
    )
    assert found["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"


def test_a_batch_of_keys_fits_into_an_execution(defaults: Template) -> None:
    """256 KiB of input. Source: AWS Step Functions Developer Guide, quotas."""
    batcher = each_object(defaults)["ItemBatcher"]

    assert batcher["MaxInputBytesPerBatch"] < 262_144


def test_a_batch_that_is_not_finished_is_retried(defaults: Template) -> None:
    (task,) = each_object(defaults)["ItemProcessor"]["States"].values()
    call, work = task["Retry"]

    assert "Lambda.TooManyRequestsException" in call["ErrorEquals"]
    assert (work["ErrorEquals"], work["MaxAttempts"]) == (["States.TaskFailed"], 3)


def test_the_replay_function_reads_the_payload_of_the_map(defaults: Template) -> None:
    """The names in the payload are those that ttl_archive.replay.map_handler reads."""
    (task,) = each_object(defaults)["ItemProcessor"]["States"].values()
    given = {name.removesuffix(".$") for name in task["Parameters"]["Payload"]}
    read = {
        node.value
        for node in ast.walk(ast.parse(Path(replay_handler.__file__).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert given <= read
