"""The state machine of the reports, in Amazon States Language.

Plan             the function: the period, the parameters and the keys; "done" when the report is there
Report           which report
Query-NAME       Athena runs its query (athena:startQueryExecution.sync)
Write            the function: the result as CSV and JSON
Notify           the topic gets the keys
Explain          the function, after an error: another attempt, or why the report failed
NotifyFailure    the topic gets the reason; then the execution fails, and an alarm goes off

Source: AWS Step Functions Developer Guide, connect-athena, connect-sns, concepts-error-handling.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ttl_archive.infra.machine_states import State, choice, function_call, retry
from ttl_archive.infra.scheduled_reports.report_settings import ScheduledReport

# Athena ends a query after 30 minutes by default; before that it can wait in the queue.
# Source: Athena User Guide, service-limits.
_QUERY_S = 3 * 3600
_AGAIN_S = 60
_PASSING = ["ReportCallError", "ReportConflictError"]
# Source: BC-athena, StartQueryExecution. The generic name of Athena's errors is not documented; both that
# public state machines have are there.
_THROTTLED = [
    "Athena.TooManyRequestsException",
    "Athena.ThrottlingException",
    "Athena.InternalServerException",
    "Athena.SdkClientException",
    "Athena.AmazonAthenaException",
    "Athena.AthenaException",
]
_NOT_PUBLISHED = ["SNS.InternalErrorException", "SNS.ThrottledException", "SNS.SdkClientException"]


def reports_definition(
    reports: Sequence[ScheduledReport],
    config: Mapping[str, Any],
    *,
    function_arn: str,
    database: str,
    workgroup: str,
    partition: str,
) -> dict[str, Any]:
    """Return the state machine; its input is {"report": NAME, "scheduled_time": "2026-12-01T06:00:00Z"}.

    `config` is what the function gets, see results/reports_handler.
    """

    def call(action: str, path: str, **given: str) -> State:
        return function_call(
            action, config, given, function_arn=function_arn, partition=partition, path=path, passing=_PASSING
        )

    def publish(source: str) -> State:
        return {
            "Type": "Task",
            "Resource": f"arn:{partition}:states:::sns:publish",
            "Parameters": {
                "TopicArn.$": "$.plan.answer.topic",
                "Subject.$": f"{source}.answer.subject",
                "Message.$": f"{source}.answer.message",
            },
            "ResultPath": "$.published",
            "Retry": [retry(_NOT_PUBLISHED, 5, 6)],
        }

    explained = {"error": "$.failed.Error", "cause": "$.failed.Cause"}
    names = {each.settings.name: f"Query-{each.settings.name}" for each in reports}
    states = {
        "Plan": call("plan", "$.plan", input="$") | {"Next": "Planned"},
        "Planned": choice("$.plan.answer.next", {"query": "Report"}, "Done"),
        "Report": choice("$.plan.answer.report", names, "UnknownReport"),
        **{names[each.settings.name]: _query(each, database, workgroup, partition) for each in reports},
        "Write": call("write", "$.written", plan="$.plan.answer", query="$.query")
        | {"Catch": _caught("Explain"), "Next": "Notify"},
        "Notify": publish("$.written") | {"Next": "Done"},
        "Explain": call("explain", "$.plan", plan="$.plan.answer", **explained) | {"Next": "Explained"},
        "Explained": choice("$.plan.answer.next", {"query": "WaitForAttempt"}, "NotifyFailure"),
        "WaitForAttempt": {"Type": "Wait", "Seconds": _AGAIN_S, "Next": "Report"},
        "NotifyFailure": publish("$.plan") | {"Catch": _caught("ReportFailed"), "Next": "ReportFailed"},
        "ReportFailed": {"Type": "Fail", "Error": "ReportFailed", "CausePath": "$.plan.answer.message"},
        # The function refuses a name that it does not know; a choice needs a default nevertheless.
        "UnknownReport": {"Type": "Fail", "Error": "UnknownReport", "CausePath": "$.plan.answer.report"},
        "Done": {"Type": "Succeed"},
    }
    return {
        "Comment": "Writes a report about the period before the scheduled time",
        "StartAt": "Plan",
        "States": states,
    }


def _query(report: ScheduledReport, database: str, workgroup: str, partition: str) -> State:
    parameters = {"ExecutionParameters.$": "$.plan.answer.parameters"} if report.settings.parameters else {}
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::athena:startQueryExecution.sync",
        "Parameters": {
            "QueryString": report.sql,
            "QueryExecutionContext": {"Database": database},
            "WorkGroup": workgroup,
            **parameters,
        },
        "ResultSelector": {
            "id.$": "$.QueryExecution.QueryExecutionId",
            "location.$": "$.QueryExecution.ResultConfiguration.OutputLocation",
        },
        "ResultPath": "$.query",
        "TimeoutSeconds": _QUERY_S,
        "Retry": [retry(_THROTTLED, 30, 6)],
        "Catch": _caught("Explain"),
        "Next": "Write",
    }


def _caught(following: str) -> list[State]:
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failed", "Next": following}]
