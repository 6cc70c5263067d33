"""Lambda's poller of an SQS queue: batches of messages to a function, and the confirmed messages deleted.

A message that the function returns is visible again at once; in AWS it is after the visibility timeout.
Source: AWS Lambda Developer Guide, services-sqs-errorhandling; LS for the shape of the event.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.function import Function, FunctionError

_CALL_MESSAGES = 10  # BC-sqs: ReceiveMessage, DeleteMessageBatch


class QueuePoller:
    """Reads a queue of the emulator, whose own `SentTimestamp` is replaced by the time of `clock`."""

    def __init__(
        self, sqs: Any, queue_url: str, function: Function, clock: Clock, *, batch_messages: int = 100
    ) -> None:
        self._sqs, self._url = sqs, queue_url
        attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
        self._arn = attributes["QueueArn"]
        self._function, self._clock = function, clock
        self._batch_messages = batch_messages

    def run(self) -> int:
        """Hand one batch to the function, and return the number of messages that it confirmed."""
        messages = self._receive()
        if not messages:
            return 0
        event = {"Records": [self._record(message) for message in messages]}
        returned = self._returned(event, messages)
        for message in returned:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        confirmed = [message for message in messages if message not in returned]
        for at in range(0, len(confirmed), _CALL_MESSAGES):
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(confirmed[at : at + _CALL_MESSAGES])
            ]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        return len(confirmed)

    def _receive(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while len(messages) < self._batch_messages:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_CALL_MESSAGES, self._batch_messages - len(messages)),
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            found = answer.get("Messages", [])
            messages += found
            if not found:
                break
        return messages

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        sent = {"SentTimestamp": str(self._clock.now_us() // 1000)}
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": {**message.get("Attributes", {}), **sent},
            "messageAttributes": {
                name: _event_attribute(each) for name, each in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": self._arn.split(":")[3],
        }

    def _returned(self, event: dict[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the messages that stay in the queue: all of them when the function failed as a whole."""
        try:
            answer = json.loads(self._function.invoke(json.dumps(event).encode()))
        except FunctionError:
            return messages
        failures = (answer or {}).get("batchItemFailures") or []
        failed = {failure.get("itemIdentifier") for failure in failures}
        known = {message["MessageId"] for message in messages}
        # An unknown or empty id means that nothing can be confirmed.
        return messages if failed - known else [each for each in messages if each["MessageId"] in failed]


def _event_attribute(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return an attribute of a message as it is in the event. Source: LDG, with-sqs, the example event."""
    found = {"dataType": attribute["DataType"], "stringListValues": [], "binaryListValues": []}
    if "BinaryValue" in attribute:
        return found | {"binaryValue": b64encode(attribute["BinaryValue"]).decode()}
    return found | {"stringValue": attribute["StringValue"]}
