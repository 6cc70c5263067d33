"""The object of an on-failure destination."""

import json
import re
from typing import Any

import pytest

from tests.fakes import client_error
from tests.infra.local.event_source.mapping_world import BUCKET, TO_BUCKET, UUID, World
from ttl_archive.infra.local.event_source.batch_processor import Unverified
from ttl_archive.infra.local.firehose.memory_s3 import MemoryS3


def fail(_: list[int]) -> None:
    raise ValueError("it fails")


def discard(world: World, count: int = 1, **service: Any) -> None:
    world.answer = fail
    world.start(service=service, MaximumRetryAttempts=1, **TO_BUCKET)
    world.put(count)
    world.mappings.flush()


def test_the_key_has_the_mapping_the_shard_and_the_time(world: World) -> None:
    discard(world)

    ((bucket, key),) = world.s3.objects
    assert bucket == BUCKET
    assert re.fullmatch(
        rf"aws/lambda/{UUID}/shardId-00000001/2026/03/01/2026-03-01T12\.00\.00-[0-9a-f-]{{36}}", key
    )


def test_the_body_is_the_recorded_one(world: World) -> None:
    """LS-esm, test_dynamodb_event_source_mapping_with_s3_on_failure_destination."""
    discard(world, 2)

    (document,) = world.documents()
    request_id, payload = document["requestContext"].pop("requestId"), document.pop("payload")
    assert re.fullmatch(r"[0-9a-f-]{36}", request_id)
    assert document == {
        "requestContext": {
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:forwarder",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-03-01T12:00:00.000Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000001",
            "startSequenceNumber": "1",
            "endSequenceNumber": "2",
            "approximateArrivalOfFirstRecord": "2026-03-01T12:00:00Z",
            "approximateArrivalOfLastRecord": "2026-03-01T12:00:00Z",
            "batchSize": 2,
            "streamArn": world.stream.arn,
        },
    }
    assert json.loads(payload) == {"Records": [world.record(1), world.record(2)]}


def test_the_payload_is_an_object_when_the_option_says_so(world: World) -> None:
    discard(world, unverified=Unverified(payload_form="object"))

    assert world.documents()[0]["payload"] == {"Records": [world.record(1)]}


class RefusingS3(MemoryS3):
    """A bucket that the role may not write to."""

    def put_object(self, **request: Any) -> dict[str, Any]:
        raise client_error("AccessDenied", "PutObject")


def test_a_destination_that_refuses_drops_the_records_and_counts_the_failure(world: World) -> None:
    world.s3 = RefusingS3()
    discard(world, 2)

    assert (world.counts.destination_failures, world.counts.dropped, world.counts.to_destination) == (1, 2, 0)


@pytest.mark.parametrize("destination", [{}, {"DestinationConfig": {"OnFailure": {"Destination": ""}}}])
def test_without_a_destination_the_records_are_dropped(world: World, destination: dict[str, Any]) -> None:
    world.answer = fail
    world.start(MaximumRetryAttempts=0, **destination)
    world.put(1)
    world.mappings.flush()

    assert (world.counts.dropped, world.documents()) == (1, [])
