"""Backfill of a large export: a Distributed Map over its data files, and the function it calls.

Input of an execution, for an export that the schedule has made:
    {"folder": "exports/TABLE/dt=2026-11-24/AWSDynamoDB/ID/", "choice": "expired"}      or "all"

The lines of manifest-files.json are the items. The result of each batch and a manifest are written below
replay/table=TABLE/maps/.
"""

import json
from typing import Any

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
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

_MEMORY_MB, _TIMEOUT_S = 1024, 900  # a data file is streamed while its rows are compressed; Lambda's longest
_MAX_ITEMS = 4  # data files of one invocation
_MAX_BYTES = 200_000  # of the batch as JSON; the service accepts 262,144
# Errors of the call, not of the work. Source: SFN, Lambda best practices.
_PASSING = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]


class BackfillMap(Construct):
    """The state machine, the function, and their roles."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        function = PythonFunction(
            self,
            "Backfill",
            description=f"Archives the items of exports of {settings.table.name}",
            zip_file=assets.replay,
            handler="ttl_archive.replay.backfill.backfill_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=deploy,
            statements=_backfilling(settings, deploy, bucket),
        )
        acknowledge_wildcards(
            function.role,
            [bucket.arn_for_objects(f"{folder}*") for folder in _folders(settings)],
            "The names of data files, rows and records are not known beforehand.",
        )
        maps, exports = layout.maps_folder(settings.table.name), layout.exports_folder(settings)
        function_arn = function.function.function_arn
        role = roles.service_role(
            self,
            "states.amazonaws.com",
            [
                roles.allow(["s3:GetObject"], [bucket.arn_for_objects(f"{exports}*")]),
                roles.allow(
                    [
                        "s3:AbortMultipartUpload",
                        "s3:GetObject",
                        "s3:ListMultipartUploadParts",
                        "s3:PutObject",
                    ],
                    [bucket.arn_for_objects(f"{maps}*")],
                ),
                roles.allow(["lambda:InvokeFunction"], [function_arn]),
                *roles.bucket_key_use(deploy),
            ],
            roles.of_this_account(),
        )
        acknowledge_wildcards(
            role,
            [bucket.arn_for_objects(f"{folder}*") for folder in (maps, exports)],
            "Step Functions chooses the names of the result files, and DynamoDB those of exports.",
        )
        definition = backfill_definition(bucket.bucket_name, function_arn, deploy, maps, Aws.PARTITION)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_type=sfn.StateMachineType.STANDARD,
            role=role,
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
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
                roles.allow(["states:StartExecution"], [self.machine.state_machine_arn]),
                roles.allow(["states:DescribeExecution", "states:StopExecution"], [execution]),
            ],
        )
        acknowledge_wildcards(
            policy, [execution], "Step Functions chooses the names of the child executions."
        )


def backfill_definition(
    bucket: str, function_arn: str, deploy: Deploy, maps: str, partition: str
) -> dict[str, Any]:
    """Return the state machine in Amazon States Language.

    Source: SFN, input-output-itemreader (InputType JSONL), input-output-itembatcher.
    """
    batch_input = {"bucket": bucket, "folder.$": "$.folder", "choice.$": "$.choice"}
    payload = {f"{name}.$": f"$.BatchInput.{name}" for name in ("bucket", "folder", "choice")}
    call = {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, "Payload": {"items.$": "$.Items", **payload}},
        "OutputPath": "$.Payload",
        "Retry": [
            {
                "ErrorEquals": _PASSING,
                "IntervalSeconds": 2,
                "MaxAttempts": 6,
                "BackoffRate": 2,
                "JitterStrategy": "FULL",
            },
            # The function fails when a file is not finished. The next attempt skips what is done.
            {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 30, "MaxAttempts": 3, "BackoffRate": 2},
        ],
        "End": True,
    }
    return {
        "Comment": "Archives the items of one export",
        "StartAt": "EachDataFile",
        "States": {
            "EachDataFile": {
                "Type": "Map",
                "Label": "EachDataFile",
                "ItemReader": {
                    "Resource": f"arn:{partition}:states:::s3:getObject",
                    "ReaderConfig": {"InputType": "JSONL"},
                    "Parameters": {
                        "Bucket": bucket,
                        "Key.$": "States.Format('{}manifest-files.json', $.folder)",
                    },
                },
                "ItemBatcher": {
                    "MaxItemsPerBatch": _MAX_ITEMS,
                    "MaxInputBytesPerBatch": _MAX_BYTES,
                    "BatchInput": batch_input,
                },
                "MaxConcurrency": deploy.replay_concurrency,
                "ToleratedFailurePercentage": 0,  # an export that is archived in part is not archived
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Backfill",
                    "States": {"Backfill": call},
                },
                "ResultWriter": {
                    "Resource": f"arn:{partition}:states:::s3:putObject",
                    "Parameters": {"Bucket": bucket, "Prefix": maps.rstrip("/")},
                },
                "End": True,
            }
        },
    }


def _folders(settings: Settings) -> tuple[str, ...]:
    records = layout.records_folder(settings.table.name)
    return layout.archive_folder(settings), layout.exports_folder(settings), records


def _backfilling(settings: Settings, deploy: Deploy, bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    """Allow reading exports and records, and writing rows and records, but no deletion.

    Without ListBucket, S3 reports a missing object as AccessDenied.
    """
    archive, _, records = _folders(settings)
    return [
        roles.allow(["s3:ListBucket"], [bucket.bucket_arn]),
        roles.allow(
            ["s3:GetObject"], [bucket.arn_for_objects(f"{folder}*") for folder in _folders(settings)]
        ),
        roles.allow(
            ["s3:PutObject"], [bucket.arn_for_objects(f"{folder}*") for folder in (archive, records)]
        ),
        *roles.bucket_key_use(deploy),
    ]
