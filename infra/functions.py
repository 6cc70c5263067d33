"""A Python function with a log group and a role of its own, and the transform function built from it."""

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.attachment.forwarded import ALIAS
from ttl_archive.infra.deploy_settings import Deploy, shorten
from ttl_archive.infra.log_group import log_group
from ttl_archive.infra.nag import acknowledge
from ttl_archive.transform.settings import Settings

RUNTIME = lambda_.Runtime.PYTHON_3_13
# [deploy] handler: the standard one, or the one that installs a faster JSON codec in the runtime client.
HANDLERS = {
    "standard": "ttl_archive.transform.handler.handler",
    "fast": "ttl_archive.transform.fast_handler.handler",
}
_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class PythonFunction(Construct):
    """A function that runs from a zip. Its role allows its statements and writing its own log."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        description: str,
        zip_file: Path,
        handler: str,
        memory_mb: int,
        timeout_s: int,
        deploy: Deploy,
        statements: list[iam.PolicyStatement],
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id)
        log = log_group(self, "Log", deploy)
        self.role = roles.function_role(self, log, statements)
        self.function = lambda_.Function(
            self,
            "Function",
            description=shorten(description, 256),  # Source: AWS Lambda API Reference, CreateFunction
            runtime=RUNTIME,
            architecture=_ARCHITECTURES[deploy.architecture],
            handler=handler,
            code=lambda_.Code.from_asset(str(zip_file)),
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_s),
            role=self.role,
            environment=environment,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            # Every version is kept, so that the alias can go back to it. A version that a failed update
            # created is deleted, because the retry would otherwise find that it exists.
            current_version_options=lambda_.VersionOptions(
                removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            ),
        )
        acknowledge(
            self.function,
            {"L1": "The wheels in the zip are for Python 3.13, which Lambda supports until 2029."},
        )


class TransformFunction(PythonFunction):
    """The transform. Firehose calls `alias`, so that an earlier version can be restored by moving it."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        zip_file: Path,
        settings: Settings,
        deploy: Deploy,
        stream: kinesis.IStream,
    ) -> None:
        overflows = settings.output.overflow == "reingest"
        super().__init__(
            scope,
            id,
            description=f"Transforms changes of {settings.table.name} into rows",
            zip_file=zip_file,
            handler=HANDLERS[deploy.handler],
            memory_mb=deploy.memory_mb,
            timeout_s=deploy.timeout_s,
            deploy=deploy,
            statements=roles.reingestion(stream, deploy) if overflows else [],
        )
        self.alias = self.function.add_alias(ALIAS)
