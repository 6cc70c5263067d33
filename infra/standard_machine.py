"""State machines of the type Standard, and schedules of EventBridge Scheduler that start one."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.nag import acknowledge

# The context attribute is the time of the schedule, not of the call, so that a retry has the same time.
# Source: SCHD, managing-schedule-context-attributes.
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
# An event that cannot be delivered for a day is dropped.
_MAX_EVENT_AGE_S, _MAX_RETRIES = 86_400, 185


def standard_machine(
    scope: Construct, role: iam.IRole, definition: Mapping[str, Any], *, no_log: str, no_trace: str
) -> sfn.StateMachine:
    """Create a state machine. `no_log` and `no_trace` are the reasons why it has no log and no trace.

    Step Functions keeps the history of a Standard execution for 90 days.
    """
    machine = sfn.StateMachine(
        scope,
        "Machine",
        state_machine_type=sfn.StateMachineType.STANDARD,
        role=role,
        definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
    )
    acknowledge(machine, {"SF1": no_log, "SF2": no_trace})
    return machine


class Schedules:
    """The schedules of a state machine in their `group`, and the role of EventBridge Scheduler."""

    def __init__(self, scope: Construct, machine: sfn.StateMachine) -> None:
        """Create the group and the role, which the group narrows: no condition can name a schedule.

        Source: SCHD, cross-service confused deputy prevention.
        """
        self._scope, self._machine_arn = scope, machine.state_machine_arn
        self.group = scheduler.CfnScheduleGroup(scope, "Group")
        ours = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID, "aws:SourceArn": self.group.attr_arn}}
        starting = [roles.allow(["states:StartExecution"], [self._machine_arn])]
        self._role = roles.service_role(Construct(scope, "Start"), "scheduler.amazonaws.com", starting, ours)

    def add(
        self,
        name: str,
        expression: str,
        order: Mapping[str, str],
        *,
        timezone: str | None = None,
    ) -> None:
        """Create a schedule that starts the state machine with this input."""
        scheduler.CfnSchedule(
            self._scope,
            name,
            group_name=self.group.ref,
            schedule_expression=expression,
            schedule_expression_timezone=timezone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self._machine_arn,
                role_arn=self._role.role_arn,
                input=json.dumps(order),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=_MAX_EVENT_AGE_S, maximum_retry_attempts=_MAX_RETRIES
                ),
            ),
        )
