"""Reports on a schedule: EventBridge Scheduler, one state machine, its function, and the roles of each."""

import json
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.functions import PythonFunction
from ttl_archive.infra.nag import acknowledge, acknowledge_wildcards
from ttl_archive.infra.scheduled_reports.report_settings import ReportSettings, ScheduledReport
from ttl_archive.infra.scheduled_reports.reports_machine import reports_definition
from ttl_archive.infra.sql.dialect import literal
from ttl_archive.infra.workgroup import Workgroup
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_MEMORY_MB, _TIMEOUT_S = 512, 900
# An event that cannot be delivered for a day is dropped: start the state machine with its time.
_MAX_EVENT_AGE_S, _MAX_RETRIES = 86_400, 185
# The context attribute is the time of the schedule, not of the call, so that a retry has the same period.
# Source: SCHD, managing-schedule-context-attributes.
_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
# Of cron, whose days of the week and of the month exclude each other. Source: SCHD, schedule-types.
_DAYS = {"day": "* * ?", "week": "? * MON", "month": "1 * ?"}
# Source: SFN, connect-athena.
_ATHENA = ["athena:GetQueryExecution", "athena:StartQueryExecution", "athena:StopQueryExecution"]
_GLUE = ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"]
_RESULT_BUCKET = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
_RESULT_OBJECTS = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]


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
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_type=sfn.StateMachineType.STANDARD,
            role=role,
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
        )
        acknowledge(
            self.machine,
            {
                "SF1": "Athena's reason for a failed query may quote a value of an item, which must not "
                "reach a log. Step Functions keeps the history of a Standard execution for 90 days.",
                "SF2": "Its calls are one function, whose log has its durations, and Athena's own API.",
            },
        )
        self.group = scheduler.CfnScheduleGroup(self, "Group")
        self._schedule([each.settings for each in reports])

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
                roles.allow(["athena:GetQueryExecution", "athena:GetQueryResults"], [self._workgroup()]),
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
        tables = self._arn("glue", "table", f"{self._deploy.database}/*")
        catalog = [self._arn("glue", "catalog"), self._arn("glue", "database", self._deploy.database), tables]
        key = self._deploy.operations_key_arn
        role = roles.service_role(
            self,
            "states.amazonaws.com",
            [
                roles.allow(_ATHENA, [self._workgroup()]),
                roles.allow(
                    ["athena:GetDataCatalog"], [self._arn("athena", "datacatalog", "AwsDataCatalog")]
                ),
                roles.allow(_GLUE, catalog),
                roles.allow(["s3:GetBucketLocation", "s3:ListBucket"], [self._bucket.bucket_arn]),
                roles.allow(["s3:GetObject"], rows),
                roles.allow(_RESULT_BUCKET, [self._results.bucket_arn]),
                roles.allow(_RESULT_OBJECTS, [results]),
                roles.allow(["lambda:InvokeFunction"], [function.function.function_arn]),
                roles.allow(["sns:Publish"], sorted(set(self._topics.values()))),
                *([roles.allow(["kms:Decrypt", "kms:GenerateDataKey"], [key])] if key else []),
                *roles.bucket_key_use(self._deploy),
            ],
            roles.of_this_account(),
        )
        acknowledge_wildcards(
            role,
            [*rows, results, tables],
            "Athena reads every object of the rows, every relation of this database, and names its results.",
        )
        return role

    def _workgroup(self) -> str:
        return self._arn("athena", "workgroup", self._deploy.stack_name)

    def _arn(self, service: str, resource: str, name: str | None = None) -> str:
        return Stack.of(self).format_arn(service=service, resource=resource, resource_name=name)

    def _schedule(self, reports: list[ReportSettings]) -> None:
        """Create the schedules. The group narrows the role: a schedule cannot be named in its condition.

        Source: SCHD, cross-service confused deputy prevention.
        """
        start = Construct(self, "Start")
        ours = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID, "aws:SourceArn": self.group.attr_arn}}
        machine_arn = self.machine.state_machine_arn
        role = roles.service_role(
            start, "scheduler.amazonaws.com", [roles.allow(["states:StartExecution"], [machine_arn])], ours
        )
        for report in reports:
            scheduler.CfnSchedule(
                self,
                f"Schedule-{report.name}",
                group_name=self.group.ref,
                schedule_expression=schedule_expression(report),
                schedule_expression_timezone="UTC",
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=scheduler.CfnSchedule.TargetProperty(
                    arn=machine_arn,
                    role_arn=role.role_arn,
                    input=json.dumps({"report": report.name, "scheduled_time": _SCHEDULED_TIME}),
                    retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=_MAX_EVENT_AGE_S, maximum_retry_attempts=_MAX_RETRIES
                    ),
                ),
            )


def schedule_expression(report: ReportSettings) -> str:
    """Return when a report runs: on the day after its period, at its time."""
    hour, minute = report.at.split(":")
    return f"cron({int(minute)} {int(hour)} {_DAYS[report.every]} *)"
