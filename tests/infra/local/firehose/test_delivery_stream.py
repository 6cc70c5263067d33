"""A delivery stream at work: when the function is invoked, what is counted, and that nothing is ever lost."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeKinesis
from tests.streams import (
    FUNCTION_ARN,
    KINESIS_ARN,
    Bench,
    answer_all,
    bench,
    kinesis_source,
    lambda_processing,
    partitioned,
    s3,
)
from ttl_archive.infra.local.firehose.delivery_stream import DeliveryCounts
from ttl_archive.infra.local.firehose.function import FunctionError, FunctionTimedOut

MIB = 1024 * 1024


def transforming(function: Callable[[dict[str, Any]], Any], **parameters: str) -> Bench:
    """A Direct PUT stream with this function, whose batches close after 60 s or as the parameters say."""
    made = bench(function)
    made.create(ProcessingConfiguration=lambda_processing(**parameters))
    return made


def invoked(made: Bench) -> list[int]:
    """How many records each invocation had."""
    return [len(event["records"]) for event in made.events]


def upper(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "records": [
            {
                "recordId": r["recordId"],
                "result": "Ok",
                "data": base64.b64encode(base64.b64decode(r["data"]).upper()).decode(),
            }
            for r in event["records"]
        ]
    }


# When the function is invoked


def test_the_function_is_invoked_when_the_buffer_interval_is_over() -> None:
    made = transforming(answer_all)
    made.put(b"a", b"b")
    made.firehose.poll()
    made.clock.advance(seconds=59)
    assert (made.firehose.poll(), invoked(made)) == (0, [])

    made.clock.advance(seconds=1)

    assert (made.firehose.poll(), invoked(made)) == (2, [2])


def test_the_function_is_invoked_when_the_buffer_is_full() -> None:
    made = transforming(answer_all, BufferSizeInMBs="0.2", BufferIntervalInSeconds="900")
    made.put(*[bytes(100_000)] * 5)
    made.firehose.poll()

    assert invoked(made) == [2, 2]


def test_a_buffer_interval_of_0_invokes_at_once() -> None:
    made = transforming(answer_all, BufferSizeInMBs="1", BufferIntervalInSeconds="0")
    made.put(b"a")
    made.firehose.poll()

    assert invoked(made) == [1]


def test_each_shard_is_batched_apart() -> None:
    made = bench(answer_all, kinesis=FakeKinesis(shards=2))
    made.create(
        {"ExtendedS3DestinationConfiguration": s3(ProcessingConfiguration=lambda_processing())}
        | kinesis_source()
    )
    for shard in (0, 1, 0):
        made.kinesis.put(b"x", shard=shard)
    made.firehose.flush()

    assert invoked(made) == [2, 1]
    assert {event["sourceKinesisStreamArn"] for event in made.events} == {KINESIS_ARN}


def test_the_data_the_function_returns_is_delivered() -> None:
    made = transforming(upper)
    made.deliver(b"a\n", b"b\n")

    assert made.s3.bodies() == b"A\nB\n"


@pytest.mark.parametrize("given_as", [FUNCTION_ARN, FUNCTION_ARN + ":$LATEST"])
@pytest.mark.parametrize("configured", [FUNCTION_ARN, FUNCTION_ARN + ":$LATEST"])
def test_a_function_is_found_with_or_without_the_latest_qualifier(given_as: str, configured: str) -> None:
    made = bench(answer_all, function_arn=given_as)
    made.create(ProcessingConfiguration=lambda_processing(LambdaArn=configured))
    made.deliver(b"a")

    assert made.s3.bodies("2026/") == b"a"


# Failures, each from the fault to the delivery


def test_a_function_that_is_down_sends_the_batch_to_the_error_prefix_and_the_next_one_through() -> None:
    class Down:
        is_down = True

        def invoke(self, payload: bytes) -> bytes:
            if self.is_down:
                raise FunctionError("out of memory")
            return json.dumps(answer_all(json.loads(payload))).encode()

    function = Down()
    made = bench(function)
    made.create(ProcessingConfiguration=lambda_processing())
    made.deliver(b"a", b"b")

    assert [(e["errorCode"], e["attemptsMade"], e["rawData"]) for e in made.errors()] == [
        ("Lambda.FunctionError", 4, "YQ=="),
        ("Lambda.FunctionError", 4, "Yg=="),
    ]

    function.is_down = False
    made.deliver(b"c")

    assert made.s3.bodies("2026/") == b"c"


def test_a_response_over_the_size_limit_is_a_function_error() -> None:
    made = transforming(lambda event: answer_all(event, data="A" * 6_291_556), NumberOfRetries="0")
    made.deliver(b"a")

    assert [(e["errorCode"], e["attemptsMade"]) for e in made.errors()] == [("Lambda.FunctionError", 1)]


def test_an_unexpected_error_of_a_function_loses_nothing() -> None:
    class Broken:
        error: Exception | None = OSError("the runtime is gone")

        def invoke(self, payload: bytes) -> bytes:
            if self.error:
                raise self.error
            return json.dumps(answer_all(json.loads(payload))).encode()

    function = Broken()
    made = bench(function)
    made.create(ProcessingConfiguration=lambda_processing())
    made.put(b"a", b"b")

    with pytest.raises(OSError, match="the runtime is gone"):
        made.firehose.flush()
    assert made.firehose.counts("d").buffered == 2

    function.error = None
    made.firehose.flush()
    assert made.s3.bodies() == b"ab"


def test_an_error_of_kinesis_on_one_shard_keeps_what_another_shard_gave() -> None:
    made = bench(kinesis=FakeKinesis(shards=2))
    made.create({"ExtendedS3DestinationConfiguration": s3()} | kinesis_source())
    made.kinesis.put(b"a", shard=0)
    original = made.kinesis.get_records

    def fail_second_shard(*, ShardIterator: str) -> dict[str, Any]:
        if "000001:" in ShardIterator:
            made.kinesis.errors.append("InternalFailure")
        return original(ShardIterator=ShardIterator)

    made.kinesis.get_records = fail_second_shard  # type: ignore[method-assign]
    with pytest.raises(ClientError):
        made.firehose.poll()
    made.kinesis.get_records = original  # type: ignore[method-assign]
    made.firehose.flush()

    assert made.s3.bodies() == b"a"


def test_a_function_may_put_back_into_its_own_stream_while_it_is_invoked() -> None:
    def reingest(event: dict[str, Any]) -> dict[str, Any]:
        records = [{"Data": b"again"} for r in event["records"] if r["data"] == "Zmlyc3Q="]
        if not records:
            return answer_all(event)
        made.firehose.put_record_batch(DeliveryStreamName="d", Records=records)
        return answer_all(event, result="Dropped")

    made = transforming(reingest)
    made.deliver(b"first")

    assert made.s3.bodies() == b"again"
    assert (made.firehose.counts("d").received, made.firehose.counts("d").dropped) == (2, 1)


def test_flush_gives_up_on_a_function_that_reingests_everything() -> None:
    def reingest(event: dict[str, Any]) -> dict[str, Any]:
        made.put(b"again")
        return answer_all(event, result="Dropped")

    made = transforming(reingest)

    with pytest.raises(RuntimeError, match="does a function re-ingest every record"):
        made.deliver(b"first")


# Counts


def test_counts_say_what_became_of_each_record() -> None:
    results = iter(["Ok", "Ok", "Dropped", "ProcessingFailed", "nonsense"])
    made = transforming(
        lambda event: {"records": [
            {"recordId": r["recordId"], "result": next(results), "data": r["data"]} for r in event["records"]
        ]}
    )  # fmt: skip
    made.deliver(b"a", b"", b"c", b"d", b"e")

    assert made.firehose.counts("d") == DeliveryCounts(
        received=5,
        delivered=2,
        dropped=1,
        failed={"Lambda.JsonProcessingException": 1, "Lambda.ProcessingFailedStatus": 1},
        buffered=0,
        empty=1,
        objects={"data": 1, "error": 1, "backup": 0},
    )


def test_ok_with_empty_data_makes_no_object() -> None:
    made = transforming(lambda event: answer_all(event, data=""))
    made.deliver(b"a")

    assert made.s3.objects == {}
    assert (made.firehose.counts("d").delivered, made.firehose.counts("d").empty) == (1, 1)


def test_poll_returns_0_only_when_nothing_is_left_to_do_now() -> None:
    made = bench()
    made.create()

    assert made.firehose.poll() == 0

    made.put(b"a", b"b")
    assert [made.firehose.poll(), made.firehose.poll()] == [2, 0]

    made.clock.advance(seconds=300)
    assert [made.firehose.poll(), made.firehose.poll()] == [2, 0]


def test_two_streams_work_side_by_side() -> None:
    made = bench()
    for name in ("one", "two"):
        made.firehose.create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=s3(Prefix=f"{name}/")
        )
        made.firehose.put_record(DeliveryStreamName=name, Record={"Data": name.encode()})
    made.firehose.flush()

    assert (made.s3.bodies("one/"), made.s3.bodies("two/")) == (b"one", b"two")


# Whatever the function answers, S3 refuses and the clock does, nothing is lost and the counts add up

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "result": st.sampled_from(["Ok", "Ok", "Ok", "Dropped", "ProcessingFailed", "ok"]) | JSON,
        "data": st.sampled_from(["", "b3V0", "b3V0Cg==", "not base64"]) | JSON,
        "metadata": st.fixed_dictionaries({"partitionKeys": st.dictionaries(st.just("dt"), JSON, max_size=1)})
        | JSON,
    },
)
EVENTS = st.lists(
    st.sampled_from(["answer", "forget", "twice", "raise", "time out", "nothing"]), min_size=1, max_size=8
)


class Arbitrary:
    """A function that answers as drawn, over and over."""

    def __init__(self, behaviours: list[str], answers: list[dict[str, Any]]) -> None:
        self.behaviours, self.answers = behaviours, answers
        self.count = 0

    def invoke(self, payload: bytes) -> bytes:
        self.count += 1
        behaviour = self.behaviours[self.count % len(self.behaviours)]
        if behaviour == "raise":
            raise FunctionError("boom")
        if behaviour == "time out":
            raise FunctionTimedOut("slow")
        if behaviour == "nothing":
            return b"null"
        ids = [record["recordId"] for record in json.loads(payload)["records"]]
        answers = [self.answers[i % len(self.answers)] | {"recordId": id_} for i, id_ in enumerate(ids)]
        if behaviour == "forget":
            answers = answers[1:]
        if behaviour == "twice":
            answers.append(answers[0])
        return json.dumps({"records": answers}).encode()


@given(
    data=st.lists(st.lists(st.binary(max_size=30), max_size=6), max_size=5),
    behaviours=EVENTS,
    answers=st.lists(ANSWERS, min_size=1, max_size=5),
    failing_puts=st.integers(min_value=0, max_value=3),
    is_partitioned=st.booleans(),
    limit=st.integers(min_value=1, max_value=3),
)
def test_nothing_is_lost_and_the_counts_add_up(
    data: list[list[bytes]],
    behaviours: list[str],
    answers: list[dict[str, Any]],
    failing_puts: int,
    is_partitioned: bool,
    limit: int,
) -> None:
    made = bench(Arbitrary(behaviours, answers), active_partitions_limit=limit)
    processing = lambda_processing(NumberOfRetries="1", BufferSizeInMBs="0.2", BufferIntervalInSeconds="1")
    members = partitioned if is_partitioned else s3
    made.create({"ExtendedS3DestinationConfiguration": members(
        ProcessingConfiguration=processing, BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60}
    )})  # fmt: skip
    made.s3.fail_puts = failing_puts

    for records in data:
        made.put(*records)
        made.firehose.poll()
        made.clock.advance(seconds=40)
        counts = made.firehose.counts("d")
        assert counts.received == (
            counts.delivered + counts.dropped + sum(counts.failed.values()) + counts.buffered
        )
    made.s3.fail_puts = 0
    made.firehose.flush()

    counts = made.firehose.counts("d")
    sent = [record for records in data for record in records]
    assert counts.buffered == 0
    assert counts.received == len(sent) == counts.delivered + counts.dropped + sum(counts.failed.values())
    prefix = "errors/" if is_partitioned else ""
    errors = [line for key in made.s3.listed(prefix) if "-failed/" in key or "Exceeded/" in key
              for line in made.s3.body(key).splitlines()]  # fmt: skip
    raw = [base64.b64decode(json.loads(line)["rawData"]) for line in errors]
    assert len(raw) == sum(counts.failed.values())
    assert all(raw.count(item) <= sent.count(item) for item in raw)


@given(st.lists(st.binary(min_size=1, max_size=2000), max_size=40), st.integers(min_value=0, max_value=3))
def test_objects_joined_are_the_records_in_order(data: list[bytes], failing_puts: int) -> None:
    made = bench(answer_all)
    made.create(
        ProcessingConfiguration=lambda_processing(BufferSizeInMBs="0.2", BufferIntervalInSeconds="1"),
        BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0},
    )
    made.s3.fail_puts = failing_puts
    for item in data:
        made.put(item)
        made.clock.advance(seconds=1)
        made.firehose.poll()
    made.s3.fail_puts = 0
    made.firehose.flush()

    assert b"".join(
        r["Body"] for r in sorted(made.s3.objects.values(), key=lambda r: r["Key"][:40])
    ) == b"".join(data)
