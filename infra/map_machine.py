"""What every Distributed Map of the stack shares: its definition, its state machine and its rights.

A map calls one function with a batch of items, and writes the result of each batch, and a manifest, below
replay/table=TABLE/maps/.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.machine_states import PASSING_ERRORS, retry
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.infra.standard_machine import standard_machine

_MAX_BYTES = 200_000  # of the batch as JSON; the service accepts 262,144


@dataclass(frozen=True, slots=True)
class MapWork:
    """What one map does: which items it reads, and what the function gets beside a batch of them."""

    comment: str
    each: str  # the name of the map state, such as EachObject
    step: str  # the name of the state that calls the function, such as Replay
    reader: Mapping[str, Any]  # the ItemReader without the partition in its Resource
    batch_input: Mapping[str, str]  # its names may end in ".$", for a path into the execution's input
    max_items: int
    tolerated_failure_percent: int


def map_definition(
    work: MapWork, *, bucket: str, function_arn: str, maps: str, deploy: Deploy
) -> dict[str, Any]:
    """Return the state machine in Amazon States Language.

    Source: AWS Step Functions Developer Guide, Map state, ItemReader and ItemBatcher.
    """
    integration = f"arn:{Aws.PARTITION}:states:::"
    given = (name.removesuffix(".$") for name in work.batch_input)
    call = {
        "Type": "Task",
        "Resource": f"{integration}lambda:invoke",
        "Parameters": {
            "FunctionName": function_arn,
            "Payload": {"items.$": "$.Items", **{f"{name}.$": f"$.BatchInput.{name}" for name in given}},
        },
        "OutputPath": "$.Payload",
        "Retry": [
            retry(PASSING_ERRORS, 2, 6) | {"JitterStrategy": "FULL"},
            # The function fails when an item is not finished. The next attempt skips what is done.
            retry(["States.TaskFailed"], 30, 3),
        ],
        "End": True,
    }
    each = {
        "Type": "Map",
        "Label": work.each,
        "ItemReader": {**work.reader, "Resource": f"{integration}{work.reader['Resource']}"},
        "ItemBatcher": {
            "MaxItemsPerBatch": work.max_items,
            "MaxInputBytesPerBatch": _MAX_BYTES,
            "BatchInput": dict(work.batch_input),
        },
        "MaxConcurrency": deploy.replay_concurrency,
        "ToleratedFailurePercentage": work.tolerated_failure_percent,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": work.step,
            "States": {work.step: call},
        },
        "ResultWriter": {
            "Resource": f"{integration}s3:putObject",
            "Parameters": {"Bucket": bucket, "Prefix": maps.rstrip("/")},
        },
        "End": True,
    }
    return {"Comment": work.comment, "StartAt": work.each, "States": {work.each: each}}


def map_machine(scope: Construct, role: iam.IRole, definition: dict[str, Any]) -> sfn.StateMachine:
    """Create the state machine of a map, which may start its batches."""
    machine = standard_machine(
        scope,
        role,
        definition,
        no_log="Step Functions keeps the history of a Standard execution for 90 days, and the map writes the "
        "result of each batch into the bucket; a log would be a third copy.",
        no_trace="The only call is one function, whose log has its durations.",
    )
    # Batches are executions of the state machine itself.
    execution = Stack.of(scope).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}/*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    policy = iam.Policy(
        scope,
        "Children",
        roles=[role],
        statements=[
            roles.allow(["states:StartExecution"], [machine.state_machine_arn]),
            roles.allow(["states:DescribeExecution", "states:StopExecution"], [execution]),
        ],
    )
    acknowledge_wildcards(policy, [execution], "Step Functions chooses the names of the child executions.")
    return machine


def mapping(bucket: s3.IBucket, maps: str, function_arn: str, deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow calling the function and writing results.

    Source: AWS Step Functions Developer Guide, IAM policies for Distributed Map.
    """
    return [
        roles.allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
            [bucket.arn_for_objects(f"{maps}*")],
        ),
        roles.allow(["lambda:InvokeFunction"], [function_arn]),
        *roles.bucket_key_use(deploy),
    ]


def archiving(
    bucket: s3.IBucket, sources: list[str], written: list[str], deploy: Deploy
) -> list[iam.PolicyStatement]:
    """Allow the function of a map to read folders and to write folders, which it may read too.

    It may not delete. Without ListBucket, S3 reports a missing object as AccessDenied.
    """
    read = [written[0], *sources, *written[1:]]
    return [
        roles.allow(["s3:ListBucket"], [bucket.bucket_arn]),
        roles.allow(["s3:GetObject"], [bucket.arn_for_objects(f"{folder}*") for folder in read]),
        roles.allow(["s3:PutObject"], [bucket.arn_for_objects(f"{folder}*") for folder in written]),
        *roles.bucket_key_use(deploy),
    ]
