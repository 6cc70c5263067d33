"""When the Streams road is drained: every reason to wait, made to happen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.fakes import client_error
from tests.infra.test_drain import CloudFormation
from ttl_archive.infra import drain
from ttl_archive.infra.attachment.attach import DestinationError, Waiter
from ttl_archive.infra.attachment.deployed_road import PausingClock, confirmed_reasons
from ttl_archive.infra.attachment.forwarded import DeployedStreamsRoad

ROAD = DeployedStreamsRoad("devices", "rows", 900, "forwarder")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Account:
    """CloudWatch, Lambda and Firehose around one Streams road.

    Values of a metric are newest first, `spacing` apart, and the newest is of now.
    """

    def __init__(self, state: str = "Disabled", result: str = "OK", **values: list[float]) -> None:
        self.state, self.result, self.values = state, result, values
        self.spacing = timedelta(minutes=15)
        self.is_there = True
        self.disabled_after = 0
        self.updates: list[dict[str, Any]] = []

    def clients(self, service: str) -> "Account":
        return self

    def describe_delivery_stream(self, *, DeliveryStreamName: str) -> dict[str, Any]:
        if not self.is_there:
            raise client_error("ResourceNotFoundException", "DescribeDeliveryStream")
        return {}

    def get_paginator(self, name: str) -> "Account":
        assert name == "list_event_source_mappings"
        return self

    def paginate(self, *, FunctionName: str) -> list[dict[str, Any]]:
        if self.state == "no function":
            raise client_error("ResourceNotFoundException", "ListEventSourceMappings")
        if self.updates:
            self.disabled_after -= 1
            self.state = "Disabled" if self.disabled_after < 0 else "Disabling"
        # The mapping calls the alias; the function's name alone may not find it.
        return [{"EventSourceMappings": [self._mapping()] if FunctionName.endswith(":live") else []}]

    def _mapping(self) -> dict[str, Any]:
        return {"UUID": "u-1", "State": self.state, "LastProcessingResult": self.result}

    def update_event_source_mapping(self, **call: Any) -> None:
        self.updates.append(call)

    def get_metric_data(
        self, *, MetricDataQueries: Any, StartTime: datetime, EndTime: datetime, ScanBy: str
    ) -> dict[str, Any]:
        assert ScanBy == "TimestampDescending"
        names = {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in MetricDataQueries}
        name = lambda each: names[each].replace("DeliveryToS3.", "")  # noqa: E731
        shown = int((EndTime - StartTime) / self.spacing) + 1
        return {
            "MetricDataResults": [
                {"Id": each, "Values": self.values.get(name(each), [])[:shown]} for each in names
            ]
        }


def reasons(account: Account) -> list[str]:
    return ROAD.reasons_to_wait(account.clients, NOW)


def test_a_disabled_road_without_traffic_is_drained() -> None:
    assert reasons(Account()) == []


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Enabled", "Updating", "Disabling"])
def test_a_mapping_that_is_not_disabled_forwards(state: str) -> None:
    assert reasons(Account(state)) == ["the mapping u-1 still forwards changes of the table devices"]


def test_a_deleted_function_forwards_nothing() -> None:
    assert reasons(Account("no function")) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"IteratorAge": [700_000.0, 10.0]}, "700 seconds behind"),
        ({"Errors": [1.0, 0.0]}, "failed when it last ran"),
        ({"RecordsReturned": [7.0, 0.0]}, "left 7 records in the stream"),
        ({"IncomingRecords": [3.0, 2.0]}, "5 records were put within the last 1200 seconds"),
        ({"DataFreshness": [40.0]}, "its oldest record is 40 seconds old"),
    ],
)
def test_what_may_still_hold_records_is_a_reason(values: dict[str, list[float]], said: str) -> None:
    (reason,) = reasons(Account(**values))

    assert said in reason


@pytest.mark.parametrize(
    "values", [{"IteratorAge": [10.0, 700_000.0]}, {"Errors": [0.0, 9.0]}, {"RecordsReturned": [0.0, 7.0]}]
)
def test_what_was_caught_up_later_is_none(values: dict[str, list[float]]) -> None:
    """Only the newest datapoint counts: the road was behind once, and then caught up."""
    assert reasons(Account(**values)) == []


def test_a_delivery_stream_that_is_gone_holds_nothing() -> None:
    account = Account("Enabled")
    account.is_there = False

    assert reasons(account) == []


def test_the_second_look_sees_what_arrived_shortly_before_the_first() -> None:
    account = Account()

    def pause(_: float) -> None:
        account.values = {"IncomingRecords": [2.0]}

    (reason,) = confirmed_reasons(account.clients, ROAD, PausingClock(lambda: NOW, pause))

    assert "2 records were put" in reason


def test_detaching_disables_the_mapping_which_keeps_its_place_and_waits() -> None:
    account = Account("Enabled")
    account.disabled_after = 2

    ROAD.detach(account.clients, Waiter(lambda: 100.0, lambda _: None))

    assert account.updates == [{"UUID": "u-1", "Enabled": False}]
    assert not ROAD.is_attached(account.clients)


def test_a_road_that_is_behind_is_not_detached() -> None:
    account = Account("Enabled", IteratorAge=[3_600_000.0])

    with pytest.raises(DestinationError, match="3600 seconds behind"):
        ROAD.detach(account.clients, Waiter(lambda: 100.0, lambda _: None))

    assert account.updates == []


def test_a_shard_that_fails_is_seen_behind_another_that_does_not() -> None:
    """The newest datapoint can be of another shard, so that all of the last ten minutes count."""
    account = Account("Enabled", Errors=[0.0, 3.0])
    account.spacing = timedelta(minutes=1)

    with pytest.raises(DestinationError, match="the forwarder failed"):
        ROAD.detach(account.clients, Waiter(lambda: 100.0, lambda _: None))


def test_a_forwarder_that_lambda_does_not_run_is_not_detached() -> None:
    """It has no errors and no age, because it does not run."""
    account = Account("Enabled", Throttles=[12.0])

    with pytest.raises(DestinationError, match="refused to run the forwarder 12 times"):
        ROAD.detach(account.clients, Waiter(lambda: 100.0, lambda _: None))


def test_a_mapping_that_cannot_read_the_stream_is_not_detached() -> None:
    """The forwarder is never called, so that no metric shows it."""
    account = Account("Enabled", result="PROBLEM: the role lacks dynamodb:GetRecords")

    with pytest.raises(DestinationError, match="u-1 reports PROBLEM: the role lacks dynamodb:GetRecords"):
        ROAD.detach(account.clients, Waiter(lambda: 100.0, lambda _: None))

    assert account.updates == []


def test_a_mapping_that_is_not_disabled_in_time_is_an_error() -> None:
    account = Account("Enabled")
    account.disabled_after = 100

    with pytest.raises(DestinationError, match="u-1 is not disabled yet"):
        ROAD.detach(account.clients, Waiter(lambda: 1.0, lambda _: None))


def test_the_command_says_what_can_be_in_the_tables_stream_alone_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "archive.toml"
    table = '[table]\nname = "readings"\nttl_attribute = "ttl"\n'
    file.write_text(f'{table}[deploy]\nsource = "streams"\nbatch_window_s = 300\n')
    account = Account("Enabled")
    stack = CloudFormation({"ForwardDeliveryStreamName": "rows", "ForwarderFunction": "forwarder"})
    clients = lambda service: stack if service == "cloudformation" else account  # noqa: E731
    monkeypatch.setattr(drain, "Clients", lambda: clients)
    monkeypatch.setattr(drain, "SYSTEM_CLOCK", PausingClock(lambda: NOW, lambda _: None))

    result = CliRunner().invoke(drain.drain, ["--config", str(file), "--yes"])

    assert result.exit_code == 0, result.output
    assert account.updates == [{"UUID": "u-1", "Enabled": False}]
    drained, last = result.output.splitlines()
    assert drained == "rows is drained: it can be deleted, and so can the stack."
    assert "Changes of the last 900 seconds before the mapping was disabled may be in" in last
    assert "aws lambda update-event-source-mapping --uuid u-1 --enabled, wait 900 seconds" in last
