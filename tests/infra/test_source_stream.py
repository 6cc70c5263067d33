"""The table's own stream, against a DynamoDB in memory that changes state slowly and refuses on demand."""

import json
from typing import Any

import pytest

from tests.infra.test_attach import TABLE_STREAM, FakeDynamoDB
from ttl_archive.infra.attachment import stream_handler
from ttl_archive.infra.attachment.attach import DestinationError, NoTableError, Waiter
from ttl_archive.infra.attachment.source_stream import WantedStream, turn_on

WANTED = WantedStream("devices", ("NEW_AND_OLD_IMAGES", "OLD_IMAGE"))
ON = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def waiter(pauses: int = 10) -> Waiter:
    left = [pauses * 5.0]

    def pause(seconds: float) -> None:
        left[0] -= seconds

    return Waiter(lambda: left[0], pause)


def test_a_stream_that_is_off_is_turned_on_with_both_images_and_waited_for() -> None:
    dynamodb = FakeDynamoDB()

    assert turn_on(dynamodb, WANTED, waiter()) == TABLE_STREAM
    assert dynamodb.stream == ON
    assert dynamodb.calls == ["UpdateTable"]


@pytest.mark.parametrize("view", WANTED.view_types)
def test_a_stream_with_old_images_is_left_as_it_is(view: str) -> None:
    dynamodb = FakeDynamoDB(stream={"StreamEnabled": True, "StreamViewType": view})

    assert turn_on(dynamodb, WANTED, waiter()) == TABLE_STREAM
    assert dynamodb.calls == []


@pytest.mark.parametrize("view", ["KEYS_ONLY", "NEW_IMAGE"])
def test_a_stream_without_old_images_is_refused_with_the_way_out(view: str) -> None:
    dynamodb = FakeDynamoDB(stream={"StreamEnabled": True, "StreamViewType": view})

    with pytest.raises(DestinationError, match=f"has the view type {view}") as refused:
        turn_on(dynamodb, WANTED, waiter())

    assert "StreamEnabled=false" in str(refused.value)
    assert dynamodb.calls == []


@pytest.mark.parametrize("code", ["ResourceInUseException", "LimitExceededException"])
def test_a_table_that_is_changing_is_asked_again(code: str) -> None:
    dynamodb = FakeDynamoDB(refuse=[code])

    assert turn_on(dynamodb, WANTED, waiter()) == TABLE_STREAM


def test_a_stream_that_is_not_on_in_time_is_an_error() -> None:
    with pytest.raises(DestinationError, match="is not on yet"):
        turn_on(FakeDynamoDB(looks=100), WANTED, waiter(3))


def test_a_missing_table_is_named() -> None:
    with pytest.raises(NoTableError, match="There is no table others"):
        turn_on(FakeDynamoDB(), WantedStream("others", WANTED.view_types), waiter())


def event(request: str, **properties: str) -> dict[str, Any]:
    return {
        "RequestType": request,
        "ResponseURL": "https://responses.example",
        "StackId": "s",
        "RequestId": "r",
        "LogicalResourceId": "Stream",
        "ResourceProperties": {
            "TableName": "devices",
            "TtlAttribute": "ttl",
            "ViewTypes": "NEW_AND_OLD_IMAGES,OLD_IMAGE",
            **properties,
        },
    }


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def respond(dynamodb: FakeDynamoDB, request: dict[str, Any]) -> dict[str, Any]:
    sent: list[bytes] = []
    stream_handler.handler(request, _Context(), dynamodb, lambda _, body: sent.append(body), lambda _: None)
    answer: dict[str, Any] = json.loads(sent[0])
    return answer


def test_the_resource_answers_with_the_arn_and_the_ttl() -> None:
    answer = respond(FakeDynamoDB(), event("Create"))

    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["StreamArn"] == TABLE_STREAM
    assert "ttl" in answer["Data"]["Ttl"]


def test_a_deletion_leaves_the_stream_on() -> None:
    dynamodb = FakeDynamoDB(stream=dict(ON))

    assert respond(dynamodb, event("Delete"))["Status"] == "SUCCESS"
    assert dynamodb.stream == ON
    assert dynamodb.calls == []


def test_another_ttl_attribute_is_refused_before_the_stream_is_turned_on() -> None:
    dynamodb = FakeDynamoDB()

    assert respond(dynamodb, event("Create", TtlAttribute="expires"))["Status"] == "FAILED"
    assert dynamodb.calls == []
