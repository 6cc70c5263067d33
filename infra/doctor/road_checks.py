"""The road: the streaming destination or the event source mapping, and the delivery streams."""

from collections.abc import Iterator
from typing import Any

from ttl_archive.infra.attachment.attach import destinations
from ttl_archive.infra.attachment.forwarded import mappings, reported_problem
from ttl_archive.infra.doctor.finding import Finding, Health

_DESTINATION, _MAPPING, _DELIVERY = "destination", "mapping", "delivery stream"


def check_destination(dynamodb: Any, table: str, stream: str) -> Iterator[Finding]:
    """Check that the table streams into the data stream of the stack. Raises NoTableError."""
    found = destinations(dynamodb, table)
    own = next((each for each in found if each["StreamArn"].rpartition("/")[2] == stream), None)
    if own is None:
        others = ", ".join(each["StreamArn"] for each in found) or "none"
        text = f"the table does not stream into {stream}; its destinations: {others}"
        yield Finding(_DESTINATION, Health.PROBLEM, text, "Deploy with [deploy] attach = true")
    elif own["DestinationStatus"] != "ACTIVE":
        why = own.get("DestinationStatusDescription", "")
        text = f"it is {own['DestinationStatus']}" + (f": {why}" if why else "")
        yield Finding(
            _DESTINATION, Health.PROBLEM, text, "Changes are not archived: deploy again, or enable it"
        )
    else:
        yield Finding(_DESTINATION, Health.OK, f"the table streams into {stream}")


def check_mapping(lambda_client: Any, dynamodb: Any, table: str, function: str) -> Iterator[Finding]:
    """Check that the forwarder's mapping reads the table's current stream, is enabled and does not fail."""
    latest = dynamodb.describe_table(TableName=table)["Table"].get("LatestStreamArn")
    if latest is None:
        yield Finding(_MAPPING, Health.PROBLEM, f"the table {table} has no stream", "Deploy again")
        return
    found = mappings(lambda_client, function)
    own = next((each for each in found if each["EventSourceArn"] == latest), None)
    if own is None:
        read = ", ".join(each["EventSourceArn"] for each in found) or "no stream"
        text = f"the forwarder reads {read}, and the table's current stream is {latest}"
        yield Finding(_MAPPING, Health.PROBLEM, text, "Deploy again: the stream was turned off and on since")
    elif own["State"] != "Enabled":
        text = f"the mapping {own['UUID']} is {own['State']}"
        remedy = f"aws lambda update-event-source-mapping --uuid {own['UUID']} --enabled"
        yield Finding(_MAPPING, Health.PROBLEM, f"{text}; the stream keeps changes for 24 hours", remedy)
    elif problem := reported_problem(own):
        text = f"the mapping {own['UUID']} reports {problem}; the stream keeps changes for 24 hours"
        yield Finding(_MAPPING, Health.PROBLEM, text, "Restore the rights of the forwarder, or deploy again")
    else:
        yield Finding(_MAPPING, Health.OK, f"the forwarder reads the current stream of {table}")


def check_delivery_status(firehose: Any, name: str) -> Iterator[Finding]:
    """Check that a delivery stream is active."""
    found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    status = found["DeliveryStreamStatus"]
    if status == "ACTIVE":
        yield Finding(_DELIVERY, Health.OK, f"{name} is ACTIVE")
    else:
        yield Finding(_DELIVERY, Health.PROBLEM, f"{name} is {status}", "See the events of the stack")
