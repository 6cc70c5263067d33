"""Draining, on the local pipeline: when it is called safe, every record is in the bucket.

CloudWatch is moto's; its metrics are written from what the local Firehose and the data stream count.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fakes import client_error
from ttl_archive.infra import drain
from ttl_archive.infra.attachment.deployed_road import PausingClock
from ttl_archive.infra.attachment.drained import DeployedKinesisRoad
from ttl_archive.infra.deploy_settings import parse
from ttl_archive.infra.deployed_stack import StackError
from ttl_archive.infra.local import Buffering, Pipeline
from ttl_archive.infra.local import Clock as LocalClock
from ttl_archive.infra.local.firehose.service_error import ServiceError
from ttl_archive.infra.local.resources import NAME, STREAM_ARN
from ttl_archive.infra.wanted_layout import buffers_s
from ttl_archive.transform.settings import load

MINUTE_S = 60
NAMES = DeployedKinesisRoad("readings", NAME, 360, STREAM_ARN)


@dataclass
class Account:
    """The clients of a drain, and a clock that moves the pipeline and writes its metrics every minute."""

    pipeline: Pipeline
    cloudwatch: Any
    incoming: int = 0
    received: int = 0
    last: dict[str, float] = field(default_factory=dict)

    def clients(self, service: str) -> Any:
        """Return the client of a service."""
        return {
            "dynamodb": self.pipeline.destinations,
            "cloudwatch": self.cloudwatch,
            "firehose": self,
        }[service]

    def describe_delivery_stream(self, *, DeliveryStreamName: str) -> dict[str, Any]:
        """Ask the local Firehose, with the error that boto3 would raise."""
        try:
            return self.pipeline.firehose.describe_delivery_stream(DeliveryStreamName=DeliveryStreamName)
        except ServiceError:
            raise client_error("ResourceNotFoundException", "DescribeDeliveryStream") from None

    def clock(self) -> PausingClock:
        """Return a clock whose waiting is the pipeline's work."""
        return PausingClock(self.pipeline.clock.now, self.pause)

    def pause(self, seconds: float) -> None:
        """Let time pass by minutes: changes travel, what is due is delivered, metrics are written."""
        for _ in range(max(1, round(seconds / MINUTE_S))):
            self.pipeline.clock.advance(seconds=MINUTE_S)
            self.pipeline.run()
            self.write_metrics()

    def write_metrics(self) -> None:
        """Write one datapoint of each metric that AWS would emit now."""
        ledger = self.pipeline.ledger()
        replicated, counts = ledger.replicated, ledger.firehose
        self._put("AWS/Kinesis", "StreamName", "GetRecords.Success", 1)
        self._put("AWS/Kinesis", "StreamName", "IncomingRecords", replicated - self.incoming)
        read = counts.received - self.received
        self._put("AWS/Firehose", "DeliveryStreamName", "DataReadFromKinesisStream.Records", read)
        self._put("AWS/Firehose", "DeliveryStreamName", "KinesisMillisBehindLatest", 0)
        if counts.buffered:
            self._put("AWS/Firehose", "DeliveryStreamName", "DeliveryToS3.DataFreshness", 100)
        self.incoming, self.received = replicated, counts.received

    def _put(self, namespace: str, dimension: str, name: str, value: float) -> None:
        datum = {
            "MetricName": name,
            "Dimensions": [{"Name": dimension, "Value": NAME}],
            # GetMetricData leaves out the end of the time, which is now.
            "Timestamp": self.pipeline.clock.now() - timedelta(seconds=1),
            "Value": value,
        }
        self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    file = tmp_path / "archive.toml"
    file.write_text('[table]\nname = "readings"\nttl_attribute = "ttl"\n[select]\nchanges = "all"\n')
    start = LocalClock(datetime.now(UTC).replace(second=0, microsecond=0))
    with Pipeline(file, clock=start, buffering=Buffering(interval_s=300)) as pipeline:
        yield Account(pipeline, pipeline.emulator.client("cloudwatch"))


def put_items(account: Account, number: int) -> None:
    for index in range(number):
        account.pipeline.dynamodb.put_item(TableName="readings", Item={"pk": {"S": str(index)}})


def test_when_it_is_called_drained_every_record_is_in_the_bucket(account: Account) -> None:
    put_items(account, 5)
    account.pause(MINUTE_S)
    assert account.pipeline.ledger().firehose.buffered == 5  # deleting the delivery stream would lose them

    drain.detach_table(account.clients, NAMES, account.clock())
    progress = list(drain.wait_until_drained(account.clients, NAMES, 3600, account.clock()))

    assert "records entered the stream" in progress[0].reasons[0]
    assert progress[-1].reasons == ()
    counts = account.pipeline.ledger().firehose
    assert (counts.received, counts.delivered, counts.buffered) == (5, 5, 0)
    assert len(account.pipeline.objects("archive/")) == 1


def test_at_no_time_before_is_it_called_drained(account: Account) -> None:
    put_items(account, 3)
    account.pause(MINUTE_S)
    drain.detach_table(account.clients, NAMES, account.clock())

    while account.pipeline.ledger().firehose.buffered:
        assert NAMES.reasons_to_wait(account.clients, account.pipeline.clock.now())
        account.pause(MINUTE_S)
    assert account.pipeline.ledger().firehose.delivered == 3


def test_an_attached_table_is_never_drained(account: Account) -> None:
    account.pause(30 * MINUTE_S)

    assert NAMES.reasons_to_wait(account.clients, account.pipeline.clock.now()) == [
        "the table readings still streams into it"
    ]


def test_a_delivery_that_s3_refuses_is_waited_for(account: Account) -> None:
    """The records are read and buffered; the metrics of the stream alone would call it drained."""
    drain.detach_table(account.clients, NAMES, account.clock())
    account.pause(20 * MINUTE_S)
    account._put("AWS/Firehose", "DeliveryStreamName", "DeliveryToS3.DataFreshness", 1200)

    (reason,) = NAMES.reasons_to_wait(account.clients, account.pipeline.clock.now())

    assert reason == "a delivery is in progress; its oldest record is 1200 seconds old"


def test_a_stream_that_nothing_reads_is_not_drained(account: Account) -> None:
    clock = account.pipeline.clock
    without_metrics = PausingClock(clock.now, lambda seconds: clock.advance(seconds=seconds) and None)
    drain.detach_table(account.clients, NAMES, without_metrics)

    (reason,) = NAMES.reasons_to_wait(account.clients, account.pipeline.clock.now())

    assert reason.startswith("nothing reads the stream")


def test_a_reader_that_is_behind_is_waited_for(account: Account) -> None:
    drain.detach_table(account.clients, NAMES, account.clock())
    account.pause(20 * MINUTE_S)
    account._put("AWS/Firehose", "DeliveryStreamName", "KinesisMillisBehindLatest", 90_000)

    (reason,) = NAMES.reasons_to_wait(account.clients, account.pipeline.clock.now())

    assert reason == "Firehose is 90 seconds behind the end of the stream"


def test_a_delivery_stream_that_does_not_exist_holds_nothing(account: Account) -> None:
    gone = DeployedKinesisRoad("readings", "gone", 360, STREAM_ARN)

    assert gone.reasons_to_wait(account.clients, account.pipeline.clock.now()) == []


def test_a_timeout_names_what_is_missing(account: Account) -> None:
    put_items(account, 1)
    account.pause(MINUTE_S)

    with pytest.raises(
        drain.DrainError, match=r"Not drained after 60 seconds: the table readings still streams"
    ):
        list(drain.wait_until_drained(account.clients, NAMES, 60, account.clock()))


# The command


def run(account: Account, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    cloudformation = CloudFormation({"StreamName": NAME, "DeliveryStreamName": NAME})

    def clients(service: str) -> Any:
        return cloudformation if service == "cloudformation" else account.clients(service)

    monkeypatch.setattr(drain, "Clients", lambda: clients)
    monkeypatch.setattr(drain, "SYSTEM_CLOCK", account.clock())
    return CliRunner().invoke(drain.drain, ["--config", str(account.pipeline.settings.file), *options])


def test_the_command_detaches_waits_and_says_when_it_is_safe(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_items(account, 2)
    account.pause(MINUTE_S)

    result = run(account, monkeypatch, "--yes")

    assert result.exit_code == 0, result.output
    assert "waiting: 2 records entered the stream" in result.output
    assert result.output.splitlines()[-1] == f"{NAME} is drained: it can be deleted, and so can the stack."
    assert account.pipeline.ledger().firehose.delivered == 2


def test_without_yes_the_command_detaches_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.pause(MINUTE_S)
    result = run(account, monkeypatch)

    assert (result.exit_code, "ttl-archive drain --yes" in result.output) == (3, True)
    (found,) = account.pipeline.destinations.describe_kinesis_streaming_destination(TableName="readings")[
        "KinesisDataStreamDestinations"
    ]
    assert found["DestinationStatus"] in ("ENABLING", "ACTIVE")


def test_an_error_of_aws_is_a_message(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise client_error("ExpiredToken", "GetMetricData")

    monkeypatch.setattr(account, "clients", refuse)

    result = run(account, monkeypatch)

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "ExpiredToken" in result.output or "expired" in result.output


def test_a_timeout_of_the_command_is_a_failure(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    put_items(account, 1)
    account.pause(MINUTE_S)

    result = run(account, monkeypatch, "--yes", "--timeout-s", "1")

    assert (result.exit_code, "Nothing was deleted" in result.output) == (1, True)


# Finding the pipeline


class CloudFormation:
    """One stack with its outputs."""

    def __init__(self, outputs: dict[str, str]) -> None:
        self.outputs = outputs

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if StackName != "ttl-archive-readings":
            raise client_error("ValidationError", "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        arn = "arn:aws:cloudformation:us-east-1:123456789012:stack/ttl-archive-readings/1"
        return {"Stacks": [{"StackId": arn, "Outputs": outputs}]}


def find(tmp_path: Path, outputs: dict[str, str], deploy: str = "") -> DeployedKinesisRoad:
    file = tmp_path / "archive.toml"
    file.write_text(f'[table]\nname = "readings"\nttl_attribute = "ttl"\n[deploy]\n{deploy}\n')
    settings = load(file)
    chosen = parse(settings.sections["deploy"], settings)
    return drain.find_road(lambda _: CloudFormation(outputs), settings, chosen)


def test_the_pipeline_is_found_by_the_outputs_of_its_stack(tmp_path: Path) -> None:
    found = find(tmp_path, {"StreamName": "s", "DeliveryStreamName": "d"})

    assert (found.stream, found.delivery_stream) == ("s", "d")
    assert found.stream_arn == "arn:aws:kinesis:us-east-1:123456789012:stream/s"


def test_a_missing_stack_is_reported_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"other cannot be described: .*Check its name"):
        find(tmp_path, {}, 'stack_name = "other"')


def test_a_stack_of_something_else_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no output StreamName and no output DeliveryStreamName"):
        find(tmp_path, {})


def test_the_buffers_are_the_longest_time_in_firehose(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text('[table]\nname = "readings"\nttl_attribute = "ttl"\n[output]\npartition_by = "event"\n')
    settings = load(file)

    # 60 s before the function, 4 attempts of 300 s, 1.5 times 900 s before the bucket
    assert buffers_s(settings, parse({}, settings)) == 60 + 1200 + 1350
