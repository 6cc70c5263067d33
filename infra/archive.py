"""The construct: one table's archive, composed from its parts. It can be used in any stack."""

from aws_cdk import aws_kms as kms
from constructs import Construct

from ttl_archive.infra.alarms import Alarms
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.dashboard import dashboard
from ttl_archive.infra.data_stream import change_stream
from ttl_archive.infra.delivery import FirehoseDelivery
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import TransformFunction
from ttl_archive.infra.glue_catalog import Catalog
from ttl_archive.infra.metric_names import Metrics
from ttl_archive.infra.replay_map import ReplayMap
from ttl_archive.infra.source_table import SourceTable
from ttl_archive.infra.storage import ArchiveStorage
from ttl_archive.infra.workgroup import Workgroup
from ttl_archive.transform.settings import Settings


class TtlArchive(Construct):
    """The archive of one table: expired items are kept in a bucket and found with SQL.

    Its parts are public, so that a stack can grant access to them: `storage.bucket`, `stream`, `table`,
    `function`, `delivery`, `catalog`, `workgroup`, `replay`, `alarms`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        key = kms.Key.from_key_arn(self, "Key", deploy.kms_key_arn) if deploy.kms_key_arn else None
        self.storage = ArchiveStorage(self, "Storage", deploy=deploy, key=key)
        bucket = self.storage.bucket
        self.stream = change_stream(self, "Stream", deploy=deploy, key=key)
        self.function = TransformFunction(
            self,
            "Transform",
            zip_file=assets.transform,
            settings=settings,
            deploy=deploy,
            stream=self.stream,
        )
        self.catalog = Catalog(self, "Catalog", settings=settings, deploy=deploy, bucket=bucket)
        self.delivery = FirehoseDelivery(
            self,
            "Delivery",
            settings=settings,
            deploy=deploy,
            stream=self.stream,
            function=self.function.alias,
            bucket=bucket,
            table=self.catalog.table,
        )
        self.table = SourceTable(
            self, "Table", settings=settings, deploy=deploy, stream=self.stream, assets=assets
        )
        # Firehose reads from the moment it is created: what came before would never be read. On removal the
        # table is detached first. Source: Firehose Developer Guide, writing with Kinesis Data Streams.
        self.table.node.add_dependency(self.delivery)
        self.workgroup = Workgroup(self, "Workgroup", settings=settings, deploy=deploy, key=key)
        self.replay = ReplayMap(
            self,
            "ReplayMap",
            settings=settings,
            deploy=deploy,
            bucket=bucket,
            stream=self.stream,
            assets=assets,
        )
        metrics = Metrics(
            settings=settings,
            kinesis_stream=self.stream,
            delivery_stream=self.delivery.delivery_stream,
            transform_function=self.function.function,
            replay_machine=self.replay.machine,
        )
        self.alarms = Alarms(self, "Alarms", settings=settings, deploy=deploy, bucket=bucket, metrics=metrics)
        dashboard(self, "Dashboard", metrics=metrics, rule=self.alarms.rule)
