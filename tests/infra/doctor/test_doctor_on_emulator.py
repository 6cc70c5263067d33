"""`ttl-archive doctor` on the local pipeline: the table, the stream and the bucket are real, and are broken.

CloudFormation, Lambda and IAM's simulation are scripted, because the emulator does not serve them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from tests.infra.doctor.test_doctor import Account, stack, troubles
from ttl_archive.infra.doctor.doctor_steps import examine
from ttl_archive.infra.doctor.finding import Finding, Health
from ttl_archive.infra.local import Clock, Pipeline
from ttl_archive.replay.aws import Clients

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = '[table]\nname = "readings"\nttl_attribute = "ttl"\n'
SCRIPTED = ("cloudformation", "lambda", "iam")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """An archive whose bucket keeps old versions, with an item that expires tomorrow."""
    file = tmp_path_factory.mktemp("doctor") / "archive.toml"
    file.write_text(CONFIG)
    with Pipeline(file, clock=Clock(START)) as pipeline:
        yield pipeline


@pytest.fixture
def pipeline(running: Pipeline) -> Pipeline:
    """The archive, healthy again."""
    enable_ttl(running, enabled=True)
    for key in running.objects("archive/"):
        running.s3.delete_object(Bucket=running.bucket, Key=key)
    for name in ("mine", "other"):
        running.dynamodb.delete_item(TableName=running.table, Key={"pk": {"S": name}})
    put(running, "mine", str(int(START.timestamp()) + 86_400))
    versions = {"Status": "Enabled"}
    running.s3.put_bucket_versioning(Bucket=running.bucket, VersioningConfiguration=versions)
    running.s3.put_bucket_lifecycle_configuration(
        Bucket=running.bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "archive",
                    "Status": "Enabled",
                    "Filter": {"Prefix": "archive/"},
                    "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
                }
            ]
        },
    )
    return running


def put(pipeline: Pipeline, name: str, ttl: str) -> None:
    pipeline.dynamodb.put_item(TableName=pipeline.table, Item={"pk": {"S": name}, "ttl": {"N": ttl}})


def enable_ttl(pipeline: Pipeline, *, enabled: bool, attribute: str = "ttl") -> None:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    pipeline.dynamodb.update_time_to_live(TableName=pipeline.table, TimeToLiveSpecification=specification)


def destination_arn(pipeline: Pipeline) -> str:
    found = pipeline.destinations.describe_kinesis_streaming_destination(TableName=pipeline.table)
    (only,) = found["KinesisDataStreamDestinations"]
    return str(only["StreamArn"])


@pytest.fixture
def clients(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Clients in the environment that `demo --serve` prints."""
    for name, value in pipeline.environment().items():
        monkeypatch.setenv(name, value)
    found = Clients()
    yield found
    found.close()


@pytest.fixture
def doctor(pipeline: Pipeline, clients: Clients) -> Callable[[], list[Finding]]:
    """Examine the archive."""
    stream = destination_arn(pipeline).rpartition("/")[2]
    outputs = [
        {"OutputKey": name, "OutputValue": value}
        for name, value in (("BucketName", pipeline.bucket), ("StreamName", stream))
    ]
    scripted = Account(describe_stacks={"Stacks": [stack()["Stacks"][0] | {"Outputs": outputs}]})
    return lambda: examine(
        lambda service: scripted if service in SCRIPTED else clients(service), pipeline.settings, "a", START
    )


def test_a_healthy_archive_has_no_trouble(doctor: Callable[[], list[Finding]]) -> None:
    found = doctor()

    assert troubles(found) == {}
    assert {"table", "TTL", "TTL lag", "destination", "bucket", "lifecycle", "quota"} <= {
        each.part for each in found if each.health is Health.OK
    }


def ttl_off(pipeline: Pipeline) -> None:
    enable_ttl(pipeline, enabled=False)


def ttl_on_another_attribute(pipeline: Pipeline) -> None:
    enable_ttl(pipeline, enabled=False)
    enable_ttl(pipeline, enabled=True, attribute="expires")


def milliseconds(pipeline: Pipeline) -> None:
    put(pipeline, "other", str(int(START.timestamp()) * 1000))


def late(pipeline: Pipeline) -> None:
    put(pipeline, "other", str(int(START.timestamp()) - 3 * 86_400))


def no_versions(pipeline: Pipeline) -> None:
    pipeline.s3.put_bucket_versioning(Bucket=pipeline.bucket, VersioningConfiguration={"Status": "Suspended"})


def no_lifecycle(pipeline: Pipeline) -> None:
    pipeline.s3.delete_bucket_lifecycle(Bucket=pipeline.bucket)


def small_objects(pipeline: Pipeline) -> None:
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="archive/readings/dt=2026-03-01/x", Body=b"x")


@pytest.mark.parametrize(
    ("make_broken", "part", "health", "says", "remedy"),
    [
        (ttl_off, "TTL", Health.PROBLEM, "it is DISABLED, so nothing expires", "update-time-to-live"),
        (ttl_on_another_attribute, "TTL", Health.PROBLEM, 'it is on attribute "expires"', "Correct"),
        (milliseconds, "TTL", Health.PROBLEM, "1 of 2 sampled items never expire", "--table readings"),
        (late, "TTL lag", Health.WARNING, "1 of 2 sampled items expired more than 2 days ago", "later"),
        (no_versions, "bucket", Health.WARNING, "keeps no old versions", "put-bucket-versioning"),
        (no_lifecycle, "lifecycle", Health.PROBLEM, "has no rule", "Deploy the stack again"),
        (small_objects, "lifecycle", Health.WARNING, "moves none of 1 sampled objects", "larger buffers"),
    ],
)
def test_what_is_broken_is_reported_with_its_remedy(
    pipeline: Pipeline,
    doctor: Callable[[], list[Finding]],
    make_broken: Callable[[Pipeline], None],
    part: str,
    health: Health,
    says: str,
    remedy: str,
) -> None:
    make_broken(pipeline)

    found = troubles(doctor())

    assert list(found) == [part]
    assert found[part][0] is health
    assert says in found[part][1]
    assert remedy in found[part][2]


def test_a_table_that_was_detached_is_a_problem(
    pipeline: Pipeline, doctor: Callable[[], list[Finding]]
) -> None:
    stream = destination_arn(pipeline)
    arguments = {"TableName": pipeline.table, "StreamArn": stream}
    pipeline.destinations.disable_kinesis_streaming_destination(**arguments)
    try:
        health, _, remedy = troubles(doctor())["destination"]
    finally:
        pipeline.destinations.enable_kinesis_streaming_destination(**arguments)

    assert health is Health.PROBLEM
    assert remedy


def test_without_a_stack_the_reason_is_readable(pipeline: Pipeline, clients: Clients) -> None:
    found = troubles(examine(clients, pipeline.settings, "a", START))

    assert found["stack"][0] is Health.NOT_CHECKED
    assert "The stack a cannot be described: The emulator does not serve this" in found["stack"][1]
    assert found["quota"][1] == "GetAccountSettings was answered with the HTTP status 404"
