"""Alarms: what they watch, whom they notify, and that each says what to do."""

from pathlib import Path
from typing import Any

import pytest

from tests.infra.stacks import deploy_of, settings_of, table_of
from tests.infra.templates import Template, listed
from ttl_archive import infra
from ttl_archive.infra.export.export_settings import load_export
from ttl_archive.infra.local.firehose.configuration import check_delivery_stream
from ttl_archive.infra.scheduled_reports.report_settings import load_reports
from ttl_archive.transform import metrics
from ttl_archive.transform.forward_tally import ForwardTally
from ttl_archive.transform.ingest_settings import load_ingest

ALARM = "AWS::CloudWatch::Alarm"
README = Path(infra.__file__).parent / "README.md"
ALWAYS = {"ErrorObjects", "UnexpectedErrors", "ReplayFailed"}
KINESIS = {
    "DeliveryStale",
    "DeliveryBehind",
    "StreamNearlyFull",
    "StreamUnread",
    "ReplicationLate",
    "ReplicationFailed",
    "FunctionErrors",
    "FunctionThrottles",
    "FunctionSlow",
    "ReingestLoops",
}
STREAMS = {
    "RowsNotDelivered",
    "ForwarderBehind",
    "ForwarderErrors",
    "ForwarderThrottles",
    "ForwarderSlow",
    "RowsReturned",
    "DiscardedBatchLost",
    "DiscardedBatches",
}
MAPPING = {"TableStreamUnread", "ExpiriesNotForwarded"}


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Return the alarms by name: the logical id without its path and its hash."""
    return {
        name.removeprefix("ArchiveMapping").removeprefix("Archive").removeprefix("Alarms")[:-8]: properties
        for name, properties in template.every(ALARM).items()
    }


def test_everything_that_can_go_wrong_has_an_alarm(template: Template, case: str) -> None:
    by_event = settings_of(case).output.partition_by == "event"
    exports = load_export(settings_of(case)) is not None
    ingests = load_ingest(settings_of(case)) is not None

    deploy = deploy_of(case)
    forwards_expiries = settings_of(case).select.changes != "all-but-ttl-removals"
    mapped = MAPPING if forwards_expiries else {"TableStreamUnread"}

    assert set(alarms(template)) == (
        ALWAYS
        | (KINESIS if deploy.kinesis_road else set())
        | (STREAMS if deploy.streams_road else set())
        | (mapped if deploy.streams_road and deploy.attach else set())
        | ({"PartitionsExceeded"} if by_event else set())
        | ({"ExportFailed"} if exports else set())
        | ({"BackfillFailed"} if exports and settings_of(case).table.backfilled else set())
        | ({"ReportFailed", "ReportNotStarted"} if load_reports(settings_of(case)) else set())
        | ({"IngestDeadLetters", "IngestLate", "IngestErrors"} if ingests else set())
    )


def test_every_alarm_notifies_one_topic_when_it_starts_and_when_it_ends(template: Template) -> None:
    (topic,) = template.ids("AWS::SNS::Topic", "AlarmsTopic")
    notified = {tuple(alarm["AlarmActions"] + alarm["OKActions"]) for alarm in alarms(template).values()}

    assert notified == {(f"arn:aws:sns:us-east-1:123456789012:{topic.lower()[:60]}",) * 2}


def test_a_quiet_table_raises_no_alarm(template: Template, case: str) -> None:
    # StreamUnread is the exception: Firehose reads an empty stream too.
    exception = {"StreamUnread"} if deploy_of(case).kinesis_road else set()
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms(template).items()}

    assert {name for name, treated in missing.items() if treated != "notBreaching"} == exception


def test_an_unread_stream_raises_an_alarm_although_it_emits_no_metric(kinesis_template: Template) -> None:
    alarm = alarms(kinesis_template)["StreamUnread"]

    assert (alarm["MetricName"], alarm["Statistic"]) == ("GetRecords.Success", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanOrEqualToThreshold", 0)
    assert alarm["TreatMissingData"] == "breaching"


def test_every_alarm_leads_to_its_heading_in_the_runbook(template: Template) -> None:
    headings = {
        line.removeprefix("### ").strip().lower().replace(": ", "-").replace(" ", "-")
        for line in README.read_text().splitlines()
        if line.startswith("### ")
    }
    for name, alarm in alarms(template).items():
        link = alarm["AlarmDescription"].split()[-1]
        assert link.endswith(f"infra/README.md#alarm-{name.lower()}")
        assert link.partition("#")[2] in headings
        assert len(alarm["AlarmDescription"]) <= 1024  # Source: CloudWatch API Reference, PutMetricAlarm


def test_alarms_may_publish_though_the_topic_has_a_policy(template: Template) -> None:
    statements = [
        statement
        for policy in template.every("AWS::SNS::TopicPolicy", "AlarmsTopicPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    ]

    assert {"Service": "cloudwatch.amazonaws.com"} in [
        s["Principal"] for s in statements if s["Effect"] == "Allow"
    ]
    assert [s["Condition"] for s in statements if s["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]


def test_eventbridge_publishes_through_a_role_and_no_statement_for_the_service(template: Template) -> None:
    (target,) = template.one("AWS::Events::Rule", "ErrorObject")["Targets"]
    (topic,) = template.ids("AWS::SNS::Topic", "ErrorObjectTopic")
    role = "AlarmsErrorObjectRole"
    published = [s for s in template.statements(role) if "sns:Publish" in listed(s["Action"])]
    services = [
        statement["Principal"]
        for policy in template.every("AWS::SNS::TopicPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]

    assert target["RoleArn"].endswith(template.ids("AWS::IAM::Role", role)[0].lower()[:60])
    assert [s["Resource"] for s in published] == [f"arn:aws:sns:us-east-1:123456789012:{topic.lower()[:60]}"]
    assert services == [{"Service": "cloudwatch.amazonaws.com"}]


def test_topics_and_log_groups_have_a_key_only_by_choice(templates: dict[str, Template], case: str) -> None:
    template = templates[case]
    topics = template.every("AWS::SNS::Topic").values()
    groups = template.every("AWS::Logs::LogGroup").values()
    keys = {topic.get("KmsMasterKeyId") for topic in topics} | {group.get("KmsKeyId") for group in groups}

    assert keys == {deploy_of(case).operations_key_arn}


def test_a_skipped_change_is_an_alarm_at_once(defaults: Template) -> None:
    alarm = alarms(defaults)["ReplicationFailed"]

    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 1)
    assert "FailedToReplicateRecordCount" in alarm["Metrics"][0]["Expression"]
    assert "max_record_kib" in alarm["AlarmDescription"]


def test_the_alarm_email_is_subscribed(templates: dict[str, Template]) -> None:
    assert templates["csv-by-event"].one("AWS::SNS::Subscription")["Endpoint"] == "ops@example.org"
    assert templates["defaults"].ids("AWS::SNS::Subscription") == []


def test_the_limit_for_stale_rows_is_the_sum_of_the_buffers(templates: dict[str, Template]) -> None:
    thresholds = {
        case: alarms(templates[case])["DeliveryStale"]["Threshold"] for case in ("defaults", "csv-by-event")
    }

    assert thresholds == {"defaults": 900 + 60 + 300, "csv-by-event": 1350 + 60 + 300}


def test_the_stream_is_nearly_full_at_half_of_its_retention(templates: dict[str, Template]) -> None:
    days = {
        case: alarms(templates[case])["StreamNearlyFull"]["Threshold"] / 86_400_000
        for case in ("defaults", "created-by-event")
    }

    assert days == {"defaults": 3.5, "created-by-event": 15}


@pytest.mark.parametrize("name", ["ReplicationLate", "ReplicationFailed"])
def test_replication_is_watched_over_all_delegated_operations(defaults: Template, name: str) -> None:
    (query,) = alarms(defaults)[name]["Metrics"]

    assert 'FROM SCHEMA("AWS/DynamoDB", TableName, DelegatedOperation)' in query["Expression"]
    assert "TableName = 'defaults'" in query["Expression"]


def test_the_transforms_metrics_are_those_it_logs(template: Template, case: str) -> None:
    logged = set(metrics.BatchTally().metrics()) | set(ForwardTally().metrics())
    watched = [alarm for alarm in alarms(template).values() if alarm.get("Namespace") == metrics.NAMESPACE]

    assert watched
    for alarm in watched:
        assert alarm["MetricName"] in logged
        assert alarm["Dimensions"] == [{"Name": "Table", "Value": table_of(case)}]


def test_error_objects_are_counted_where_firehose_writes_them(kinesis_template: Template) -> None:
    rule = kinesis_template.one("AWS::Events::Rule")
    (name,) = kinesis_template.ids("AWS::Events::Rule")
    (prefix,) = rule["EventPattern"]["detail"]["object"]["key"]
    delivery = {"DeliveryStreamName": "d", **kinesis_template.one("AWS::KinesisFirehose::DeliveryStream")}
    first = check_delivery_stream(delivery).destination.error_output_prefix.parts[0]

    assert prefix == {"prefix": first}
    assert rule["Targets"]
    assert alarms(kinesis_template)["ErrorObjects"]["Dimensions"] == [
        {"Name": "RuleName", "Value": name.lower()[:60]}
    ]
