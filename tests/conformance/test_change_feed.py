"""E. The change records of the Kinesis feed, and the calls of the streaming destination."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.cases import assert_refusal, case
from tests.conformance.endpoint import Endpoint
from ttl_archive.infra.attachment.attach import Destination, Waiter, attach

TEST = {"id": {"S": "test"}}
MICROSECOND = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}


class Feed:
    """A table with a streaming destination."""

    def __init__(self, aws: Endpoint, key: str = "id", **stream: Any) -> None:
        self.aws = aws
        self.dynamodb = aws.client("dynamodb")
        self.table = aws.table(key)
        self.stream, self.arn = aws.data_stream(**stream)
        self.named = {"TableName": self.table, "StreamArn": self.arn}

    def enable(self, **configuration: str) -> dict[str, Any]:
        given = {"EnableKinesisStreamingConfiguration": configuration} if configuration else {}
        answer = self.dynamodb.enable_kinesis_streaming_destination(**self.named, **given)
        self.aws.wait(lambda: self.described()[0]["DestinationStatus"] == "ACTIVE")
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def described(self) -> list[dict[str, Any]]:
        answer = self.dynamodb.describe_kinesis_streaming_destination(TableName=self.table)
        found: list[dict[str, Any]] = answer["KinesisDataStreamDestinations"]
        return found

    def update(self, **members: Any) -> tuple[str, str]:
        given = {**self.named, **members}
        return self.aws.refusal("update_kinesis_streaming_destination", service="dynamodb", **given)

    def put(self, item: dict[str, Any]) -> None:
        self.dynamodb.put_item(TableName=self.table, Item=item)

    def changes(self, count: int) -> list[dict[str, Any]]:
        return [record["change"] for record in self.aws.records(self.stream, count)]


@pytest.fixture
def feed(aws: Endpoint) -> Feed:
    return Feed(aws)


@pytest.fixture(scope="module")
def enabled(aws: Endpoint) -> tuple[Feed, dict[str, Any]]:
    """A feed enabled without a configuration, and the answer."""
    feed = Feed(aws)
    return feed, feed.enable()


@case("E01", "R", "LS-ddb 2024-01-30")
def test_E01_the_record_of_an_insert(feed: Feed) -> None:
    feed.enable()
    feed.put(TEST)

    (change,) = feed.changes(1)
    assert " ".join(change) == (
        "awsRegion eventID eventName userIdentity recordFormat tableName dynamodb eventSource"
    )
    assert list(change["dynamodb"]) == ["ApproximateCreationDateTime", "Keys", "NewImage", "SizeBytes"]
    assert (change["eventName"], change["userIdentity"], change["dynamodb"]["SizeBytes"]) == (
        "INSERT",
        None,
        12,
    )


ID, LONG = "id", "my_partition_key"


def text(size_bytes: int, letter: str = "x") -> dict[str, str]:
    return {"S": letter * size_bytes}


# The key attribute, the images before and after, and SizeBytes. Names, types and lengths are those of the
# recorded changes; the values are not, because only their lengths count.
SIZES: list[tuple[str, dict[str, Any] | None, dict[str, Any] | None, int]] = [
    (ID, None, {ID: text(4)}, 12),
    (ID, None, {ID: text(6)}, 16),
    (ID, None, {ID: text(8)}, 20),
    (ID, None, {ID: text(10)}, 24),
    (ID, None, {ID: text(8), "id2": text(9)}, 32),
    (ID, None, {ID: text(10), "numericFilter": {"N": "42"}}, 39),
    (ID, None, {ID: text(14), "attr1": text(6)}, 43),
    (ID, None, {ID: text(10), "presentKey": text(12)}, 46),
    (ID, None, {ID: text(10), "prefix": text(17)}, 47),
    (ID, {ID: text(4)}, {ID: text(4), "name": text(4)}, 26),
    (ID, {ID: text(8)}, {ID: text(8), "id2": text(13)}, 46),
    (ID, {ID: text(6)}, {ID: text(6), "attr1": text(6), "attr2": text(6)}, 46),
    (ID, None, {ID: text(10), "attr1": text(6), "attr2": text(6)}, 46),
    (
        ID,
        {ID: text(10), "attr1": text(6), "attr2": text(6)},
        {ID: text(10), "attr1": text(6, "y"), "attr2": text(6, "y")},
        80,
    ),
    (ID, {ID: text(6)}, None, 16),
    (ID, {ID: text(6), "attr1": text(6), "attr2": text(6)}, None, 38),
    (LONG, None, {LONG: text(11)}, 54),
    (LONG, None, {LONG: text(7), "should_fail": {"BOOL": True}}, 58),
    (LONG, None, {LONG: text(11), "binary_key": {"B": b"foobar"}}, 70),
]


@case("E02", "R", "LS")
def test_E02_the_sizes_of_recorded_changes(aws: Endpoint) -> None:
    feeds = {key: Feed(aws, key) for key in (ID, LONG)}
    for feed in feeds.values():
        feed.enable()
    written: dict[str, list[int | None]] = {key: [] for key in feeds}  # SizeBytes; None is not recorded
    for key, before, after, size in SIZES:
        feed, sizes = feeds[key], written[key]
        for image, known in ((before, None), (after, size)):
            if image:
                feed.put(image)
                sizes.append(known)
        if after is None and before:
            feed.dynamodb.delete_item(TableName=feed.table, Key={key: before[key]})
            sizes.append(size)
        elif after:
            feed.dynamodb.delete_item(TableName=feed.table, Key={key: after[key]})
            sizes.append(None)

    for key, feed in feeds.items():
        found = [change["dynamodb"]["SizeBytes"] for change in feed.changes(len(written[key]))]
        assert [known or size for known, size in zip(written[key], found, strict=True)] == found


def unchanged(feed: Feed, write: Callable[[], Any]) -> None:
    """Write the same item again, then another one, which comes right behind the first."""
    feed.enable()
    feed.put(TEST)
    write()
    feed.put({"id": {"S": "next"}})

    changes = feed.changes(2)
    assert [change["dynamodb"]["Keys"]["id"]["S"] for change in changes] == ["test", "next"]


@case("E03a", "R", "LS-ddb 2025-10-08, of DynamoDB Streams")
def test_E03a_a_put_that_changes_nothing(feed: Feed) -> None:
    unchanged(feed, lambda: feed.put(TEST))


@case("E03b", "R", "LS-ddb 2025-10-08, of DynamoDB Streams")
def test_E03b_a_batch_write_that_changes_nothing(feed: Feed) -> None:
    request = {feed.table: [{"PutRequest": {"Item": TEST}}]}

    unchanged(feed, lambda: feed.dynamodb.batch_write_item(RequestItems=request))


UPDATE = {
    "UpdateExpression": "SET a = :a",
    "ExpressionAttributeValues": {":a": {"S": "x"}},
}


@case("E03c", "R", "LS-ddb 2025-10-08, of DynamoDB Streams")
def test_E03c_a_transaction_that_changes_nothing(feed: Feed) -> None:
    put = {"Put": {"TableName": feed.table, "Item": TEST}}

    unchanged(feed, lambda: feed.dynamodb.transact_write_items(TransactItems=[put]))


@case("E03d", "R", "LS-ddb 2024-06-26, of DynamoDB Streams")
def test_E03d_an_update_that_changes_nothing(feed: Feed) -> None:
    feed.enable()
    feed.put({**TEST, "a": {"S": "x"}})
    feed.dynamodb.update_item(TableName=feed.table, Key=TEST, **UPDATE)
    feed.put({"id": {"S": "next"}})

    changes = feed.changes(2)
    assert [change["dynamodb"]["Keys"]["id"]["S"] for change in changes] == ["test", "next"]


@case("E04", "R", "LS-ddb 2024-01-30")
def test_E04_the_partition_key(aws: Endpoint, feed: Feed) -> None:
    feed.enable()
    feed.put(TEST)

    (record,) = aws.records(feed.stream, 1)
    assert re.fullmatch("[0-9A-Fa-f]{32}", record["PartitionKey"])


@case("E05", "D", "DDB26: kds")
def test_E05_binary_is_base64_twice(feed: Feed) -> None:
    feed.enable()
    feed.put({**TEST, "b": {"B": b"\x12\x02\x08\x7b"}})

    (change,) = feed.changes(1)
    twice = change["dynamodb"]["NewImage"]["b"]["B"]
    assert base64.b64decode(base64.b64decode(twice)) == b"\x12\x02\x08\x7b"


@case("E06", "D", "DDB26")
def test_E06_a_record_over_the_maximum_is_skipped(aws: Endpoint) -> None:
    wide = {"id": {"S": "wide"}, "text": {"S": "\x01" * 250_000}}  # six bytes each, as JSON
    for kib, expected in ((1024, ["next"]), (2048, ["wide", "next"])):
        feed = Feed(aws, MaxRecordSizeInKiB=kib)
        feed.enable()
        feed.put(wide)
        feed.put({"id": {"S": "next"}})

        found = [change["dynamodb"]["Keys"]["id"]["S"] for change in feed.changes(len(expected))]
        assert found == expected


@case("E07", "R", "LS-ddb 2025-07-23")
def test_E07_enable_without_a_configuration(enabled: tuple[Feed, dict[str, Any]]) -> None:
    feed, answer = enabled

    assert answer == {
        "TableName": feed.table,
        "StreamArn": feed.arn,
        "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": {},
    }


@case("E08", "R", "LS-ddb 2025-07-23")
def test_E08_describe_after_it(enabled: tuple[Feed, dict[str, Any]]) -> None:
    feed, _ = enabled

    assert feed.described() == [{"DestinationStatus": "ACTIVE", "StreamArn": feed.arn}]


@case("E09", "R", "LS-ddb 2025-07-23")
def test_E09_update_without_a_configuration(enabled: tuple[Feed, dict[str, Any]]) -> None:
    assert_refusal(
        enabled[0].update(),
        "ValidationException",
        "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration"
        " cannot be null or contain only null values",
    )


@case("E10", "R", "LS-ddb 2025-07-23")
def test_E10_update_to_seconds(enabled: tuple[Feed, dict[str, Any]]) -> None:
    configuration = {"ApproximateCreationDateTimePrecision": "SECOND"}

    assert_refusal(
        enabled[0].update(UpdateKinesisStreamingConfiguration=configuration),
        "ValidationException",
        "1 validation error detected: Value 'SECOND' at"
        " 'updateKinesisStreamingConfiguration.approximateCreationDateTimePrecision' failed to satisfy"
        " constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]",
    )


@case("E11", "R", "LS-ddb 2025-07-23")
def test_E11_update_of_another_stream(enabled: tuple[Feed, dict[str, Any]]) -> None:
    feed, _ = enabled
    other = feed.arn + "-other"

    assert_refusal(
        feed.update(StreamArn=other, UpdateKinesisStreamingConfiguration=MICROSECOND),
        "ValidationException",
        "Table is not in a valid state to enable Kinesis Streaming Destination: No streaming destination with"
        f" streamArn: {other} found for table with tableName: {feed.table}",
    )


@case("E12", "R", "LS-ddb 2025-07-23")
def test_E12_update_to_microseconds(feed: Feed) -> None:
    feed.enable()
    answer = feed.dynamodb.update_kinesis_streaming_destination(
        **feed.named, UpdateKinesisStreamingConfiguration=MICROSECOND
    )

    assert answer["DestinationStatus"] == "UPDATING"
    assert answer["UpdateKinesisStreamingConfiguration"] == MICROSECOND


@case("E13", "R", "LS-ddb 2025-07-23")
def test_E13_the_same_update_again(feed: Feed) -> None:
    feed.enable(**MICROSECOND)

    assert_refusal(
        feed.update(UpdateKinesisStreamingConfiguration=MICROSECOND),
        "ValidationException",
        "Invalid Request: Precision is already set to the desired value of MICROSECOND for tableId: …,"
        f" kdsArn: {feed.arn}",
    )


@case("E14", "R", "LS-ddb 2025-07-23")
def test_E14_disable(feed: Feed) -> None:
    feed.enable()

    answer = feed.dynamodb.disable_kinesis_streaming_destination(**feed.named)
    assert answer["DestinationStatus"] == "DISABLING"


def unknown_table(feed: Feed, operation: str) -> None:
    given = {**feed.named, "TableName": "absent"}

    assert_refusal(
        feed.aws.refusal(operation, service="dynamodb", **given),
        "ResourceNotFoundException",
        "Requested resource not found: Table: absent not found",
    )


@case("E15a", "R", "LS-ddb 2025-07-23")
def test_E15a_enable_of_an_unknown_table(feed: Feed) -> None:
    unknown_table(feed, "enable_kinesis_streaming_destination")


@case("E15b", "R", "LS-ddb 2025-07-23")
def test_E15b_disable_of_an_unknown_table(feed: Feed) -> None:
    unknown_table(feed, "disable_kinesis_streaming_destination")


@case("E16", "R", "hashicorp/terraform-provider-aws acceptance tests")
def test_E16_describe_shows_microseconds(feed: Feed) -> None:
    feed.enable(**MICROSECOND)

    assert feed.described()[0]["ApproximateCreationDateTimePrecision"] == "MICROSECOND"


class LateDescription:
    """A DynamoDB client that does not show the precision yet. It keeps the refusals of updates."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.refusals: list[str] = []

    def describe_kinesis_streaming_destination(self, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._dynamodb.describe_kinesis_streaming_destination(**request)
        for found in answer["KinesisDataStreamDestinations"]:
            found.pop("ApproximateCreationDateTimePrecision", None)
        return answer

    def update_kinesis_streaming_destination(self, **request: Any) -> None:
        try:
            self._dynamodb.update_kinesis_streaming_destination(**request)
        except ClientError as error:
            self.refusals.append(error.response["Error"]["Message"])
            raise


@case("E17", "R", "LS-ddb 2025-07-23")
def test_E17_the_custom_resource_treats_that_refusal_as_done(aws: Endpoint, feed: Feed) -> None:
    feed.enable(**MICROSECOND)
    client, wanted = LateDescription(feed.dynamodb), Destination(feed.table, feed.arn, "MICROSECOND")

    attach(client, wanted, Waiter(time_left=lambda: aws.wait_s))

    (refusal,) = client.refusals
    assert refusal.startswith("Invalid Request: Precision is already set")
    assert feed.described()[0]["DestinationStatus"] == "ACTIVE"
