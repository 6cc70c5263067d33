"""Athena: a workgroup with a scan limit, a bucket for its results, and the saved queries."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_athena as athena
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.saved_queries import saved_queries
from ttl_archive.infra.storage import bucket_security, retain_policy
from ttl_archive.transform.settings import Settings

_GB = 1024**3


class Workgroup(Construct):
    """The workgroup that queries of the archive run in. Its settings win over a client's."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, id)
        self.name = deploy.stack_name
        # A bucket of its own: results are neither versioned, nor locked, nor kept.
        self.results = results = s3.Bucket(
            self,
            "Results",
            **bucket_security(key),
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire",
                    expiration=Duration.days(deploy.query_result_days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
        retain_policy(results)
        acknowledge(results, {"S1": "Results of queries are copies, and expire within days."})
        workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=self.name,
            description=f"Queries of what expired from {settings.table.name}",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                bytes_scanned_cutoff_per_query=deploy.scan_limit_gb * _GB,
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{self.results.bucket_name}/",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS" if key else "SSE_S3", kms_key=key.key_arn if key else None
                    ),
                ),
            ),
        )
        for name, saved in saved_queries(settings, AthenaDialect()).items():
            query = athena.CfnNamedQuery(
                self,
                f"Query-{name}",
                name=name,
                description=saved.description,
                database=deploy.database,
                query_string=saved.sql,
                work_group=self.name,
            )
            query.node.add_dependency(workgroup)
