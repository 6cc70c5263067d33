"""The source table: an existing one is attached, or a new one is created for trying the archive."""

from aws_cdk import CfnElement, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.infra.streams_road import streams_roles
from ttl_archive.infra.wanted_layout import view_types
from ttl_archive.transform.settings import Settings

# Always set, because documents disagree about the default. Two changes in one millisecond stay distinct.
# Source: DynamoDB Developer Guide, kds; aws-cdk, aws-dynamodb.
PRECISION = "MICROSECOND"
_MEMORY_MB = 256
TIMEOUT_S = 900  # Lambda's longest; the destination becomes ACTIVE within minutes

# CloudFormation waits for a response at most this long, instead of its default of an hour.
SERVICE_TIMEOUT_S = TIMEOUT_S + 60


class SourceTable(Construct):
    """The table and its streaming: into the data stream, and by the table's own stream.

    `ttl` describes the table's TTL, as the deployment found it. `stream_arn` is that of the table's own
    stream, when the Streams road reads it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        stream: kinesis.IStream | None,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._deploy, self._assets = settings, deploy, assets
        self.ttl: str | None = None
        self.stream_arn: str | None = None
        self.created: CfnElement | None = None
        if deploy.table == "create":
            self._create(settings, deploy, stream)
        elif deploy.attach:
            if stream:
                self._attach(stream)
            if deploy.streams_road:
                self._turn_on()

    def _create(self, settings: Settings, deploy: Deploy, stream: kinesis.IStream | None) -> None:
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
            kinesis_precision_timestamp=precision if deploy.attach and stream else None,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if deploy.streams_road else None,
        )
        if deploy.streams_road and deploy.attach:
            self.stream_arn = table.table_stream_arn
        resource = table.node.default_child
        assert isinstance(resource, dynamodb.CfnTable)  # noqa: S101  CDK creates it
        self.created = resource

    def _attach(self, stream: kinesis.IStream) -> None:
        """Create the custom resource that attaches the table to the data stream."""
        destination = self._custom(
            "StreamingDestination",
            self._function(
                "Attacher",
                "Attaches the table {table} to the archive's stream",
                "attach_handler",
                roles.table_attaching(self, self._table_arn(), stream, self._deploy),
            ),
            {"StreamArn": stream.stream_arn, "Precision": PRECISION},
        )
        self.ttl = destination.get_att_string("Ttl")

    def _turn_on(self) -> None:
        """Create the custom resource that finds the table's own stream, or turns it on."""
        found = self._custom(
            "TableStream",
            self._function(
                "StreamFinder",
                "Turns on the stream of the table {table}",
                "stream_handler",
                streams_roles.table_stream_turning_on(self._table_arn()),
            ),
            {"ViewTypes": ",".join(view_types(self._settings))},
        )
        self.stream_arn = found.get_att_string("StreamArn")
        self.ttl = self.ttl or found.get_att_string("Ttl")

    def _function(
        self,
        id: str,  # noqa: A002
        description: str,
        module: str,
        statements: list[iam.PolicyStatement],
    ) -> PythonFunction:
        function = PythonFunction(
            self,
            id,
            description=description.format(table=self._settings.table.name),
            zip_file=self._assets.attachment,
            handler=f"ttl_archive.infra.attachment.{module}.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=TIMEOUT_S,
            deploy=self._deploy,
            statements=statements,
        )
        if module == "attach_handler":
            acknowledge_wildcards(
                function.role,
                ["*"],
                "DynamoDB requires kinesis:ListStreams of the caller, and that action has no resource.",
            )
        return function

    def _custom(self, id: str, function: PythonFunction, properties: dict[str, str]) -> CustomResource:  # noqa: A002
        table = self._settings.table
        return CustomResource(
            self,
            id,
            resource_type=f"Custom::{id}",
            service_token=function.function.function_arn,
            service_timeout=Duration.seconds(SERVICE_TIMEOUT_S),
            properties={"TableName": table.name, "TtlAttribute": table.ttl_attribute, **properties},
        )

    def _table_arn(self) -> str:
        return Stack.of(self).format_arn(
            service="dynamodb", resource="table", resource_name=self._settings.table.name
        )
