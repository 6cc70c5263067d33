"""What other constructs may ask of an archive: its rights to grant, and its metrics."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.alarms import Alarms
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.metric_names import Metrics, RoadMetrics
from ttl_archive.infra.storage import ArchiveStorage
from ttl_archive.infra.workgroup import Workgroup
from ttl_archive.transform.settings import Settings


class ArchiveAccess(Construct):
    """The grants and metrics of TtlArchive, which creates the parts that they are about."""

    storage: ArchiveStorage
    workgroup: Workgroup
    alarms: Alarms
    _settings: Settings
    _deploy: Deploy
    _metrics: Metrics
    _road_metrics: list[RoadMetrics]

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow reading the archive's rows, and listing them."""
        return roles.grant_all(grantee, roles.row_reading(self.storage.bucket, self._settings, self._deploy))

    def grant_query(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow queries in the archive's workgroup: Athena, Glue, its results, and reading the rows."""
        statements = roles.querying(
            self, self._settings, self._deploy, self.storage.bucket, self.workgroup.results
        )
        return roles.grant_all(grantee, statements)

    def metric_delivered_records(self) -> cloudwatch.Metric:
        """Return the number of records that Firehose delivered to the bucket.

        With both roads, it is that of the Kinesis road; `streams` has the other delivery stream.
        """
        return self._road_metrics[0].delivery("DeliveryToS3.Records", "Sum")

    def metric_data_freshness(self) -> cloudwatch.Metric:
        """Return the age in seconds of the oldest record that is not delivered, of the same road."""
        return self._road_metrics[0].delivery("DeliveryToS3.DataFreshness", "Maximum")

    def metric_error_objects(self) -> cloudwatch.Metric:
        """Return the number of new error objects."""
        return self._metrics.error_objects(self.alarms.rule)

    def metric_failed_records(self) -> cloudwatch.Metric:
        """Return the number of records that the transform refused."""
        return self._metrics.transform("RecordsFailed")

    def metric_expired_items(self) -> cloudwatch.Metric:
        """Return the number of items that TTL removed from the table."""
        return self._metrics.table("TimeToLiveDeletedItemCount", "Sum")
