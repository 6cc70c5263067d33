"""A log group with its retention in days."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(scope: Construct, id: str, days: int) -> logs.LogGroup:  # noqa: A002
    """Create a log group that is deleted with the stack.

    The retention is set on the resource, because CDK knows only some of the allowed numbers by name.
    """
    group = logs.LogGroup(scope, id, removal_policy=RemovalPolicy.DESTROY)
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101  CDK creates it
    resource.retention_in_days = days
    return group
