"""An execution is followed to its end, and left alone when the operator stops following it."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import boto3
import pytest

from tests.json_service import serving
from tests.replay.scripted_step_functions import ScriptedStepFunctions
from ttl_archive.replay.distributed_map import Execution, run
from ttl_archive.replay.errors import ReplayError

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:Map"


@pytest.fixture
def service() -> ScriptedStepFunctions:
    return ScriptedStepFunctions({ARN: lambda order: len(order["prefix"])}, waits=2)


@pytest.fixture
def client(service: ScriptedStepFunctions) -> Iterator[Any]:
    with serving(service) as endpoint:
        made = boto3.client(
            "stepfunctions",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        yield made
        made.close()


def test_each_look_is_reported_until_the_execution_has_ended(client: Any) -> None:
    seen: list[Execution] = []
    arn = run(client, ARN, {"prefix": "abc"}, Event(), seen.append, poll_s=0)

    assert arn == f"{ARN}:0"
    assert [(each.status, each.succeeded, each.total) for each in seen] == [
        ("RUNNING", 3, 3),
        ("RUNNING", 3, 3),
        ("SUCCEEDED", 3, 3),
    ]


def test_an_execution_that_is_no_longer_followed_continues(
    client: Any, service: ScriptedStepFunctions
) -> None:
    stop = Event()
    stop.set()

    with pytest.raises(ReplayError, match=f"The execution continues: {ARN}:0\nTo stop it as well: aws step"):
        run(client, ARN, {"prefix": "abc"}, stop, lambda _: None)

    assert service.waits == 1  # it was looked at once
