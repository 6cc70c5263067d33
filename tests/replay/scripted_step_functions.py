"""As much of Step Functions as `--distributed` calls; an execution runs a function of the test.

Source: Step Functions API Reference, StartExecution, DescribeExecution, ListMapRuns, DescribeMapRun.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Order = Mapping[str, str]


@dataclass
class ScriptedStepFunctions:
    """The state machines by ARN: each is called with the input of an execution and returns its item count.

    What it raises is the cause of an execution that failed. `waits` are looks at which it still runs.
    """

    machines: dict[str, Callable[[Order], int]]
    waits: int = 0
    orders: list[Order] = field(default_factory=list)
    executions: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the document of a call."""
        if operation == "StartExecution":
            return self._start(request["stateMachineArn"], json.loads(request["input"]))
        if operation == "ListMapRuns":
            return 200, {"mapRuns": [{"mapRunArn": request["executionArn"]}]}
        number = int(request.get("executionArn", request.get("mapRunArn")).rpartition(":")[2])
        execution = self.executions[number]
        if operation == "DescribeMapRun":
            return 200, {"itemCounts": execution["counts"]}
        if self.waits:
            self.waits -= 1
            return 200, {"status": "RUNNING"}
        return 200, execution["described"]

    def _start(self, arn: str, order: Order) -> tuple[int, dict[str, Any]]:
        if arn not in self.machines:
            return 400, {"__type": "com.amazonaws.swf.v1#StateMachineDoesNotExist", "message": "none"}
        self.orders.append(order)
        counts = dict.fromkeys(
            ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "resultsWritten", "total"), 0
        )
        try:
            counts["succeeded"] = counts["total"] = self.machines[arn](order)
            described: dict[str, Any] = {"status": "SUCCEEDED"}
        except Exception as error:  # noqa: BLE001  the service reports what a function raises
            described = {"status": "FAILED", "error": type(error).__name__, "cause": str(error)}
        self.executions.append({"described": described, "counts": counts})
        return 200, {"executionArn": f"{arn}:{len(self.executions) - 1}", "startDate": 1}
