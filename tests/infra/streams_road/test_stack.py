"""The Streams road in the templates: what travels, in which order, with which rights."""

import json
from typing import Any

import pytest

from tests.infra.cloudformation import Stack, StackFailedError, dependencies
from tests.infra.stacks import COLUMNS, TABLE, deploy_of, settings_of, table_of
from tests.infra.templates import Template, listed
from tests.infra.test_attach import FakeDynamoDB
from tests.infra.test_layout_guard import closure
from ttl_archive.infra import deploy_settings
from ttl_archive.infra.local.firehose.configuration import check_delivery_stream
from ttl_archive.infra.stream_filter import stream_patterns
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.settings import parse

MAPPING = "AWS::Lambda::EventSourceMapping"
DELIVERY = "AWS::KinesisFirehose::DeliveryStream"
BUCKET = "AWS::S3::Bucket"


def mapping(template: Template) -> dict[str, Any]:
    (found,) = template.every(MAPPING).values()
    return found


def streams(templates: dict[str, Template], case: str = "streams") -> Template:
    return templates[case]


def direct(template: Template) -> dict[str, Any]:
    (found,) = [
        each for each in template.every(DELIVERY).values() if each["DeliveryStreamType"] == "DirectPut"
    ]
    return found


# The mapping


def test_the_mapping_has_the_settings_and_reports_failures_of_single_records(
    templates: dict[str, Template],
) -> None:
    found = mapping(streams(templates))

    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["StartingPosition"] == "TRIM_HORIZON"
    assert found["BisectBatchOnFunctionError"] is True
    assert found["BatchSize"] == 10_000
    assert found["MaximumBatchingWindowInSeconds"] == 300
    assert found["ParallelizationFactor"] == 10
    assert found["MaximumRetryAttempts"] == 100
    assert found["MaximumRecordAgeInSeconds"] == 3600
    assert found["MetricsConfig"] == {"Metrics": ["EventCount"]}


def test_the_age_stays_below_the_24_hours_of_the_stream() -> None:
    with pytest.raises(SettingsError, match="record_age_s has value 86400"):
        deploy_of_text('source = "streams"\nrecord_age_s = 86400')


def test_the_mapping_filters_by_the_selection(templates: dict[str, Template], streams_case: str) -> None:
    for found in templates[streams_case].every(MAPPING).values():
        filters = found.get("FilterCriteria", {}).get("Filters", [])
        assert [json.loads(each["Pattern"]) for each in filters] == list(
            stream_patterns(settings_of(streams_case).select)
        )


def test_all_but_ttl_removals_is_a_filter_of_three_patterns(
    changed: dict[str, tuple[Template, Template]],
) -> None:
    """A user's change has no userIdentity, so that each member of it needs an alternative."""
    _, template = changed["record_age_s"]
    patterns = [json.loads(each["Pattern"]) for each in mapping(template)["FilterCriteria"]["Filters"]]

    assert patterns == [
        {"eventName": [{"anything-but": ["REMOVE"]}]},
        {"userIdentity": {"type": [{"exists": False}, {"anything-but": ["Service"]}]}},
        {"userIdentity": {"principalId": [{"exists": False}, {"anything-but": ["dynamodb.amazonaws.com"]}]}},
    ]


def test_a_detached_table_has_no_mapping(templates: dict[str, Template]) -> None:
    assert not streams(templates, "streams-in-shared-bucket").every(MAPPING)


def test_the_mapping_calls_an_alias_and_writes_what_it_gives_up_to_its_own_bucket(
    templates: dict[str, Template],
) -> None:
    template = streams(templates)
    (failures,) = template.ids(BUCKET, "Failures")

    assert mapping(template)["FunctionName"].endswith(":live")
    destination = mapping(template)["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination == template.resolve({"Fn::GetAtt": [failures, "Arn"]})


def test_the_bucket_of_discarded_batches_is_retained_and_closed(streams_template: Template) -> None:
    (name,) = streams_template.ids(BUCKET, "Failures")
    bucket = streams_template.resources[name]

    assert bucket["DeletionPolicy"] == "Retain"
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket["Properties"]
    (rule,) = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_discarded_batches_expire_with_the_error_objects(templates: dict[str, Template]) -> None:
    for case, days in (("streams", 400), ("both-roads", None)):
        bucket = templates[case].one(BUCKET, "Failures")
        (rule,) = bucket["LifecycleConfiguration"]["Rules"]
        assert rule.get("ExpirationInDays") == days


# The delivery stream


def test_the_local_firehose_accepts_the_direct_put_stream(streams_template: Template) -> None:
    checked = check_delivery_stream({"DeliveryStreamName": "d", **direct(streams_template)})

    assert checked.destination.error_output_prefix.parts[0].startswith("errors/")


def test_rows_are_put_without_a_function_and_encrypted_while_they_wait(
    templates: dict[str, Template],
) -> None:
    plain, keyed = direct(streams(templates)), direct(streams(templates, "both-roads"))

    assert "ProcessingConfiguration" not in plain["ExtendedS3DestinationConfiguration"]
    assert plain["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
    assert keyed["DeliveryStreamEncryptionConfigurationInput"]["KeyType"] == "CUSTOMER_MANAGED_CMK"


def test_both_roads_write_into_the_same_folders(templates: dict[str, Template]) -> None:
    places = {
        (
            found["ExtendedS3DestinationConfiguration"]["Prefix"],
            found["ExtendedS3DestinationConfiguration"]["BucketARN"],
        )
        for found in streams(templates, "both-roads").every(DELIVERY).values()
    }

    assert len(places) == 1


# Rights and order


def test_the_forwarder_may_do_its_calls(streams_template: Template) -> None:
    granted = {
        action
        for action in streams_template.actions("ForwarderRole")
        if not action.startswith(("kms:", "logs:"))
    }

    assert granted == {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "firehose:PutRecordBatch",
        "s3:ListBucket",
        "s3:PutObject",
    }


def test_the_forwarder_reads_the_streams_of_its_table_alone(
    templates: dict[str, Template], streams_case: str
) -> None:
    for statement in templates[streams_case].statements("ForwarderRole"):
        if "dynamodb:GetRecords" in listed(statement["Action"]):
            assert listed(statement["Resource"]) == [
                f"arn:aws:dynamodb:us-east-1:123456789012:table/{table_of(streams_case)}/stream/*"
            ]


def test_an_on_failure_destination_is_written_in_this_account_alone(streams_template: Template) -> None:
    """Its name can be taken by others once the bucket is deleted."""
    conditions = [
        statement.get("Condition")
        for statement in streams_template.statements("ForwarderRole")
        if "s3:ListBucket" in listed(statement["Action"])
    ]

    assert conditions == [{"StringEquals": {"s3:ResourceAccount": "123456789012"}}]


def test_the_drain_guard_is_asked_before_the_mapping_is_deleted(templates: dict[str, Template]) -> None:
    """A deleted mapping loses its place, so that what it had not forwarded would be lost after 24 hours."""
    template = streams(templates)
    (name,), (drain,) = template.ids(MAPPING), template.ids("Custom::DrainGuard")
    (delivery,) = template.ids(DELIVERY)
    (function,) = template.ids("AWS::Lambda::Function", "Forwarder")

    assert {name, delivery, function} <= closure(template, drain)
    assert not [other for other in template.resources if drain in dependencies(template.resources[other])]


def test_operators_may_read_discarded_batches_and_only_resolving_deletes_them(
    templates: dict[str, Template],
) -> None:
    template = streams(templates)
    for policy, deletes in (("PoliciesReplay", False), ("PoliciesResolve", True)):
        (document,) = template.every("AWS::IAM::ManagedPolicy", policy).values()
        actions = {
            action
            for statement in document["PolicyDocument"]["Statement"]
            for action in listed(statement["Action"])
            if any("/aws/lambda/*" in str(arn) for arn in listed(statement["Resource"]))
        }
        assert "s3:GetObject" in actions
        assert ("s3:DeleteObject" in actions) == deletes


# Deployment, in CloudFormation's order


def test_the_stream_is_turned_on_and_mapped(templates: dict[str, Template]) -> None:
    stack = stack_of("streams")

    stack.deploy(streams(templates))

    assert stack.dynamodb.stream == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    (name,) = streams(templates).ids(MAPPING)
    assert f"create {name}" in stack.log
    assert stack.log.index(f"create {name}") > stack.log.index(
        next(x for x in stack.log if "TableStream" in x)
    )


def test_a_view_type_without_old_images_is_refused_before_anything_is_created(
    templates: dict[str, Template],
) -> None:
    stack = stack_of("streams")
    stack.dynamodb.stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}

    with pytest.raises(StackFailedError, match="has the view type NEW_IMAGE") as refused:
        stack.deploy(streams(templates))

    assert "StreamEnabled=false" in str(refused.value)
    assert not [line for line in stack.log if line.startswith("create") and "Failures" in line]


def test_old_images_are_enough_for_removals(templates: dict[str, Template]) -> None:
    stack = stack_of("streams")
    stack.dynamodb.stream = {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}

    stack.deploy(streams(templates))

    assert "UpdateTable" not in stack.dynamodb.calls


def stack_of(case: str) -> Stack:
    stack = Stack()
    stack.dynamodb = FakeDynamoDB(
        table=table_of(case), ttl={"TimeToLiveStatus": "ENABLED", "AttributeName": "expiredAt"}
    )
    return stack


# Settings


def deploy_of_text(deploy: str, more: str = "") -> deploy_settings.Deploy:
    import tomllib

    document = tomllib.loads(f"{TABLE.format(name='Devices')}\n{more}\n[deploy]\n{deploy}\n{COLUMNS}")
    return deploy_settings.parse(document["deploy"], parse(document, "archive.toml"))


@pytest.mark.parametrize(
    ("deploy", "more", "said"),
    [
        (
            'source = "streams"\nshards = 2\nstream_mode = "provisioned"',
            "",
            "does not use stream_mode, shards",
        ),
        ('source = "streams"\ntimeout_s = 29', "", "timeout_s is 29"),
        ("batch_records = 5", "", 'source is "kinesis", which does not use batch_records'),
        ('source = "streams"', '[output]\npartition_by = "event"', 'partition_by is "event"'),
        ('source = "both"\nparquet = true', "", "parquet is true"),
        ('source = "streams"\nsource_backup = true', "", "source_backup is true"),
    ],
)
def test_what_a_road_cannot_do_is_refused(deploy: str, more: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        deploy_of_text(deploy, more)


def test_each_road_is_there_as_the_source_says() -> None:
    roads = {
        case: (deploy_of(case).kinesis_road, deploy_of(case).streams_road)
        for case in ("defaults", "streams", "both-roads")
    }

    assert roads == {"defaults": (True, False), "streams": (False, True), "both-roads": (True, True)}


# Switching the road, in CloudFormation's order


def stack_with_both_roads(kinesis: Template, both: Template) -> Stack:
    stack = Stack()
    stack.deploy(kinesis)
    stack.deploy(both)
    stack.log.clear()
    return stack


def test_the_road_is_switched_by_way_of_both(changed: dict[str, tuple[Template, Template]]) -> None:
    kinesis, both = changed["source-both"]
    _, streams_alone = changed["source"]
    stack = stack_with_both_roads(kinesis, both)
    stack.dynamodb.found.clear()  # ttl-archive drain --road kinesis has detached the table
    stack.drained = True

    stack.deploy(streams_alone)

    (old_stream,) = kinesis.ids("AWS::Kinesis::Stream")
    (old_delivery,) = kinesis.ids(DELIVERY)
    assert f"retain {old_stream}" in stack.log
    assert f"delete {old_delivery}" in stack.log
    assert [known for known in stack.deployed.values() if known["Type"] == MAPPING]


def test_a_road_that_is_not_drained_is_not_removed(changed: dict[str, tuple[Template, Template]]) -> None:
    kinesis, both = changed["source-both"]
    _, streams_alone = changed["source"]
    stack = stack_with_both_roads(kinesis, both)

    with pytest.raises(StackFailedError, match="would be deleted before it is drained"):
        stack.deploy(streams_alone)

    (old_delivery,) = kinesis.ids(DELIVERY)
    assert f"delete {old_delivery}" not in stack.log


@pytest.mark.parametrize("name", ["source", "source-back"])
def test_one_road_cannot_replace_the_other_at_once(
    changed: dict[str, tuple[Template, Template]], name: str
) -> None:
    before, after = changed[name]
    stack = Stack()
    stack.deploy(before)
    stack.log.clear()

    with pytest.raises(StackFailedError, match='Deploy source = "both" first'):
        stack.deploy(after)

    assert not [line for line in stack.log if line.startswith("delete")]


def test_the_streams_road_does_not_leave_while_it_forwards(
    changed: dict[str, tuple[Template, Template]],
) -> None:
    kinesis, both = changed["source-both"]
    stack = stack_with_both_roads(kinesis, both)

    with pytest.raises(StackFailedError, match="still forwards changes"):
        stack.deploy(kinesis)
    assert not [line for line in stack.log if line.startswith("delete")]

    stack.mapping_state, stack.drained = "Disabled", True
    stack.deploy(kinesis)

    assert not [known for known in stack.deployed.values() if known["Type"] == MAPPING]


def test_a_stack_that_still_forwards_is_not_deleted(templates: dict[str, Template]) -> None:
    stack = stack_of("streams")
    stack.deploy(streams(templates))
    stack.log.clear()

    with pytest.raises(StackFailedError, match="still forwards changes"):
        stack.delete()

    (name,) = streams(templates).ids(MAPPING)
    assert name in stack.deployed

    stack.mapping_state, stack.drained = "Disabled", True
    stack.delete()

    assert name not in stack.deployed
