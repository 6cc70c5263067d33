"""The export on a schedule: EventBridge Scheduler, the state machine, its function, and the roles of each."""

import json

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.export.export_machine import export_definition
from ttl_archive.infra.export.export_settings import ExportSettings
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge, acknowledge_wildcards
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_MEMORY_MB, _TIMEOUT_S = 256, 60
# An event that cannot be delivered for a day is dropped; the next run exports its time too.
_MAX_EVENT_AGE_S, _MAX_RETRIES = 86_400, 185
# The context attribute is the time of the schedule, not of the call, so that a retry has the same window.
# Source: SCHD, managing-schedule-context-attributes.
_INPUT = {"scheduled_time": "<aws.scheduler.scheduled-time>"}


class ScheduledExport(Construct):
    """`machine` is the state machine, which an operator may start with {"scheduled_time": TIME} too."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        export: ExportSettings,
        bucket: s3.IBucket,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        table = settings.table.name
        record_key = layout.export_windows_key(table)
        function = PythonFunction(
            self,
            "Windows",
            description=f"Plans and remembers the windows of the exports of {table}",
            zip_file=assets.attachment,
            handler="ttl_archive.infra.export.windows.window_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=deploy,
            statements=_remembering(bucket, record_key, deploy),
        )
        config = {
            "bucket": bucket.bucket_name,
            "key": record_key,
            "prefix": layout.exports_folder(settings),
            "table": table,
            "kind": export.kind,
            "every_s": export.every_minutes * 60,
        }
        table_arn = Stack.of(self).format_arn(service="dynamodb", resource="table", resource_name=table)
        folder = bucket.arn_for_objects(f"{layout.exports_folder(settings)}*")
        exports = f"{table_arn}/export/*"
        function_arn = function.function.function_arn
        role = roles.service_role(
            self,
            "states.amazonaws.com",
            [
                roles.allow(
                    ["dynamodb:DescribeContinuousBackups", "dynamodb:ExportTableToPointInTime"], [table_arn]
                ),
                roles.allow(["dynamodb:DescribeExport"], [exports]),
                # Source: DynamoDB Developer Guide, s3dataexport-requesting: the caller's rights are used.
                roles.allow(["s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectAcl"], [folder]),
                roles.allow(["lambda:InvokeFunction"], [function_arn]),
                *roles.bucket_key_use(deploy),
            ],
            roles.of_this_account(),
        )
        acknowledge_wildcards(
            role, [exports, folder], "DynamoDB chooses the names of exports and their files."
        )
        definition = export_definition(
            config,
            table_arn=table_arn,
            function_arn=function_arn,
            partition=Aws.PARTITION,
            key_arn=deploy.kms_key_arn,
        )
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
                "SF1": "Step Functions keeps the history of a Standard execution for 90 days, and the "
                "windows are remembered in the bucket; a log would be a third copy.",
                "SF2": "Its calls are one function, whose log has its durations, and DynamoDB's own API.",
            },
        )
        self._schedule(export)

    def _schedule(self, export: ExportSettings) -> None:
        """Create the schedule. The group narrows the role: a schedule cannot be named in its condition.

        Source: SCHD, cross-service confused deputy prevention.
        """
        group = scheduler.CfnScheduleGroup(self, "Group")
        start = Construct(self, "Start")
        ours = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID, "aws:SourceArn": group.attr_arn}}
        machine_arn = self.machine.state_machine_arn
        role = roles.service_role(
            start, "scheduler.amazonaws.com", [roles.allow(["states:StartExecution"], [machine_arn])], ours
        )
        scheduler.CfnSchedule(
            self,
            "Schedule",
            group_name=group.ref,
            schedule_expression=f"rate({export.every_minutes} minutes)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=machine_arn,
                role_arn=role.role_arn,
                input=json.dumps(_INPUT),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=_MAX_EVENT_AGE_S, maximum_retry_attempts=_MAX_RETRIES
                ),
            ),
        )


def _remembering(bucket: s3.IBucket, record_key: str, deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow reading and writing the record. Without ListBucket, a missing object is an AccessDenied."""
    return [
        roles.allow(["s3:ListBucket"], [bucket.bucket_arn], {"StringEquals": {"s3:prefix": record_key}}),
        roles.allow(["s3:GetObject", "s3:PutObject"], [bucket.arn_for_objects(record_key)]),
        *roles.bucket_key_use(deploy),
    ]
