"""IAM statements of the Streams road: reading the table's stream, forwarding, and discarded batches."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.transform.settings import Settings


def table_stream_arns(scope: Construct, settings: Settings) -> str:
    """Return the ARN of every stream of the table: a stream has the time of its creation in its name."""
    return Stack.of(scope).format_arn(
        service="dynamodb", resource="table", resource_name=f"{settings.table.name}/stream/*"
    )


def table_stream_reading(scope: Construct, settings: Settings) -> list[iam.PolicyStatement]:
    """Allow reading the table's stream, as an event source mapping does.

    Source: DynamoDB Developer Guide, IAM policy for a Lambda function that processes stream records.
    """
    actions = [
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ]
    return [roles.allow(actions, [table_stream_arns(scope, settings)])]


def table_stream_turning_on(table_arn: str) -> list[iam.PolicyStatement]:
    """Allow turning on the table's stream: the calls of attachment/source_stream.py."""
    actions = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:UpdateTable"]
    return [roles.allow(actions, [table_arn])]


def forwarding(
    delivery_stream: firehose.CfnDeliveryStream, error_objects: str, deploy: Deploy
) -> list[iam.PolicyStatement]:
    """Allow the calls of the forwarder: put rows into the delivery stream, and error objects."""
    via = {"StringEquals": {"kms:ViaService": f"firehose.{Aws.REGION}.amazonaws.com"}}
    key, actions = deploy.kms_key_arn, ["kms:Decrypt", "kms:GenerateDataKey"]
    return [
        roles.allow(["firehose:PutRecordBatch"], [delivery_stream.attr_arn]),
        roles.allow(["s3:PutObject"], [error_objects]),
        *roles.bucket_key_use(deploy),
        *([roles.allow(actions, [key], via)] if key else []),
    ]


def failure_writing(failures: s3.IBucket) -> list[iam.PolicyStatement]:
    """Allow an event source mapping to write to its on-failure destination.

    The account is checked, because a deleted bucket's name can be taken by others.
    Source: AWS Lambda Developer Guide, services-dynamodb-errors.
    """
    here = {"StringEquals": {"s3:ResourceAccount": Aws.ACCOUNT_ID}}
    return [
        roles.allow(["s3:ListBucket"], [failures.bucket_arn], here),
        roles.allow(["s3:PutObject"], [failures.arn_for_objects("*")], here),
    ]
