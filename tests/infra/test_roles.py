"""The roles: every granted action is one that the code calls or that AWS's documents require."""

import ast
from collections.abc import Iterable
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.infra.stacks import CASES, deploy_of, settings_of, table_of
from tests.infra.templates import Template, listed
from ttl_archive import infra, replay, transform

LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
# What a caller of EnableKinesisStreamingDestination needs. Source: DynamoDB Developer Guide, kds.
ON_BEHALF = {
    "kinesis:DescribeStream",
    "kinesis:ListStreams",
    "kinesis:PutRecords",
    "iam:CreateServiceLinkedRole",
}
# Source: Amazon Data Firehose Developer Guide, controlling-access.
FIREHOSE = {
    "kinesis:DescribeStream",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "lambda:GetFunctionConfiguration",
    "lambda:InvokeFunction",
    "logs:PutLogEvents",
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:PutObject",
}
# Source: Athena User Guide, example-policies-workgroup; fine-grained-access-to-glue-resources.
VIEWS = {
    "glue:CreateTable",
    "glue:DeleteTable",
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
    "glue:UpdateTable",
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}
RELATIONS = ("archive", "archive_unique", "archive_latest", "archive_history", "errors")
GLUE = {"glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"}
# Permissions of S3 operations with other names. Source: S3 User Guide, required permissions for operations.
S3_ACTIONS = {
    "GetObject": {"s3:GetObject"},
    "HeadObject": {"s3:GetObject", "s3:ListBucket"},  # without ListBucket a missing object is a 403
    "PutObject": {"s3:PutObject"},
}
# The replay command makes these calls, its function does not: a person retires with their own permissions.
COMMAND_ONLY = {"CopyObject", "DeleteObject"}


def calls(folder: Path, service: str) -> set[str]:
    """Return the operations of a service that the code in a folder calls on any client."""
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name): name for name in model.operation_names}
    names = {
        node.attr
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
    }
    return {operations[name] for name in names & set(operations)}


def room(package: object) -> Path:
    return Path(str(package.__file__)).parent  # type: ignore[attr-defined]


def of(actions: Iterable[str], service: str) -> set[str]:
    return {action.partition(":")[2] for action in actions if action.startswith(f"{service}:")}


def without_kms(actions: set[str]) -> set[str]:
    return {action for action in actions if not action.startswith("kms:")}


def test_the_transform_may_only_re_ingest(kinesis_template: Template, kinesis_case: str) -> None:
    granted = without_kms(kinesis_template.actions("TransformRole"))
    puts = {f"kinesis:{operation}" for operation in calls(room(transform), "kinesis")}

    assert puts == {"kinesis:PutRecords"}
    assert granted == LOG | (puts if settings_of(kinesis_case).output.overflow == "reingest" else set())


def test_the_transform_may_only_put_into_its_own_stream(defaults: Template) -> None:
    (name,) = defaults.ids("AWS::Kinesis::Stream")
    (statement,) = [
        s for s in defaults.statements("TransformRole") if "kinesis:PutRecords" in listed(s["Action"])
    ]

    assert statement["Resource"] == f"arn:aws:kinesis:us-east-1:123456789012:stream/{name.lower()[:60]}"


# The calls of attachment/source_stream.py alone.
TABLE_STREAM = {"DescribeTable", "UpdateTable"}


def test_the_finder_of_the_stream_may_turn_it_on(streams_template: Template) -> None:
    for role in streams_template.ids("AWS::IAM::Role", "StreamFinder"):
        granted = streams_template.actions(f"^{role}$")

        assert granted == {f"dynamodb:{name}" for name in (*TABLE_STREAM, "DescribeTimeToLive")} | LOG


def test_the_attacher_may_do_its_calls_and_what_dynamodb_requires_of_a_caller(defaults: Template) -> None:
    granted = defaults.actions("AttacherRole")
    called = calls(room(infra) / "attachment", "dynamodb") - TABLE_STREAM

    assert of(granted, "dynamodb") == called
    assert granted == {f"dynamodb:{operation}" for operation in called} | ON_BEHALF | LOG


def test_the_attacher_may_only_change_its_own_table(defaults: Template) -> None:
    for statement in defaults.statements("AttacherRole"):
        if "dynamodb:EnableKinesisStreamingDestination" in listed(statement["Action"]):
            assert statement["Resource"] == "arn:aws:dynamodb:us-east-1:123456789012:table/defaults"


def test_the_views_may_do_their_calls_and_what_athena_does_with_the_callers_rights(
    template: Template,
) -> None:
    called = {f"athena:{operation}" for operation in calls(room(infra) / "athena_views", "athena")}

    assert called == {"athena:StartQueryExecution", "athena:GetQueryExecution"}
    assert without_kms(template.actions("RelationsViewsRole")) == LOG | called | VIEWS


def test_the_views_may_only_write_the_relations_of_their_database(defaults: Template) -> None:
    glue = "arn:aws:glue:us-east-1:123456789012"
    database = deploy_of("defaults").database
    (statement,) = [
        s for s in defaults.statements("RelationsViewsRole") if "glue:DeleteTable" in listed(s["Action"])
    ]

    assert set(listed(statement["Resource"])) == {
        f"{glue}:catalog",
        f"{glue}:database/{database}",
        *(f"{glue}:table/{database}/{name}" for name in RELATIONS),
    }


def test_the_guard_may_look_and_write_its_record_and_nothing_else(defaults: Template) -> None:
    granted = defaults.actions("^ArchiveGuardRole")

    assert granted == LOG | {
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "cloudwatch:GetMetricData",
        "dynamodb:DescribeKinesisStreamingDestination",
        "dynamodb:DescribeTimeToLive",
        "firehose:DescribeDeliveryStream",
        "glue:GetDatabase",
        "glue:GetTables",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    }


def test_the_guard_may_write_only_the_record_of_its_table_in_its_account(defaults: Template) -> None:
    (statement,) = [
        s for s in defaults.statements("^ArchiveGuardRole") if "s3:PutObject" in listed(s["Action"])
    ]

    assert statement["Resource"] == "arn:aws:s3:::*/replay/table=defaults/layout.json"
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}


def test_firehose_may_do_the_documented_actions(kinesis_template: Template, kinesis_case: str) -> None:
    granted = without_kms(kinesis_template.actions("DeliveryRole"))

    assert granted == FIREHOSE | (GLUE if deploy_of(kinesis_case).parquet else set())


def test_firehose_may_call_its_alias(kinesis_template: Template) -> None:
    delivery = kinesis_template.one("AWS::KinesisFirehose::DeliveryStream")[
        "ExtendedS3DestinationConfiguration"
    ]
    (processor,) = delivery["ProcessingConfiguration"]["Processors"]
    called = {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]}["LambdaArn"]
    (statement,) = [
        s
        for s in kinesis_template.statements("DeliveryRole")
        if "lambda:InvokeFunction" in listed(s["Action"])
    ]

    assert listed(statement["Resource"]) == [called]


def test_firehose_may_only_write_the_folders_of_its_table(
    kinesis_template: Template, kinesis_case: str
) -> None:
    (statement,) = [
        s for s in kinesis_template.statements("DeliveryRole") if "s3:PutObject" in listed(s["Action"])
    ]
    folders = {arn.split("/", 1)[1] for arn in listed(statement["Resource"])}
    backup = {f"source/{table_of(kinesis_case)}/*"} if deploy_of(kinesis_case).source_backup else set()

    assert folders == {f"archive/{table_of(kinesis_case)}/*", f"errors/{table_of(kinesis_case)}/*"} | backup


def test_only_firehose_of_this_account_assumes_its_role(kinesis_template: Template) -> None:
    (statement,) = kinesis_template.one("AWS::IAM::Role", "DeliveryRole")["AssumeRolePolicyDocument"][
        "Statement"
    ]

    assert statement["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "123456789012"}}


def test_only_step_functions_of_this_account_assumes_its_role(template: Template) -> None:
    (statement,) = template.one("AWS::IAM::Role", "^ArchiveReplayMapRole")["AssumeRolePolicyDocument"][
        "Statement"
    ]

    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_the_map_may_list_errors_call_the_function_and_write_results(defaults: Template) -> None:
    """Source: AWS Step Functions Developer Guide, IAM policies for Distributed Map."""
    assert defaults.actions("^ArchiveReplayMapRole") == {
        "lambda:InvokeFunction",
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
        "states:DescribeExecution",
        "states:StartExecution",
        "states:StopExecution",
    }


def test_replay_may_not_delete(template: Template) -> None:
    assert not [action for action in template.actions("ReplayMapReplayRole") if "Delete" in action]


def test_replay_may_do_its_calls(templates: dict[str, Template], case: str) -> None:
    folders = [room(replay), room(replay) / "error_objects", room(replay) / "sinks"]  # what its zip holds
    operations = set().union(*(calls(folder, "s3") for folder in folders)) - COMMAND_ONLY
    objects = set().union(*(S3_ACTIONS[operation] for operation in operations))
    replays = set().union(*(calls(folder, "kinesis") for folder in folders)) | {"PutRecords"}
    stream = {f"kinesis:{operation}" for operation in replays}
    granted = without_kms(templates[case].actions("ReplayMapReplayRole"))

    assert granted == objects | LOG | (stream if deploy_of(case).parquet else set())


def test_no_action_has_a_wildcard(template: Template) -> None:
    for name in template.ids("AWS::IAM::Role"):
        assert not [action for action in template.actions(f"^{name}$") if "*" in action]


def test_a_resource_is_a_wildcard_only_where_the_action_has_none(template: Template) -> None:
    for name in template.ids("AWS::IAM::Role"):
        for statement in template.statements(f"^{name}$"):
            if "*" in listed(statement["Resource"]):
                assert set(listed(statement["Action"])) <= {
                    "kinesis:ListStreams",
                    "cloudwatch:GetMetricData",
                    "lambda:ListEventSourceMappings",
                }


@pytest.mark.parametrize("case", [case for case in CASES if deploy_of(case).kms_key_arn])
def test_the_customer_key_is_used_only_through_its_service(templates: dict[str, Template], case: str) -> None:
    template = templates[case]
    keyed = [
        statement
        for name in template.ids("AWS::IAM::Role")
        for statement in template.statements(f"^{name}$")
        if any(action.startswith("kms:") for action in listed(statement["Action"]))
    ]

    assert keyed
    deploy = deploy_of(case)
    own = {deploy.operations_key_arn, deploy.replica_key_arn}
    for statement in keyed:
        keys = set(listed(statement["Resource"]))
        if keys <= own - {*deploy.readable_key_arns}:
            continue
        assert keys <= set(deploy.readable_key_arns)
        assert statement["Condition"]["StringEquals"]["kms:ViaService"].endswith(".us-east-1.amazonaws.com")


def test_no_managed_policy_is_attached(template: Template) -> None:
    for role in template.every("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
