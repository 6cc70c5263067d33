"""The managed policies allow what the real commands call, and nothing that none of them calls.

The commands run on the local pipeline; a botocore hook records every call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from tests.infra.doctor.test_doctor import NOW, SETTINGS, USER, Account
from tests.infra.templates import ACCOUNT, REGION, Template, listed
from tests.infra.test_roles import calls, room
from tests.replay import discarded
from tests.transform.fakes_forwarder import removal
from ttl_archive import replay
from ttl_archive.infra.cli import cli
from ttl_archive.infra.doctor.doctor_steps import examine
from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.infra.local.dynamodb.table_export import TableExport, full_line
from ttl_archive.infra.local.resources import FAILURE_BUCKET

TABLE = "defaults"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = f"""
[table]
name = "{TABLE}"
ttl_attribute = "expiredAt"

[[columns]]
name = "device_id"
path = "deviceID"
"""
ITEM = {"deviceID": {"S": "d1"}, "expiredAt": {"N": str(int(START.timestamp()))}}
POISON = {**ITEM, "deviceID": {"S": "d2"}, "device_id": {"S": "meets the column of deviceID"}}
# Calls that need no permission. Source: AWS Security Token Service API Reference, GetCallerIdentity.
FREE = {"sts:GetCallerIdentity"}
# Allowed for options that the recorded runs do not use, with the calls of replay/sinks/stream_sink.py (--sink
# kinesis) and replay/distributed_map.py (--distributed).
FOR_OPTIONS = {
    "kinesis:DescribeStreamSummary",
    "kinesis:PutRecords",
    "states:DescribeExecution",
    "states:DescribeMapRun",
    "states:ListMapRuns",
    "states:StartExecution",
}


@dataclass
class Recorder:
    """The calls of a command, as pairs of an IAM action and the resource's ARN."""

    arns: dict[str, str]  # of the buckets, by the names that the pipeline gives them
    calls: set[tuple[str, str]] = field(default_factory=set)
    puts: set[str] = field(default_factory=set)  # keys, each with its condition
    is_on: bool = False  # the pipeline's own calls are not recorded

    def record(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Note one call; registered for the event before-parameter-build."""
        if not self.is_on:
            return
        service = model.service_model.service_name
        if service == "s3":
            self.calls |= set(self._s3(model.name, params))
        else:
            table = params.get("TableName", "")
            arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:table/{table}"
            self.calls.add((f"{service}:{model.name}", arn))

    def _s3(self, name: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the permissions of an operation. Source: S3 User Guide, required permissions."""
        bucket_arn = self.arns[params["Bucket"]]
        key_arn = f"{bucket_arn}/{params.get('Key', '')}"
        version = "Version" if "VersionId" in params else ""
        match name:
            case "ListObjectsV2":
                yield "s3:ListBucket", bucket_arn
            case "ListObjectVersions":
                yield "s3:ListBucketVersions", bucket_arn
            case "GetBucketVersioning":
                yield "s3:GetBucketVersioning", bucket_arn
            case "PutObject":
                condition = " with If-None-Match" if "IfNoneMatch" in params else ""
                yield "s3:PutObject", key_arn
                self.puts.add(f"{params['Key']}{condition}")
            case "HeadObject" | "GetObject":
                yield f"s3:GetObject{version}", key_arn
                yield "s3:ListBucket", bucket_arn  # without it a missing object is a 403
            case "CopyObject":
                bucket, source, source_version = _copy_source(params["CopySource"])
                yield f"s3:GetObject{'Version' if source_version else ''}", f"{self.arns[bucket]}/{source}"
                yield "s3:PutObject", key_arn
            case "DeleteObject":
                yield f"s3:DeleteObject{version}", key_arn
            case _:
                yield f"s3:{name}", key_arn


def _copy_source(source: Any) -> tuple[str, str, str]:
    """Return bucket, key and version of a CopySource in either form of boto3."""
    if isinstance(source, dict):
        return source["Bucket"], source["Key"], source.get("VersionId", "")
    bucket, _, rest = str(source).partition("/")
    key, _, version = rest.partition("?versionId=")
    return bucket, key, version


@dataclass
class Operator:
    """A person at the command line, on the endpoints of a local pipeline."""

    pipeline: Pipeline
    recorder: Recorder

    def run(self, *words: str) -> Result:
        """Run a command in this process."""
        self.recorder.is_on = True
        try:
            return CliRunner().invoke(cli, words)
        finally:
            self.recorder.is_on = False

    def calls(self) -> set[tuple[str, str]]:
        """Return what was called since the last time."""
        found, self.recorder.calls = self.recorder.calls, set()
        return found


@contextmanager
def recorded(
    pipeline: Pipeline, arns: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operator]:
    """Let the commands of this process run on the pipeline, and record their calls."""
    recorder = Recorder(arns)
    for name, value in pipeline.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    original = boto3.Session.__init__

    def recording(session: boto3.Session, *args: Any, **more: Any) -> None:
        original(session, *args, **more)
        session.events.register("before-parameter-build", recorder.record)

    monkeypatch.setattr(boto3.Session, "__init__", recording)
    yield Operator(pipeline, recorder)


def bucket_arn(template: Template, id: str) -> str:  # noqa: A002
    """The ARN of a bucket of the stack, as the templates of the tests have it."""
    (name,) = template.ids("AWS::S3::Bucket", id)
    return f"arn:aws:s3:::{name.lower()[:60]}"


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defaults: Template) -> Iterator[Operator]:
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG)
    with Pipeline(file, keys={"deviceID": "S"}, clock=Clock(START)) as pipeline:
        for item in (ITEM, POISON):
            pipeline.dynamodb.put_item(TableName=TABLE, Item=item)
            pipeline.sweep()
            pipeline.flush()
        arns = {pipeline.bucket: bucket_arn(defaults, "StorageBucket")}
        with recorded(pipeline, arns, tmp_path, monkeypatch) as found:
            yield found


@pytest.fixture
def streams_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, templates: dict[str, Template]
) -> Iterator[Operator]:
    """A person with one discarded batch: a removal that becomes a row, and one that does not."""
    file = tmp_path / "archive.toml"
    file.write_text(CONFIG.replace(TABLE, "streams"))
    template, arn = templates["streams"], discarded.STREAM_ARN.replace("devices", "streams")
    records = [removal(1, eventSourceARN=arn), removal(2, {"n": {"N": "one"}}, eventSourceARN=arn)]
    with Pipeline(file, road="streams", keys={"deviceID": "S"}, clock=Clock(START)) as pipeline:
        pipeline.s3.put_object(
            Bucket=FAILURE_BUCKET, Key=discarded.KEY, Body=discarded.discarded_batch(records)
        )
        arns = {
            pipeline.bucket: bucket_arn(template, "StorageBucket"),
            FAILURE_BUCKET: bucket_arn(template, "Failures"),
        }
        with recorded(pipeline, arns, tmp_path, monkeypatch) as found:
            yield found


def statements(template: Template, policy: str) -> list[dict[str, Any]]:
    found = template.one("AWS::IAM::ManagedPolicy", f"Policies{policy}")["PolicyDocument"]["Statement"]
    return [statement for statement in found if statement["Effect"] == "Allow"]


def denied(template: Template, policy: str, calls: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the calls that no statement of the policy allows."""
    allowed = [
        (action, resource)
        for statement in statements(template, policy)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    return sorted(
        (action, arn)
        for action, arn in calls
        if action not in FREE
        and not any(action == given and fnmatchcase(arn, pattern) for given, pattern in allowed)
    )


def unused(template: Template, policy: str, calls: set[tuple[str, str]]) -> set[str]:
    """Return the allowed actions that no call needed."""
    given = {action for statement in statements(template, policy) for action in listed(statement["Action"])}
    return given - {action for action, _ in calls} - FOR_OPTIONS


def test_replay_is_allowed_what_it_calls(operator: Operator, defaults: Template) -> None:
    (key,) = operator.pipeline.objects("errors/")
    bucket = operator.pipeline.bucket
    results = [
        operator.run("replay", "list", "--bucket", bucket, "--why"),
        operator.run("replay", "inspect", f"s3://{bucket}/{key}"),
        operator.run("replay", "plan", "--bucket", bucket),
        operator.run("replay", "run", "replay-plan.json"),
    ]
    calls = operator.calls()

    assert [result.exit_code for result in results] == [0, 0, 0, 3], [result.output for result in results]
    assert denied(defaults, "Replay", calls) == []
    assert unused(defaults, "Replay", calls) == set()


def test_replay_allows_what_backfill_calls(operator: Operator, templates: dict[str, Template]) -> None:
    case, bucket = "every-option", operator.pipeline.bucket
    operator.recorder.arns[bucket] = bucket_arn(templates[case], "StorageBucket")
    export = TableExport(case, START, f"exports/{case}/dt=2026-03-01", bucket)
    lines = [full_line({**ITEM, "expiredAt": {"N": str(int(START.timestamp()) - 60)}})]
    for key, body in export.objects(lines).items():
        operator.pipeline.s3.put_object(Bucket=bucket, Key=key, Body=body)
    Path("backfilled.toml").write_text(
        CONFIG.replace(TABLE, case).replace("[[", 'keys = ["deviceID"]\nbackfilled = true\n[[')
    )
    words = ("backfill", f"s3://{bucket}/exports/{case}", "--bucket", bucket, "--config", "backfilled.toml")
    results = [operator.run(*words, "--yes"), operator.run(*words, "--compare")]

    assert [result.exit_code for result in results] == [0, 0], [result.output for result in results]
    assert denied(templates[case], "Replay", operator.calls()) == []


def test_replay_may_start_both_state_machines(templates: dict[str, Template]) -> None:
    machines = {
        resource.rpartition(":")[2]
        for each in statements(templates["every-option"], "Replay")
        for resource in listed(each["Resource"])
        if "states:StartExecution" in listed(each["Action"])
    }
    found = templates["every-option"].ids("AWS::StepFunctions::StateMachine", "Map")

    assert machines == {name.lower()[:60] for name in found}
    assert len(machines) == 2


def test_waive_and_retire_are_allowed_what_they_call(operator: Operator, defaults: Template) -> None:
    (key,) = operator.pipeline.objects("errors/")
    bucket = operator.pipeline.bucket
    assert operator.run("replay", "run", "--bucket", bucket, "--yes").exit_code == 3
    operator.calls()
    results = [
        operator.run("replay", "waive", f"s3://{bucket}/{key}", "--reason", "a test item"),
        operator.run("replay", "retire", "--bucket", bucket, "--yes"),
    ]
    calls = operator.calls()

    assert [result.exit_code for result in results] == [0, 0], [result.output for result in results]
    assert operator.pipeline.objects("errors/") == {}
    assert denied(defaults, "Resolve", calls) == []
    assert unused(defaults, "Resolve", calls) == set()


def test_discarded_batches_are_replayed_and_retired_with_what_is_allowed(
    streams_operator: Operator, templates: dict[str, Template]
) -> None:
    operator, template = streams_operator, templates["streams"]
    place = ("--bucket", operator.pipeline.bucket, "--on-failure", FAILURE_BUCKET)
    url = f"s3://{FAILURE_BUCKET}/{discarded.KEY}"
    results = [
        operator.run("replay", "list", *place, "--why"),
        operator.run("replay", "inspect", "--bucket", operator.pipeline.bucket, url),
        operator.run("replay", "plan", *place),
        operator.run("replay", "run", "replay-plan.json"),
    ]
    replayed = operator.calls()
    results += [
        operator.run(
            "replay", "waive", "--bucket", operator.pipeline.bucket, f"{url}:2", "--reason", "a test item"
        ),
        operator.run("replay", "retire", *place, "--yes"),
    ]
    resolved = operator.calls()

    assert [result.exit_code for result in results] == [0, 0, 0, 3, 0, 0], [r.output for r in results]
    assert "Contents" not in operator.pipeline.s3.list_objects_v2(Bucket=FAILURE_BUCKET)
    assert denied(template, "Replay", replayed) == []
    assert denied(template, "Resolve", resolved) == []
    in_failures = operator.recorder.arns[FAILURE_BUCKET]
    assert {action for action, arn in replayed if arn.startswith(in_failures)} == {
        "s3:GetObject",
        "s3:ListBucket",
    }
    assert ("s3:DeleteObject", f"{in_failures}/{discarded.KEY}") in denied(template, "Replay", resolved)


def test_restore_is_allowed_what_it_calls(operator: Operator, defaults: Template) -> None:
    operator.pipeline.clock.advance(days=31)
    assert operator.pipeline.apply_lifecycle()
    words = ("restore", "--bucket", operator.pipeline.bucket, "--to-table", TABLE, "--ttl", "remove", "--yes")
    first = operator.run(*words, "--no-wait")
    operator.pipeline.clock.advance(hours=6)
    second = operator.run(*words)
    calls = operator.calls()

    assert (first.exit_code, second.exit_code) == (3, 0), first.output + second.output
    assert denied(defaults, "Restore", calls) == []
    assert unused(defaults, "Restore", calls) == set()


# The calls of `doctor`, by the operations of the scripted account, where the permission has another name.
OTHER_NAMES = {
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "list_objects_v2": "s3:ListBucket",
}
# Athena needs these on behalf of its caller, and infra/query/athena_runner.py makes the first four calls.
BY_ATHENA = {
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
    "glue:GetDatabase",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
}


class RecordedAccount(Account):
    """The scripted account, which notes the permission for each call."""

    def __init__(self, arn: str) -> None:
        super().__init__(get_caller_identity={"Arn": arn})
        self.actions: set[str] = set()

    def __call__(self, service: str) -> Any:
        """Return a client of one service."""
        return _RecordedClient(self, service)


@dataclass
class _RecordedClient:
    account: RecordedAccount
    service: str

    def get_paginator(self, operation: str) -> Any:
        """Return the paginator of an operation, with one page."""
        return SimpleNamespace(paginate=lambda **request: [getattr(self, operation)(**request)])

    def __getattr__(self, operation: str) -> Any:
        name = "".join(word.capitalize() for word in operation.split("_"))
        self.account.actions.add(OTHER_NAMES.get(operation, f"{self.service}:{name}"))
        return getattr(self.account, operation)


def doctor_actions() -> set[str]:
    """Return what `doctor` calls for a user, and for a session of a role."""
    actions: set[str] = set()
    for arn in (USER, "arn:aws:sts::123456789012:assumed-role/Ops/me"):
        account = RecordedAccount(arn)
        examine(account, SETTINGS, "archive", NOW)
        actions |= account.actions
    return actions


def test_verify_report_and_doctor_are_allowed_what_they_call(
    operator: Operator, defaults: Template, tmp_path: Path
) -> None:
    bucket, page = operator.pipeline.bucket, str(tmp_path / "report.html")
    operator.pipeline.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    day = ("--since", f"{START:%Y-%m-%d}", "--until", "2026-03-02")
    results = [
        operator.run("verify", "--bucket", bucket, *day),  # open: the poisoned record
        operator.run(
            "verify", "--bucket", bucket, "--since", "2026-02-28", "--until", "2026-03-01", "--seal"
        ),
        operator.run("report", "--on", "s3", "--bucket", bucket, "--out", page),
    ]
    calls = operator.calls()
    actions = doctor_actions()
    allowed = {a for statement in statements(defaults, "Audit") for a in listed(statement["Action"])}

    assert [result.exit_code for result in results] == [1, 0, 0], [result.output for result in results]
    assert operator.recorder.puts == {"audit/table=defaults/dt=2026-02-28/0001.json with If-None-Match"}
    assert denied(defaults, "Audit", calls) == []
    assert actions - FREE <= allowed
    assert unused(defaults, "Audit", calls | {(action, "any") for action in actions}) == BY_ATHENA


def every_statement(value: Any) -> Iterator[dict[str, Any]]:
    """Yield each statement that allows something, wherever it is in a resource."""
    if isinstance(value, dict):
        if value.get("Effect") == "Allow":
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from every_statement(each)


def test_only_the_policy_of_auditors_may_write_seals_and_it_may_replace_none(template: Template) -> None:
    kinds = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::S3::BucketPolicy")
    putting = [
        (name, statement)
        for kind in kinds
        for name, properties in template.every(kind).items()
        for statement in every_statement(properties)
        if any(fnmatchcase("s3:PutObject", action) for action in listed(statement["Action"]))
    ]
    (seals,) = (
        resource
        for name, statement in putting
        for resource in listed(statement["Resource"])
        if "/audit/" in resource
    )
    may_write = [
        (name, statement["Condition"])
        for name, statement in putting
        if any(fnmatchcase(seals, pattern) for pattern in listed(statement["Resource"]))
    ]

    ((name, condition),) = may_write
    assert "PoliciesAudit" in name
    assert condition == {"Null": {"s3:if-none-match": "false"}}


def test_the_comparison_can_fail(operator: Operator, defaults: Template) -> None:
    """The policy for restore does not allow replay."""
    operator.run("replay", "plan", "--bucket", operator.pipeline.bucket)

    assert denied(defaults, "Restore", operator.calls())


def test_the_options_call_what_they_are_allowed() -> None:
    """The calls of the two modules, read from their code."""
    found = calls(room(replay), "stepfunctions") | calls(room(replay) / "sinks", "kinesis")
    allowed = {action.partition(":")[2] for action in FOR_OPTIONS}

    assert allowed - {"PutRecords"} <= found  # put_records is called through transform/reingest.py


def test_the_policies_are_outputs(template: Template) -> None:
    assert {"ReplayPolicy", "RestorePolicy", "ResolvePolicy", "AuditPolicy"} <= set(
        template.document["Outputs"]
    )
