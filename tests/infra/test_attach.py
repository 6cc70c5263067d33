"""The streaming destination, against a DynamoDB in memory that changes state slowly and refuses on demand."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.fakes import client_error
from ttl_archive.infra.attachment import attach_handler as entry
from ttl_archive.infra.attachment.attach import (
    Destination,
    DestinationError,
    NoTableError,
    Waiter,
    attach,
    detach,
)
from ttl_archive.infra.attachment.ttl_check import describe_ttl

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"
OTHER = "arn:aws:kinesis:us-east-1:123456789012:stream/other"
TABLE_STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/devices/stream/2026-11-21T06:26:52.000"
WANTED = Destination("devices", STREAM)


@dataclass
class FakeDynamoDB:
    """Destinations of one table by stream.

    A change takes `looks` calls of Describe; `refuse` holds the codes of the next errors.
    """

    found: dict[str, dict[str, str]] = field(default_factory=dict)
    looks: int = 2
    refuse: list[str] = field(default_factory=list)
    ttl: dict[str, str] = field(
        default_factory=lambda: {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    )
    table: str = "devices"
    enable_ends: str = "ACTIVE"
    shows_precision: bool = True
    calls: list[str] = field(default_factory=list)
    waiting: dict[str, tuple[int, str]] = field(default_factory=dict)
    set_already: bool = False
    stream: dict[str, Any] = field(default_factory=dict)  # the StreamSpecification; {} when it is off
    stream_looks: int = 0  # calls of DescribeTable until a stream that was turned on is shown

    def describe_kinesis_streaming_destination(self, *, TableName: str) -> dict[str, Any]:
        self._table(TableName, "DescribeKinesisStreamingDestination")
        for stream, (left, then) in list(self.waiting.items()):
            self.waiting[stream] = (left - 1, then)
            if left <= 1:
                self.found[stream]["DestinationStatus"] = then
                del self.waiting[stream]
        known = [{"StreamArn": stream, **entry} for stream, entry in self.found.items()]
        return {"TableName": TableName, "KinesisDataStreamDestinations": known}

    def enable_kinesis_streaming_destination(
        self, *, TableName: str, StreamArn: str, EnableKinesisStreamingConfiguration: dict[str, str]
    ) -> None:
        self._called("Enable", TableName)
        shown = EnableKinesisStreamingConfiguration if self.shows_precision else {}
        self.found[StreamArn] = {"DestinationStatus": "ENABLING", **shown}
        self.waiting[StreamArn] = (self.looks, self.enable_ends)

    def update_kinesis_streaming_destination(
        self, *, TableName: str, StreamArn: str, UpdateKinesisStreamingConfiguration: dict[str, str]
    ) -> None:
        if self.set_already:
            text = "Invalid Request: Precision is already set to the desired value of MICROSECOND"
            raise ClientError({"Error": {"Code": "ValidationException", "Message": text}}, "Update")
        self._called("Update", TableName)
        self.found[StreamArn] |= {"DestinationStatus": "UPDATING", **UpdateKinesisStreamingConfiguration}
        self.waiting[StreamArn] = (self.looks, "ACTIVE")

    def disable_kinesis_streaming_destination(self, *, TableName: str, StreamArn: str) -> None:
        self._called("Disable", TableName)
        self.found[StreamArn]["DestinationStatus"] = "DISABLING"
        self.waiting[StreamArn] = (self.looks, "DISABLED")

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        self._table(TableName, "DescribeTable")
        self.stream_looks -= 1
        shown = self.stream if self.stream_looks < 0 else {}
        more = {"StreamSpecification": shown, "LatestStreamArn": TABLE_STREAM} if shown else {}
        return {"Table": {"TableStatus": "ACTIVE" if self.stream_looks < 0 else "UPDATING", **more}}

    def update_table(self, *, TableName: str, StreamSpecification: dict[str, Any]) -> None:
        self._called("UpdateTable", TableName)
        self.stream, self.stream_looks = StreamSpecification, self.looks

    def describe_time_to_live(self, *, TableName: str) -> dict[str, Any]:
        self._table(TableName, "DescribeTimeToLive")
        return {"TimeToLiveDescription": self.ttl}

    def status(self, stream: str = STREAM) -> str:
        return self.found[stream]["DestinationStatus"]

    def _called(self, operation: str, table: str) -> None:
        self._table(table, operation)
        if self.refuse:
            raise client_error(self.refuse.pop(0), operation)
        self.calls.append(operation)

    def _table(self, name: str, operation: str) -> None:
        if name != self.table:
            raise client_error("ResourceNotFoundException", operation)


def waiter(seconds: float = 600) -> Waiter:
    """A waiter for which time passes only while it waits."""
    left = [seconds]

    def pause(wait: float) -> None:
        left[0] -= wait

    return Waiter(lambda: left[0], pause)


def active(precision: str | None = "MICROSECOND") -> dict[str, str]:
    shown = {"ApproximateCreationDateTimePrecision": precision} if precision else {}
    return {"DestinationStatus": "ACTIVE", **shown}


# Attach


def test_a_table_is_attached_and_waited_for() -> None:
    dynamodb = FakeDynamoDB()
    attach(dynamodb, WANTED, waiter())

    assert dynamodb.status() == "ACTIVE"
    assert dynamodb.calls == ["Enable"]


def test_a_table_that_is_attached_is_left_alone() -> None:
    dynamodb = FakeDynamoDB({STREAM: active()})
    attach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == []


@pytest.mark.parametrize("precision", ["MILLISECOND", None])
def test_another_precision_is_corrected(precision: str | None) -> None:
    dynamodb = FakeDynamoDB({STREAM: active(precision)})
    attach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == ["Update"]
    assert dynamodb.found[STREAM]["ApproximateCreationDateTimePrecision"] == "MICROSECOND"


def test_a_precision_that_is_not_shown_is_set_once() -> None:
    dynamodb = FakeDynamoDB(shows_precision=False)
    attach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == ["Enable"]


@pytest.mark.parametrize(
    ("before", "then", "calls"),
    [
        ("ENABLING", "ACTIVE", []),
        ("UPDATING", "ACTIVE", []),
        ("DISABLING", "DISABLED", ["Enable"]),
        ("DISABLED", None, ["Enable"]),
        ("ENABLE_FAILED", None, ["Enable"]),
    ],
)
def test_every_state_leads_to_active(before: str, then: str | None, calls: list[str]) -> None:
    found = {STREAM: {**active(), "DestinationStatus": before}}
    dynamodb = FakeDynamoDB(found, waiting={STREAM: (3, then)} if then else {})
    attach(dynamodb, WANTED, waiter())

    assert (dynamodb.status(), dynamodb.calls) == ("ACTIVE", calls)


@pytest.mark.parametrize("code", ["ResourceInUseException", "LimitExceededException", "ThrottlingException"])
def test_a_change_that_is_refused_for_the_moment_is_requested_again(code: str) -> None:
    dynamodb = FakeDynamoDB(refuse=[code, code])
    attach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == ["Enable"]


def test_a_change_that_is_refused_for_good_is_an_error() -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        attach(FakeDynamoDB(refuse=["AccessDeniedException"]), WANTED, waiter())


def test_a_failed_enabling_is_reported_with_dynamodbs_reason() -> None:
    dynamodb = FakeDynamoDB(enable_ends="ENABLE_FAILED")
    with pytest.raises(DestinationError, match=r"cannot stream to .*changes: DynamoDB states no reason"):
        attach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == ["Enable"]


def test_a_second_stream_of_a_table_is_refused_with_the_way_out() -> None:
    dynamodb = FakeDynamoDB({OTHER: active()})
    with pytest.raises(
        DestinationError, match=r"disable-kinesis-streaming-destination .*--stream-arn .*other"
    ):
        attach(dynamodb, WANTED, waiter())

    assert dynamodb.status(OTHER) == "ACTIVE"


def test_a_table_moves_from_one_stream_of_ours_to_another() -> None:
    dynamodb = FakeDynamoDB({OTHER: active()})
    attach(dynamodb, WANTED, waiter(), replaces=OTHER)

    assert (dynamodb.status(OTHER), dynamodb.status()) == ("DISABLED", "ACTIVE")


def test_waiting_ends_before_the_function_does() -> None:
    dynamodb = FakeDynamoDB(looks=1000)
    with pytest.raises(
        DestinationError, match=r"is still ENABLING\. .*describe-kinesis-streaming-destination"
    ):
        attach(dynamodb, WANTED, waiter(60))


def test_endless_refusals_end_with_the_time() -> None:
    dynamodb = FakeDynamoDB(refuse=["ResourceInUseException"] * 1000)
    with pytest.raises(DestinationError, match=r"cannot be changed at the moment \(ResourceInUseException\)"):
        attach(dynamodb, WANTED, waiter(60))


def test_a_missing_table_is_reported() -> None:
    with pytest.raises(NoTableError, match="There is no table devices"):
        attach(FakeDynamoDB(table="another"), WANTED, waiter())


# Detach


def test_a_table_is_detached_and_waited_for() -> None:
    dynamodb = FakeDynamoDB({STREAM: active()})
    detach(dynamodb, WANTED, waiter())

    assert (dynamodb.status(), dynamodb.calls) == ("DISABLED", ["Disable"])


@pytest.mark.parametrize(
    "dynamodb",
    [
        FakeDynamoDB(),
        FakeDynamoDB({STREAM: {"DestinationStatus": "DISABLED"}}),
        FakeDynamoDB({OTHER: active()}),
        FakeDynamoDB(table="another"),
    ],
    ids=["never attached", "detached", "another stream", "no table"],
)
def test_a_table_that_is_detached_is_left_alone(dynamodb: FakeDynamoDB) -> None:
    detach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == []


def test_a_precision_that_is_set_already_counts_as_set() -> None:
    """The text is AWS's recorded answer: localstack/localstack tests, test_dynamodb.snapshot.json."""
    dynamodb = FakeDynamoDB({STREAM: active(None)}, shows_precision=False)
    dynamodb.set_already = True
    attach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == []


def test_a_failed_enabling_is_disabled() -> None:
    dynamodb = FakeDynamoDB({STREAM: {"DestinationStatus": "ENABLE_FAILED"}})
    detach(dynamodb, WANTED, waiter())

    assert dynamodb.status() == "DISABLED"


def test_a_detachment_in_progress_is_waited_for() -> None:
    dynamodb = FakeDynamoDB({STREAM: {"DestinationStatus": "DISABLING"}}, waiting={STREAM: (3, "DISABLED")})
    detach(dynamodb, WANTED, waiter())

    assert dynamodb.calls == []


# TTL


def test_ttl_that_is_on_is_described() -> None:
    assert describe_ttl(FakeDynamoDB(), "devices", "ttl") == "ENABLED on ttl"


def test_ttl_that_is_off_is_described_with_the_command_that_turns_it_on() -> None:
    described = describe_ttl(FakeDynamoDB(ttl={"TimeToLiveStatus": "DISABLED"}), "devices", "ttl")

    assert described.startswith("OFF: nothing expires from devices")
    assert "AttributeName=ttl" in described


def test_ttl_on_another_attribute_is_an_error() -> None:
    with pytest.raises(DestinationError, match=r'on attribute "ttl"; archive\.toml has .*"expires"'):
        describe_ttl(FakeDynamoDB(), "devices", "expires")


# The entry


class Context:
    def __init__(self, seconds: float = 900) -> None:
        self.left = seconds

    def get_remaining_time_in_millis(self) -> float:
        return self.left * 1000

    def pause(self, seconds: float) -> None:
        self.left -= seconds


def run(dynamodb: Any, kind: str = "Create", context: Context | None = None, **more: Any) -> dict[str, Any]:
    """The response that CloudFormation gets."""
    context = context or Context()
    sent: list[tuple[str, bytes]] = []
    properties = {
        "TableName": "devices",
        "StreamArn": STREAM,
        "Precision": "MICROSECOND",
        "TtlAttribute": "ttl",
    }
    event = {
        "RequestType": kind,
        "ResponseURL": "https://responses.example/1",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Destination",
        "ResourceProperties": properties,
        **more,
    }
    send: Callable[[str, bytes], None] = lambda url, body: sent.append((url, body))  # noqa: E731
    entry.handler(event, context, dynamodb, send, context.pause)
    ((url, body),) = sent
    assert url == event["ResponseURL"]
    result: dict[str, Any] = json.loads(body)
    assert {result["StackId"], result["RequestId"], result["LogicalResourceId"]} == {
        "stack",
        "request",
        "Destination",
    }
    return result


def test_create_responds_with_the_state_of_ttl() -> None:
    result = run(FakeDynamoDB())

    assert (result["Status"], result["Data"]) == ("SUCCESS", {"Ttl": "ENABLED on ttl"})
    assert result["PhysicalResourceId"] == f"devices to {STREAM}"


def test_delete_detaches() -> None:
    dynamodb = FakeDynamoDB({STREAM: active()})

    assert run(dynamodb, "Delete")["Status"] == "SUCCESS"
    assert dynamodb.status() == "DISABLED"


def test_an_update_to_another_stream_detaches_the_old_one_first() -> None:
    dynamodb = FakeDynamoDB({OTHER: active()})
    old = {"TableName": "devices", "StreamArn": OTHER}

    assert run(dynamodb, "Update", OldResourceProperties=old)["Status"] == "SUCCESS"
    assert dynamodb.calls == ["Disable", "Enable"]


def test_an_update_to_another_table_does_not_detach_the_old_one() -> None:
    dynamodb = FakeDynamoDB()
    old = {"TableName": "before", "StreamArn": STREAM}

    assert run(dynamodb, "Update", OldResourceProperties=old)["Status"] == "SUCCESS"
    assert dynamodb.calls == ["Enable"]


def test_wrong_ttl_fails_the_deployment_before_anything_is_attached() -> None:
    dynamodb = FakeDynamoDB(ttl={"TimeToLiveStatus": "ENABLED", "AttributeName": "other"})
    result = run(dynamodb)

    assert result["Status"] == "FAILED"
    assert 'ttl_attribute = "ttl"' in result["Reason"]
    assert dynamodb.calls == []


def test_a_missing_table_fails_the_deployment_with_what_to_do() -> None:
    assert 'set [deploy] table = "create"' in run(FakeDynamoDB(table="another"))["Reason"]


def test_an_error_of_the_service_is_a_failed_response() -> None:
    result = run(FakeDynamoDB(refuse=["ValidationException"]))

    assert (result["Status"], "ValidationException" in result["Reason"]) == ("FAILED", True)


def test_an_unexpected_exception_is_a_failed_response() -> None:
    assert run(object())["Reason"].startswith("AttributeError: ")


def test_the_response_is_sent_before_the_functions_time_is_up() -> None:
    context = Context(120)
    result = run(FakeDynamoDB(looks=1000), context=context)

    assert result["Status"] == "FAILED"
    assert context.left >= 30


def test_the_calls_are_those_of_botocores_model() -> None:
    """The fake's names and parameters, checked by the real client."""
    client = boto3.client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    pair = {"TableName": "devices", "StreamArn": STREAM}
    with Stubber(client) as stub:
        listed = "describe_kinesis_streaming_destination"
        stub.add_response(
            "describe_time_to_live", {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        )
        stub.add_response(listed, {"KinesisDataStreamDestinations": []})
        stub.add_response(listed, {"KinesisDataStreamDestinations": []})
        stub.add_response("enable_kinesis_streaming_destination", pair | {"DestinationStatus": "ENABLING"})
        for precision in ("MILLISECOND", "MICROSECOND"):
            stub.add_response(
                listed,
                {"KinesisDataStreamDestinations": [{"StreamArn": STREAM, **active(precision)}]},
            )
            if precision == "MILLISECOND":
                stub.add_response(
                    "update_kinesis_streaming_destination", pair | {"DestinationStatus": "UPDATING"}
                )
        assert run(client)["Status"] == "SUCCESS"
        for response in (active(), {"DestinationStatus": "DISABLED"}):
            stub.add_response(listed, {"KinesisDataStreamDestinations": [{"StreamArn": STREAM, **response}]})
            if response == active():
                stub.add_response("disable_kinesis_streaming_destination", pair)
        assert run(client, "Delete")["Status"] == "SUCCESS"
        stub.assert_no_pending_responses()
    client.close()
