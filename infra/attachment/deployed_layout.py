"""The layout that is deployed: read from the layout record, else from Firehose and Glue, else from objects.

The old properties of a custom resource are never used. On a rollback they are the refused ones, and a stack
that is deployed onto a retained bucket has none.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import client_error_code
from ttl_archive.infra.attachment.layout_rules import Layout

Clients = Callable[[str], Any]  # service -> boto3 client
_MISSING = frozenset(
    {"ResourceNotFoundException", "EntityNotFoundException", "NoSuchKey", "NoSuchBucket", "404"}
)
# A record that cannot be decrypted is no record: Firehose then says which key is missing.
_UNREADABLE = frozenset({"AccessDenied", "AccessDeniedException", "403"})


@dataclass(frozen=True, slots=True)
class StackParts:
    """The physical ids of this stack's parts; None where a part is not deployed."""

    status: str = ""
    bucket: str | None = None
    database: str | None = None
    delivery_stream: str | None = None
    stream: str | None = None
    table: str | None = None


def stack_parts(clients: Clients, stack_id: str, logical_ids: Mapping[str, str]) -> StackParts:
    """Look up the stack's status and the physical ids of the parts, by their names in StackParts."""
    cloudformation = clients("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    physical = {
        found["LogicalResourceId"]: found.get("PhysicalResourceId")
        for found in stack_resources(cloudformation, stack_id)
    }
    return StackParts(
        status=stack["StackStatus"],
        **{part: physical.get(logical) or None for part, logical in logical_ids.items() if logical},
    )


def stack_resources(cloudformation: Any, stack_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of a stack that are not deleted.

    DescribeStackResources would return only the first 100. Source: AWS CloudFormation API Reference.
    """
    token: dict[str, str] = {}
    while True:
        page = cloudformation.list_stack_resources(StackName=stack_id, **token)
        for found in page["StackResourceSummaries"]:
            if found["ResourceStatus"] != "DELETE_COMPLETE":
                yield found
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def record_key(table: str) -> str:
    """Return the key of the layout record of a table."""
    return f"replay/table={table}/layout.json"


def read_deployed(clients: Clients, parts: StackParts, wanted: Layout) -> Layout | None:
    """Return the layout of what exists in this stack or in the wanted bucket, or None when nothing exists."""
    stream = _delivery_stream(clients, parts)
    bucket = (stream and stream.bucket) or wanted.bucket or parts.bucket
    if bucket is None:
        return None
    found: Layout | None
    if stream:
        found = _record(clients, bucket, stream.table) or _described(clients, parts, stream)
    elif (rows := _by_objects(clients, bucket, wanted)) is not None:
        found = _record(clients, bucket, wanted.table) or rows
    elif not parts.database or (found := _record(clients, bucket, wanted.table)) is None:
        return None  # without a deployed stack, a record without rows is what a failed deployment left behind
    # A stack's own bucket has no name in archive.toml, and the record may be of an earlier stack.
    own = bucket == parts.bucket and not wanted.bucket
    return replace(
        found,
        bucket="" if own else bucket,
        database=parts.database or wanted.database,
        key_arn=stream.key_arn if stream else found.key_arn,
        source_backup=stream is not None and stream.source_backup,
    )


def write_record(clients: Clients, bucket: str, layout: Layout) -> None:
    """Write the layout record into the bucket that holds the rows."""
    clients("s3").put_object(
        Bucket=bucket,
        Key=record_key(layout.table),
        Body=layout.to_json().encode(),
        ContentType="application/json",
    )


@dataclass(frozen=True, slots=True)
class _DeliveryStream:
    bucket: str
    table: str
    date_column: str
    files: str
    partition_by: str
    key_arn: str
    source_backup: bool
    source: str


def _delivery_stream(clients: Clients, parts: StackParts) -> _DeliveryStream | None:
    if parts.delivery_stream is None:
        return None
    found = _unless_missing(
        lambda: clients("firehose").describe_delivery_stream(DeliveryStreamName=parts.delivery_stream)
    )
    if found is None:
        return None
    description = found["DeliveryStreamDescription"]
    (destination,) = description["Destinations"]
    kind = description.get("DeliveryStreamType")
    source = "streams" if kind == "DirectPut" else "kinesis"
    return _described_destination(destination["ExtendedS3DestinationDescription"], source)


def _described_destination(destination: Mapping[str, Any], source: str) -> _DeliveryStream:
    """Read the destination. Its prefix is archive/TABLE/COLUMN=…, see transform/layout.py."""
    _, table, day = destination["Prefix"].split("/", 2)
    conversion = destination.get("DataFormatConversionConfiguration", {})
    extension = destination.get("FileExtension", "")
    partitioning = destination.get("DynamicPartitioningConfiguration", {})
    encryption = destination.get("EncryptionConfiguration", {}).get("KMSEncryptionConfig", {})
    return _DeliveryStream(
        bucket=destination["BucketARN"].rsplit(":", 1)[1],
        table=table,
        date_column=day.split("=")[0],
        files="parquet" if conversion.get("Enabled") else extension.strip(".").split(".")[0],
        partition_by="event" if partitioning.get("Enabled") else "arrival",
        key_arn=encryption.get("AWSKMSKeyARN", ""),
        source_backup=destination.get("S3BackupMode") == "Enabled",
        source=source,
    )


def _record(clients: Clients, bucket: str, table: str) -> Layout | None:
    try:
        found = clients("s3").get_object(Bucket=bucket, Key=record_key(table))
    except ClientError as error:
        if client_error_code(error) in _MISSING | _UNREADABLE:
            return None
        raise
    return Layout.from_json(found["Body"].read())


def _described(clients: Clients, parts: StackParts, stream: _DeliveryStream) -> Layout:
    columns: tuple[str, ...] = ()
    if parts.database:
        columns = _glue_columns(clients, parts.database)
    return Layout(
        table=stream.table,
        database=parts.database or "",
        bucket=stream.bucket,
        date_column=stream.date_column,
        files=stream.files,
        row="envelope" if any(column.startswith("new_image ") for column in columns) else "flat",
        partition_by=stream.partition_by,
        columns=columns,
        key_arn=stream.key_arn,
        source=stream.source,
    )


def _glue_columns(clients: Clients, database: str) -> tuple[str, ...]:
    """Return the columns of the table that lies over the files, whatever it is called."""
    glue = clients("glue")
    found = _unless_missing(lambda: glue.get_tables(DatabaseName=database)["TableList"]) or []
    for table in found:
        storage = table.get("StorageDescriptor", {})
        if "/archive/" in storage.get("Location", ""):
            return tuple(f"{column['Name']} {column['Type']}" for column in storage["Columns"])
    return ()


def rows_folder(table: str) -> str:
    """Return the folder of a table's rows, as transform/layout.py, which is not in this zip, has it."""
    return f"archive/{table}/"


def _by_objects(clients: Clients, bucket: str, wanted: Layout) -> Layout | None:
    """Infer what the names of objects say: date column and format. Everything else counts as equal."""
    folder = rows_folder(wanted.table)
    found = _unless_missing(
        lambda: clients("s3").list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=1).get("Contents", [])
    )
    if not found:
        return None
    day, _, name = found[0]["Key"].removeprefix(folder).partition("/")
    kind = next((kind for kind in ("jsonl", "csv") if name.endswith(f".{kind}.gz")), "parquet")
    return replace(wanted, date_column=day.split("=")[0], files=kind)


def _unless_missing(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        if client_error_code(error) in _MISSING:
            return None
        raise
