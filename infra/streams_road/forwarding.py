"""The forwarder function, and the event source mapping that calls it with changes of the table."""

from aws_cdk import CfnResource
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra.assets import Assets
from ttl_archive.infra.attachment.forwarded import ALIAS
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.infra.stream_mapping import mapping_settings
from ttl_archive.infra.streams_road import streams_roles
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

HANDLER = "ttl_archive.transform.forwarder_handler.handler"


class Forwarder(PythonFunction):
    """The forwarder. The mapping calls `alias`, so that an earlier version can be restored by moving it.

    `mapping` is None until `map_stream`.
    """

    mapping: CfnResource | None = None

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        assets: Assets,
        bucket: s3.IBucket,
        failures: s3.IBucket,
        delivery_stream: firehose.CfnDeliveryStream,
    ) -> None:
        self._settings, self._deploy, self._failures = settings, deploy, failures
        errors = bucket.arn_for_objects(f"{layout.errors_folder(settings)}*")
        statements = [
            *streams_roles.table_stream_reading(scope, settings),
            *streams_roles.forwarding(delivery_stream, errors, deploy),
            *streams_roles.failure_writing(failures),
        ]
        super().__init__(
            scope,
            id,
            description=f"Forwards changes of {settings.table.name} to the archive",
            zip_file=assets.transform,
            handler=HANDLER,
            memory_mb=deploy.memory_mb,
            timeout_s=deploy.timeout_s,
            deploy=deploy,
            statements=statements,
            environment={
                "TTL_ARCHIVE_DELIVERY_STREAM": delivery_stream.ref,
                "TTL_ARCHIVE_BUCKET": bucket.bucket_name,
            },
        )
        acknowledge_wildcards(
            self.role,
            [errors, failures.arn_for_objects("*"), streams_roles.table_stream_arns(scope, settings)],
            "Object names are not known beforehand, the table's stream has a time in its name, and Lambda "
            "requires the whole bucket of an on-failure destination.",
        )
        self.alias = self.function.add_alias(ALIAS)

    def map_stream(self, scope: Construct, stream_arn: str) -> None:
        """Create the mapping that reads the stream, which starts the road.

        It is no part of this construct, because on removal it is deleted before the drain guard is asked.
        """
        settings = mapping_settings(self._settings, self._failures.bucket_arn, self._deploy)
        self.mapping = CfnResource(
            scope,
            "Mapping",
            type="AWS::Lambda::EventSourceMapping",
            properties={
                **{name: value for name, value in settings.items() if value != {}},  # no filter is no key
                "FunctionName": self.alias.function_arn,
                "EventSourceArn": stream_arn,
                "MetricsConfig": {"Metrics": ["EventCount"]},
            },
        )
