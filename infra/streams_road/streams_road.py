"""The Streams road: the forwarder, its bucket for discarded batches, and its delivery stream."""

from typing import Any

from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.assets import Assets
from ttl_archive.infra.delivery import FirehoseDelivery
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.streams_road.failure_bucket import failure_bucket
from ttl_archive.infra.streams_road.forwarding import Forwarder
from ttl_archive.transform.settings import Settings


class StreamsRoad(Construct):
    """The road from a table's stream to the bucket. Its parts: `failures`, `delivery`, `function`."""

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
    ) -> None:
        super().__init__(scope, id)
        common: dict[str, Any] = {"settings": settings, "deploy": deploy}
        self.failures = failure_bucket(self, "Failures", deploy=deploy, key=key)
        self.delivery = FirehoseDelivery(self, "Delivery", **common, bucket=bucket, table=table, source=None)
        self.function = Forwarder(
            self,
            "Forwarder",
            **common,
            assets=assets,
            bucket=bucket,
            failures=self.failures,
            delivery_stream=self.delivery.delivery_stream,
        )
