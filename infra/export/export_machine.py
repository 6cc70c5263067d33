"""The state machine of the export, in Amazon States Language.

CheckRecovery    point-in-time recovery, and the first time that it still has
PlanWindow       the function: export, wait, nothing to do, or a gap
Export           ExportTableToPointInTime, with a token that follows from the window
Describe         DescribeExport, every two minutes, until the export is COMPLETED or FAILED
Remember         the function: the window is exported; then the next one is planned
CountFailure     the function: another attempt, or the execution fails and an alarm goes off

A FAILED export is a successful task, so that its status is compared. Source: DynamoDB API Reference,
DescribeExport; SFN, supported AWS SDK service integrations.
"""

from collections.abc import Mapping
from typing import Any

from ttl_archive.infra.machine_states import State, choice, function_call, retry

POLL_S = 120  # an export of ten items takes ten minutes; an execution has 25,000 events, nine for each poll
_PASSING = ["WindowTakenError"]
# Source: DynamoDB API Reference, ExportTableToPointInTime.
_THROTTLED = [
    "DynamoDb.InternalServerErrorException",
    "DynamoDb.LimitExceededException",
    "DynamoDb.SdkClientException",
    "DynamoDb.ThrottlingException",
]


def export_definition(
    config: Mapping[str, Any], *, table_arn: str, function_arn: str, partition: str, key_arn: str | None
) -> dict[str, Any]:
    """Return the state machine; its input is {"scheduled_time": "2026-11-24T00:00:00Z"}.

    `config` is what the function gets, see windows/window_handler.
    """

    def call(action: str, **given: str) -> State:
        path = "$.plan" if action == "plan" else "$.noted"
        return function_call(
            action, config, given, function_arn=function_arn, partition=partition, path=path, passing=_PASSING
        )

    def sdk(action: str, parameters: State, selected: State, path: str) -> State:
        return {
            "Type": "Task",
            "Resource": f"arn:{partition}:states:::aws-sdk:dynamodb:{action}",
            "Parameters": parameters,
            "ResultSelector": selected,
            "ResultPath": path,
            "Retry": [retry(_THROTTLED, 30, 8)],
        }

    recovery = "$.ContinuousBackupsDescription.PointInTimeRecoveryDescription"
    export = sdk(
        "exportTableToPointInTime",
        _request(config, table_arn, key_arn),
        {"arn.$": "$.ExportDescription.ExportArn"},
        "$.export",
    )
    # The end may be too new for the service though the plan has waited; see export_windows.
    export["Retry"].append(retry(["DynamoDb.InvalidExportTimeException"], 300, 3, rate=1))
    window = {"window": "$.plan.answer.window"}
    states = {
        "CheckRecovery": sdk(
            "describeContinuousBackups",
            {"TableName": config["table"]},
            {"description.$": recovery},
            "$.recovery",
        )
        | {"Next": "RecoveryIsOn"},
        "RecoveryIsOn": choice(
            "$.recovery.description.PointInTimeRecoveryStatus", {"ENABLED": "PlanWindow"}, "RecoveryIsOff"
        ),
        "RecoveryIsOff": _fail(
            "PointInTimeRecoveryOff", "An export needs point-in-time recovery. Turn it on for the table"
        ),
        "PlanWindow": call(
            "plan",
            scheduled_time="$.scheduled_time",
            earliest="$.recovery.description.EarliestRestorableDateTime",
        )
        | {"Next": "Planned"},
        "Planned": choice(
            "$.plan.answer.next", {"export": "Export", "wait": "WaitForEnd", "done": "Done"}, "Gap"
        ),
        "WaitForEnd": {"Type": "Wait", "SecondsPath": "$.plan.answer.seconds", "Next": "CheckRecovery"},
        "Gap": {"Type": "Fail", "Error": "ExportGap", "CausePath": "$.plan.answer.message"},
        "Export": export | {"Next": "WaitForExport"},
        "WaitForExport": {"Type": "Wait", "Seconds": POLL_S, "Next": "Describe"},
        "Describe": sdk(
            "describeExport",
            {"ExportArn.$": "$.export.arn"},
            {"description.$": "$.ExportDescription"},
            "$.described",
        )
        | {"Next": "ExportEnded"},
        "ExportEnded": choice(
            "$.described.description.ExportStatus",
            {"COMPLETED": "Remember", "FAILED": "CountFailure"},
            "WaitForExport",
        ),
        "Remember": call("remember", arn="$.export.arn", **window) | {"Next": "CheckRecovery"},
        "CountFailure": call("failed", attempt="$.plan.answer.attempt", **window) | {"Next": "TryAgain"},
        "TryAgain": choice("$.noted.answer.next", {"plan": "CheckRecovery"}, "ExportFailed"),
        "ExportFailed": {
            "Type": "Fail",
            "Error": "ExportFailed",
            "CausePath": "States.JsonToString($.described.description)",
        },
        "Done": {"Type": "Succeed"},
    }
    return {
        "Comment": "Exports the table for the time up to the scheduled time",
        "StartAt": "CheckRecovery",
        "States": states,
    }


def _request(config: Mapping[str, Any], table_arn: str, key_arn: str | None) -> State:
    encryption = {"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": key_arn}
    if key_arn is None:
        encryption = {"S3SseAlgorithm": "AES256"}
    request: State = {
        "TableArn": table_arn,
        "S3Bucket": config["bucket"],
        "S3Prefix.$": "$.plan.answer.prefix",
        "ClientToken.$": "$.plan.answer.token",
        "ExportFormat": "DYNAMODB_JSON",
        **encryption,
    }
    if config["kind"] == "full":
        return request | {"ExportType": "FULL_EXPORT", "ExportTime.$": "$.plan.answer.window.end"}
    window = {
        "ExportFromTime.$": "$.plan.answer.window.start",
        "ExportToTime.$": "$.plan.answer.window.end",
        "ExportViewType": "NEW_AND_OLD_IMAGES",
    }
    return request | {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": window}


def _fail(error: str, cause: str) -> State:
    return {"Type": "Fail", "Error": error, "Cause": cause}
