"""The relations in Athena: a custom resource that creates them as views, and its function."""

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.athena_views.view_changes import encode_views
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.glue_catalog import Catalog
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.relations import RELATIONS, relations
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, ERROR_FILES
from ttl_archive.infra.workgroup import Workgroup
from ttl_archive.transform.settings import Settings

_MEMORY_MB = 256
_TIMEOUT_S = 600  # four statements of a few seconds, and waiting for a full queue
# Source: ATH, fine-grained access to databases and tables; cloudquery/cloudquery #8016 for GetDatabases.
_GLUE_READING = [*roles.GLUE_READING, "glue:GetDatabases"]
# Whether a replacement updates a view, or deletes and creates it, is not documented: both are allowed.
_GLUE_WRITING = ["glue:CreateTable", "glue:DeleteTable", "glue:UpdateTable"]


class AthenaRelations(Construct):
    """The views archive, archive_unique, archive_latest, archive_history and errors."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        assets: Assets,
        catalog: Catalog,
        workgroup: Workgroup,
    ) -> None:
        super().__init__(scope, id)
        self._deploy, self._workgroup = deploy, workgroup
        function = PythonFunction(
            self,
            "Views",
            description=f"Creates the views of the archive of {settings.table.name}",
            zip_file=assets.attachment,
            handler="ttl_archive.infra.athena_views.views_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=deploy,
            statements=self._statements(),
        )
        acknowledge_wildcards(
            function.role,
            [workgroup.results.arn_for_objects("*")],
            "Athena chooses the names of result objects; the bucket holds nothing else.",
        )
        views = CustomResource(
            self,
            "Relations",
            resource_type="Custom::AthenaViews",
            service_token=function.function.function_arn,
            service_timeout=Duration.seconds(_TIMEOUT_S + 60),
            properties={
                "Database": deploy.database,
                "Workgroup": workgroup.name,
                "Views": encode_views(relations(settings, AthenaDialect())),
            },
        )
        views.node.add_dependency(catalog, workgroup)

    def _statements(self) -> list[iam.PolicyStatement]:
        workgroup = Stack.of(self).format_arn(
            service="athena", resource="workgroup", resource_name=self._workgroup.name
        )
        results = self._workgroup.results
        return [
            roles.allow(["athena:GetQueryExecution", "athena:StartQueryExecution"], [workgroup]),
            *self._glue_statements(),
            *roles.result_writing(results),
            *roles.bucket_key_use(self._deploy),
        ]

    def _glue_statements(self) -> list[iam.PolicyStatement]:
        """Allow what CREATE OR REPLACE VIEW and DROP VIEW call in Glue. They write our views only."""
        read = roles.glue_arns(self, self._deploy.database, *RELATIONS, ARCHIVE_FILES, ERROR_FILES)
        written = roles.glue_arns(self, self._deploy.database, *RELATIONS)
        return [roles.allow(_GLUE_READING, read), roles.allow(_GLUE_WRITING, written)]
