"""Replay of a large backlog: a Step Functions Distributed Map over error objects, and the function it calls.

Input of an execution: {"prefix": "errors/TABLE/processing-failed/"}, or any other folder below the table's
errors. For each batch the function gets
    {"bucket": "b", "items": [{"Key": "errors/…", "Size": 1234, …}], "sink": "s3", "stream": "s"}
and returns counts. The result of each batch and a manifest are written below replay/table=TABLE/maps/.
"""

import json
from typing import Any

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge, acknowledge_wildcards
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_MEMORY_MB = 1024  # an error object of 128 MB is streamed while its rows are compressed
_TIMEOUT_S = 900  # Lambda's longest
# An object can be as large as the delivery buffer, so a batch is small enough for one invocation of 900 s.
_MAX_ITEMS = 10
_MAX_BYTES = 200_000  # of the batch as JSON; the service accepts 262,144
# Errors of the call, not of the work. Source: AWS Step Functions Developer Guide, Lambda best practices.
_PASSING = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]


class ReplayMap(Construct):
    """The state machine, the function, and their roles."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
        stream: kinesis.IStream | None,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        # Replay writes JSON lines, which a Parquet table cannot read: such records pass the stream again.
        sink = "kinesis" if deploy.parquet else "s3"
        self.function = PythonFunction(
            self,
            "Replay",
            description=f"Replays failed records of {settings.table.name}",
            zip_file=assets.replay,
            handler="ttl_archive.replay.map_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=deploy,
            statements=[
                *_replaying(settings, deploy, bucket),
                *(roles.stream_sending(stream, deploy) if stream and sink == "kinesis" else []),
            ],
        )
        acknowledge_wildcards(
            self.function.role,
            [bucket.arn_for_objects(f"{folder}*") for folder in _folders(settings)],
            "The names of error objects, rows and replay's own objects are not known beforehand.",
        )
        function_arn = self.function.function.function_arn
        role = roles.service_role(
            self,
            "states.amazonaws.com",
            _mapping(settings, deploy, bucket, function_arn),
            roles.of_this_account(),
        )
        maps = layout.maps_folder(settings.table.name)
        acknowledge_wildcards(
            role,
            [bucket.arn_for_objects(f"{maps}*")],
            "Step Functions chooses the names of the result files.",
        )
        name = stream.stream_name if stream else ""
        batch_input = {"bucket": bucket.bucket_name, "sink": sink, "stream": name}
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_type=sfn.StateMachineType.STANDARD,
            role=role,
            definition_body=sfn.DefinitionBody.from_string(
                json.dumps(definition(batch_input, function_arn, deploy, maps))
            ),
        )
        acknowledge(
            self.machine,
            {
                "SF1": "Step Functions keeps the history of a Standard execution for 90 days, and the map "
                "writes the result of each batch into the bucket; a log would be a third copy.",
                "SF2": "The only call is one function, whose log has its durations.",
            },
        )
        self._children(role)

    def _children(self, role: iam.Role) -> None:
        """Allow the map to start its batches, which are executions of its own state machine."""
        machine = self.machine.state_machine_arn
        execution = Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.machine.state_machine_name}/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        policy = iam.Policy(
            self,
            "Children",
            roles=[role],
            statements=[
                roles.allow(["states:StartExecution"], [machine]),
                roles.allow(["states:DescribeExecution", "states:StopExecution"], [execution]),
            ],
        )
        acknowledge_wildcards(
            policy, [execution], "Step Functions chooses the names of the child executions."
        )


def definition(batch_input: dict[str, str], function_arn: str, deploy: Deploy, maps: str) -> dict[str, Any]:
    """Return the state machine in Amazon States Language.

    Source: AWS Step Functions Developer Guide, Map state.
    """
    call = {
        "Type": "Task",
        "Resource": f"arn:{Aws.PARTITION}:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": function_arn,
            "Payload": {
                "items.$": "$.Items",
                **{f"{name}.$": f"$.BatchInput.{name}" for name in batch_input},
            },
        },
        "OutputPath": "$.Payload",
        "Retry": [
            {
                "ErrorEquals": _PASSING,
                "IntervalSeconds": 2,
                "MaxAttempts": 6,
                "BackoffRate": 2,
                "JitterStrategy": "FULL",
            },
            # The function fails when an object is not finished. The next attempt skips what is done.
            {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 30, "MaxAttempts": 3, "BackoffRate": 2},
        ],
        "End": True,
    }
    return {
        "Comment": "Replays every error object below a prefix",
        "StartAt": "EachObject",
        "States": {
            "EachObject": {
                "Type": "Map",
                "Label": "EachObject",
                "ItemReader": {
                    "Resource": f"arn:{Aws.PARTITION}:states:::s3:listObjectsV2",
                    "Parameters": {"Bucket": batch_input["bucket"], "Prefix.$": "$.prefix"},
                },
                "ItemBatcher": {
                    "MaxItemsPerBatch": _MAX_ITEMS,
                    "MaxInputBytesPerBatch": _MAX_BYTES,
                    "BatchInput": batch_input,
                },
                "MaxConcurrency": deploy.replay_concurrency,
                "ToleratedFailurePercentage": deploy.replay_tolerated_failure_percent,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Replay",
                    "States": {"Replay": call},
                },
                "ResultWriter": {
                    "Resource": f"arn:{Aws.PARTITION}:states:::s3:putObject",
                    "Parameters": {"Bucket": batch_input["bucket"], "Prefix": maps.rstrip("/")},
                },
                "End": True,
            }
        },
    }


def _records(settings: Settings) -> str:
    return layout.records_folder(settings.table.name)


def _folders(settings: Settings) -> tuple[str, ...]:
    return layout.archive_folder(settings), layout.errors_folder(settings), _records(settings)


def _replaying(settings: Settings, deploy: Deploy, bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    """Allow reading error objects and claims, and writing rows and claims, but no deletion.

    Without ListBucket, S3 reports a missing object as AccessDenied.
    """
    written = (layout.archive_folder(settings), _records(settings))
    return [
        roles.allow(["s3:ListBucket"], [bucket.bucket_arn]),
        roles.allow(
            ["s3:GetObject"], [bucket.arn_for_objects(f"{folder}*") for folder in _folders(settings)]
        ),
        roles.allow(["s3:PutObject"], [bucket.arn_for_objects(f"{folder}*") for folder in written]),
        *roles.bucket_key_use(deploy),
    ]


def _mapping(
    settings: Settings, deploy: Deploy, bucket: s3.IBucket, function_arn: str
) -> list[iam.PolicyStatement]:
    """Allow listing error objects, calling the function and writing results.

    Source: AWS Step Functions Developer Guide, IAM policies for Distributed Map.
    """
    below = {"StringLike": {"s3:prefix": [f"{layout.errors_folder(settings)}*"]}}
    return [
        roles.allow(["s3:ListBucket"], [bucket.bucket_arn], below),
        roles.allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
            [bucket.arn_for_objects(f"{layout.maps_folder(settings.table.name)}*")],
        ),
        roles.allow(["lambda:InvokeFunction"], [function_arn]),
        *roles.bucket_key_use(deploy),
    ]
