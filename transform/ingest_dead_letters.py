"""Sends a message that can never be stored to the dead-letter queue, with the reason as an attribute.

The message keeps its own attributes. SQS counts them and the reason into the message's size: a message that
has no room for the reason is not sent, and SQS itself moves it after max_receives attempts.
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from ttl_archive.transform.ingest import Event, Refuse

DEAD_LETTER_QUEUE_VARIABLE = "TTL_ARCHIVE_DEAD_LETTER_QUEUE"  # its URL
_REASON = "ErrorCode"
_ATTRIBUTES = 10  # of a message. Source: SQSD, quotas-messages


def dead_letter_queue(client: Any, queue_url: str) -> Refuse:
    """Return the function that sends a message, and returns whether SQS has confirmed it."""

    def refuse(message: Event, code: str) -> bool:
        from botocore import exceptions as botocore

        try:
            answer = client.send_message(
                QueueUrl=queue_url,
                MessageBody=message["body"],
                MessageAttributes=_attributes(message.get("messageAttributes", {}), code),
            )
        except (botocore.ClientError, botocore.ConnectionError, botocore.HTTPClientError):
            return False
        return bool(answer.get("MessageId"))

    return refuse


def _attributes(given: Mapping[str, Mapping[str, Any]], code: str) -> dict[str, dict[str, Any]]:
    """Return the message's own attributes, and the reason where there is room.

    A message that was moved back from the dead-letter queue has an earlier reason, which is replaced.
    """
    own = {name: _attribute(each) for name, each in given.items()}
    if _REASON not in own and len(own) == _ATTRIBUTES:
        return own
    return own | {_REASON: {"DataType": "String", "StringValue": code}}


def _attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attribute of Lambda's event as SendMessage takes it; Lambda writes binary as base64."""
    kind = given["dataType"]
    if kind.partition(".")[0] == "Binary":  # a type may have a label: Binary.gif
        return {"DataType": kind, "BinaryValue": b64decode(given["binaryValue"])}
    return {"DataType": kind, "StringValue": given["stringValue"]}
