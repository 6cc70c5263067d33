"""The role of a delivery stream, and the IAM statements of what Firehose does.

Source of the lists: Amazon Data Firehose Developer Guide, controlling-access.
"""

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.deploy_settings import Deploy


def firehose_role(scope: Construct, statements: Sequence[iam.PolicyStatement]) -> iam.Role:
    """Create the role of the delivery stream.

    The external id excludes delivery streams of other accounts. aws:SourceArn would be narrower, but whether
    Firehose sends it is unverified. Source: CFN-t, AWS::KinesisFirehose::DeliveryStream.
    """
    ours = {"StringEquals": {"sts:ExternalId": Aws.ACCOUNT_ID}}
    return roles.service_role(scope, "firehose.amazonaws.com", statements, ours)


def object_delivery(bucket: s3.IBucket, folders: Sequence[str], deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow writing objects below some folders, as Firehose does."""
    return [
        roles.allow(
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [bucket.bucket_arn]
        ),
        roles.allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            [bucket.arn_for_objects(f"{folder}*") for folder in folders],
        ),
        *roles.bucket_key_use(deploy),
    ]


def stream_reading(stream: kinesis.IStream, deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow reading a stream, as Firehose does."""
    actions = [
        "kinesis:DescribeStream",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
    ]
    via = {
        "StringEquals": {
            "kms:ViaService": f"kinesis.{Aws.REGION}.amazonaws.com",
            "kms:EncryptionContext:aws:kinesis:arn": stream.stream_arn,
        }
    }
    return [
        roles.allow(actions, [stream.stream_arn]),
        *(roles.allow(["kms:Decrypt"], [key], via) for key in deploy.readable_key_arns),
    ]


def schema_reading(scope: Construct, table: glue.CfnTable) -> list[iam.PolicyStatement]:
    """Allow reading the Glue table, as record format conversion does."""
    arns = roles.glue_arns(scope, table.database_name, table.ref)
    return [roles.allow(["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], arns)]
