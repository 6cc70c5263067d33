"""Who may do what: one role for each part, with the actions its code calls and nothing wider.

The policies are inside the roles, so that they are there when the part is made.
Source of Firehose's and Athena's lists: Amazon Data Firehose Developer Guide, controlling-access.
"""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

Conditions = dict[str, Any]


def allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    """One statement that allows."""
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)


def function_role(
    scope: Construct, log: logs.ILogGroup, statements: Sequence[iam.PolicyStatement]
) -> iam.Role:
    """A function's role: its own log, and what else its code calls."""
    write_log = allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
    return service_role(scope, "lambda.amazonaws.com", [write_log, *statements])


def service_role(
    scope: Construct,
    service: str,
    statements: Sequence[iam.PolicyStatement],
    conditions: Conditions | None = None,
) -> iam.Role:
    """A role that a service assumes."""
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(service, conditions=conditions),
        inline_policies={"policy": iam.PolicyDocument(statements=list(statements))},
    )


def reingestion(stream: kinesis.IStream, key_arn: str | None) -> list[iam.PolicyStatement]:
    """Putting records back into the stream that they came from. Source: transform/reingest.py."""
    return [allow(["kinesis:PutRecords"], [stream.stream_arn]), *stream_writing(key_arn)]


def sending(stream: kinesis.IStream, key_arn: str | None) -> list[iam.PolicyStatement]:
    """Looking at a stream and putting records into it. Source: replay/sinks/stream_sink.py."""
    actions = ["kinesis:DescribeStreamSummary", "kinesis:PutRecords"]
    return [allow(actions, [stream.stream_arn]), *stream_writing(key_arn)]


def stream_writing(key_arn: str | None) -> list[iam.PolicyStatement]:
    """What a put into a stream takes besides, when a key of the user's own encrypts it.

    The key of AWS (aws/kinesis) is open to whoever in the account may use the stream.
    """
    via = {"StringEquals": {"kms:ViaService": f"kinesis.{Aws.REGION}.amazonaws.com"}}
    return [allow(["kms:GenerateDataKey"], [key_arn], via)] if key_arn else []


def bucket_writing(key_arn: str | None) -> list[iam.PolicyStatement]:
    """What reading and writing objects takes besides, when a key of the user's own encrypts them."""
    via = {"StringEquals": {"kms:ViaService": f"s3.{Aws.REGION}.amazonaws.com"}}
    return [allow(["kms:Decrypt", "kms:GenerateDataKey"], [key_arn], via)] if key_arn else []


def publishing(service: str, topic_arn: str) -> iam.PolicyStatement:
    """A topic's permission for a service to publish on behalf of this account."""
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(service)],
        actions=["sns:Publish"],
        resources=[topic_arn],
        conditions=of_this_account(),
    )


def of_this_account() -> Conditions:
    """The condition that a service acts for this account, where the service tells for whom it acts."""
    return {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}


def firehose_role(scope: Construct, statements: Sequence[iam.PolicyStatement]) -> iam.Role:
    """The delivery stream's role.

    The external id keeps others' delivery streams out. aws:SourceArn would be narrower, but whether Firehose
    sends it is unverified. Source: CloudFormation reference, AWS::KinesisFirehose::DeliveryStream.
    """
    ours = {"StringEquals": {"sts:ExternalId": Aws.ACCOUNT_ID}}
    return service_role(scope, "firehose.amazonaws.com", statements, ours)


def delivery_to(bucket: s3.IBucket, folders: Sequence[str], key_arn: str | None) -> list[iam.PolicyStatement]:
    """Writing objects beneath some folders."""
    return [
        allow(
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [bucket.bucket_arn]
        ),
        allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            [bucket.arn_for_objects(f"{folder}*") for folder in folders],
        ),
        *bucket_writing(key_arn),
    ]


def reading(stream: kinesis.IStream, key_arn: str | None) -> list[iam.PolicyStatement]:
    """Reading a stream, as Firehose does."""
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
        allow(actions, [stream.stream_arn]),
        *([allow(["kms:Decrypt"], [key_arn], via)] if key_arn else []),
    ]


def attaching(
    scope: Construct, table_arn: str, stream: kinesis.IStream, key_arn: str | None
) -> list[iam.PolicyStatement]:
    """Attaching a table to a stream: the calls of streaming_destination, and what DynamoDB asks of a caller.

    Source: DynamoDB Developer Guide, kds, IAM policies.
    """
    linked = "kinesisreplication.dynamodb.amazonaws.com"
    linked_role = Stack.of(scope).format_arn(
        service="iam",
        region="",
        resource="role",
        resource_name=f"aws-service-role/{linked}/AWSServiceRoleForDynamoDBKinesisDataStreamsReplication",
    )
    return [
        allow(
            [
                "dynamodb:DescribeKinesisStreamingDestination",
                "dynamodb:DescribeTimeToLive",
                "dynamodb:DisableKinesisStreamingDestination",
                "dynamodb:EnableKinesisStreamingDestination",
                "dynamodb:UpdateKinesisStreamingDestination",
            ],
            [table_arn],
        ),
        allow(["kinesis:DescribeStream", "kinesis:PutRecords"], [stream.stream_arn]),
        allow(["kinesis:ListStreams"], ["*"]),
        allow(
            ["iam:CreateServiceLinkedRole"], [linked_role], {"StringEquals": {"iam:AWSServiceName": linked}}
        ),
        *stream_writing(key_arn),
    ]


def schema_reading(scope: Construct, table: glue.CfnTable) -> list[iam.PolicyStatement]:
    """Reading the catalog's table, as record format conversion does."""
    arns = [
        Stack.of(scope).format_arn(service="glue", resource=resource, resource_name=name)
        for resource, name in (
            ("catalog", None),
            ("database", table.database_name),
            ("table", f"{table.database_name}/{table.ref}"),
        )
    ]
    return [allow(["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], arns)]
