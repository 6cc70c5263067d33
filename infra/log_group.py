"""A log group with its retention in days."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(scope: Construct, id: str, days: int) -> logs.LogGroup:  # noqa: A002
    """A log group that goes with the stack. CDK has names for retentions; the resource takes the days."""
    group = logs.LogGroup(scope, id, removal_policy=RemovalPolicy.DESTROY)
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101  what CDK makes of a LogGroup
    resource.retention_in_days = days
    return group
