"""`ttl-archive doctor`: a healthy account, and accounts that are each broken in one way, scripted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from tests.fakes import client_error
from ttl_archive.infra.cli import cli
from ttl_archive.infra.doctor import doctor_steps
from ttl_archive.infra.doctor.doctor_steps import examine, print_findings
from ttl_archive.infra.doctor.finding import Finding, Health
from ttl_archive.transform.settings import parse

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SETTINGS = parse({"table": {"name": "Devices", "ttl_attribute": "expiredAt"}})
STREAM_ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/archive-stream"
TABLE_STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/Devices/stream/2026-11-01T00:00:00.000"
OLD_STREAM = TABLE_STREAM.replace("2026-11-01", "2026-01-01")
USER = "arn:aws:iam::123456789012:user/ops"
SOON = str(int(NOW.timestamp()) + 86_400)
RULE = {
    "Status": "Enabled",
    "Filter": {"Prefix": "archive/"},
    "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
}
OUTPUTS = {
    "BucketName": "my-archive",
    "StreamName": "archive-stream",
    "DeliveryStreamName": "archive-delivery",
    "ForwardDeliveryStreamName": "archive-forward",
    "ForwarderFunction": "archive-forwarder",
}


def allowed(**request: Any) -> dict[str, Any]:
    return {
        "EvaluationResults": [
            {"EvalActionName": name, "EvalDecision": "allowed"} for name in request["ActionNames"]
        ]
    }


def stack(status: str = "UPDATE_COMPLETE", drift: str = "IN_SYNC", **more: str) -> dict[str, Any]:
    outputs = [{"OutputKey": name, "OutputValue": value} for name, value in (OUTPUTS | more).items()]
    described = {
        "StackName": "archive",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/archive/1",
        "StackStatus": status,
        "DriftInformation": {"StackDriftStatus": drift},
        "Outputs": outputs,
    }
    return {"Stacks": [described]}


def mapping(stream: str = TABLE_STREAM, state: str = "Enabled", result: str = "OK") -> dict[str, Any]:
    shown = {"EventSourceArn": stream, "State": state, "UUID": "u-1", "LastProcessingResult": result}
    return {"EventSourceMappings": [shown]}


def table(**more: Any) -> dict[str, Any]:
    return {"Table": {"TableStatus": "ACTIVE", "LatestStreamArn": TABLE_STREAM} | more}


def items(*values: dict[str, str]) -> dict[str, Any]:
    return {"Items": [{"expiredAt": value} for value in values]}


def limits(shards: int = 4) -> dict[str, int]:
    return {
        "OpenShardCount": shards,
        "ShardLimit": 500,
        "OnDemandStreamCount": 1,
        "OnDemandStreamCountLimit": 50,
    }


def destination(status: str, **more: str) -> dict[str, Any]:
    return {"KinesisDataStreamDestinations": [{"StreamArn": STREAM_ARN, "DestinationStatus": status} | more]}


def delivery_stream(status: str) -> dict[str, Any]:
    return {"DeliveryStreamDescription": {"DeliveryStreamStatus": status}}


def ttl(status: str, attribute: str = "expiredAt") -> dict[str, Any]:
    return {"TimeToLiveDescription": {"TimeToLiveStatus": status, "AttributeName": attribute}}


HEALTHY: dict[str, Any] = {
    "get_caller_identity": {"Arn": USER},
    "describe_table": table(),
    "describe_time_to_live": ttl("ENABLED"),
    "scan": items({"N": SOON}),
    "describe_limits": limits(),
    "get_account_settings": {
        "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
    },
    "describe_stacks": stack(),
    "describe_kinesis_streaming_destination": destination("ACTIVE"),
    "list_event_source_mappings": mapping(),
    "describe_delivery_stream": delivery_stream("ACTIVE"),
    "get_bucket_versioning": {"Status": "Enabled"},
    "get_bucket_lifecycle_configuration": {"Rules": [RULE]},
    "list_objects_v2": {"Contents": [{"Size": 5_000_000}, {"Size": 10}]},
    "simulate_principal_policy": allowed,
    "get_role": {"Role": {"Arn": "arn:aws:iam::123456789012:role/team/Ops"}},
}


class Account:
    """Every service of an account: the answer of each operation, or the error code that it refuses with."""

    def __init__(self, **broken: Any) -> None:
        self._answers = HEALTHY | broken

    def __call__(self, service: str) -> Any:
        return self

    def get_paginator(self, operation: str) -> Any:
        call = getattr(self, operation)
        return SimpleNamespace(paginate=lambda **request: [call(**request)])

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        answer = self._answers[operation]

        def call(**request: Any) -> Any:
            if isinstance(answer, str):
                raise client_error(answer, operation)
            return answer(**request) if callable(answer) else answer

        return call


def doctor(**broken: Any) -> list[Finding]:
    return examine(Account(**broken), SETTINGS, "archive", NOW)


def troubles(found: list[Finding]) -> dict[str, tuple[Health, str, str]]:
    return {
        each.part: (each.health, each.text, each.remedy) for each in found if each.health is not Health.OK
    }


def test_a_healthy_account_has_no_trouble_and_every_part_is_named() -> None:
    found = doctor()

    assert troubles(found) == {}
    assert {each.part for each in found} == {
        "identity",
        "table",
        "TTL lag",
        "TTL",
        "quota",
        "stack",
        "drift",
        "destination",
        "mapping",
        "delivery stream",
        "bucket",
        "lifecycle",
        "permissions",
    }


BROKEN: list[tuple[dict[str, Any], str, Health, str, str]] = [
    ({"describe_time_to_live": ttl("DISABLED")}, "TTL", Health.PROBLEM, "nothing expires", "Enabled=true"),
    ({"describe_time_to_live": ttl("ENABLED", "ttl")}, "TTL", Health.PROBLEM, 'attribute "ttl"', "Correct"),
    ({"describe_table": table(TableStatus="DELETING")}, "table", Health.PROBLEM, "DELETING", "Wait"),
    (
        {"describe_table": table(Replicas=[{"RegionName": "eu-west-1"}])},
        "table",
        Health.WARNING,
        "eu-west-1",
        "infer_replica_ttl",
    ),
    (
        {"scan": items({"N": SOON + "000"})},
        "TTL",
        Health.PROBLEM,
        "1 of 1 sampled items",
        "init",
    ),
    ({"scan": items({"S": SOON})}, "TTL", Health.PROBLEM, "1 of 1 sampled items", "init"),
    (
        {"scan": items({"N": str(int(NOW.timestamp()) - 3 * 86_400)}, {"N": SOON})},
        "TTL lag",
        Health.WARNING,
        "1 of 2 sampled items expired more than 2 days ago",
        "later",
    ),
    ({"scan": {"Items": []}}, "TTL lag", Health.NOT_CHECKED, "none of 0", ""),
    (
        {"describe_kinesis_streaming_destination": {"KinesisDataStreamDestinations": []}},
        "destination",
        Health.PROBLEM,
        "its destinations: none",
        "attach = true",
    ),
    (
        {
            "describe_kinesis_streaming_destination": destination(
                "ENABLE_FAILED", DestinationStatusDescription="no stream"
            )
        },
        "destination",
        Health.PROBLEM,
        "ENABLE_FAILED: no stream",
        "deploy again",
    ),
    (
        {"list_event_source_mappings": mapping(OLD_STREAM)},
        "mapping",
        Health.PROBLEM,
        f"reads {OLD_STREAM}, and the table's current stream is {TABLE_STREAM}",
        "Deploy again",
    ),
    (
        {"list_event_source_mappings": mapping(state="Disabled")},
        "mapping",
        Health.PROBLEM,
        "u-1 is Disabled",
        "--uuid u-1 --enabled",
    ),
    (
        {"list_event_source_mappings": mapping(result="PROBLEM: no permission to read the stream")},
        "mapping",
        Health.PROBLEM,
        "reports PROBLEM: no permission to read the stream",
        "rights",
    ),
    ({"describe_table": table(LatestStreamArn=None)}, "mapping", Health.PROBLEM, "has no stream", "Deploy"),
    (
        {
            "describe_delivery_stream": {
                "DeliveryStreamDescription": {"DeliveryStreamStatus": "CREATING_FAILED"}
            }
        },
        "delivery stream",
        Health.PROBLEM,
        "CREATING_FAILED",
        "events",
    ),
    (
        {"get_bucket_versioning": {}},
        "bucket",
        Health.WARNING,
        "keeps no old versions",
        "put-bucket-versioning",
    ),
    (
        {"get_bucket_lifecycle_configuration": "NoSuchLifecycleConfiguration"},
        "lifecycle",
        Health.PROBLEM,
        "has no rule",
        "Deploy",
    ),
    (
        {"get_bucket_lifecycle_configuration": {"Rules": [RULE | {"Status": "Disabled"}]}},
        "lifecycle",
        Health.PROBLEM,
        "no enabled rule",
        "Deploy",
    ),
    (
        {"get_bucket_lifecycle_configuration": {"Rules": [RULE | {"Filter": {"Prefix": "archive/Other/"}}]}},
        "lifecycle",
        Health.PROBLEM,
        "no enabled rule",
        "Deploy",
    ),
    (
        {"list_objects_v2": {"Contents": [{"Size": 1000}]}},
        "lifecycle",
        Health.WARNING,
        "moves none of 1 sampled objects",
        "larger buffers",
    ),
    (
        {"describe_stacks": stack(drift="DRIFTED")},
        "drift",
        Health.WARNING,
        "changed by hand",
        "describe-stack",
    ),
    (
        {"describe_stacks": stack(drift="NOT_CHECKED")},
        "drift",
        Health.NOT_CHECKED,
        "has not looked",
        "detect-stack-drift",
    ),
    (
        {"describe_stacks": stack("UPDATE_ROLLBACK_FAILED")},
        "stack",
        Health.PROBLEM,
        "UPDATE_ROLLBACK_FAILED",
        "events",
    ),
    (
        {"describe_limits": limits(400)},
        "quota",
        Health.WARNING,
        "400 of 500 Kinesis shards",
        "Service Quotas",
    ),
    (
        {"get_caller_identity": {"Arn": "arn:aws:iam::123456789012:root"}},
        "permissions",
        Health.NOT_CHECKED,
        "cannot simulate",
        "",
    ),
]


@pytest.mark.parametrize(("broken", "part", "health", "says", "remedy"), BROKEN)
def test_a_broken_part_is_reported_with_its_remedy(
    broken: dict[str, Any], part: str, health: Health, says: str, remedy: str
) -> None:
    found = troubles(doctor(**broken))

    assert list(found) == [part]
    assert found[part][0] is health
    assert says in found[part][1]
    assert remedy in found[part][2]


def test_a_denied_action_is_named_with_its_resource() -> None:
    def simulate(**request: Any) -> dict[str, Any]:
        answer = allowed(**request)
        for result in answer["EvaluationResults"]:
            if result["EvalActionName"] == "s3:PutObject":
                result["EvalDecision"] = "implicitDeny"
        return answer

    health, text, remedy = troubles(doctor(simulate_principal_policy=simulate))["permissions"]

    assert health is Health.PROBLEM
    assert "s3:PutObject on arn:aws:s3:::my-archive/archive/Devices/*" in text
    assert "ReplayPolicy" in remedy


def test_a_session_is_simulated_as_its_role() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/Ops/me"
    (found,) = (f for f in doctor(get_caller_identity={"Arn": session}) if f.part == "permissions")

    assert found.text.startswith("arn:aws:iam::123456789012:role/team/Ops may run")


@pytest.mark.parametrize("operation", sorted(set(HEALTHY) - {"get_role", "describe_stacks"}))
def test_a_check_that_is_denied_is_not_ok(operation: str) -> None:
    found = troubles(doctor(**{operation: "AccessDeniedException"}))

    assert found
    assert {health for health, _, _ in found.values()} == {Health.NOT_CHECKED}


def test_a_table_that_does_not_exist_is_a_problem() -> None:
    gone = "ResourceNotFoundException"
    found = troubles(doctor(describe_table=gone, describe_kinesis_streaming_destination=gone))

    assert found["table"][0] is Health.PROBLEM
    assert found["destination"][0] is Health.PROBLEM


def test_without_its_stack_the_other_parts_are_checked() -> None:
    found = doctor(describe_stacks="ValidationError")

    assert [each.health for each in found if each.part in ("table", "TTL")] == [Health.OK, Health.OK]
    assert {part for part, each in troubles(found).items() if each[0] is Health.NOT_CHECKED} == {
        "stack",
        "road",
        "bucket",
        "permissions",
    }


def test_the_report_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_findings([each for broken, *_ in BROKEN for each in doctor(**broken)])

    lines = capsys.readouterr().out.splitlines()
    # An ARN, or a command to copy, is never broken.
    assert [line for line in lines if len(line) > 80 and len(line.split()) > 3] == []
    assert lines[-1].startswith("answer")


@pytest.mark.parametrize(("broken", "exit_code"), [({}, 0), ({"describe_time_to_live": ttl("DISABLED")}, 1)])
def test_the_exit_code_says_whether_there_is_a_problem(
    broken: dict[str, Any], exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "archive.toml"
    file.write_text('[table]\nname = "Devices"\nttl_attribute = "expiredAt"\n')
    monkeypatch.setattr(doctor_steps, "clients_of_command", lambda *_: Account(scan={"Items": []}, **broken))

    result = CliRunner().invoke(cli, ["doctor", "--config", str(file), "--json"])

    assert result.exit_code == exit_code, result.output
    assert {"part", "health", "text", "remedy"} == set(json.loads(result.stdout)[0])
