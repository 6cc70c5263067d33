"""The data stream between table and delivery: encrypted, retained long enough to outlast a failure."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge


def change_stream(scope: Construct, id: str, *, deploy: Deploy, key: kms.IKey | None) -> kinesis.Stream:  # noqa: A002
    """Return the stream. Removing the stack retains it, because undelivered records are nowhere else."""
    provisioned = deploy.stream_mode == "provisioned"
    stream = kinesis.Stream(
        scope,
        id,
        stream_mode=kinesis.StreamMode.PROVISIONED if provisioned else kinesis.StreamMode.ON_DEMAND,
        shard_count=deploy.shards if provisioned else None,
        retention_period=Duration.days(deploy.stream_retention_days),
        encryption=kinesis.StreamEncryption.KMS if key else kinesis.StreamEncryption.MANAGED,
        encryption_key=key,
        removal_policy=RemovalPolicy.RETAIN,
    )
    # CDK has the maximum record size only on the resource.
    resource = stream.node.default_child
    assert isinstance(resource, kinesis.CfnStream)  # noqa: S101  CDK creates it
    resource.max_record_size_in_kib = deploy.max_record_kib
    if key:
        acknowledge(stream, {"KDS3": "The configuration names a customer key ([deploy] kms_key_arn)."})
    return stream
