"""The managed policy for `verify`, `report` and `doctor`: it reads, and writes nothing but seals.

A seal is written with If-None-Match only, so whoever has this policy can add seals and replace none.
Source: S3 User Guide, conditional-writes-enforce.
"""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings


def audit_policy(
    scope: Construct,
    *,
    settings: Settings,
    deploy: Deploy,
    bucket: s3.IBucket,
    failures: s3.IBucket | None,
    results: s3.IBucket,
    delivery_streams: Sequence[str],
) -> iam.ManagedPolicy:
    """Create the policy. `results` is the bucket of Athena's results; `delivery_streams` are ARNs."""
    stack = Stack.of(scope)
    statements = [
        *_archive_reading(settings, bucket, failures),
        _sealing(settings, bucket),
        *roles.query_running(scope, settings, deploy, bucket, results),
        *_checking(stack, settings, delivery_streams),
    ]
    policy = iam.ManagedPolicy(
        scope,
        "Audit",
        description=f"ttl-archive verify, report and doctor, for the archive in {stack.stack_name}",
        statements=statements,
    )
    acknowledge_wildcards(
        policy,
        [arn for each in statements for arn in each.resources if "*" in str(stack.resolve(arn))],
        "Object names are not known beforehand, and several reading actions apply to the whole account.",
    )
    return policy


def _archive_reading(
    settings: Settings, bucket: s3.IBucket, failures: s3.IBucket | None
) -> list[iam.PolicyStatement]:
    table = settings.table.name
    folders = (
        layout.archive_folder(settings),
        layout.errors_folder(settings),
        layout.records_folder(table),
        layout.seals_folder(table),
    )
    listing = [
        "s3:GetBucketVersioning",
        "s3:GetLifecycleConfiguration",
        "s3:ListBucket",
        "s3:ListBucketVersions",
    ]
    statements = [
        roles.allow(listing, [bucket.bucket_arn]),
        roles.allow(["s3:GetObject"], [bucket.arn_for_objects(f"{folder}*") for folder in folders]),
    ]
    if failures:
        discarded = failures.arn_for_objects(f"{layout.ON_FAILURE}*")
        statements.append(roles.allow(["s3:ListBucket"], [failures.bucket_arn]))
        statements.append(roles.allow(["s3:GetObject"], [discarded]))
    return statements


def _sealing(settings: Settings, bucket: s3.IBucket) -> iam.PolicyStatement:
    seals = bucket.arn_for_objects(f"{layout.seals_folder(settings.table.name)}*")
    return roles.allow(["s3:PutObject"], [seals], {"Null": {"s3:if-none-match": "false"}})


def _checking(stack: Stack, settings: Settings, delivery_streams: Sequence[str]) -> list[iam.PolicyStatement]:
    """Allow what `doctor` asks about the account, and the counts of CloudWatch."""
    table = stack.format_arn(service="dynamodb", resource="table", resource_name=settings.table.name)
    people = [
        stack.format_arn(service="iam", region="", resource=kind, resource_name="*")
        for kind in ("role", "user")
    ]
    return [
        roles.allow(
            [
                "dynamodb:DescribeKinesisStreamingDestination",
                "dynamodb:DescribeTable",
                "dynamodb:DescribeTimeToLive",
                "dynamodb:Scan",
            ],
            [table],
        ),
        roles.allow(["cloudformation:DescribeStacks"], [stack.stack_id]),
        roles.allow(["firehose:DescribeDeliveryStream"], delivery_streams),
        roles.allow(["iam:GetRole", "iam:SimulatePrincipalPolicy"], people),
        # IAM knows no resource for these actions.
        roles.allow(
            [
                "cloudwatch:GetMetricData",
                "kinesis:DescribeLimits",
                "lambda:GetAccountSettings",
                "lambda:ListEventSourceMappings",
            ],
            ["*"],
        ),
    ]
