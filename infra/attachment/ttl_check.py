"""The state of the table's TTL in one sentence; TTL on another attribute than archive.toml's is an error."""

from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import DestinationError, NoTableError, client_error_code


def describe_ttl(client: Any, table: str, attribute: str) -> str:
    """Return the state of the table's TTL, for the stack's outputs.

    TTL that is off is no error: the order that loses nothing is to attach the table first and to turn TTL on
    afterwards. Raises NoTableError, and DestinationError for TTL on another attribute.
    """
    try:
        found = client.describe_time_to_live(TableName=table).get("TimeToLiveDescription", {})
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            raise NoTableError(table) from None
        raise
    status, on = found.get("TimeToLiveStatus", "DISABLED"), found.get("AttributeName")
    if status == "DISABLED":
        return (
            f"OFF: nothing expires from {table}. Turn it on: aws dynamodb update-time-to-live "
            f"--table-name {table} --time-to-live-specification Enabled=true,AttributeName={attribute}"
        )
    if on != attribute:
        raise DestinationError(
            f'TTL of table {table} is {status} on attribute "{on}"; archive.toml has [table] ttl_attribute = '
            f'"{attribute}". Correct the one that is wrong.'
        )
    return f"{status} on {attribute}"
