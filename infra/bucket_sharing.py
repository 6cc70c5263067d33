"""Copies of the bucket's objects in another Region, and read access from other accounts."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.transform.layout import ARCHIVE

# Source: Amazon S3 User Guide, setting up permissions for replication.
_SOURCE_ACTIONS = (
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionTagging",
)
_REPLICA_ACTIONS = ("s3:ReplicateObject", "s3:ReplicateTags")


class Replication(Construct):
    """Replication of every new object, without deletions: a copy survives a deletion in the archive.

    The role's policy is separate from the role, because the bucket needs the role and the policy the bucket.
    """

    def __init__(self, scope: Construct, id: str, *, bucket: s3.Bucket, deploy: Deploy) -> None:  # noqa: A002
        super().__init__(scope, id)
        replica = str(deploy.replica_bucket_arn)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("s3.amazonaws.com"))
        policy = iam.Policy(self, "Policy", roles=[role], statements=_statements(bucket, replica, deploy))
        acknowledge_wildcards(
            policy,
            [bucket.arn_for_objects("*"), f"{replica}/*"],
            "Replication covers every object of the bucket; the actions allow copying alone.",
        )
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101  CDK creates it
        resource.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
            role=role.role_arn, rules=[_rule(replica, deploy)]
        )


def share(bucket: s3.Bucket, account_ids: Sequence[str]) -> None:
    """Let other accounts read the rows. Their own IAM policies decide who may do so there."""
    principals: list[iam.IPrincipal] = [iam.AccountPrincipal(account) for account in account_ids]
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            principals=principals,
            actions=["s3:GetObject"],
            resources=[bucket.arn_for_objects(f"{ARCHIVE}*")],
        )
    )
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            principals=principals,
            actions=["s3:ListBucket"],
            resources=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": f"{ARCHIVE}*"}},
        )
    )


def _rule(replica: str, deploy: Deploy) -> s3.CfnBucket.ReplicationRuleProperty:
    encryption = criteria = None
    if deploy.replica_key_arn:
        encryption = s3.CfnBucket.EncryptionConfigurationProperty(replica_kms_key_id=deploy.replica_key_arn)
        criteria = s3.CfnBucket.SourceSelectionCriteriaProperty(
            sse_kms_encrypted_objects=s3.CfnBucket.SseKmsEncryptedObjectsProperty(status="Enabled")
        )
    return s3.CfnBucket.ReplicationRuleProperty(
        id="replica",
        status="Enabled",
        priority=1,
        filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=""),
        delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(status="Disabled"),
        destination=s3.CfnBucket.ReplicationDestinationProperty(
            bucket=replica, encryption_configuration=encryption
        ),
        source_selection_criteria=criteria,
    )


def _statements(bucket: s3.Bucket, replica: str, deploy: Deploy) -> list[iam.PolicyStatement]:
    keys = [roles.allow(["kms:Encrypt"], [deploy.replica_key_arn])] if deploy.replica_key_arn else []
    return [
        roles.allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], [bucket.bucket_arn]),
        roles.allow(_SOURCE_ACTIONS, [bucket.arn_for_objects("*")]),
        roles.allow(_REPLICA_ACTIONS, [f"{replica}/*"]),
        *roles.bucket_key_reading(deploy),
        *keys,
    ]
