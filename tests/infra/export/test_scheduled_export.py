"""[export] in the template: who may do what, when it runs, and what is kept."""

import json

import pytest

from tests.infra.stacks import CASES, settings_of
from tests.infra.templates import Template, listed
from ttl_archive.infra.deploy_settings import SECTIONS
from ttl_archive.infra.export.export_settings import ExportSettings, load_export
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.settings import parse

EXPORTING = [case for case in CASES if load_export(settings_of(case))]
WITHOUT = [case for case in CASES if case not in EXPORTING]
DOCUMENT = {"table": {"name": "devices", "ttl_attribute": "ttl"}}


@pytest.fixture(params=EXPORTING)
def exporting(templates: dict[str, Template], request: pytest.FixtureRequest) -> Template:
    """The template of each case with [export]."""
    return templates[request.param]


@pytest.mark.parametrize("case", WITHOUT)
def test_without_the_section_nothing_is_exported(templates: dict[str, Template], case: str) -> None:
    assert not templates[case].ids("AWS::Scheduler::Schedule", "Export")
    assert not templates[case].ids("AWS::StepFunctions::StateMachine", "Export")


def test_the_schedule_passes_its_own_time_as_the_end_of_the_window(exporting: Template) -> None:
    schedule = exporting.one("AWS::Scheduler::Schedule", "Export")

    assert json.loads(schedule["Target"]["Input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    assert schedule["ScheduleExpression"] in ("rate(1440 minutes)", "rate(43200 minutes)")
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    (machine,) = exporting.ids("AWS::StepFunctions::StateMachine", "Export")
    assert schedule["Target"]["Arn"] == exporting.resolve({"Ref": machine})


def test_the_scheduler_may_start_this_machine_only_and_only_from_its_group(exporting: Template) -> None:
    (machine,) = exporting.ids("AWS::StepFunctions::StateMachine", "Export")
    role = exporting.one("AWS::IAM::Role", "ExportStartRole")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    (statement,) = exporting.statements("ExportStartRole")

    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert ":schedule-group/" in trust["Condition"]["StringEquals"]["aws:SourceArn"]
    assert (statement["Action"], statement["Resource"]) == (
        "states:StartExecution",
        exporting.resolve({"Ref": machine}),
    )


def test_the_machine_may_export_this_table_into_this_folder_only(
    templates: dict[str, Template],
) -> None:
    for case in EXPORTING:
        template = templates[case]
        (name,) = template.ids("AWS::IAM::Role", "ExportRole")
        statements = template.statements(f"^{name}$")
        actions = {action for each in statements for action in listed(each["Action"])}
        assert {action for action in actions if not action.startswith("kms:")} == {
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:DescribeExport",
            "dynamodb:ExportTableToPointInTime",
            "lambda:InvokeFunction",
            "s3:AbortMultipartUpload",
            "s3:PutObject",
            "s3:PutObjectAcl",
        }
        resources = [resource for each in statements for resource in listed(each["Resource"])]
        tables = [resource for resource in resources if ":dynamodb:" in resource]
        assert all(f":table/{case}" in resource for resource in tables)
        objects = [resource for resource in resources if ":s3:::" in resource]
        assert all(resource.endswith(f"/exports/{case}/*") for resource in objects)


def test_the_function_may_touch_the_one_record_only(templates: dict[str, Template]) -> None:
    for case in EXPORTING:
        statements = templates[case].statements("ExportWindowsRole")
        objects = [
            resource
            for each in statements
            for resource in listed(each["Resource"])
            if ":s3:::" in resource and "/" in resource
        ]
        assert objects
        assert {resource.partition("/")[2] for resource in objects} == {
            f"replay/table={case}/exports/windows.json"
        }


def test_exports_expire(templates: dict[str, Template]) -> None:
    for case, days in {"every-option": 90, "csv-by-event": 30}.items():
        bucket = templates[case].one("AWS::S3::Bucket", "StorageBucket")
        rules = {each.get("Prefix"): each for each in bucket["LifecycleConfiguration"]["Rules"]}
        assert rules["exports/"]["ExpirationInDays"] == days


def test_the_section_has_defaults_and_its_mistakes_are_reported() -> None:
    assert load_export(parse(DOCUMENT)) is None
    assert load_export(parse(DOCUMENT | {"export": {}})) == ExportSettings()

    with pytest.raises(SettingsError, match="A window has at most 24 hours"):
        load_export(parse(DOCUMENT | {"export": {"every_minutes": 1441}}))
    with pytest.raises(SettingsError, match="kind"):
        load_export(parse(DOCUMENT | {"export": {"kind": "daily"}}))


def test_a_mistake_in_the_section_is_reported_with_all_others() -> None:
    with pytest.raises(SettingsError, match="every_minutes"):
        parse(DOCUMENT | {"export": {"every_minutes": 1}}, also=SECTIONS)
