"""IAM statements: one role for each part, which allows only the actions that its code calls.

Policies are inline, so that they exist as soon as the role does. delivery_roles has those of Firehose.
"""

import functools
from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

Conditions = dict[str, Any]
# What Athena reads of the Glue catalog as its caller. Source: Athena User Guide, access to databases.
GLUE_READING = ("glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:GetTables")


def allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    """Return one statement that allows the actions."""
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)


def function_role(
    scope: Construct, log: logs.ILogGroup, statements: Sequence[iam.PolicyStatement]
) -> iam.Role:
    """Create the role of a function: it writes its own log and does what the statements allow."""
    write_log = allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
    return service_role(scope, "lambda.amazonaws.com", [write_log, *statements])


def service_role(
    scope: Construct,
    service: str,
    statements: Sequence[iam.PolicyStatement],
    conditions: Conditions | None = None,
) -> iam.Role:
    """Create a role that a service assumes."""
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(service, conditions=conditions),
        inline_policies={"policy": iam.PolicyDocument(statements=list(statements))},
    )


def reingestion(stream: kinesis.IStream, deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow the calls of transform/reingest.py: put records into their source stream again."""
    return [allow(["kinesis:PutRecords"], [stream.stream_arn]), *stream_key_use(deploy)]


def stream_sending(stream: kinesis.IStream, deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow the calls of replay/sinks/stream_sink.py: describe a stream and put records into it."""
    actions = ["kinesis:DescribeStreamSummary", "kinesis:PutRecords"]
    return [allow(actions, [stream.stream_arn]), *stream_key_use(deploy)]


def stream_key_use(deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow the use of the customer key that putting into an encrypted stream needs.

    The AWS managed key (aws/kinesis) needs no statement: its policy covers every user of the stream.
    """
    via = {"StringEquals": {"kms:ViaService": f"kinesis.{Aws.REGION}.amazonaws.com"}}
    return [allow(["kms:GenerateDataKey"], [deploy.kms_key_arn], via)] if deploy.kms_key_arn else []


def bucket_key_use(deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow the use of the customer keys that reading and writing encrypted objects needs."""
    via = {"StringEquals": {"kms:ViaService": f"s3.{Aws.REGION}.amazonaws.com"}}
    writing = [allow(["kms:GenerateDataKey"], [deploy.kms_key_arn], via)] if deploy.kms_key_arn else []
    return [*bucket_key_reading(deploy), *writing]


def bucket_key_reading(deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow decrypting objects with every key that may have encrypted them."""
    via = {"StringEquals": {"kms:ViaService": f"s3.{Aws.REGION}.amazonaws.com"}}
    return [allow(["kms:Decrypt"], [key], via) for key in deploy.readable_key_arns]


def publishing(service: str, topic_arn: str) -> iam.PolicyStatement:
    """Return a topic's permission for a service to publish on behalf of this account."""
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(service)],
        actions=["sns:Publish"],
        resources=[topic_arn],
        conditions=of_this_account(),
    )


def of_this_account() -> Conditions:
    """Return the condition that a service acts for this account, for services that send aws:SourceAccount."""
    return {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}


def table_attaching(
    scope: Construct, table_arn: str, stream: kinesis.IStream, deploy: Deploy
) -> list[iam.PolicyStatement]:
    """Allow attaching a table to a stream: the calls of attachment/attach.py, and what DynamoDB requires.

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
        *stream_key_use(deploy),
    ]


def row_reading(bucket: s3.IBucket, settings: Settings, deploy: Deploy) -> list[iam.PolicyStatement]:
    """Allow reading and listing the rows of the table."""
    folder = layout.archive_folder(settings)
    below = {"StringLike": {"s3:prefix": f"{folder}*"}}
    return [
        allow(["s3:ListBucket"], [bucket.bucket_arn], below),
        allow(["s3:GetObject"], [bucket.arn_for_objects(f"{folder}*")]),
        *bucket_key_reading(deploy),
    ]


def querying(
    scope: Construct, settings: Settings, deploy: Deploy, bucket: s3.IBucket, results: s3.IBucket
) -> list[iam.PolicyStatement]:
    """Allow queries in the archive's workgroup, also in the console of Athena."""
    actions = [
        "athena:BatchGetQueryExecution",
        "athena:GetNamedQuery",
        "athena:GetWorkGroup",
        "athena:ListNamedQueries",
        "athena:ListQueryExecutions",
    ]
    return [
        allow(actions, [workgroup_arn(scope, deploy)]),
        *query_running(scope, settings, deploy, bucket, results),
    ]


def query_running(
    scope: Construct, settings: Settings, deploy: Deploy, bucket: s3.IBucket, results: s3.IBucket
) -> list[iam.PolicyStatement]:
    """Allow the calls of infra/query/athena_runner.py, and what Athena does on behalf of its caller.

    Source: Athena User Guide, fine-grained access to workgroups and access to databases.
    """
    return [
        allow(
            [
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            [workgroup_arn(scope, deploy)],
        ),
        allow(GLUE_READING, glue_arns(scope, deploy.database, "*")),
        allow(["s3:GetBucketLocation", "s3:ListBucket"], [results.bucket_arn, bucket.bucket_arn]),
        allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], [results.arn_for_objects("*")]),
        allow(
            ["s3:GetObject"],
            [
                bucket.arn_for_objects(f"{folder}*")
                for folder in (layout.archive_folder(settings), layout.errors_folder(settings))
            ],
        ),
        *bucket_key_use(deploy),
    ]


def result_writing(results: s3.IBucket) -> list[iam.PolicyStatement]:
    """Allow what Athena does in its bucket of results as its caller.

    Source: ATH, example-policies-workgroup.
    """
    objects = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    return [
        allow(
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [results.bucket_arn]
        ),
        allow(objects, [results.arn_for_objects("*")]),
    ]


def workgroup_arn(scope: Construct, deploy: Deploy) -> str:
    """Return the ARN of the archive's workgroup."""
    return Stack.of(scope).format_arn(service="athena", resource="workgroup", resource_name=deploy.stack_name)


def glue_arns(scope: Construct, database: str, *tables: str) -> list[str]:
    """Return the ARNs that a call about tables of the Glue catalog requires: catalog, database and tables."""
    names = [("table", f"{database}/{table}") for table in tables]
    parts: list[tuple[str, str | None]] = [("catalog", None), ("database", database), *names]
    return [
        Stack.of(scope).format_arn(service="glue", resource=resource, resource_name=name)
        for resource, name in parts
    ]


def grant_all(grantee: iam.IGrantable, statements: Sequence[iam.PolicyStatement]) -> iam.Grant:
    """Add every statement to the grantee's policy."""
    grants = [
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=statement.actions,
            resource_arns=statement.resources,
            conditions=statement.conditions or None,
        )
        for statement in statements
    ]
    return functools.reduce(lambda first, second: first.combine(second), grants)
