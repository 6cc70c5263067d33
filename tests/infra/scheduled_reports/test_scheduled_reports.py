"""[[reports]] in the template: when each report runs, who may do what, and what is kept."""

import json
from typing import Any

import pytest

from tests.infra.stacks import CASES, KEY_ARN, OPERATIONS_KEY_ARN, TOPIC_ARN, settings_of
from tests.infra.templates import Template, listed
from ttl_archive.infra.scheduled_reports.report_settings import load_reports
from ttl_archive.infra.scheduled_reports.results.closed_period import ClosedPeriod, closed_period
from ttl_archive.infra.scheduled_reports.results.unread_objects import count_unread

REPORTING = [case for case in CASES if load_reports(settings_of(case))]
MACHINE = "AWS::StepFunctions::StateMachine"


@pytest.fixture(params=REPORTING)
def reporting(templates: dict[str, Template], request: pytest.FixtureRequest) -> Template:
    """The template of each case with [[reports]]."""
    return templates[request.param]


@pytest.mark.parametrize("case", [case for case in CASES if case not in REPORTING])
def test_without_a_report_nothing_runs(templates: dict[str, Template], case: str) -> None:
    assert not templates[case].ids(MACHINE, "Reports")
    assert not templates[case].ids("AWS::Scheduler::Schedule", "Reports")
    assert "ReportStateMachine" not in templates[case].document["Outputs"]


def test_each_report_has_a_schedule_in_utc(templates: dict[str, Template]) -> None:
    found = {
        json.loads(each["Target"]["Input"])["report"]: each
        for case in REPORTING
        for each in templates[case].every("AWS::Scheduler::Schedule", "Reports").values()
    }

    assert {name: each["ScheduleExpression"] for name, each in found.items()} == {
        "lost-values": "cron(30 5 ? * MON *)",
        "changes": "cron(0 6 1 * ? *)",
        "by-device": "cron(0 6 1 * ? *)",
        "failed": "cron(0 6 * * ? *)",
    }
    assert {each["ScheduleExpressionTimezone"] for each in found.values()} == {"UTC"}
    assert {json.loads(each["Target"]["Input"])["scheduled_time"] for each in found.values()} == {
        "<aws.scheduler.scheduled-time>"
    }


def test_the_scheduler_may_start_this_machine_only_and_only_from_its_group(reporting: Template) -> None:
    (machine,) = reporting.ids(MACHINE, "Reports")
    role = reporting.one("AWS::IAM::Role", "ReportsStartRole")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    (statement,) = reporting.statements("ReportsStartRole")

    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert ":schedule-group/" in trust["Condition"]["StringEquals"]["aws:SourceArn"]
    assert (statement["Action"], statement["Resource"]) == (
        "states:StartExecution",
        reporting.resolve({"Ref": machine}),
    )


def machine_statements(template: Template) -> list[dict[str, Any]]:
    """The statements of the state machine's role."""
    (name,) = template.ids("AWS::IAM::Role", "^ArchiveReportsRole")
    return template.statements(f"^{name}$")


def resources_of(statements: list[dict[str, Any]], service: str) -> set[str]:
    """The resources of a service that the statements allow something on."""
    return {
        resource
        for each in statements
        for resource in listed(each["Resource"])
        if resource.split(":")[2] == service
    }


@pytest.mark.parametrize("case", REPORTING)
def test_the_machine_may_query_this_database_in_this_workgroup_only(
    templates: dict[str, Template], case: str
) -> None:
    statements = machine_statements(templates[case])
    database = f"ttl_archive_{case.replace('-', '_')}"
    here = ":us-east-1:123456789012:"

    assert resources_of(statements, "athena") == {
        f"arn:aws:athena{here}workgroup/ttl-archive-{case}",
        f"arn:aws:athena{here}datacatalog/AwsDataCatalog",
    }
    assert resources_of(statements, "glue") == {
        f"arn:aws:glue{here}catalog",
        f"arn:aws:glue{here}database/{database}",
        f"arn:aws:glue{here}table/{database}/*",
    }
    folders = {each.partition("/")[2] for each in resources_of(statements, "s3")}
    assert folders == {"", f"archive/{case}/*", f"errors/{case}/*", "*"}
    writes = [each for each in statements if "s3:PutObject" in listed(each["Action"])]
    assert all("workgroupresults" in resource for each in writes for resource in listed(each["Resource"]))


@pytest.mark.parametrize("case", REPORTING)
def test_the_function_may_write_reports_only(templates: dict[str, Template], case: str) -> None:
    statements = templates[case].statements("ReportsResultsRole")
    writes = [each for each in statements if "s3:PutObject" in listed(each["Action"])]
    (listing,) = (each for each in statements if each["Action"] == "s3:ListBucket")

    assert [each["Resource"].partition("/")[2] for each in writes] == [f"reports/{case}/*"]
    assert listing["Condition"]["StringLike"]["s3:prefix"] == [f"archive/{case}/*", f"reports/{case}/*"]
    assert {action for each in statements for action in listed(each["Action"])} >= {
        "athena:GetQueryExecution",
        "athena:GetQueryResults",
    }


def test_the_topics_of_the_reports_get_messages(templates: dict[str, Template]) -> None:
    template = templates["every-option"]
    (topic,) = template.ids("AWS::SNS::Topic", "AlarmsTopic")
    statements = machine_statements(template)

    assert resources_of(statements, "sns") == {
        TOPIC_ARN,
        f"arn:aws:sns:us-east-1:123456789012:{topic.lower()[:60]}",
    }
    keys = {
        resource
        for each in statements
        if "kms:GenerateDataKey" in listed(each["Action"])
        for resource in listed(each["Resource"])
    }
    assert keys == {KEY_ARN, OPERATIONS_KEY_ARN}


def test_item_content_reaches_no_log(reporting: Template) -> None:
    """The history of a Standard execution is kept by Step Functions, and there is no log of executions."""
    assert "LoggingConfiguration" not in reporting.one(MACHINE, "Reports")


def test_reports_stay_where_they_are(templates: dict[str, Template]) -> None:
    bucket = templates["every-option"].one("AWS::S3::Bucket", "StorageBucket")
    rules = {each.get("Prefix"): each for each in bucket["LifecycleConfiguration"]["Rules"]}

    assert "Transitions" not in rules["reports/"]
    assert "ExpirationInDays" not in rules["reports/"]


def test_a_retrieved_object_is_no_unread_one() -> None:
    class Listing:
        """One page for each folder: an object of each kind in the first."""

        def get_paginator(self, name: str) -> "Listing":
            assert name == "list_objects_v2"
            return self

        def paginate(self, **request: Any) -> list[dict[str, Any]]:
            assert request["OptionalObjectAttributes"] == ["RestoreStatus"]
            if request["Prefix"] != "archive/devices/dt=2026-11-01/":
                return [{}]
            running, done = {"IsRestoreInProgress": True}, {"RestoreExpiryDate": "2026-12-31"}
            return [
                {"Contents": [{"StorageClass": "GLACIER"}, {"StorageClass": "STANDARD"}]},
                {
                    "Contents": [
                        {"StorageClass": "GLACIER", "RestoreStatus": running},
                        {"StorageClass": "DEEP_ARCHIVE", "RestoreStatus": done},
                        {"StorageClass": "GLACIER_IR"},
                    ]
                },
            ]

    from datetime import datetime

    period = closed_period("month", datetime.fromisoformat("2026-12-01T06:00:00Z"))
    assert isinstance(period, ClosedPeriod)
    assert count_unread(Listing(), "bucket", "archive/devices/dt=", period) == 2
