"""The queue that readings arrive in, the function that writes them to the table, the dead-letter queue."""

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.transform.ingest_dead_letters import DEAD_LETTER_QUEUE_VARIABLE
from ttl_archive.transform.ingest_settings import Ingest
from ttl_archive.transform.settings import Settings

_MEMORY_MB, _TIMEOUT_S = 256, 60
_WINDOW_S = 5  # A batch of more than ten messages needs a window. Source: LDG, services-sqs-configure.
# Six times the function's timeout, and the window. Source: LDG, services-sqs-configure.
_VISIBILITY_S = 6 * _TIMEOUT_S + _WINDOW_S
# A message keeps its age in the dead-letter queue, so that queue keeps messages longer.
# Source: SQSD, sqs-dead-letter-queues; 14 days are the most.
_KEEP_DAYS, _KEEP_DEAD_LETTERS_DAYS = 4, 14


class QueueIngestion(Construct):
    """`queue` takes readings, `dead_letters` keeps what was not stored, `sender` is a role for IoT rules.

    The queues are retained when the stack or the section is removed, because they may hold messages.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        ingest: Ingest,
        assets: Assets,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, id)
        self._deploy = deploy
        self.dead_letters = self._queue("DeadLetters", key, _KEEP_DEAD_LETTERS_DAYS)
        self.queue = self._queue("Queue", key, _KEEP_DAYS, ingest.max_receives)
        self.function = self._function(settings, assets)
        lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=self.function.function.function_arn,
            event_source_arn=self.queue.queue_arn,
            batch_size=ingest.batch_messages,
            maximum_batching_window_in_seconds=_WINDOW_S,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=ingest.max_concurrency
            ),
        )
        sender = Construct(self, "Sender")
        self.sender = roles.service_role(
            sender,
            "iot.amazonaws.com",
            [roles.allow(["sqs:SendMessage"], [self.queue.queue_arn]), *self._key_use()],
            roles.of_this_account(),
        )

    def outputs(self) -> dict[str, str]:
        """Return what an operator needs: both queues, and the role of an IoT rule's action."""
        return {
            "IngestQueueUrl": self.queue.queue_url,
            "IngestDeadLetterQueueUrl": self.dead_letters.queue_url,
            "IngestSenderRole": self.sender.role_arn,
        }

    def _queue(
        self,
        id: str,  # noqa: A002
        key: kms.IKey | None,
        days: int,
        max_receives: int | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            encryption=sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=Duration.days(days),
            visibility_timeout=Duration.seconds(_VISIBILITY_S),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=max_receives)
            if max_receives
            else None,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _function(self, settings: Settings, assets: Assets) -> PythonFunction:
        table = Stack.of(self).format_arn(
            service="dynamodb", resource="table", resource_name=settings.table.name
        )
        receiving = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        function = PythonFunction(
            self,
            "Ingester",
            description=f"Writes readings to {settings.table.name}, each with a TTL stamp",
            zip_file=assets.transform,
            handler="ttl_archive.transform.ingest_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=self._deploy,
            statements=[
                roles.allow(["dynamodb:BatchWriteItem"], [table]),
                roles.allow(receiving, [self.queue.queue_arn]),
                roles.allow(["sqs:SendMessage"], [self.dead_letters.queue_arn]),
                *self._key_use(),
            ],
        )
        function.function.add_environment(DEAD_LETTER_QUEUE_VARIABLE, self.dead_letters.queue_url)
        return function

    def _key_use(self) -> list[iam.PolicyStatement]:
        """Allow what encrypted queues need of a sender and of a reader. Source: SQSD, sqs-key-management."""
        key = self._deploy.kms_key_arn
        via = {"StringEquals": {"kms:ViaService": f"sqs.{Aws.REGION}.amazonaws.com"}}
        return [roles.allow(["kms:Decrypt", "kms:GenerateDataKey"], [key], via)] if key else []
