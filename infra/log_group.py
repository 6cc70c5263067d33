"""A log group with its retention in days."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy


def log_group(scope: Construct, id: str, deploy: Deploy) -> logs.LogGroup:  # noqa: A002
    """Create a log group that is deleted with the stack.

    Retention and key are set on the resource: CDK knows only some of the allowed numbers by name, and an
    imported key would need a construct of its own.
    """
    group = logs.LogGroup(scope, id, removal_policy=RemovalPolicy.DESTROY)
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101  CDK creates it
    resource.retention_in_days = deploy.log_retention_days
    resource.kms_key_id = deploy.operations_key_arn
    return group
