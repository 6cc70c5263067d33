"""Starts the replay state machine and follows it: where a backlog outgrows one machine.

The state machine knows its bucket and its sink; it gets {"prefix"} and maps the objects under it to
`ttl_archive.replay.map_handler`. Source: Step Functions API Reference, StartExecution, DescribeMapRun.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

from ttl_archive.replay.errors import MisuseError, ReplayError

_ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
_POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Execution:
    """How far an execution is. Items are the objects, or batches of them, as the map counts them."""

    status: str
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    cause: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _ENDED


def start(stepfunctions: Any, state_machine_arn: str, prefix: str) -> str:
    """Start replaying everything under the prefix; the execution's ARN."""
    order = {"prefix": prefix}
    try:
        answer = stepfunctions.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(order))
    except (
        stepfunctions.exceptions.StateMachineDoesNotExist,
        stepfunctions.exceptions.InvalidArn,
    ):
        raise MisuseError(
            f"--distributed {state_machine_arn}: there is none. Its ARN is an output of the stack"
        ) from None
    return str(answer["executionArn"])


def follow(
    stepfunctions: Any, execution_arn: str, stop: Event, poll_s: float = _POLL_S
) -> Iterator[Execution]:
    """How far it is, from time to time, until it ends or `stop` is set. The last one is how it ended."""
    while True:
        described = stepfunctions.describe_execution(executionArn=execution_arn)
        yield _seen(described, _map_counts(stepfunctions, execution_arn))
        if described["status"] in _ENDED or stop.wait(poll_s):
            return


def run(
    stepfunctions: Any,
    state_machine_arn: str,
    prefix: str,
    stop: Event,
    on_step: Callable[[Execution], None],
    poll_s: float = _POLL_S,
) -> str:
    """Start and follow; the execution's ARN. Raises ReplayError when it ends in any other way than well."""
    arn = start(stepfunctions, state_machine_arn, prefix)
    last = Execution("RUNNING")
    for last in follow(stepfunctions, arn, stop, poll_s):
        on_step(last)
    if not last.ended:
        raise ReplayError(
            f"stopped following. The execution goes on: {arn}\n"
            f"To stop it as well: aws stepfunctions stop-execution --execution-arn {arn}"
        )
    if last.status != "SUCCEEDED":
        raise ReplayError(f"the execution {arn} ended as {last.status}: {last.cause}. Run again to go on")
    return arn


def _map_counts(stepfunctions: Any, execution_arn: str) -> list[dict[str, int]]:
    runs = stepfunctions.list_map_runs(executionArn=execution_arn).get("mapRuns", [])
    return [stepfunctions.describe_map_run(mapRunArn=each["mapRunArn"])["itemCounts"] for each in runs]


def _seen(described: dict[str, Any], counts: list[dict[str, int]]) -> Execution:
    return Execution(
        described["status"],
        sum(each["total"] for each in counts),
        sum(each["succeeded"] for each in counts),
        sum(each["failed"] + each["timedOut"] + each["aborted"] for each in counts),
        described.get("cause") or described.get("error") or "",
    )
