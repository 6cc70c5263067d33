"""How the demo's readings come in by a queue: --road ingest. From the table on, the story is the same.

A message has the readings of a day, and one message is no JSON: it ends in the dead-letter queue.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Self

from ttl_archive.infra.local.in_process_function import has_runtime_client, in_process_ingester
from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.local.queue_poller import QueuePoller
from ttl_archive.infra.local.roads.road import LocalFunction
from ttl_archive.replay.items.attribute_values import Item
from ttl_archive.transform.ingest_dead_letters import DEAD_LETTER_QUEUE_VARIABLE

INGEST_CONFIG = """
[ingest]
readings = "readings"
take = ["deviceID"]
keys = { deviceID = "{deviceID}", readingTime = "{readingTime}" }
time = "time"
retention_days = 365
"""
_NO_JSON = "temperature=40.1"
_CALL_MESSAGES = 10  # BC-sqs: SendMessageBatch


@dataclass(frozen=True, slots=True)
class IngestLedger:
    """What became of the messages, by the queues, and of the readings, by the table."""

    messages: int
    stored: int
    dead_letters: int
    left: int
    readings: int
    items: int

    @property
    def adds_up(self) -> bool:
        """Whether each message is stored or a dead letter, and each reading is an item."""
        return (
            self.messages == self.stored + self.dead_letters
            and self.left == 0
            and self.readings == self.items
        )


class IngestStory:
    """A context manager: the queues and the function, beside a running pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline, self._open = pipeline, ExitStack()
        self._sent = self._confirmed = self._readings = 0

    def __enter__(self) -> Self:
        self._sqs = self._pipeline.emulator.client("sqs")
        self._dead_letters = self._sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        arn = self._attribute(self._dead_letters, "QueueArn")
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        created = self._sqs.create_queue(QueueName="readings", Attributes={"RedrivePolicy": redrive})
        self._queue = created["QueueUrl"]
        function = self._new_function()
        self._open.enter_context(function)
        function.wait_ready()
        self._poller = QueuePoller(self._sqs, self._queue, function, self._pipeline.clock)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    def send(self, items: Sequence[Item]) -> None:
        """Send the readings as devices would, and one message that is no JSON."""
        bodies = [*_messages(items), _NO_JSON]
        self._readings = len(items)
        for at in range(0, len(bodies), _CALL_MESSAGES):
            entries = [
                {"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[at : at + _CALL_MESSAGES])
            ]
            self._sqs.send_message_batch(QueueUrl=self._queue, Entries=entries)
        self._sent = len(bodies)

    def store(self) -> Iterator[int]:
        """Let the function store all messages; yield how many each batch confirmed."""
        while done := self._poller.run():
            self._confirmed += done
            yield done

    def ledger(self, items_before: int) -> IngestLedger:
        """Count what is in the table and in the queues."""
        dead = int(self._attribute(self._dead_letters, "ApproximateNumberOfMessages"))
        pages = self._pipeline.dynamodb.get_paginator("scan").paginate(
            TableName=self._pipeline.table, Select="COUNT"
        )
        items = sum(page["Count"] for page in pages) - items_before
        left = sum(
            int(self._attribute(self._queue, name))
            for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        )
        return IngestLedger(self._sent, self._confirmed - dead, dead, left, self._readings, items)

    def _attribute(self, url: str, name: str) -> str:
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        return str(found[name])

    def _new_function(self) -> LocalFunction:
        if not has_runtime_client():
            return in_process_ingester(
                self._pipeline.settings.file,
                dynamodb=self._pipeline.dynamodb,
                sqs=self._sqs,
                dead_letters=self._dead_letters,
            )
        variables = {**self._pipeline.environment(), DEAD_LETTER_QUEUE_VARIABLE: self._dead_letters}
        return LambdaRuntime(
            "ttl_archive.transform.ingest_handler.handler", function_name="ingest", environment=variables
        )


def _messages(items: Sequence[Item]) -> Iterator[str]:
    """Yield a message for each station and day, as JSON text in which a number has its own digits."""

    def day(item: Item) -> tuple[str, str]:
        return item["deviceID"]["S"], item["readingTime"]["S"][:10]

    for (device, _), readings in groupby(items, key=day):
        yield f'{{"deviceID":"{device}","readings":[{",".join(map(_reading_text, readings))}]}}'


def _reading_text(item: Item) -> str:
    taken, temperature = item["readingTime"]["S"], item["temperature"]["N"]
    seconds = int(datetime.fromisoformat(taken).timestamp())
    return f'{{"readingTime":"{taken}","time":{seconds},"temperature":{temperature}}}'
