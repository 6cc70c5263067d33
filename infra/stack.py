"""The stack of one archive.toml: the construct and its outputs."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from ttl_archive.infra.archive import TtlArchive
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.transform.settings import Settings


class ArchiveStack(Stack):
    """One table's archive as a stack with termination protection."""

    def __init__(self, scope: Construct, *, settings: Settings, deploy: Deploy, assets: Assets) -> None:
        super().__init__(
            scope,
            deploy.stack_name,
            description=f"Archive of the items that expire from the DynamoDB table {settings.table.name}",
            termination_protection=True,
            analytics_reporting=False,
        )
        archive = TtlArchive(self, "Archive", settings=settings, deploy=deploy, assets=assets)
        outputs = {
            "BucketName": archive.storage.bucket.bucket_name,
            "StreamName": archive.stream.stream_name,
            "DeliveryStreamName": archive.delivery.delivery_stream.ref,
            "Database": deploy.database,
            "WorkgroupName": archive.workgroup.name,
            "ReplayStateMachine": archive.replay.machine.state_machine_arn,
            "TransformFunction": archive.function.function.function_name,
            "TransformVersion": archive.function.function.current_version.version,
            "ReplayPolicy": archive.policies.replay.managed_policy_arn,
            "RestorePolicy": archive.policies.restore.managed_policy_arn,
            "ResolvePolicy": archive.policies.resolve.managed_policy_arn,
            "AlarmTopic": archive.alarms.topic.topic_arn,
            "TimeToLive": archive.table.ttl,
            "BackfillStateMachine": archive.backfill.machine.state_machine_arn if archive.backfill else None,
            "ExportStateMachine": archive.export.machine.state_machine_arn if archive.export else None,
        }
        if archive.ingestion:
            outputs |= archive.ingestion.outputs()
        for name, value in outputs.items():
            if value is not None:
                CfnOutput(self, name, value=value)
