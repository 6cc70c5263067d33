"""What can be checked before anything is created, so that a failed deployment leaves nothing behind.

The retained parts, bucket and stream, depend on this check.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import (
    Destination,
    DestinationError,
    client_error_code,
    refuse_second_stream,
)
from ttl_archive.infra.attachment.deployed_layout import Clients, StackParts
from ttl_archive.infra.attachment.key_policy import missing_statements
from ttl_archive.infra.attachment.layout_rules import Layout
from ttl_archive.infra.attachment.source_stream import WantedStream, check_view_type
from ttl_archive.infra.attachment.ttl_check import describe_ttl


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a deployment asks for, as the guard's properties say it."""

    layout: Layout
    table: str  # existing or create
    attach: bool
    ttl_attribute: str
    operations_key_arn: str
    stream_arn: str  # empty for the stack's own stream
    view_types: tuple[str, ...]  # of the table's stream, on the Streams road
    stack_id: str

    @classmethod
    def from_properties(cls, stack_id: str, properties: Mapping[str, str]) -> "Wanted":
        """Read the properties, all of which CloudFormation sends as text."""
        return cls(
            layout=Layout.from_json(properties["Layout"]),
            table=properties["Table"],
            attach=properties["Attach"] == "true",
            ttl_attribute=properties["TtlAttribute"],
            operations_key_arn=properties.get("OperationsKeyArn", ""),
            stream_arn=properties.get("StreamArn", ""),
            view_types=tuple(properties["ViewTypes"].split(",")),
            stack_id=stack_id,
        )

    @property
    def place(self) -> tuple[str, str, str]:
        """Return partition, Region and account of the stack."""
        _, partition, _, region, account, _ = self.stack_id.split(":", 5)
        return partition, region, account


def problems(clients: Clients, wanted: Wanted, parts: StackParts) -> list[str]:
    """Return one sentence for each reason why the deployment would fail later."""
    return [
        *_table_problems(clients("dynamodb"), wanted, parts),
        *_database_problems(clients, wanted, parts),
        *_bucket_problems(clients, wanted),
        *_key_problems(clients, wanted),
    ]


def _table_problems(dynamodb: Any, wanted: Wanted, parts: StackParts) -> Iterator[str]:
    """Check the table that is attached, or that the table to create is not there yet."""
    name = wanted.layout.table
    if wanted.table == "create":
        if parts.table != name and _table_exists(dynamodb, name):
            yield (
                f'[deploy] table is "create", but the table {name} exists. Set table = "existing", '
                "or choose another [table] name"
            )
    elif wanted.attach:
        try:
            _check_source(dynamodb, wanted, parts)
        except DestinationError as error:
            yield str(error)


def _check_source(dynamodb: Any, wanted: Wanted, parts: StackParts) -> None:
    """Raise DestinationError when the table's TTL or one of its streams does not allow to attach it."""
    name, source = wanted.layout.table, wanted.layout.source
    describe_ttl(dynamodb, name, wanted.ttl_attribute)
    if source != "streams":
        partition, region, account = wanted.place
        own = f"arn:{partition}:kinesis:{region}:{account}:stream/{parts.stream}"
        refuse_second_stream(dynamodb, Destination(name, wanted.stream_arn or own))
    if source != "kinesis":
        check_view_type(dynamodb, WantedStream(name, wanted.view_types))


def _table_exists(dynamodb: Any, name: str) -> bool:
    try:
        dynamodb.describe_time_to_live(TableName=name)
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            return False
        raise
    return True


def _database_problems(clients: Clients, wanted: Wanted, parts: StackParts) -> Iterator[str]:
    name = wanted.layout.database
    if parts.database is None and _database_exists(clients("glue"), name):
        yield (
            f"The Glue database {name} exists, and this stack would create it. Another stack owns it, "
            "or it was "
            "left behind: choose another [deploy] database, or delete it with "
            f"aws glue delete-database --name {name} (this deletes its tables and views, but no rows)"
        )


def _database_exists(glue: Any, name: str) -> bool:
    try:
        glue.get_database(Name=name)
    except ClientError as error:
        if client_error_code(error) == "EntityNotFoundException":
            return False
        raise
    return True


def _bucket_problems(clients: Clients, wanted: Wanted) -> Iterator[str]:
    name = wanted.layout.bucket
    if not name:
        return
    try:
        clients("s3").head_bucket(Bucket=name)
    except ClientError as error:
        yield (
            f'[deploy] bucket is "{name}", which answers {client_error_code(error)}. It must be a '
            "bucket of this "
            "account and Region"
        )


def _key_problems(clients: Clients, wanted: Wanted) -> Iterator[str]:
    """An alarm whose topic cannot use its key is silent, so that the key's policy is checked beforehand."""
    if not wanted.operations_key_arn:
        return
    policy = clients("kms").get_key_policy(KeyId=wanted.operations_key_arn, PolicyName="default")["Policy"]
    _, region, account = wanted.place
    missing = missing_statements(json.loads(policy), region, account)
    if missing:
        yield (
            f"[deploy] operations_key_arn names {wanted.operations_key_arn}, whose policy lacks statements. "
            f"Add: {json.dumps(missing)}"
        )
