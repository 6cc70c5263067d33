"""Reports on a schedule: EventBridge Scheduler, one state machine, its function, and the roles of each."""

from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.infra.scheduled_reports.report_settings import ReportSettings, ScheduledReport
from ttl_archive.infra.scheduled_reports.reports_machine import reports_definition
from ttl_archive.infra.sql.dialect import literal
from ttl_archive.infra.standard_machine import SCHEDULED_TIME, Schedules, standard_machine
from ttl_archive.infra.workgroup import Workgroup
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_MEMORY_MB, _TIMEOUT_S = 512, 900
# Of cron, whose days of the week and of the month exclude each other. Source: SCHD, schedule-types.
_DAYS = {"day": "* * ?", "week": "? * MON", "month": "1 * ?"}
# Source: SFN, connect-athena.
_ATHENA = ["athena:GetQueryExecution", "athena:StartQueryExecution", "athena:StopQueryExecution"]


class ScheduledReports(Construct):
    """`machine` is the state machine, which an operator may start with a report and a time too.

    `group` has the schedules.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        reports: tuple[ScheduledReport, ...],
        bucket: s3.IBucket,
        workgroup: Workgroup,
        topic: sns.ITopic,
        assets: Assets,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._deploy = settings, deploy
        self._bucket, self._results = bucket, workgroup.results
        self._topics = {each.settings.name: each.settings.topic or topic.topic_arn for each in reports}
        function = self._function(assets)
        role = self._role(function)
        definition = reports_definition(
            reports,
            self._config(reports),
            function_arn=function.function.function_arn,
            database=deploy.database,
            workgroup=workgroup.name,
            partition=Aws.PARTITION,
        )
        self.machine = standard_machine(
            self,
            role,
            definition,
            no_log="Athena's reason for a failed query may quote a value of an item, which must not reach a "
            "log. Step Functions keeps the history of a Standard execution for 90 days.",
            no_trace="Its calls are one function, whose log has its durations, and Athena's own API.",
        )
        schedules = Schedules(self, self.machine)
        self.group = schedules.group
        for each in reports:
            name = each.settings.name
            order = {"report": name, "scheduled_time": SCHEDULED_TIME}
            expression = schedule_expression(each.settings)
            schedules.add(f"Schedule-{name}", expression, order, timezone="UTC")

    def _config(self, reports: tuple[ScheduledReport, ...]) -> dict[str, Any]:
        """Return what the function gets. A parameter is an SQL expression, so each text is quoted."""
        date = self._settings.output.date_column
        return {
            "bucket": self._bucket.bucket_name,
            "table": self._settings.table.name,
            "folder": layout.reports_folder(self._settings),
            "day_folder": f"{layout.archive_folder(self._settings)}{date}=",
            "reports": {
                each.settings.name: {
                    "every": each.settings.every,
                    "parameters": [literal(text) for text in each.settings.parameters],
                    "topic": self._topics[each.settings.name],
                }
                for each in reports
            },
        }

    def _function(self, assets: Assets) -> PythonFunction:
        rows, reports = layout.archive_folder(self._settings), layout.reports_folder(self._settings)
        own, results = self._bucket.arn_for_objects(f"{reports}*"), self._results.arn_for_objects("*")
        below = {"StringLike": {"s3:prefix": [f"{rows}*", f"{reports}*"]}}
        function = PythonFunction(
            self,
            "Results",
            description=f"Writes the reports of {self._settings.table.name}",
            zip_file=assets.attachment,
            handler="ttl_archive.infra.scheduled_reports.results.reports_handler.handler",
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            deploy=self._deploy,
            statements=[
                roles.allow(
                    ["athena:GetQueryExecution", "athena:GetQueryResults"],
                    [roles.workgroup_arn(self, self._deploy)],
                ),
                roles.allow(["s3:ListBucket"], [self._bucket.bucket_arn], below),
                roles.allow(["s3:GetObject", "s3:PutObject"], [own]),
                roles.allow(["s3:GetObject"], [results]),
                *roles.bucket_key_use(self._deploy),
            ],
        )
        acknowledge_wildcards(
            function.role,
            [own, results],
            "A report has a key for each period, and Athena chooses the names of result objects.",
        )
        return function

    def _role(self, function: PythonFunction) -> iam.Role:
        """Create the role of the state machine. Athena acts with the rights of its caller."""
        folders = (layout.archive_folder(self._settings), layout.errors_folder(self._settings))
        rows = [self._bucket.arn_for_objects(f"{folder}*") for folder in folders]
        results = self._results.arn_for_objects("*")
        catalog = roles.glue_arns(self, self._deploy.database, "*")
        aws_catalog = Stack.of(self).format_arn(
            service="athena", resource="datacatalog", resource_name="AwsDataCatalog"
        )
        key = self._deploy.operations_key_arn
        role = roles.service_role(
            self,
            "states.amazonaws.com",
            [
                roles.allow(_ATHENA, [roles.workgroup_arn(self, self._deploy)]),
                roles.allow(["athena:GetDataCatalog"], [aws_catalog]),
                roles.allow(roles.GLUE_READING, catalog),
                roles.allow(["s3:GetBucketLocation", "s3:ListBucket"], [self._bucket.bucket_arn]),
                roles.allow(["s3:GetObject"], rows),
                *roles.result_writing(self._results),
                roles.allow(["lambda:InvokeFunction"], [function.function.function_arn]),
                roles.allow(["sns:Publish"], sorted(set(self._topics.values()))),
                *([roles.allow(["kms:Decrypt", "kms:GenerateDataKey"], [key])] if key else []),
                *roles.bucket_key_use(self._deploy),
            ],
            roles.of_this_account(),
        )
        acknowledge_wildcards(
            role,
            [*rows, results, catalog[-1]],
            "Athena reads every object of the rows, every relation of this database, and names its results.",
        )
        return role


def schedule_expression(report: ReportSettings) -> str:
    """Return when a report runs: on the day after its period, at its time."""
    hour, minute = report.at.split(":")
    return f"cron({int(minute)} {int(hour)} {_DAYS[report.every]} *)"
