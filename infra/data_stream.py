"""The data stream between table and delivery: encrypted, and long enough to sit out a failure behind it."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from constructs import Construct

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge


def change_stream(scope: Construct, id: str, *, deploy: Deploy, key: kms.IKey | None) -> kinesis.Stream:  # noqa: A002
    """The stream. It stays when the stack goes: what was not yet delivered is nowhere else."""
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
    if key:
        acknowledge(stream, {"KDS3": "A key of the user's own was asked for ([deploy] kms_key_arn)."})
    return stream
