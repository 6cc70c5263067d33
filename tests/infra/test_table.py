"""The table: attached with a custom resource, or created."""

import json

from tests.infra.templates import Template
from tests.infra.test_layout_guard import closure

ATTACHED = "Custom::StreamingDestination"
TABLE = "AWS::DynamoDB::Table"


def test_an_existing_table_is_attached_in_microseconds(defaults: Template) -> None:
    attached = defaults.one(ATTACHED)

    assert attached["TableName"] == "defaults"
    assert attached["StreamArn"].startswith("arn:aws:kinesis:us-east-1:123456789012:stream/")
    assert (attached["Precision"], attached["TtlAttribute"]) == ("MICROSECOND", "expiredAt")
    assert defaults.ids(TABLE) == []


def test_firehose_reads_before_the_table_writes(templates: dict[str, Template]) -> None:
    for case, kind in (("defaults", ATTACHED), ("created-by-event", TABLE)):
        template = templates[case]
        (delivery,) = template.ids("AWS::KinesisFirehose::DeliveryStream")
        (name,) = template.ids(kind)
        assert delivery in closure(template, name)


def test_the_state_of_ttl_is_an_output(defaults: Template) -> None:
    (name,) = defaults.ids(ATTACHED)

    assert defaults.document["Outputs"]["TimeToLive"]["Value"] == {"Fn::GetAtt": [name, "Ttl"]}


def test_a_detached_table_has_neither_destination_nor_function(templates: dict[str, Template]) -> None:
    template = templates["envelope-in-shared-bucket"]

    assert template.ids(ATTACHED) == []
    assert template.ids("AWS::Lambda::Function", "Attacher") == []


def test_a_created_table_has_ttl_and_point_in_time_recovery(templates: dict[str, Template]) -> None:
    table = templates["parquet-with-backup"].one(TABLE)

    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiredAt", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert table["KeySchema"] == [
        {"AttributeName": "deviceID", "KeyType": "HASH"},
        {"AttributeName": "readingTime", "KeyType": "RANGE"},
    ]


def test_a_created_table_streams_in_microseconds(templates: dict[str, Template]) -> None:
    streaming = templates["created-by-event"].one(TABLE)["KinesisStreamSpecification"]

    assert streaming["ApproximateCreationDateTimePrecision"] == "MICROSECOND"


def test_a_created_table_is_retained(templates: dict[str, Template]) -> None:
    template = templates["created-by-event"]
    (name,) = template.ids(TABLE)

    assert template.resources[name]["DeletionPolicy"] == "Retain"


def test_no_template_has_a_view_type(kinesis_template: Template) -> None:
    """The Kinesis feed has no view type, and no DynamoDB stream is needed."""
    assert "StreamViewType" not in json.dumps(kinesis_template.document)
