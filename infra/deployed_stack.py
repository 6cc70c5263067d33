"""A stack that is deployed, asked before the next deployment what its guard would refuse."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.deployed_layout import StackParts, read_deployed, stack_resources
from ttl_archive.infra.attachment.layout_rules import incompatible_changes
from ttl_archive.infra.attachment.preflight import Wanted, problems
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.wanted_layout import view_types, wanted_layout
from ttl_archive.transform.errors import ArchiveError
from ttl_archive.transform.settings import Settings

GetClient = Callable[[str], Any]


class StackError(ArchiveError):
    """The stack cannot be found, or was not made by ttl-archive; the text says what to do."""


def describe_stack(clients: GetClient, name: str) -> Mapping[str, Any]:
    """Return the description of a stack. Raises StackError when CloudFormation does not have it."""
    try:
        (stack,) = clients("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        text = error.response.get("Error", {}).get("Message", "")
        raise StackError(f"The stack {name} cannot be described: {text}. Check its name and Region") from None
    found: Mapping[str, Any] = stack
    return found


def stack_outputs(stack: Mapping[str, Any], *needed: str) -> dict[str, str]:
    """Return the outputs of a stack by name. Raises StackError when one that is needed is missing."""
    outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", [])}
    missing = [name for name in needed if name not in outputs]
    if missing:
        raise StackError(
            f"The stack has no output {' and no output '.join(missing)}, so it is no stack of ttl-archive, "
            "or it does not have this road. Check its name, and [deploy] source"
        )
    return outputs


def update_problems(clients: GetClient, settings: Settings, deploy: Deploy, stack_name: str) -> list[str]:
    """Return what the guard of the stack would refuse, one sentence with the way out for each.

    Raises StackError.
    """
    stack = describe_stack(clients, stack_name)
    parts = _parts(clients, stack, stack_outputs(stack, "BucketName", "Database"))
    wanted = Wanted(
        layout=replace(wanted_layout(settings, deploy), bucket=deploy.bucket or ""),
        table=deploy.table,
        attach=deploy.attach,
        ttl_attribute=settings.table.ttl_attribute,
        operations_key_arn=deploy.operations_key_arn or "",
        stream_arn="",
        view_types=view_types(settings),
        stack_id=stack["StackId"],
    )
    deployed = read_deployed(clients, parts, wanted.layout)
    refused = incompatible_changes(wanted.layout, deployed) if deployed else []
    return refused + problems(clients, wanted, parts)


def _parts(clients: GetClient, stack: Mapping[str, Any], outputs: Mapping[str, str]) -> StackParts:
    """Find the parts by their types; of several buckets, the archive's is the one in the outputs."""
    by_type: dict[str, list[str]] = {}
    for resource in stack_resources(clients("cloudformation"), stack["StackId"]):
        by_type.setdefault(resource["ResourceType"], []).append(resource.get("PhysicalResourceId", ""))

    def first(kind: str) -> str | None:
        return next(iter(by_type.get(kind, [])), None)

    own_bucket = outputs["BucketName"] in by_type.get("AWS::S3::Bucket", [])
    return StackParts(
        status=stack["StackStatus"],
        bucket=outputs["BucketName"] if own_bucket else None,
        database=first("AWS::Glue::Database"),
        delivery_stream=first("AWS::KinesisFirehose::DeliveryStream"),
        stream=first("AWS::Kinesis::Stream"),
        table=first("AWS::DynamoDB::Table"),
    )
