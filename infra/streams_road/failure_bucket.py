"""The bucket for the batches that Lambda gives up. The prefix of its keys is fixed, so it is its own.

Lambda needs to put objects anywhere in it; a role for `aws/lambda/*` alone is refused.
Source: AWS Lambda Developer Guide, services-dynamodb-errors.
"""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge
from ttl_archive.infra.storage import bucket_security, retain_policy

_UPLOAD_DAYS = 7


def failure_bucket(scope: Construct, id: str, *, deploy: Deploy, key: kms.IKey | None) -> s3.Bucket:  # noqa: A002
    """Create the bucket. It is retained, because its objects are the only copy of changes that failed."""
    bucket = s3.Bucket(
        scope,
        id,
        **bucket_security(key),
        versioned=True,
        removal_policy=RemovalPolicy.RETAIN,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="batches",
                expiration=Duration.days(deploy.error_days) if deploy.error_days else None,
                noncurrent_version_expiration=Duration.days(deploy.noncurrent_days),
                abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS),
            )
        ],
    )
    # Set on the resource, because CDK's own property would add a function that does the same.
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101  CDK creates it
    resource.add_property_override(
        "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
    )
    retain_policy(bucket)
    acknowledge(bucket, {"S1": "It is empty as long as nothing fails, and only Lambda writes to it."})
    return bucket
