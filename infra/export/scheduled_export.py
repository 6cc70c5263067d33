"""The export on a schedule: EventBridge Scheduler, the state machine, its function, and the roles of each."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.export.export_machine import export_definition
from ttl_archive.infra.export.export_settings import ExportSettings
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.infra.standard_machine import SCHEDULED_TIME, Schedules, standard_machine
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_MEMORY_MB, _TIMEOUT_S = 256, 60


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
        self.machine = standard_machine(
            self,
            role,
            definition,
            no_log="Step Functions keeps the history of a Standard execution for 90 days, and the "
            "windows are remembered in the bucket; a log would be a third copy.",
            no_trace="Its calls are one function, whose log has its durations, and DynamoDB's own API.",
        )
        # When a run is dropped, the next one exports its time too.
        Schedules(self, self.machine).add(
            "Schedule", f"rate({export.every_minutes} minutes)", {"scheduled_time": SCHEDULED_TIME}
        )


def _remembering(bucket: s3.IBucket, record_key: str, deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow reading and writing the record. Without ListBucket, a missing object is an AccessDenied."""
    return [
        roles.allow(["s3:ListBucket"], [bucket.bucket_arn], {"StringEquals": {"s3:prefix": record_key}}),
        roles.allow(["s3:GetObject", "s3:PutObject"], [bucket.arn_for_objects(record_key)]),
        *roles.bucket_key_use(deploy),
    ]
