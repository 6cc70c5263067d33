"""The stack of one archive.toml: the construct and its outputs."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from ttl_archive.infra.archive import TtlArchive
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.kinesis_road import KinesisRoad
from ttl_archive.infra.streams_road.streams_road import StreamsRoad
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
            **_kinesis_outputs(archive.kinesis),
            **_streams_outputs(archive.streams),
            "Database": deploy.database,
            "WorkgroupName": archive.workgroup.name,
            "ReplayStateMachine": archive.replay.machine.state_machine_arn,
            "ReplayPolicy": archive.policies.replay.managed_policy_arn,
            "RestorePolicy": archive.policies.restore.managed_policy_arn,
            "ResolvePolicy": archive.policies.resolve.managed_policy_arn,
            "AuditPolicy": archive.policies.audit.managed_policy_arn,
            "AlarmTopic": archive.alarms.topic.topic_arn,
            "TimeToLive": archive.table.ttl,
            "BackfillStateMachine": archive.backfill.machine.state_machine_arn if archive.backfill else None,
            "ReportStateMachine": archive.reports.machine.state_machine_arn if archive.reports else None,
            "ExportStateMachine": archive.export.machine.state_machine_arn if archive.export else None,
        }
        if archive.ingestion:
            outputs |= archive.ingestion.outputs()
        for name, value in outputs.items():
            if value is not None:
                CfnOutput(self, name, value=value)


def _kinesis_outputs(road: KinesisRoad | None) -> dict[str, str]:
    if not road:
        return {}
    return {
        "StreamName": road.stream.stream_name,
        "DeliveryStreamName": road.delivery.delivery_stream.ref,
        "TransformFunction": road.function.function.function_name,
        "TransformVersion": road.function.function.current_version.version,
    }


def _streams_outputs(road: StreamsRoad | None) -> dict[str, str]:
    if not road:
        return {}
    return {
        "FailureBucketName": road.failures.bucket_name,
        "ForwardDeliveryStreamName": road.delivery.delivery_stream.ref,
        "ForwarderFunction": road.function.function.function_name,
        "ForwarderVersion": road.function.function.current_version.version,
    }
