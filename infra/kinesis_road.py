"""The Kinesis road: a data stream, the transform function, and the delivery stream that uses both."""

from typing import Any

from aws_cdk import aws_glue as glue
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.assets import Assets
from ttl_archive.infra.data_stream import change_stream
from ttl_archive.infra.delivery import FirehoseDelivery, StreamAndTransform
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import TransformFunction
from ttl_archive.transform.settings import Settings


class KinesisRoad(Construct):
    """The road from a data stream to the bucket. Its parts: `stream`, `function`, `delivery`.

    `stream` is an existing one, in place of the one that the road creates.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        assets: Assets,
        bucket: s3.IBucket,
        table: glue.CfnTable,
        key: kms.IKey | None,
        stream: kinesis.IStream | None,
    ) -> None:
        super().__init__(scope, id)
        common: dict[str, Any] = {"settings": settings, "deploy": deploy}
        self.stream = stream or change_stream(self, "Stream", deploy=deploy, key=key)
        self.function = TransformFunction(
            self, "Transform", **common, zip_file=assets.transform, stream=self.stream
        )
        self.delivery = FirehoseDelivery(
            self,
            "Delivery",
            **common,
            bucket=bucket,
            table=table,
            source=StreamAndTransform(self.stream, self.function.alias),
        )
