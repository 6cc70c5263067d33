"""A small interpreter of the Amazon States Language, for the kinds of state machines that this project has.

It follows the AWS Step Functions Developer Guide (state-map-distributed, input-output-itemreader,
input-output-itembatcher, input-output-resultwriter, error handling) for: a Distributed Map with an ItemReader
of s3:listObjectsV2, an ItemBatcher with BatchInput, child workflows of lambda:invoke Tasks in a chain,
reference paths ($.a.b) in Parameters, ResultSelector, ResultPath and OutputPath, Retry by error name,
ToleratedFailurePercentage, and a ResultWriter; and for a chain of Task (lambda:invoke, aws-sdk, sns:publish
and athena:startQueryExecution.sync) with Catch, Choice (StringEquals), Wait, Succeed and Fail. `waited` is
called with the seconds that a Wait or a Retry takes.

It leaves out: every other type of state, intrinsic functions but States.JsonToString and States.Format with
one path, JSONata, timeouts, InputPath, concurrency (batches run one after the other), and the history. A
definition that uses something it does not know is an error, so that nothing is skipped silently.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Function = Callable[[Any], Any]
# Limits of the service. Source: AWS Step Functions Developer Guide, quotas.
MAX_INPUT_BYTES = 262_144
_MAP = {"Type", "Label", "ItemReader", "ItemBatcher", "MaxConcurrency", "ToleratedFailurePercentage"} | {
    "ItemProcessor",
    "ResultWriter",
    "End",
}
_TASK = {"Type", "Resource", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "Retry"} | {
    "Next",
    "End",
    "Catch",
    "TimeoutSeconds",
}
_MOST_STATES = 1_000  # of one execution here; the service has 25,000 events


class StatesError(Exception):
    """An error of an execution; `name` is what Retry matches."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name, self.cause = name, cause


@dataclass
class StateMachine:
    """A definition, the S3 client that it reads and writes with, and its functions by ARN."""

    definition: dict[str, Any]
    s3: Any
    functions: dict[str, Function]
    # By action, "dynamodb:describeExport" or "sns:publish"; a function raises StatesError.
    sdk: dict[str, Function] = field(default_factory=dict)
    waited: Callable[[int], None] = lambda seconds: None
    runs: int = 0
    attempts: list[str] = field(default_factory=list)

    def start(self, given: dict[str, Any]) -> dict[str, Any]:
        """Run an execution to its end; return its output. Raises StatesError."""
        assert len(json.dumps(given).encode()) <= MAX_INPUT_BYTES
        name, value = self.definition["StartAt"], given
        for _ in range(_MOST_STATES):
            state = self.definition["States"][name]
            value, following = self._step(state, value)
            assert len(json.dumps(value).encode()) <= MAX_INPUT_BYTES
            if following is None:
                return value
            name = following
        raise AssertionError(f"the execution does not end: it is at {name}")

    def _step(self, state: dict[str, Any], value: Any) -> tuple[Any, str | None]:
        """Run one state; return its output and the name of the next state."""
        match state["Type"]:
            case "Map":
                assert state["End"] is True
                return self._map(state, value), None
            case "Task":
                return self._caught_task(state, value)
            case "Choice":
                return value, _chosen(state, value)
            case "Wait":
                _only(state, {"Type", "Seconds", "SecondsPath", "Next"})
                self.waited(state["Seconds"] if "Seconds" in state else _path(value, state["SecondsPath"]))
                return value, state["Next"]
            case "Succeed":
                _only(state, {"Type"})
                return value, None
            case "Fail":
                _only(state, {"Type", "Error", "Cause", "CausePath"})
                cause = state["Cause"] if "Cause" in state else _cause(value, state["CausePath"])
                raise StatesError(state["Error"], cause)
        raise AssertionError(f"unknown type of state: {state['Type']}")

    def _caught_task(self, state: dict[str, Any], value: Any) -> tuple[Any, str | None]:
        """Run a task; an error that a Catch names leads to another state."""
        try:
            return self._task(state, value), state.get("Next")
        except StatesError as error:
            for catcher in state.get("Catch", []):
                _only(catcher, {"ErrorEquals", "ResultPath", "Next"})
                if _matches(catcher["ErrorEquals"], error.name):
                    caught = {"Error": error.name, "Cause": error.cause}
                    return _placed(value, caught, catcher["ResultPath"]), catcher["Next"]
            raise

    def _map(self, state: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        _only(state, _MAP)
        self.runs += 1
        assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
        items = self._read_items(state["ItemReader"], given)
        children = [
            self._child(state["ItemProcessor"], batch)
            for batch in _batches(_with_input(state["ItemBatcher"], given), items)
        ]
        output = self._write_results(state["ResultWriter"], children)
        # The percentage is of items, not of batches; the whole run fails when it is exceeded.
        failed = sum(len(child["Input"]["Items"]) for child in children if child["Status"] == "FAILED")
        if failed * 100 > state["ToleratedFailurePercentage"] * len(items):
            raise StatesError(
                "States.ExceedToleratedFailureThreshold", f"{failed} of {len(items)} items failed"
            )
        return output

    def _read_items(self, reader: dict[str, Any], given: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the lines of a JSONL object, or list objects in the form of the guide's example."""
        if reader["Resource"].endswith(":states:::s3:getObject"):
            return self._read_lines(reader, given)
        _only(reader, {"Resource", "Parameters"})
        assert reader["Resource"].endswith(":states:::s3:listObjectsV2")
        pages = self.s3.get_paginator("list_objects_v2").paginate(**_parameters(reader["Parameters"], given))
        return [
            {
                "Etag": found["ETag"],
                "Key": found["Key"],
                "LastModified": int(found["LastModified"].timestamp()),
                "Size": found["Size"],
                "StorageClass": found.get("StorageClass", "STANDARD"),
            }
            for page in pages
            for found in page.get("Contents", [])
        ]

    def _read_lines(self, reader: dict[str, Any], given: dict[str, Any]) -> list[dict[str, Any]]:
        _only(reader, {"Resource", "Parameters", "ReaderConfig"})
        assert reader["ReaderConfig"] == {"InputType": "JSONL"}
        body = self.s3.get_object(**_parameters(reader["Parameters"], given))["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def _child(self, processor: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Run one child workflow; a failure is its result."""
        assert len(json.dumps(given).encode()) <= MAX_INPUT_BYTES
        name, value = processor["StartAt"], given
        try:
            while True:
                state = processor["States"][name]
                value = self._task(state, value)
                if state.get("End"):
                    return {"Status": "SUCCEEDED", "Input": given, "Output": value}
                name = state["Next"]
        except StatesError as error:
            return {"Status": "FAILED", "Input": given, "Error": error.name, "Cause": str(error)}

    def _task(self, state: dict[str, Any], given: Any) -> Any:
        _only(state, _TASK)
        assert state["Type"] == "Task"
        call = _parameters(state["Parameters"], given)
        rules = state.get("Retry", [])
        left = [retry["MaxAttempts"] for retry in rules]
        while True:
            try:
                result = self._result(state["Resource"], call)
                if "ResultSelector" in state:
                    result = _parameters(state["ResultSelector"], result)
                return _path(
                    _placed(given, result, state.get("ResultPath", "$")), state.get("OutputPath", "$")
                )
            except StatesError as error:
                rule = _retry_by(rules, left, error.name)
                if rule is None:
                    raise
                self.waited(rule["IntervalSeconds"])

    def _result(self, resource: str, call: dict[str, Any]) -> Any:
        if resource.endswith(":states:::lambda:invoke"):
            return {"Payload": self._invoke(call), "StatusCode": 200}
        _, is_service, action = resource.partition(":states:::")
        assert is_service, resource
        action = action.removeprefix("aws-sdk:")
        self.attempts.append(action)
        return json.loads(json.dumps(self.sdk[action](call)))

    def _invoke(self, call: dict[str, Any]) -> Any:
        """Call the function; what it raises becomes an error with its name, and with JSON as the cause."""
        payload = json.loads(json.dumps(call["Payload"]))
        self.attempts.append(call["FunctionName"])
        try:
            return json.loads(json.dumps(self.functions[call["FunctionName"]](payload)))
        except KeyError:
            raise
        except Exception as error:
            cause = {"errorMessage": str(error), "errorType": type(error).__name__}
            raise StatesError(type(error).__name__, json.dumps(cause)) from error

    def _write_results(self, writer: dict[str, Any], children: list[dict[str, Any]]) -> dict[str, Any]:
        """Write SUCCEEDED_0.json, FAILED_0.json and manifest.json; return what the Map puts out."""
        assert writer["Resource"].endswith(":states:::s3:putObject")
        bucket, prefix = writer["Parameters"]["Bucket"], writer["Parameters"]["Prefix"]
        folder = f"{prefix}/run-{self.runs}"
        result_files: dict[str, list[dict[str, Any]]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
        for status in ("SUCCEEDED", "FAILED"):
            found = [child for child in children if child["Status"] == status]
            if found:
                key, body = f"{folder}/{status}_0.json", json.dumps(found).encode()
                self.s3.put_object(Bucket=bucket, Key=key, Body=body)
                result_files[status].append({"Key": key, "Size": len(body)})
        manifest = {"DestinationBucket": bucket, "MapRunArn": folder, "ResultFiles": result_files}
        self.s3.put_object(Bucket=bucket, Key=f"{folder}/manifest.json", Body=json.dumps(manifest).encode())
        return {
            "MapRunArn": folder,
            "ResultWriterDetails": {"Bucket": bucket, "Key": f"{folder}/manifest.json"},
        }


def _chosen(state: dict[str, Any], value: Any) -> str:
    _only(state, {"Type", "Choices", "Default"})
    for choice in state["Choices"]:
        _only(choice, {"Variable", "StringEquals", "Next"})
        if _path(value, choice["Variable"]) == choice["StringEquals"]:
            return str(choice["Next"])
    return str(state["Default"])


def _cause(value: Any, path: str) -> str:
    """Return the text of a CausePath: a path to a text, or States.JsonToString of a path."""
    if path.startswith("States.JsonToString("):
        return json.dumps(_path(value, path.removeprefix("States.JsonToString(").removesuffix(")")))
    found = _path(value, path)
    assert isinstance(found, str)
    return found


def _placed(given: Any, result: Any, path: str) -> Any:
    """Return the input with the result at the ResultPath, which names one member; "$" replaces the input."""
    if path == "$":
        return result
    name = path.removeprefix("$.")
    assert path.startswith("$.") and "." not in name, path  # noqa: PT018
    return {**given, name: result}


def _with_input(batcher: dict[str, Any], given: Any) -> dict[str, Any]:
    return batcher | {"BatchInput": _parameters(batcher["BatchInput"], given)}


def _batches(batcher: dict[str, Any], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Group items by both limits; each batch is the input of one child workflow."""
    _only(batcher, {"MaxItemsPerBatch", "MaxInputBytesPerBatch", "BatchInput"})
    found: list[dict[str, Any]] = []
    for item in items:
        batch = {"BatchInput": batcher["BatchInput"], "Items": [*(found[-1]["Items"] if found else []), item]}
        fits = len(json.dumps(batch).encode()) <= batcher["MaxInputBytesPerBatch"]
        if found and fits and len(batch["Items"]) <= batcher["MaxItemsPerBatch"]:
            found[-1] = batch
        else:
            found.append({"BatchInput": batcher["BatchInput"], "Items": [item]})
    return found


def _retry_by(rules: list[dict[str, Any]], left: list[int], name: str) -> dict[str, Any] | None:
    """Use up one attempt of the first rule that matches; return the rule, or None when it has none left."""
    for index, rule in enumerate(rules):
        if _matches(rule["ErrorEquals"], name):
            left[index] -= 1
            return rule if left[index] >= 0 else None
    return None


def _matches(names: list[str], name: str) -> bool:
    """Whether an error is one of these. States.TaskFailed matches all but a timeout."""
    if name in names or "States.ALL" in names:
        return True
    return "States.TaskFailed" in names and name != "States.Timeout"


def _parameters(template: Any, given: Any) -> Any:
    """Replace every "name.$": "$.path" by what the path finds."""
    if isinstance(template, dict):
        return {
            name.removesuffix(".$"): _path(given, value) if name.endswith(".$") else _parameters(value, given)
            for name, value in template.items()
        }
    return [_parameters(each, given) for each in template] if isinstance(template, list) else template


def _path(given: Any, path: str) -> Any:
    if path.startswith("States.Format('"):  # with one template and one path
        template, _, inner = path.removeprefix("States.Format('").removesuffix(")").partition("', ")
        return template.replace("{}", _path(given, inner))
    assert path == "$" or path.startswith("$."), path
    for name in path.removeprefix("$").removeprefix(".").split(".") if path != "$" else []:
        if not isinstance(given, dict) or name not in given:
            raise StatesError("States.ParameterPathFailure", path)
        given = given[name]
    return given


def _only(state: dict[str, Any], known: set[str]) -> None:
    assert set(state) <= known, f"unknown fields: {set(state) - known}"
