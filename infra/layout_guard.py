"""The layout guard: a custom resource that every other part depends on, so that it runs before them.

It refers to no other part. Their logical ids are plain text in its properties, and its role names them with
wildcards, because a reference would make the guard depend on what it has to precede.
"""

from dataclasses import replace

from aws_cdk import Aws, CfnElement, CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.attachment.deployed_layout import record_key
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.infra.wanted_layout import buffers_s, view_types, wanted_layout
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_MEMORY_MB = 256
TIMEOUT_S = 600  # the drain guard waits 300 s for CloudWatch
# CloudFormation waits for a response at most this long, instead of its default of an hour.
SERVICE_TIMEOUT_S = TIMEOUT_S + 60


class LayoutGuard(Construct):
    """The guard, and later the record and the drain guard, which run the same function."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        assets: Assets,
        bucket: s3.IBucket | None,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._deploy, self._bucket = settings, deploy, bucket
        self._function = PythonFunction(
            self,
            "Guard",
            description="Refuses changes of the archive that would hide or lose rows",
            zip_file=assets.attachment,
            handler="ttl_archive.infra.attachment.guard_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=TIMEOUT_S,
            deploy=deploy,
            statements=self._statements(),
        )
        acknowledge_wildcards(
            self._function.role,
            self._wildcards(),
            "The guard runs before the parts that it looks at exist, so that no reference can name them.",
        )

    def compare(self, parts: dict[str, CfnElement | None], stream: kinesis.IStream | None) -> CustomResource:
        """Create the guard. `parts` has the resources that exist, by Bucket, Database, DeliveryStream, Stream
        and Table. `stream` is the data stream of the Kinesis road.
        """
        own_stream = parts.get("Stream") is not None
        properties = {
            "Layout": self._wanted(),
            "Table": self._deploy.table,
            "Attach": str(self._deploy.attach).lower(),
            "TtlAttribute": self._settings.table.ttl_attribute,
            **(
                {"OperationsKeyArn": self._deploy.operations_key_arn}
                if self._deploy.operations_key_arn
                else {}
            ),
            "ViewTypes": ",".join(view_types(self._settings)),
            "BuffersSeconds": str(buffers_s(self._settings, self._deploy)),
            **({"StreamArn": stream.stream_arn} if stream and not own_stream else {}),
            **{f"{name}Id": Stack.of(part).get_logical_id(part) for name, part in parts.items() if part},
        }
        return self._custom("Custom::LayoutGuard", "Layout", properties)

    def record(self, bucket: s3.IBucket) -> CustomResource:
        """Create the resource that writes the layout record."""
        properties = {"Bucket": bucket.bucket_name, "Layout": self._wanted()}
        return self._custom("Custom::LayoutRecord", "Record", properties)

    def protect(self, delivery_stream: str, stream: kinesis.IStream) -> CustomResource:
        """Create the drain guard of the Kinesis road."""
        buffers = buffers_s(self._settings, self._deploy)
        return self._drain_guard("Drain", delivery_stream, buffers, {"StreamArn": stream.stream_arn})

    def protect_forwarded(self, delivery_stream: str, function: str) -> CustomResource:
        """Create the drain guard of the Streams road."""
        buffers = self._deploy.buffer_s
        return self._drain_guard("ForwardDrain", delivery_stream, buffers, {"FunctionName": function})

    def _drain_guard(
        self,
        id: str,  # noqa: A002
        delivery_stream: str,
        buffers: int,
        source: dict[str, str],
    ) -> CustomResource:
        properties = {
            "TableName": self._settings.table.name,
            "DeliveryStreamName": delivery_stream,
            "BuffersSeconds": str(buffers),
            **source,
        }
        return self._custom("Custom::DrainGuard", id, properties)

    def _wanted(self) -> str:
        bucket = self._bucket.bucket_name if self._bucket else ""
        return replace(wanted_layout(self._settings, self._deploy), bucket=bucket).to_json()

    def _custom(self, kind: str, id: str, properties: dict[str, str]) -> CustomResource:  # noqa: A002
        return CustomResource(
            self,
            id,
            resource_type=kind,
            service_token=self._function.function.function_arn,
            service_timeout=Duration.seconds(SERVICE_TIMEOUT_S),
            properties=properties,
        )

    def _statements(self) -> list[iam.PolicyStatement]:
        here = {"StringEquals": {"aws:ResourceAccount": Aws.ACCOUNT_ID}}
        rows = {"StringLike": {"s3:prefix": [f"{layout.ARCHIVE}{self._settings.table.name}/*"]}}
        # HeadBucket has no prefix, so that a bucket with a name is allowed as a whole.
        listing = here if self._bucket else here | rows
        record, folder, buckets = self._record_arn(), self._stream_arns(), self._bucket_arn()
        operations_key = self._deploy.operations_key_arn
        return [
            roles.allow(
                ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"], [Aws.STACK_ID]
            ),
            roles.allow(
                [
                    "dynamodb:DescribeKinesisStreamingDestination",
                    *(["dynamodb:DescribeTable"] if self._deploy.streams_road else []),
                    "dynamodb:DescribeTimeToLive",
                ],
                [self._table_arn()],
            ),
            roles.allow(["firehose:DescribeDeliveryStream"], [folder]),
            roles.allow(["glue:GetDatabase", "glue:GetTables"], self._glue_arns()),
            roles.allow(["s3:GetObject", "s3:PutObject"], [record], here),
            roles.allow(["s3:ListBucket"], [buckets], listing),
            # These have no resource.
            roles.allow(
                [
                    "cloudwatch:GetMetricData",
                    *(["lambda:ListEventSourceMappings"] if self._deploy.streams_road else []),
                ],
                ["*"],
            ),
            *roles.bucket_key_use(self._deploy),
            *([roles.allow(["kms:GetKeyPolicy"], [operations_key])] if operations_key else []),
        ]

    def _wildcards(self) -> list[str]:
        own_bucket = [] if self._bucket else [self._record_arn(), self._bucket_arn()]
        return ["*", *own_bucket, self._stream_arns(), *self._glue_arns()[1:]]

    def _record_arn(self) -> str:
        return f"{self._bucket_arn()}/{record_key(self._settings.table.name)}"

    def _bucket_arn(self) -> str:
        return self._bucket.bucket_arn if self._bucket else f"arn:{Aws.PARTITION}:s3:::*"

    def _table_arn(self) -> str:
        return self._arn("dynamodb", "table", self._settings.table.name)

    def _stream_arns(self) -> str:
        return self._arn("firehose", "deliverystream", "*")

    def _glue_arns(self) -> list[str]:
        return [
            Stack.of(self).format_arn(service="glue", resource="catalog"),
            self._arn("glue", "database", "*"),
            self._arn("glue", "table", "*"),
        ]

    def _arn(self, service: str, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(service=service, resource=resource, resource_name=name)
