"""States in Amazon States Language that several state machines have.

Source: AWS Step Functions Developer Guide, connect-lambda, concepts-error-handling.
"""

from collections.abc import Mapping, Sequence
from typing import Any

State = dict[str, Any]
# Errors of the call of a function, not of its work. Source: SFN, Lambda best practices.
PASSING_ERRORS = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)


def function_call(
    action: str,
    config: Mapping[str, Any],
    given: Mapping[str, str],
    *,
    function_arn: str,
    partition: str,
    path: str,
    passing: Sequence[str],
) -> State:
    """Return a call of a function for an action, whose answer is kept under `path` as "answer".

    `given` are paths into the state's input by their names in the event. `passing` are errors of the
    function after which it is called again.
    """
    payload = {
        "action": action,
        "config": dict(config),
        **{f"{name}.$": path_of for name, path_of in given.items()},
    }
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, "Payload": payload},
        "ResultSelector": {"answer.$": "$.Payload"},
        "ResultPath": path,
        "Retry": [retry([*PASSING_ERRORS, *passing], 5, 6)],
    }


def choice(path: str, next_of: Mapping[str, str], default: str) -> State:
    """Return the choice of the next state by the text at a path."""
    choices = [{"Variable": path, "StringEquals": text, "Next": name} for text, name in next_of.items()]
    return {"Type": "Choice", "Choices": choices, "Default": default}


def retry(errors: Sequence[str], seconds: int, attempts: int, rate: int = 2) -> State:
    """Return the attempts after some errors; each pause is `rate` times as long as the one before."""
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": seconds,
        "MaxAttempts": attempts,
        "BackoffRate": rate,
    }
