"""Messages of the emulator's queue to the ingestion: stored, refused with a code, or returned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.function import InProcess
from ttl_archive.infra.local.in_process_function import in_process_ingester
from ttl_archive.infra.local.moto_server.emulator import Emulator
from ttl_archive.infra.local.queue_poller import QueuePoller

CONFIG = """
[table]
name = "Readings"
ttl_attribute = "expiresAt"
[ingest]
keys = { device = "{device}" }
time = "time"
retention_days = 30
"""
NOW = datetime(2010, 1, 2, tzinfo=UTC)
TIME = int(NOW.timestamp())


class Queues:
    """A table, a queue of readings and its dead-letter queue, at an emulator."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self.dynamodb, self.sqs = emulator.client("dynamodb"), emulator.client("sqs")
        self.dead_letters = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = self.attribute(self.dead_letters, "QueueArn")
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
        created = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})
        self.readings = created["QueueUrl"]

    def attribute(self, url: str, name: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return str(answer["Attributes"][name])

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.readings, MessageBody=body)

    def devices(self) -> set[str]:
        return {item["device"]["S"] for item in self.dynamodb.scan(TableName="Readings")["Items"]}

    def dead(self) -> dict[str, str | None]:
        """The bodies of the dead letters, each with its code."""
        answer = self.sqs.receive_message(
            QueueUrl=self.dead_letters, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return {
            message["Body"]: message.get("MessageAttributes", {}).get("ErrorCode", {}).get("StringValue")
            for message in answer.get("Messages", [])
        }

    def is_empty(self) -> bool:
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return all(self.attribute(self.readings, name) == "0" for name in names)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.client("dynamodb").create_table(
            TableName="Readings", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "device", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "device", "AttributeType": "S"}],
        )  # fmt: skip
        yield emulator


def reading(device: str, time: int = TIME) -> str:
    return f'{{"device":"{device}","time":{time},"temperature":38.90}}'


def test_good_messages_are_items_and_bad_ones_dead_letters_with_their_code(
    emulator: Emulator, tmp_path: Path
) -> None:
    config = tmp_path / "archive.toml"
    config.write_text(CONFIG)
    queues = Queues(emulator, "mixed")
    function = in_process_ingester(
        config, dynamodb=queues.dynamodb, sqs=queues.sqs, dead_letters=queues.dead_letters
    )
    poller = QueuePoller(queues.sqs, queues.readings, function, Clock(NOW))
    # An item over 400 KB is refused with the whole call, as DynamoDB does it; the others are then written.
    large = f'{{"device":"large","time":{TIME},"text":"{"x" * 410_000}"}}'
    bad = {
        "no json": "BadBody",
        reading("old", 1_000_000_000): "ExpiredTooLongAgo",
        large: "RefusedByDynamoDB",
    }
    queues.send(*(reading(f"d{n}") for n in range(12)), *bad)

    assert poller.run() == 15
    assert poller.run() == 0
    assert queues.devices() == {f"d{n}" for n in range(12)}
    assert queues.dead() == bad
    assert queues.is_empty()
    (item,) = queues.dynamodb.scan(
        TableName="Readings", FilterExpression="device = :d", ExpressionAttributeValues={":d": {"S": "d1"}}
    )["Items"]
    assert item["temperature"]["N"] in ("38.90", "38.9")
    assert item["expiresAt"] == {"N": str(TIME + 30 * 86_400)}


def test_a_dead_letter_has_the_attributes_of_its_message(emulator: Emulator, tmp_path: Path) -> None:
    config = tmp_path / "archive.toml"
    config.write_text(CONFIG)
    queues = Queues(emulator, "attributes")
    function = in_process_ingester(
        config, dynamodb=queues.dynamodb, sqs=queues.sqs, dead_letters=queues.dead_letters
    )
    own = {
        "site": {"DataType": "String", "StringValue": "north"},
        "photo": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    queues.sqs.send_message(QueueUrl=queues.readings, MessageBody="no json", MessageAttributes=own)

    assert QueuePoller(queues.sqs, queues.readings, function, Clock(NOW)).run() == 1
    (dead,) = queues.sqs.receive_message(QueueUrl=queues.dead_letters, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert dead["MessageAttributes"] == own | {"ErrorCode": {"DataType": "String", "StringValue": "BadBody"}}


@pytest.mark.parametrize("answer", ["raises", "unknown id", "every id"])
def test_what_the_function_does_not_confirm_stays_and_becomes_a_dead_letter(
    emulator: Emulator, answer: str
) -> None:
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if answer == "raises":
            raise RuntimeError
        ids = ["unknown"] if answer == "unknown id" else [each["messageId"] for each in event["Records"]]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in ids]}

    queues = Queues(emulator, answer.replace(" ", "-"))
    poller = QueuePoller(queues.sqs, queues.readings, InProcess(handler), Clock(NOW))
    queues.send("kept")

    assert [poller.run() for _ in range(3)] == [0, 0, 0]
    assert queues.dead() == {"kept": None}
    assert queues.is_empty()
