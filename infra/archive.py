"""The construct: one table's archive, composed from its parts. It can be used in any stack."""

from typing import Any

from aws_cdk import Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.alarm_rules import report_alarms
from ttl_archive.infra.alarms import Alarms
from ttl_archive.infra.archive_access import ArchiveAccess
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.athena_relations import AthenaRelations
from ttl_archive.infra.dashboard import dashboard
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.export.backfill_map import BackfillMap
from ttl_archive.infra.export.export_settings import load_export
from ttl_archive.infra.export.scheduled_export import ScheduledExport
from ttl_archive.infra.glue_catalog import Catalog
from ttl_archive.infra.ingest.queue_ingestion import QueueIngestion
from ttl_archive.infra.kinesis_road import KinesisRoad
from ttl_archive.infra.layout_guard import LayoutGuard
from ttl_archive.infra.metric_names import Metrics, RoadMetrics
from ttl_archive.infra.operator_policies import OperatorPolicies
from ttl_archive.infra.part_order import ArchiveParts, order_parts
from ttl_archive.infra.replay_map import ReplayMap
from ttl_archive.infra.scheduled_reports.report_settings import load_reports
from ttl_archive.infra.scheduled_reports.scheduled_reports import ScheduledReports
from ttl_archive.infra.source_table import SourceTable
from ttl_archive.infra.storage import ArchiveStorage
from ttl_archive.infra.streams_road.mapping_alarms import mapping_alarms
from ttl_archive.infra.streams_road.streams_road import StreamsRoad
from ttl_archive.infra.workgroup import Workgroup
from ttl_archive.transform.ingest_settings import load_ingest
from ttl_archive.transform.settings import Settings


class TtlArchive(ArchiveAccess):
    """The archive of one table: expired items are kept in a bucket and found with SQL.

    `bucket` and `stream` are existing ones, in place of those that the construct creates. Its parts are
    public: `storage.bucket`, `kinesis` and `streams` (the roads, None for one that is not there), `table`,
    `catalog`, `workgroup`, `relations`, `replay`, `alarms`, `policies`, `guard`, with [export] `export` and
    `backfill`, and with [[reports]] `reports`. Raises ValueError for a bucket that is given twice, and for a
    stream without the Kinesis road.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        assets: Assets,
        bucket: s3.IBucket | None = None,
        stream: kinesis.IStream | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._deploy, self._assets = settings, deploy, assets
        if bucket and deploy.bucket:
            raise ValueError("bucket is given to TtlArchive and in [deploy] bucket. Remove one of them")
        if stream and not deploy.kinesis_road:
            raise ValueError('stream is given to TtlArchive, and [deploy] source is "streams". Remove one')
        if deploy.bucket:
            bucket = s3.Bucket.from_bucket_name(self, "Bucket", deploy.bucket)
        key = kms.Key.from_key_arn(self, "Key", deploy.kms_key_arn) if deploy.kms_key_arn else None
        self._key = key
        self._common: dict[str, Any] = {"settings": settings, "deploy": deploy}
        self._export = load_export(settings)
        self.guard = LayoutGuard(self, "Guard", **self._common, assets=assets, bucket=bucket)
        export_days = self._export.keep_days if self._export else 0
        self.storage = ArchiveStorage(
            self, "Storage", deploy=deploy, key=key, bucket=bucket, export_days=export_days
        )
        self._build_flow(stream, key)
        self.workgroup = Workgroup(self, "Workgroup", **self._common, key=key)
        self.relations = AthenaRelations(
            self,
            "Relations",
            **self._common,
            assets=assets,
            catalog=self.catalog,
            workgroup=self.workgroup,
        )
        self._build_operations()
        self._order()
        self._apply_to_all()

    def _build_flow(self, stream: kinesis.IStream | None, key: kms.IKey | None) -> None:
        self.catalog = Catalog(self, "Catalog", **self._common, bucket=self.storage.bucket)
        road: dict[str, Any] = {
            **self._common,
            "assets": self._assets,
            "bucket": self.storage.bucket,
            "table": self.catalog.table,
            "key": key,
        }
        self.kinesis = (
            KinesisRoad(self, "Kinesis", **road, stream=stream) if self._deploy.kinesis_road else None
        )
        self.streams = StreamsRoad(self, "Streams", **road) if self._deploy.streams_road else None
        self._stream = self.kinesis.stream if self.kinesis else None
        self.table = SourceTable(self, "Table", **self._common, stream=self._stream, assets=self._assets)
        if self.streams and self.table.stream_arn:
            self.streams.function.map_stream(self, self.table.stream_arn)

    def _build_operations(self) -> None:
        bucket = self.storage.bucket
        self.replay = ReplayMap(
            self, "ReplayMap", **self._common, bucket=bucket, stream=self._stream, assets=self._assets
        )
        self.export = self._scheduled_export() if self._export else None
        # Rows of exports are text, which a Parquet table cannot read.
        has_map = self._export is not None and self._settings.table.backfilled and not self._deploy.parquet
        self.backfill = (
            BackfillMap(self, "BackfillMap", **self._common, bucket=bucket, assets=self._assets)
            if has_map
            else None
        )
        self.ingestion = self._queue_ingestion()
        self._metrics = Metrics(
            settings=self._settings,
            replay_machine=self.replay.machine,
            export_machine=self.export.machine if self.export else None,
            backfill_machine=self.backfill.machine if self.backfill else None,
            ingestion=self.ingestion,
        )
        roads: list[KinesisRoad | StreamsRoad] = [road for road in (self.kinesis, self.streams) if road]
        self._road_metrics = [RoadMetrics.of(road) for road in roads]
        self.alarms = Alarms(
            self,
            "Alarms",
            **self._common,
            bucket=bucket,
            failures=self.streams.failures if self.streams else None,
            metrics=self._metrics,
            roads=self._road_metrics,
        )
        self._mapping = self._watched_mapping()
        self.reports = self._scheduled_reports()
        self._dashboard = dashboard(
            self, "Dashboard", metrics=self._metrics, roads=self._road_metrics, rule=self.alarms.rule
        )
        self.policies = OperatorPolicies(
            self,
            "Policies",
            **self._common,
            bucket=bucket,
            stream=self._stream,
            failures=self.streams.failures if self.streams else None,
            machines=[part.machine for part in (self.replay, self.backfill) if part],
            results=self.workgroup.results,
            delivery_streams=[road.delivery.delivery_stream.attr_arn for road in roads],
        )

    def _watched_mapping(self) -> list[Construct]:
        """Return the mapping with its alarms, which are created after the other alarms; or nothing."""
        mapping = self.streams.function.mapping if self.streams else None
        if mapping is None:
            return []
        scope = Construct(self, "MappingAlarms")
        road = self._road_metrics[-1]
        self.alarms.add(scope, mapping_alarms(self._settings, self._metrics, road, mapping.ref))
        return [mapping, scope]

    def _scheduled_export(self) -> ScheduledExport:
        assert self._export  # noqa: S101  the caller has checked it
        bucket, assets = self.storage.bucket, self._assets
        return ScheduledExport(
            self, "Export", **self._common, export=self._export, bucket=bucket, assets=assets
        )

    def _scheduled_reports(self) -> ScheduledReports | None:
        reports = load_reports(self._settings)
        if not reports:
            return None
        scheduled = ScheduledReports(
            self,
            "Reports",
            **self._common,
            reports=reports,
            bucket=self.storage.bucket,
            workgroup=self.workgroup,
            topic=self.alarms.topic,
            assets=self._assets,
        )
        self.alarms.add(self.alarms, report_alarms(self._metrics, scheduled))
        return scheduled

    def _queue_ingestion(self) -> QueueIngestion | None:
        ingest = load_ingest(self._settings)
        if ingest is None:
            return None
        return QueueIngestion(
            self, "Ingest", **self._common, ingest=ingest, assets=self._assets, key=self._key
        )

    def _order(self) -> None:
        between: list[Construct] = [self.storage, self.catalog, self.workgroup, self.relations, self.replay]
        between += [self.alarms, self._dashboard, self.policies]
        between += [part for part in (self.export, self.backfill, self.ingestion, self.reports) if part]
        parts = ArchiveParts(
            guard=self.guard,
            storage=self.storage,
            catalog=self.catalog,
            table=self.table,
            kinesis=self.kinesis,
            streams=self.streams,
            mapping=tuple(self._mapping),
            between=tuple(between),
        )
        order_parts(self, parts)

    def _apply_to_all(self) -> None:
        for tag in self._deploy.tags:
            Tags.of(self).add(*tag.split("=", 1))
        if self._deploy.permissions_boundary:
            boundary = iam.ManagedPolicy.from_managed_policy_arn(
                self, "Boundary", self._deploy.permissions_boundary
            )
            iam.PermissionsBoundary.of(self).apply(boundary)
