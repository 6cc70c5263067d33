"""The source table: an existing one is attached, or a new one is created for trying the archive."""

from aws_cdk import CfnElement, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kinesis as kinesis
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.transform.settings import Settings

# Always set, because documents disagree about the default. Two changes in one millisecond stay distinct.
# Source: DynamoDB Developer Guide, kds; aws-cdk, aws-dynamodb.
PRECISION = "MICROSECOND"
_MEMORY_MB = 256
TIMEOUT_S = 900  # Lambda's longest; the destination becomes ACTIVE within minutes

# CloudFormation waits for a response at most this long, instead of its default of an hour.
SERVICE_TIMEOUT_S = TIMEOUT_S + 60


class SourceTable(Construct):
    """The table and its streaming. `ttl` describes the table's TTL, as the deployment found it."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        stream: kinesis.IStream,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        self.ttl: str | None = None
        self.created: CfnElement | None = None
        if deploy.table == "create":
            self._create(settings, deploy, stream)
        elif deploy.attach:
            self._attach(settings, deploy, stream, assets)

    def _create(self, settings: Settings, deploy: Deploy, stream: kinesis.IStream) -> None:
        def attribute(name: str) -> dynamodb.Attribute:
            return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)

        precision = dynamodb.ApproximateCreationDateTimePrecision[PRECISION]
        table = dynamodb.Table(
            self,
            "Table",
            table_name=settings.table.name,
            partition_key=attribute(deploy.partition_key or ""),
            sort_key=attribute(deploy.sort_key) if deploy.sort_key else None,
            time_to_live_attribute=settings.table.ttl_attribute,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
            kinesis_stream=stream if deploy.attach else None,
            kinesis_precision_timestamp=precision if deploy.attach else None,
        )
        resource = table.node.default_child
        assert isinstance(resource, dynamodb.CfnTable)  # noqa: S101  CDK creates it
        self.created = resource

    def _attach(self, settings: Settings, deploy: Deploy, stream: kinesis.IStream, assets: Assets) -> None:
        table_arn = Stack.of(self).format_arn(
            service="dynamodb", resource="table", resource_name=settings.table.name
        )
        attacher = PythonFunction(
            self,
            "Attacher",
            description=f"Attaches the table {settings.table.name} to the archive's stream",
            zip_file=assets.attachment,
            handler="ttl_archive.infra.attachment.attach_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=TIMEOUT_S,
            deploy=deploy,
            statements=roles.table_attaching(self, table_arn, stream, deploy),
        )
        acknowledge_wildcards(
            attacher.role,
            ["*"],
            "DynamoDB requires kinesis:ListStreams of the caller, and that action has no resource.",
        )
        destination = CustomResource(
            self,
            "StreamingDestination",
            resource_type="Custom::StreamingDestination",
            service_token=attacher.function.function_arn,
            service_timeout=Duration.seconds(SERVICE_TIMEOUT_S),
            properties={
                "TableName": settings.table.name,
                "StreamArn": stream.stream_arn,
                "Precision": PRECISION,
                "TtlAttribute": settings.table.ttl_attribute,
            },
        )
        self.ttl = destination.get_att_string("Ttl")
