"""The data stream in the template."""

from tests.infra.stacks import KEY_ARN, deploy_of
from tests.infra.templates import Template

STREAM = "AWS::Kinesis::Stream"


def test_the_stream_is_on_demand_and_keeps_records_for_a_week(defaults: Template) -> None:
    stream = defaults.one(STREAM)

    assert stream["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert stream["RetentionPeriodHours"] == 7 * 24


def test_shards_and_retention_by_choice(templates: dict[str, Template]) -> None:
    provisioned = templates["csv-by-event"].one(STREAM)

    assert (provisioned["StreamModeDetails"]["StreamMode"], provisioned["ShardCount"]) == ("PROVISIONED", 4)
    assert templates["created-by-event"].one(STREAM)["RetentionPeriodHours"] == 30 * 24


def test_the_stream_accepts_records_of_the_chosen_size(templates: dict[str, Template]) -> None:
    sizes = {
        case: templates[case].one(STREAM)["MaxRecordSizeInKiB"]
        for case in templates
        if deploy_of(case).kinesis_road
    }

    assert (sizes["defaults"], sizes["every-option"], sizes["csv-by-event"]) == (4096, 2048, 1024)


def test_the_stream_is_encrypted(templates: dict[str, Template]) -> None:
    keys = {
        case: templates[case].one(STREAM)["StreamEncryption"]["KeyId"]
        for case in ("defaults", "parquet-with-backup")
    }

    assert keys == {"defaults": "alias/aws/kinesis", "parquet-with-backup": KEY_ARN}


def test_the_stream_is_retained(kinesis_template: Template) -> None:
    (name,) = kinesis_template.ids(STREAM)

    assert kinesis_template.resources[name]["DeletionPolicy"] == "Retain"
