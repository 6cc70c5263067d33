"""The functions in the template."""

import io
import re
import zipfile
from pathlib import Path

import boto3
from moto import mock_aws

from tests.infra.templates import Template
from ttl_archive import infra
from ttl_archive.infra.attachment.deployed_road import METRIC_DELAY_S
from ttl_archive.infra.layout_guard import TIMEOUT_S

README = Path(infra.__file__).parent / "README.md"

FUNCTION = "AWS::Lambda::Function"


def test_the_transform_runs_on_arm_with_the_time_that_firehose_allows(defaults: Template) -> None:
    function = defaults.one(FUNCTION, "Transform")

    assert (function["Architectures"], function["Runtime"]) == (["arm64"], "python3.13")
    assert (function["MemorySize"], function["Timeout"]) == (512, 300)
    assert function["Handler"] == "ttl_archive.transform.handler.handler"


def test_architecture_and_memory_by_choice(templates: dict[str, Template]) -> None:
    assert templates["parquet-with-backup"].one(FUNCTION, "Transform")["Architectures"] == ["x86_64"]
    assert templates["envelope-in-shared-bucket"].one(FUNCTION, "Transform")["MemorySize"] == 256


def test_every_function_writes_json_to_its_own_log_group_with_a_retention(template: Template) -> None:
    groups = template.every("AWS::Logs::LogGroup")
    used = [function["LoggingConfig"] for function in template.every(FUNCTION).values()]

    assert len({logging["LogGroup"] for logging in used}) == len(used)
    assert {logging["LogFormat"] for logging in used} == {"JSON"}
    assert {group["RetentionInDays"] for group in groups.values()} <= {90, 30}


def test_log_retention_by_choice(templates: dict[str, Template]) -> None:
    groups = templates["envelope-in-shared-bucket"].every("AWS::Logs::LogGroup")

    assert {group["RetentionInDays"] for group in groups.values()} == {30}


def test_firehose_calls_an_alias(kinesis_template: Template) -> None:
    assert kinesis_template.one("AWS::Lambda::Alias")["Name"] == "live"


def test_the_fast_handler_by_choice(templates: dict[str, Template]) -> None:
    function = templates["every-option"].one(FUNCTION, "Transform")

    assert function["Handler"] == "ttl_archive.transform.fast_handler.handler"


def test_cloudformation_waits_for_a_custom_resource_a_little_longer_than_its_function(
    template: Template,
) -> None:
    """3,600 s at most. Source: CFN-t, AWS::CloudFormation::CustomResource, ServiceTimeout."""
    timeouts = {
        f"arn:aws:lambda:us-east-1:123456789012:function:{name.lower()[:60]}": function["Timeout"]
        for name, function in template.every(FUNCTION).items()
    }
    custom = [
        properties
        for name, resource in template.resources.items()
        if resource["Type"].startswith("Custom::")
        for properties in template.every(resource["Type"], f"^{name}$").values()
    ]

    assert len(custom) >= 3
    for properties in custom:
        own = timeouts[properties["ServiceToken"]]
        assert own < int(properties["ServiceTimeout"]) <= own + 60


def test_the_waits_of_the_drain_guard_fit_into_its_function() -> None:
    assert METRIC_DELAY_S + 120 < TIMEOUT_S


def test_an_earlier_version_is_restored_with_the_command_of_the_readme() -> None:
    """Run against moto's Lambda, with the versions that CloudFormation keeps."""
    command = re.search(r"aws lambda update-alias ((?:.*\\\n)*.*)", README.read_text())
    assert command
    options = dict(zip(*[iter(command[1].replace("\\\n", " ").split())] * 2, strict=True))
    with mock_aws():
        client = boto3.client("lambda", region_name="us-east-1")
        role = boto3.client("iam", region_name="us-east-1").create_role(
            RoleName="role", AssumeRolePolicyDocument="{}"
        )["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        client.create_function(
            FunctionName="f",
            Role=role,
            Runtime="python3.13",
            Handler="h.h",
            Code={"ZipFile": code.getvalue()},
        )
        first, second = (client.publish_version(FunctionName="f")["Version"] for _ in range(2))
        client.create_alias(FunctionName="f", Name="live", FunctionVersion=second)
        client.update_alias(FunctionName="f", Name=options["--name"], FunctionVersion=first)
        live = client.get_alias(FunctionName="f", Name="live")["FunctionVersion"]

    assert set(options) == {"--function-name", "--name", "--function-version"}
    assert (options["--name"], live) == ("live", first)


def test_every_version_is_kept_unless_its_own_update_fails(kinesis_template: Template) -> None:
    (name,) = kinesis_template.ids("AWS::Lambda::Version")

    assert kinesis_template.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert kinesis_template.resources[name]["UpdateReplacePolicy"] == "Retain"


def test_the_stack_has_exactly_these_functions(defaults: Template) -> None:
    handlers = {function["Handler"] for function in defaults.every(FUNCTION).values()}

    assert handlers == {
        "ttl_archive.transform.handler.handler",
        "ttl_archive.replay.map_handler.handler",
        "ttl_archive.infra.attachment.attach_handler.handler",
        "ttl_archive.infra.attachment.guard_handler.handler",
        "ttl_archive.infra.athena_views.views_handler.handler",
    }
