"""The bucket: encrypted, TLS only, not public, versioned, retained; and the life cycle of its objects.

prefix      moves to                      expires             old versions
archive/    storage_class, glacier_days   expire_years        noncurrent_days
errors/     nowhere: replay reads it      error_days          noncurrent_days
source/     nowhere                       source_backup_days  noncurrent_days
exports/    nowhere                       [export] keep_days  noncurrent_days
reports/    nowhere: they are read        never               noncurrent_days
replay/     nowhere                       never               noncurrent_days
audit/      nowhere                       never               never: a seal that was replaced stays known
"""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.bucket_sharing import Replication, share
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge
from ttl_archive.transform.layout import ARCHIVE, ERRORS, EXPORTS, REPORTS, ROOT, SOURCE

_STORAGE_CLASSES = {
    "GLACIER": s3.StorageClass.GLACIER,
    "GLACIER_IR": s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
    "DEEP_ARCHIVE": s3.StorageClass.DEEP_ARCHIVE,
}
_UPLOAD_DAYS = 7  # an upload that is still incomplete by then was abandoned
_ACCESS_LOG_DAYS = 365


class ArchiveStorage(Construct):
    """The archive's bucket, or the bucket of another stack that this archive shares."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        deploy: Deploy,
        key: kms.IKey | None,
        bucket: s3.IBucket | None = None,
        export_days: int = 0,
    ) -> None:
        super().__init__(scope, id)
        # In a stack of the user's, the app may not set it; without it, access logs need an ACL.
        self.node.set_context("@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy", True)
        self._export_days = export_days
        self.bucket: s3.IBucket = bucket or self._own_bucket(deploy, key)

    def _own_bucket(self, deploy: Deploy, key: kms.IKey | None) -> s3.Bucket:
        small = s3.TransitionDefaultMinimumObjectSize
        bucket = s3.Bucket(
            self,
            "Bucket",
            **bucket_security(key),
            versioned=True,
            removal_policy=RemovalPolicy.RETAIN,
            object_lock_enabled=deploy.object_lock != "off" or None,
            object_lock_default_retention=_retention(deploy),
            server_access_logs_bucket=self._log_bucket() if deploy.access_logs else None,
            lifecycle_rules=_lifecycle(deploy, self._export_days),
            # Since September 2024 S3 does not move objects below 128 KB, unless this setting says so. Each
            # object in GLACIER is billed for 40 KB more, so small objects are cheaper where they are.
            # Source: Amazon S3 User Guide, lifecycle transition considerations.
            transition_default_minimum_object_size=small.VARIES_BY_STORAGE_CLASS
            if deploy.glacier_small_objects
            else small.ALL_STORAGE_CLASSES_128_K,
        )
        # Set on the resource, because CDK's own property would add a function that does the same.
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101  CDK creates it
        resource.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
        )
        if deploy.replica_bucket_arn:
            Replication(self, "Replication", bucket=bucket, deploy=deploy)
        if deploy.reader_account_ids:
            share(bucket, deploy.reader_account_ids)
        retain_policy(bucket)
        if not deploy.access_logs:
            acknowledge(
                bucket,
                {
                    "S1": "Access logs are optional ([deploy] access_logs): for a small table they cost "
                    "more than the archive, and CloudTrail data events record the same."
                },
            )
        return bucket

    def _log_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            **bucket_security(None),  # S3 delivers access logs only to buckets with SSE-S3
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[s3.LifecycleRule(id="expire", expiration=Duration.days(_ACCESS_LOG_DAYS))],
        )
        retain_policy(bucket)
        acknowledge(bucket, {"S1": "This bucket holds access logs; logging access to it would never end."})
        return bucket


def bucket_security(key: kms.IKey | None) -> dict[str, Any]:
    """Return the properties of every bucket: encryption, TLS, no public access, one owner."""
    return {
        "encryption": s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
        "encryption_key": key,
        "bucket_key_enabled": True if key else None,
        "enforce_ssl": True,
        "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
        "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    }


def retain_policy(bucket: s3.Bucket) -> None:
    """Retain the policy of a retained bucket, so that it stays limited to TLS without the stack."""
    assert bucket.policy  # noqa: S101  bucket_security has enforce_ssl, which creates it
    bucket.policy.apply_removal_policy(RemovalPolicy.RETAIN)


def _retention(deploy: Deploy) -> s3.ObjectLockRetention | None:
    if deploy.object_lock == "off":
        return None
    days = Duration.days(deploy.object_lock_days)
    modes = {
        "governance": s3.ObjectLockRetention.governance,
        "compliance": s3.ObjectLockRetention.compliance,
    }
    return modes[deploy.object_lock](days)


def _lifecycle(deploy: Deploy, export_days: int) -> list[s3.LifecycleRule]:
    old_versions = Duration.days(deploy.noncurrent_days)

    def rule(prefix: str, days: int, transitions: list[s3.Transition] | None = None) -> s3.LifecycleRule:
        return s3.LifecycleRule(
            id=prefix.rstrip("/"),
            prefix=prefix,
            transitions=transitions,
            expiration=Duration.days(days) if days else None,
            noncurrent_version_expiration=old_versions,
        )

    to_cold_storage = s3.Transition(
        storage_class=_STORAGE_CLASSES[deploy.storage_class],
        transition_after=Duration.days(deploy.glacier_days),
    )
    whole_bucket = s3.LifecycleRule(
        id="uploads-and-markers",
        abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS),
        expired_object_delete_marker=True,
    )
    return [
        rule(ARCHIVE, deploy.expire_years * 365, [to_cold_storage]),
        rule(ERRORS, deploy.error_days),
        rule(SOURCE, deploy.source_backup_days),
        *([rule(EXPORTS, export_days)] if export_days else []),
        rule(REPORTS, 0),
        rule(ROOT, 0),
        whole_bucket,
    ]
