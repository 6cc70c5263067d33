"""Starts a state machine of the stack and follows its Distributed Map, for what is too large for one machine.

machine    input                  it maps                            to
replay     {"prefix"}             the error objects under a prefix   `replay/map_handler`
backfill   {"folder", "choice"}   the data files of an export        `replay/backfill/backfill_handler`

Each knows its bucket; that of replay also knows its sink.
Source: Step Functions API Reference, StartExecution, DescribeMapRun.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

from ttl_archive.replay.errors import MisuseError, ReplayError

_ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
_POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Execution:
    """How far an execution is. The map counts objects, or batches of them."""

    status: str
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    cause: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _ENDED


def start(stepfunctions: Any, state_machine_arn: str, order: Mapping[str, str]) -> str:
    """Start an execution with this input; return its ARN.

    Raises MisuseError when the state machine does not exist.
    """
    try:
        answer = stepfunctions.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(order))
    except (
        stepfunctions.exceptions.StateMachineDoesNotExist,
        stepfunctions.exceptions.InvalidArn,
    ):
        raise MisuseError(
            f"--distributed {state_machine_arn}: it does not exist. Its ARN is an output of the stack"
        ) from None
    return str(answer["executionArn"])


def follow(
    stepfunctions: Any, execution_arn: str, stop: Event, poll_s: float = _POLL_S
) -> Iterator[Execution]:
    """Yield how far the execution is, every `poll_s` seconds, until it ends or `stop` is set."""
    while True:
        described = stepfunctions.describe_execution(executionArn=execution_arn)
        yield _seen(described, _map_counts(stepfunctions, execution_arn))
        if described["status"] in _ENDED or stop.wait(poll_s):
            return


def run(
    stepfunctions: Any,
    state_machine_arn: str,
    order: Mapping[str, str],
    stop: Event,
    on_step: Callable[[Execution], None],
    poll_s: float = _POLL_S,
) -> str:
    """Start an execution and follow it; return its ARN. Raises ReplayError unless it succeeds."""
    arn = start(stepfunctions, state_machine_arn, order)
    last = Execution("RUNNING")
    for last in follow(stepfunctions, arn, stop, poll_s):
        on_step(last)
    if not last.ended:
        raise ReplayError(
            f"stopped following. The execution continues: {arn}\n"
            f"To stop it as well: aws stepfunctions stop-execution --execution-arn {arn}"
        )
    if last.status != "SUCCEEDED":
        raise ReplayError(f"the execution {arn} ended as {last.status}: {last.cause}. Run again to resume")
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
