"""Tags, encryption, the status of a new delivery stream, and the limit of control calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.streams import Bench, bench, kinesis_source, s3
from ttl_archive.infra.local.firehose.service_error import ServiceError

CUSTOMER_KEY = {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": "arn:aws:kms:us-east-1:123456789012:key/k"}


@pytest.fixture
def made() -> Bench:
    made = bench()
    made.create()
    return made


def described(made: Bench) -> dict[str, Any]:
    answer = made.firehose.describe_delivery_stream(DeliveryStreamName="d")
    return answer["DeliveryStreamDescription"]


def listed(made: Bench, **members: Any) -> dict[str, Any]:
    return made.firehose.list_tags_for_delivery_stream(DeliveryStreamName="d", **members)


def test_a_new_delivery_stream_is_creating_when_it_is_described_first(made: Bench) -> None:
    assert [described(made)["DeliveryStreamStatus"] for _ in range(3)] == ["CREATING", "ACTIVE", "ACTIVE"]


def test_a_delivery_stream_that_has_worked_is_active(made: Bench) -> None:
    made.firehose.poll()

    assert described(made)["DeliveryStreamStatus"] == "ACTIVE"


def test_tags_are_those_of_the_creation_and_those_added_later() -> None:
    made = bench()
    made.create({"ExtendedS3DestinationConfiguration": s3(), "Tags": [{"Key": "a", "Value": "1"}]})
    assert listed(made) == {"Tags": [{"Key": "a", "Value": "1"}], "HasMoreTags": False}

    made.firehose.tag_delivery_stream(DeliveryStreamName="d", Tags=[{"Key": "b"}, {"Key": "a", "Value": "2"}])
    assert listed(made)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]

    made.firehose.untag_delivery_stream(DeliveryStreamName="d", TagKeys=["a", "absent"])
    assert listed(made)["Tags"] == [{"Key": "b", "Value": ""}]


def test_tags_are_listed_in_pages(made: Bench) -> None:
    made.firehose.tag_delivery_stream(DeliveryStreamName="d", Tags=[{"Key": str(n)} for n in range(3)])

    first = listed(made, Limit=2)
    assert ([tag["Key"] for tag in first["Tags"]], first["HasMoreTags"]) == (["0", "1"], True)
    second = listed(made, Limit=2, ExclusiveStartTagKey="1")
    assert ([tag["Key"] for tag in second["Tags"]], second["HasMoreTags"]) == (["2"], False)


def test_a_delivery_stream_has_at_most_50_tags(made: Bench) -> None:
    made.firehose.tag_delivery_stream(DeliveryStreamName="d", Tags=[{"Key": str(n)} for n in range(50)])

    with pytest.raises(ServiceError, match=r"LimitExceededException: .* would have 51 tags; it can have 50"):
        made.firehose.tag_delivery_stream(DeliveryStreamName="d", Tags=[{"Key": "one more"}])
    assert len(listed(made)["Tags"]) == 50


def test_encryption_is_enabled_and_disabled_after_a_while(made: Bench) -> None:
    made.firehose.start_delivery_stream_encryption(DeliveryStreamName="d")
    statuses = [described(made)["DeliveryStreamEncryptionConfiguration"] for _ in range(2)]
    assert statuses == [
        {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLING"},
        {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLED"},
    ]
    assert made.firehose.put_record(DeliveryStreamName="d", Record={"Data": b"x"})["Encrypted"] is True

    made.firehose.stop_delivery_stream_encryption(DeliveryStreamName="d")
    statuses = [described(made)["DeliveryStreamEncryptionConfiguration"] for _ in range(2)]
    assert statuses == [{"Status": "DISABLING"}, {"Status": "DISABLED"}]
    batch = made.firehose.put_record_batch(DeliveryStreamName="d", Records=[{"Data": b"x"}])
    assert batch["Encrypted"] is False


def test_encryption_with_a_customer_key_names_it(made: Bench) -> None:
    made.firehose.start_delivery_stream_encryption(
        DeliveryStreamName="d", DeliveryStreamEncryptionConfigurationInput=CUSTOMER_KEY
    )

    shown = described(made)["DeliveryStreamEncryptionConfiguration"]
    assert shown == {**CUSTOMER_KEY, "Status": "ENABLING"}


def test_a_customer_key_needs_its_arn(made: Bench) -> None:
    with pytest.raises(ServiceError, match="CUSTOMER_MANAGED_CMK needs KeyARN"):
        made.firehose.start_delivery_stream_encryption(
            DeliveryStreamName="d",
            DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK"},
        )


@pytest.mark.parametrize("operation", ["start_delivery_stream_encryption", "stop_delivery_stream_encryption"])
def test_encryption_is_for_direct_put_only(operation: str) -> None:
    made = bench()
    made.create({"ExtendedS3DestinationConfiguration": s3()} | kinesis_source())

    assert "DeliveryStreamEncryptionConfiguration" not in described(made)
    with pytest.raises(ServiceError, match="encrypt the source stream instead"):
        getattr(made.firehose, operation)(DeliveryStreamName="d")


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("start_delivery_stream_encryption", {}),
        ("stop_delivery_stream_encryption", {}),
        ("tag_delivery_stream", {"Tags": [{"Key": "a"}]}),
        ("untag_delivery_stream", {"TagKeys": ["a"]}),
        ("list_tags_for_delivery_stream", {}),
    ],
)
def test_an_unknown_name_is_not_found(operation: str, members: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="ResourceNotFoundException: Firehose x under account"):
        getattr(bench().firehose, operation)(DeliveryStreamName="x", **members)


def test_the_sixth_control_call_within_a_second_is_throttled_when_the_limit_is_enforced(made: Bench) -> None:
    made.firehose.control_limit.is_enforced = True
    for _ in range(5):
        described(made)
    made.clock.advance(milliseconds=999)

    with pytest.raises(ServiceError) as caught:
        described(made)
    assert caught.value.code == "ThrottlingException"
    assert caught.value.message.startswith("Please slow down. Max limit of 5 RPS has breached for ")
    made.firehose.list_delivery_streams()  # each operation has its own limit
    made.clock.advance(milliseconds=1)
    described(made)


def test_control_calls_are_not_throttled_by_default(made: Bench) -> None:
    assert len([described(made) for _ in range(20)]) == 20
