"""The entry that Lambda calls for the Create, Update and Delete of a Custom::TableStream."""

from typing import Any

from ttl_archive.infra.attachment.attach_handler import lambda_waiter
from ttl_archive.infra.attachment.cloudformation_response import Send, put
from ttl_archive.infra.attachment.custom_resource import Event, make_client, respond
from ttl_archive.infra.attachment.source_stream import WantedStream, turn_on
from ttl_archive.infra.attachment.ttl_check import describe_ttl


def handler(event: Event, context: Any, client: Any = None, send: Send = put, pause: Any = None) -> None:
    """Turn the table's stream on, then respond with its ARN. Tests pass the last three arguments."""
    properties = event["ResourceProperties"]

    def action() -> dict[str, str]:
        if event["RequestType"] == "Delete":
            return {}  # other readers may use the stream
        dynamodb = client or make_client("dynamodb")
        ttl = describe_ttl(dynamodb, properties["TableName"], properties["TtlAttribute"])
        arn = turn_on(dynamodb, WantedStream.from_properties(properties), lambda_waiter(context, pause))
        return {"StreamArn": arn, "Ttl": ttl}

    respond(event, f"stream of {properties['TableName']}", action, send)
